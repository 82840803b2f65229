"""Operations on every kind of store: one commit per step, each event with the cause of its own, and the proof holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from turnlog import Session
from turnlog._operations.run_context import RunContext
from turnlog._session.stream import Origin
from turnlog.domain.content import ActionRequestContent, Usage
from turnlog.domain.decisions import work
from turnlog.domain.message import Message
from turnlog.errors import OperationEndedError
from turnlog.infrastructure.store import Store
from turnlog.models import ModelRequest, ModelResponse


class Scripted:
    """A model that says what it was told to say."""

    name, model, provider = "scripted", "script-1", None

    def __init__(self, *answers: ModelResponse) -> None:
        self.answers = list(answers)

    async def ask(self, asked: ModelRequest, heard: Callable[[str], None] | None = None) -> ModelResponse:
        return self.answers.pop(0)


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def test_each_event_of_an_operation_names_what_led_to_it(store: Store) -> None:
    calls = tuple(
        ActionRequestContent(function="add", arguments={"a": each, "b": each}, request_id=f"call_{each}")
        for each in (1, 2)
    )
    model = Scripted(
        ModelResponse(calls=calls), ModelResponse(text="2 and 4", usage=Usage(input_tokens=5, output_tokens=3))
    )
    session = Session(default_generate_model=model, tools=[add], store=store)
    session.create_branch()
    first = session.position + 1

    done = asyncio.run(session.operate("Add.", tools=["add"], tool_concurrent=False))

    assert str(done) == "2 and 4"
    assert [(each.name, (each.causation or first) - first) for each in session.events(after=first - 1)] == [
        ("work.operation_started", 0),
        ("message.appended", 0),
        ("work.model_called", 0),
        ("message.appended", 2),
        ("message.appended", 2),
        ("message.appended", 3),
        ("message.appended", 4),
        ("work.model_called", 0),
        ("message.appended", 7),
        ("work.operation_completed", 0),
    ]
    assert store.verify(session.id).ok
    assert [operation.status for operation in Session.open(session.id, store=store).operations] == ["completed"]


def test_what_was_done_is_done_over_the_same(store: Store) -> None:
    model = Scripted(ModelResponse(text="one"), ModelResponse(text="two"))
    session = Session("Count.", default_generate_model=model, store=store)
    asyncio.run(session.chat("First?"))
    session.default_branch.add("Well done.")
    asyncio.run(session.chat("Second?"))

    again = asyncio.run(Session.open(session.id, store=store).rerun())

    said = ["Count.", "First?", "one", "Well done.", "Second?", "two"]
    assert [message.text for message in again.messages] == said
    assert session.compare("main", again.name).same


def test_calls_and_system_messages_are_done_over_as_they_were(store: Store) -> None:
    call = ActionRequestContent(function="add", arguments={"a": 2, "b": 2}, request_id="call_1")
    model = Scripted(
        ModelResponse(calls=(call,)),
        ModelResponse(text="4"),
        ModelResponse(text="Four it is."),
        ModelResponse(text="The same."),
    )
    session = Session("Be terse.", default_generate_model=model, tools=[add], store=store)
    asyncio.run(session.operate("2 + 2?", tools=["add"]))
    session.default_branch.set_system("Be verbose.")
    asyncio.run(session.chat("Sure?"))

    opened = Session.open(session.id, store=store)
    again = asyncio.run(opened.rerun())
    edited = asyncio.run(session.rerun(edits={session.messages[-2]: "Really?"}))

    assert opened.compare("main", again.name).same
    assert [message.text for message in edited.messages] == [
        *[m.text for m in session.messages[:5]],
        "Really?",
        "The same.",
    ]
    assert store.verify(session.id).ok


def test_a_session_that_goes_on_from_another_has_none_of_its_operations_open(store: Store) -> None:
    session = Session(store=store)
    branch = session.default_branch
    session._stream.transact(lambda state: work.start(state, "o-1", "chat", branch.number, {}))
    fork = session.fork_session()

    assert [each.status for each in session.operations] == ["interrupted"]
    assert list(fork.operations) == []
    with pytest.raises(OperationEndedError):
        fork.operations.abandon("o-1")


class Killed(BaseException):
    """Ends a resume without a record of how it ended, as kill -9 does."""


def interrupted(store: Store) -> Session:
    """A session with an operation "o-1" whose process ended before the model responded."""
    session = Session(store=store)
    branch = session.default_branch.number
    session._stream.transact(
        lambda state: work.start(state, "o-1", "chat", branch, {}, [Message("Hello!")]),
        origins=lambda first: [Origin(), Origin(first)],
    )
    return session


def test_two_resumes_at_once_record_one_response(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = interrupted(store)
    first, second = (Session.open(session.id, store=store) for _ in range(2))
    first.set_model(Scripted(ModelResponse(text="from the first")))
    second.set_model(Scripted(ModelResponse(text="from the second")))
    change = first._stream.transact

    def change_and_let_second_resume(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.undo()
        placed = change(*args, **kwargs)
        assert asyncio.run(second.operations.resume("o-1")) == "from the second"
        return placed

    monkeypatch.setattr(first._stream, "transact", change_and_let_second_resume)
    with pytest.raises(OperationEndedError):
        asyncio.run(first.operations.resume("o-1"))

    assert [message.text for message in session.messages] == ["Hello!", "from the second"]
    assert [operation.status for operation in session.operations] == ["completed"]


def test_a_resume_keeps_what_the_resume_before_it_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = interrupted(store)
    first, second = (Session.open(session.id, store=store) for _ in range(2))
    first.set_model(Scripted())
    second.set_model(Scripted(ModelResponse(text="from the second")))
    change = first._stream.transact

    def end(*args: object) -> None:
        raise Killed

    def let_second_resume_and_change(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.undo()
        with monkeypatch.context() as patch:
            patch.setattr(RunContext, "complete", end)
            patch.setattr(RunContext, "fail", end)
            with pytest.raises(Killed):
                asyncio.run(second.operations.resume("o-1"))
        return change(*args, **kwargs)

    monkeypatch.setattr(first._stream, "transact", let_second_resume_and_change)

    assert asyncio.run(first.operations.resume("o-1")) == "from the second"
    assert [message.text for message in session.messages] == ["Hello!", "from the second"]
    assert [operation.status for operation in session.operations] == ["completed"]
