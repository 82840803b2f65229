"""The actor of a model's answer is the model, and that of a result is the tool, whoever caused them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.integration.models.asking import openai
from tests.model_server import ModelServer, Reply
from turnlog import Session, Store, acting, open_store
from turnlog.errors import ModelError
from turnlog.operations import Flow

MODEL = "openai/gpt-4o-mini"


def weather(place: str) -> str:
    """Looks outside."""
    return f"rain in {place}"


def actors(session: Session, after: int) -> list[tuple[str, str | None]]:
    return [(each.name, each.actor) for each in session.events(after=after)]


CALL = Reply(calls=[("c", "weather", '{"place": "Bonn"}')])
STARTED, COMPLETED = ("work.operation_started", "ada"), ("work.operation_completed", "ada")
ASKED = [STARTED, ("message.appended", "ada")]
ANSWERED = [("work.model_called", MODEL), ("message.appended", MODEL)]
CALLED = [*ANSWERED, ("message.appended", "weather")]


async def flow(session: Session) -> Any:
    plan = Flow()
    plan.add("only", "communicate", instruction="Hello")
    return await session.operations.run_flow(plan)


OPERATIONS: dict[str, tuple[list[Reply | str], Callable[[Session], Awaitable[Any]], list[tuple[str, str]]]] = {
    "chat": (["Hi."], lambda session: session.chat("Hello"), [*ASKED, *ANSWERED, COMPLETED]),
    "operate": (
        [CALL, "Rain."],
        lambda session: session.operate("And outside?", tools=True),
        [*ASKED, *CALLED, *ANSWERED, COMPLETED],
    ),
    "react": (
        [CALL, "Rain."],
        lambda session: session.default_branch.react("And outside?"),
        [*ASKED, *CALLED, *ANSWERED, COMPLETED],
    ),
    "generate": (
        ["Hi."],
        lambda session: session.operations.run("generate", instruction="Hello"),
        [STARTED, ANSWERED[0], COMPLETED],
    ),
    "act": (
        [],
        lambda session: session.default_branch.act({"function": "weather", "arguments": {"place": "Bonn"}}),
        [*ASKED, ("message.appended", "weather"), COMPLETED],
    ),
    "flow": (["Hi."], flow, [*ASKED, *ANSWERED, COMPLETED]),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_answer_is_not_recorded_as_the_caller_s(server: ModelServer, store: Store, operation: str) -> None:
    replies, conduct, expected = OPERATIONS[operation]

    async def program() -> Session:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[weather], default_branch="main", store=store)
            position = session.position
            server.will(*replies)
            with acting(actor="ada", correlation_id="ticket-7"):
                await conduct(session)
            assert actors(session, position) == expected
            events = list(session.events(after=position))
            assert {each.correlation_id for each in events} == {"ticket-7"}
            assert events[0].causation is None
            assert all(each.causation is not None and each.causation > position for each in events[1:])
            return session

    session = asyncio.run(program())
    assert store.verify(session.id).ok


def test_blame_names_the_model(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            server.will("Hi.")
            with acting(actor="ada"):
                await session.chat("Hello")
            question, answer = session.messages
            assert (session.blame(question).actor, session.blame(answer).actor) == ("ada", MODEL)
            assert answer.sender == MODEL

    asyncio.run(program())


def test_an_answer_from_the_record_is_still_the_model_s(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[weather], default_branch="main", store=store)
            server.will(CALL, "Rain.")
            with acting(actor="ada"):
                await session.operate("And outside?", tools=True)
        opened = Session.open(session.id, store=store)
        position = opened.position
        with acting(actor="ada"):
            await opened.rerun()
        assert actors(opened, position)[1:] == [*ASKED, *CALLED, *ANSWERED, COMPLETED]

    asyncio.run(program())


def test_a_call_that_fails_is_the_caller_s(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server, max_retries=0) as model:
            session = Session(default_generate_model=model, default_branch="main", store=store)
            position = session.position
            server.will(Reply(status=500))
            with acting(actor="ada"), pytest.raises(ModelError):
                await session.chat("Hello")
            assert {actor for _, actor in actors(session, position)} == {"ada"}

    asyncio.run(program())


def test_a_model_cannot_name_the_actor_of_a_result(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[weather], default_branch="main", store=store)
            server.will(Reply(calls=[("c", "bob", "{}")]), "No.")
            with acting(actor="ada"):
                await session.operate("Call bob.", tools=True)
            (result,) = [each for each in session.messages if each.role == "tool"]
            assert "bob" in result.text
            assert session.blame(result).actor == "ada"

    asyncio.run(program())


def test_actors_of_one_commit_survive_a_copy(server: ModelServer, store: Store) -> None:
    async def program() -> Session:
        async with openai(server) as model:
            session = Session(default_generate_model=model, default_branch="main", store=store)
            server.will("Hi.")
            with acting(actor="ada"):
                await session.chat("Hello")
            return session

    session = asyncio.run(program())
    record = store.record_of(session.id)
    store_beside = Session.from_record(record, store=open_store())._stream.store
    assert store_beside.record_of(session.id) == record
