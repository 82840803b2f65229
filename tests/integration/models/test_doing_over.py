"""What was done is done over from the record, to the letter; from the first difference on, a model is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.integration.models.asking import line, openai
from tests.model_server import ModelServer, Reply
from turnlog import Branch, Session, Store
from turnlog.domain.content_types import content_to_stored
from turnlog.errors import InvalidValueError, ItemNotFoundError, ResponseNotRecordedError
from turnlog.models import RecordedModel

STEPS = 10


def counted(step: int) -> str:
    """Counts on."""
    return f"step {step} is done"


def letters(branch: Branch) -> bytes:
    """All that a branch says, to the letter."""
    return msgspec.json.encode(
        [[content_to_stored(each.content), each.sender, each.recipient] for each in branch.messages]
    )


async def ten_steps(server: ModelServer, store: Store) -> Session:
    """A session in which a model worked something out in ten steps, after a message that was merely said."""
    async with openai(server) as model:
        session = Session("Count.", default_generate_model=model, tools=[counted], store=store)
        session.default_branch.add("Take your time.")
        server.will(*[Reply(calls=[(f"call_{step}", "counted", f'{{"step": {step}}}')]) for step in range(STEPS - 1)])
        server.will("All done.")
        done = await session.default_branch.react("Count to nine.", max_steps=STEPS)
        assert (str(done), done.steps) == ("All done.", STEPS)
    server.requests.clear()
    return session


def test_ten_steps_are_done_over_a_hundred_times_without_network(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        session = await ten_steps(server, store)
        first = letters(session.default_branch)
        opened = Session.open(session.id, store=store)  # which has neither the model nor the tools at hand
        for _ in range(100):
            again = await opened.rerun("main")
            assert letters(again) == first
        assert opened.compare("main", again).same

    asyncio.run(program())

    assert server.requests == []


def test_an_edited_instruction_is_asked_anew(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            server.will("Hi.", "Fine.", "Good, and yours?")
            await session.chat("Hello!")
            await session.chat("How are you?")
            asked = session.messages[2]
            again = await session.rerun("main", edits={asked: "How is your day?"})
            assert line(session, again.name) == [
                ("user", "Hello!"),
                ("assistant", "Hi."),
                ("user", "How is your day?"),
                ("assistant", "Good, and yours?"),
            ]
            assert len(server.requests) == 3
            compared = session.compare("main", again)
            assert "+user: How is your day?" in compared.text
            assert not compared.same
            assert (compared.left.input_tokens, compared.left.answers, compared.left.cost) == (22, 2, 0.0000117)

    asyncio.run(program())


def test_an_edited_result_is_replayed_up_to_and_the_model_is_asked_from_there(
    server: ModelServer, store: Store
) -> None:
    async def program() -> None:
        session = await ten_steps(server, store)
        result = [each for each in session.messages if each.role == "tool"][4]
        async with openai(server) as model:
            session.set_model(model)
            server.will("I stop here.")
            again = await session.rerun("main", edits={result: {"result": "no, it is not", "request_id": "call_4"}})
        shown = list(again.messages)
        assert [each.text for each in shown[-2:]] == ["no, it is not", "I stop here."]
        assert len([each for each in shown if each.role == "tool"]) == 5

    asyncio.run(program())

    assert len(server.requests) == 1
    assert server.requests[0].body["messages"][-1]["content"] == "no, it is not"


def test_with_another_model_that_one_is_asked(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        session = await ten_steps(server, store)
        async with openai(server, model="gpt-4o") as other:
            server.will(Reply(calls=[("call_0", "counted", '{"step": 0}')]), "Enough.")
            again = await session.rerun("main", model=other, name="with gpt-4o")
        assert (again.name, again.messages[-1].text) == ("with gpt-4o", "Enough.")
        assert [each.text for each in again.messages if each.role == "tool"] == ["step 0 is done"]

    asyncio.run(program())

    assert [request.body["model"] for request in server.requests] == ["gpt-4o", "gpt-4o"]


def test_tools_are_called_again_if_that_is_wished(server: ModelServer, store: Store) -> None:
    called: list[int] = []

    def noted(step: int) -> str:
        called.append(step)
        return "noted"

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[noted], store=store)
            server.will(Reply(calls=[("call_0", "noted", '{"step": 7}')]), "Done.")
            await session.operate("Note it.", tools=["noted"])
            assert called == [7]
            await session.rerun("main")
            assert called == [7]
            again = await session.rerun("main", tools="live")
            assert called == [7, 7]
            assert letters(again) == letters(session.default_branch)
            with pytest.raises(InvalidValueError, match="recorded or live"):
                await session.rerun("main", tools="dead")

    asyncio.run(program())

    assert len(server.requests) == 2


def test_where_nothing_was_recorded_and_no_model_is_at_hand_it_says_so(
    server: ModelServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURNLOG_MODEL", raising=False)

    async def program() -> None:
        session = await ten_steps(server, store)
        opened = Session.open(session.id, store=store)
        asked = next(each for each in opened.messages if each.text == "Count to nine.")
        with pytest.raises(ItemNotFoundError):
            await opened.rerun("main", edits={asked: "Count to ten."})

    asyncio.run(program())


def test_a_session_answers_tests_from_its_record(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        session = await ten_steps(server, store)
        model = RecordedModel(session)
        for _ in range(2):
            other = Session("Count.", default_generate_model=model, tools=[counted], store=store)
            other.default_branch.add("Take your time.")
            assert str(await other.default_branch.react("Count to nine.", max_steps=STEPS)) == "All done."
        with pytest.raises(ResponseNotRecordedError):
            await other.chat("Something else.")
        assert other.operations[-1].status == "failed"

    asyncio.run(program())

    assert server.requests == []


def test_a_shape_is_asked_for_over_again_without_its_class(server: ModelServer, store: Store) -> None:
    schema: dict[str, Any] = {
        "title": "Report",
        "type": "object",
        "properties": {"pages": {"type": "integer"}},
        "required": ["pages"],
    }

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            server.will('{"pages": "many"}', '{"pages": 3}')
            assert await session.default_branch.communicate("Report.", response_format=schema) == {"pages": 3}
        opened = Session.open(session.id, store=store)
        again = await opened.rerun("main")
        assert letters(again) == letters(session.default_branch)
        assert [each.status for each in opened.operations] == ["completed", "completed"]
        assert [each.calls for each in opened.operations] == [2, 2]
        assert opened.operations[1].input_tokens == 0

    asyncio.run(program())

    assert len(server.requests) == 2


def test_what_was_taken_back_is_not_done_over(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            server.will("Hi.", "Wrong.", "Right.")
            await session.chat("Hello!")
            before = session.position
            await session.chat("And?")
            session.default_branch.rewind(to=before)
            await session.chat("Well?")
            again = await session.rerun("main")
            assert letters(again) == letters(session.default_branch)

    asyncio.run(program())

    assert len(server.requests) == 3


def test_what_has_nothing_to_do_over_is_refused(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch

    with pytest.raises(InvalidValueError, match="nothing to do over"):
        asyncio.run(session.rerun(main))


def test_an_operation_that_failed_is_done_over_as_far_as_it_went(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server, max_retries=0) as model:
            session = Session(default_generate_model=model, store=store)
            server.will(Reply(status=500))
            with pytest.raises(Exception, match="it broke"):
                await session.chat("Hello!")
            server.will("Hi.")
            again = await session.rerun("main")
            assert line(session, again.name) == [("user", "Hello!"), ("assistant", "Hi.")]

    asyncio.run(program())
