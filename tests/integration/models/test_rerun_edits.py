"""A rerun begins where the caller means, and an edit has an effect or is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.integration.models.asking import line, openai
from tests.model_server import ModelServer, Reply
from turnlog import Session, Store
from turnlog.errors import BranchNotFoundError, InvalidValueError

TALK = [("user", "One?"), ("assistant", "1"), ("user", "Two?"), ("assistant", "2")]


def weather(place: str) -> str:
    """Looks outside."""
    return f"rain in {place}"


def with_talk(server: ModelServer, store: Store, check: Callable[[Session], Awaitable[None]]) -> None:
    """Runs a check on a session in which a model was asked twice; asked again, it says "new"."""

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[weather], store=store)
            server.will("1", "2")
            await session.chat("One?")
            await session.chat("Two?")
            server.will(*["new"] * 5)
            await check(session)

    asyncio.run(program())


@pytest.mark.parametrize("before", [1, 2])
def test_a_moment_before_a_question_does_it_over(server: ModelServer, store: Store, before: int) -> None:
    async def check(session: Session) -> None:
        question = session.messages[2]
        again = await session.rerun(at=(question.position or 0) - before, edits={question: "Three?"})
        assert line(session, again.name) == [*TALK[:2], ("user", "Three?"), ("assistant", "new")]
        first = session.messages[0]
        again = await session.rerun(at=(first.position or 0) - before, edits={first: "Zero?"})
        assert [text for _, text in line(session, again.name)] == ["Zero?", "new", "Two?", "new"]

    with_talk(server, store, check)


def test_a_moment_within_a_turn_is_before_the_turn(server: ModelServer, store: Store) -> None:
    async def check(session: Session) -> None:
        question, answer = session.messages[2:]
        again = await session.rerun(at=question)
        assert line(session, again.name) == TALK
        again = await session.rerun(at=(answer.position or 0) - 1, model="gpt-4o-mini")
        assert line(session, again.name) == [*TALK[:3], ("assistant", "new")]

    with_talk(server, store, check)


def test_a_moment_after_an_answer_keeps_it(server: ModelServer, store: Store) -> None:
    async def check(session: Session) -> None:
        answer = session.messages[1]
        again = await session.rerun(at=answer, edits={session.messages[2]: "Three?"})
        assert line(session, again.name) == [*TALK[:2], ("user", "Three?"), ("assistant", "new")]

    with_talk(server, store, check)


def test_turns_that_a_branch_inherits_are_done_over(server: ModelServer, store: Store) -> None:
    async def check(session: Session) -> None:
        fork = session.default_branch.fork(name="fork")
        await fork.chat("Three?")
        again = await session.rerun(fork, at=session.messages[1])
        assert line(session, again.name) == [*TALK, ("user", "Three?"), ("assistant", "new")]
        with pytest.raises(BranchNotFoundError):
            await session.rerun(fork, at=1)
        again = await session.rerun(fork, at=4, edits={session.messages[1]: "one"})
        assert [text for _, text in line(session, again.name)] == ["One?", "one", "Two?", "new", "Three?", "new"]

    with_talk(server, store, check)


REFUSED: dict[str, tuple[Callable[[Session], dict[str, Any]], str]] = {
    "before the rerun": (
        lambda s: {"at": s.messages[1], "edits": {s.messages[0]: "Zero?"}},
        "would have no effect: what is done over begins after",
    ),
    "an answer before the rerun": (lambda s: {"at": s.messages[2], "edits": {s.messages[1]: "one"}}, "begins after"),
    "on another branch": (
        lambda s: {"edits": {s.create_branch("other").add("aside"): "elsewhere"}},
        "no message that the branch shows",
    ),
    "retracted": (
        lambda s: {"edits": {_retracted(s): "elsewhere"}},
        "no message that the branch shows",
    ),
    "an answer of another model": (
        lambda s: {"model": "gpt-4o-mini", "edits": {s.messages[1]: "one"}},
        "the model is asked anew",
    ),
    "an answer after an edited question": (
        lambda s: {"edits": {s.messages[0]: "Zero?", s.messages[1]: "zero"}},
        "follows from the edit of position",
    ),
    "an answer after an edited answer": (
        lambda s: {"edits": {s.messages[1]: "one", s.messages[3]: "two"}},
        "follows from the edit of position",
    ),
    "no message": (lambda s: {"edits": {1: "x"}}, "position 1"),
    "no position": (lambda s: {"edits": {"x": "x"}}, "'x'"),
}


def _retracted(session: Session) -> Any:
    message = session.default_branch.add("Never mind.")
    session.default_branch.retract(message)
    return message


@pytest.mark.parametrize("case", REFUSED)
def test_an_edit_without_an_effect_is_an_error(server: ModelServer, store: Store, case: str) -> None:
    arguments, reason = REFUSED[case]

    async def check(session: Session) -> None:
        given = arguments(session)
        position = session.position
        with pytest.raises(InvalidValueError, match=reason):
            await session.rerun(**given)
        assert session.position == position

    with_talk(server, store, check)


def test_an_edited_result_of_a_tool_that_is_called_anew_is_an_error(server: ModelServer, store: Store) -> None:
    async def check(session: Session) -> None:
        server.replies.clear()
        server.will(Reply(calls=[("c", "weather", '{"place": "Bonn"}')]), "It rains.", "It is dry.")
        await session.operate("And outside?", tools=True)
        (result,) = [each for each in session.messages if each.role == "tool"]
        dry = {"result": "sun", "request_id": "c"}
        with pytest.raises(InvalidValueError, match="the tool is called anew"):
            await session.rerun(edits={result: dry}, tools="live")
        again = await session.rerun(at=result, edits={result: dry})
        assert [text for _, text in line(session, again.name)][-2:] == ["sun", "It is dry."]

    with_talk(server, store, check)


def test_an_inherited_moment_of_another_session_is_an_error(server: ModelServer, store: Store) -> None:
    async def check(session: Session) -> None:
        fork = session.fork_session()
        fork.add("Three?")
        position = fork.position
        with pytest.raises(InvalidValueError, match="use 0 or a later position"):
            await fork.rerun(at=-2)
        assert fork.position == position

    with_talk(server, store, check)
