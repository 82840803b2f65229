"""A process is killed while a model is asked: what was said is there, and going on completes it once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from tests.model_server import Reply, model_server
from turnlog import Session, iModel, open_store
from turnlog.errors import ItemNotFoundError, OperationEndedError

ASKER = Path(__file__).with_name("asker.py")
CALL = Reply(calls=[("call_1", "note", '{"text": "once"}')])


@pytest.mark.parametrize("asked", [1, 2])
def test_an_operation_that_was_killed_is_interrupted_and_going_on_completes_it_once(tmp_path: Path, asked: int) -> None:
    """Killed at the first request, before any answer; or at the second, when the tool has been called."""
    address, notes = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "notes"
    never = Event()
    with model_server() as server:
        server.will(*[CALL] * (asked - 1), Reply("never heard", hold=never))
        process = subprocess.Popen([sys.executable, "-P", str(ASKER), address, "s-1", server.url, str(notes)])
        try:
            while len(server.requests) < asked:
                assert process.poll() is None
                server.arrived.wait(0.01)
        finally:
            process.kill()
            process.wait()
            never.set()
        with open_store(address) as store:
            session = Session.open("s-1", store=store)
            assert session.messages[1].text == "Note it."
            (operation,) = session.operations
            assert (operation.name, operation.status, operation.calls) == ("operate", "interrupted", asked - 1)

            def note(text: str) -> str:
                """Notes a text in the file."""
                with notes.open("a") as file:
                    file.write(text)
                return "noted"

            async def go_on() -> str:
                async with iModel("openai/gpt-4o-mini", base_url=server.url, api_key="none") as model:
                    session.set_model(model)
                    session.register_tools(note)
                    return str(await session.operations.resume(operation))

            server.will(*[CALL] * (2 - asked), "Done.")
            assert asyncio.run(go_on()) == "Done."
            assert notes.read_text() == "once"
            assert [each.role.value for each in session.messages] == [
                "system",
                "user",
                "assistant",
                "tool",
                "assistant",
            ]
            (operation,) = session.operations
            assert (operation.status, operation.calls) == ("completed", 2)
            assert len(server.requests) == 3
            assert store.verify().ok
            with pytest.raises(OperationEndedError):
                asyncio.run(session.operations.resume(operation))
            with pytest.raises(ItemNotFoundError):
                asyncio.run(session.operations.resume("another"))


def test_an_operation_that_nobody_goes_on_with_is_abandoned(tmp_path: Path) -> None:
    never = Event()
    with model_server() as server, open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        server.will(Reply("too late", hold=never), "Resumed.")

        async def program() -> None:
            async with iModel("openai/gpt-4o-mini", base_url=server.url, api_key="none") as model:
                session = Session(default_generate_model=model, store=store)
                first = asyncio.create_task(session.chat("Hello!"))
                await asyncio.to_thread(server.arrived.wait)
                (operation,) = session.operations
                session.operations.abandon(operation, "took too long")
                never.set()
                with pytest.raises(OperationEndedError):
                    await first
                (operation,) = session.operations
                assert (operation.status, operation.error, operation.reason) == ("failed", "Abandoned", "took too long")
                assert [each.text for each in session.messages] == ["Hello!"]
                with pytest.raises(OperationEndedError):
                    session.operations.abandon(operation)

        asyncio.run(program())


def test_whoever_was_resumed_by_somebody_else_records_nothing_more(tmp_path: Path) -> None:
    held = Event()
    with model_server() as server, open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        server.will(Reply("the first", hold=held), "the second")

        async def program() -> None:
            async with iModel("openai/gpt-4o-mini", base_url=server.url, api_key="none") as model:
                session = Session(default_generate_model=model, store=store)
                first = asyncio.create_task(session.chat("Hello!"))
                await asyncio.to_thread(server.arrived.wait)
                assert await session.operations.resume(session.operations[0]) == "the second"
                held.set()
                with pytest.raises(OperationEndedError):
                    await first
                assert [each.text for each in session.messages] == ["Hello!", "the second"]
                assert session.operations[0].status == "completed"

        asyncio.run(program())
