"""The account of calls as whoever imports turnlog has it: written, read, followed, and as lines of structlog."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from turnlog import Session, Store, acting, open_store
from turnlog.errors import BranchNotFoundError, InvalidValueError, ReadOnlyError, SessionNotActiveError
from turnlog.log_context import add_session_context, bind_session, log_event
from turnlog.logs import LogRedactor, LogType, SessionLogs, SessionLogsView


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    with open_store("memory://") as opened:
        yield opened


@pytest.fixture
def session(store: Store) -> Session:
    """A session with the branches main and other."""
    made = Session("Be brief.", store=store, session_id="s")
    made.create_branch("other")
    return made


def test_a_text_can_be_logged_on_a_branch(session: Session) -> None:
    main = session.default_branch
    try:
        raise ValueError("no such tool")
    except ValueError as e:
        with acting(actor="ada", correlation_id="run-1"):
            written = main.logs.log(f"Tool error: {e}")

    assert (written.type, written.message) == (LogType.INFO, "Tool error: no such tool")
    assert (written.session, written.branch, written.actor, written.correlation_id) == ("s", 0, "ada", "run-1")
    assert written.position == session.position
    assert list(main.logs) == [written]
    assert isinstance(main.logs, SessionLogs)


def test_logs_are_read_by_branch_and_for_the_whole_session(session: Session) -> None:
    main, other = session.branches["main"], session.branches["other"]
    main.logs.log("a")
    other.logs.log_error(ValueError("b"), source="agent")
    session.logs.log_api_call("gpt", input_tokens=3, output_tokens=4)

    assert [log.message or log.error or log.model for log in session.logs] == ["a", "ValueError: b", "gpt"]
    assert [len(main.logs), len(other.logs), len(session.logs)] == [1, 1, 3]
    assert session.logs.errors() == other.logs.filter("error", source="agent") == list(other.logs)
    assert session.logs.summary().total_tokens == 7
    assert session.logs[-1] == session.logs.last(1)[0] == session.logs["s/7"]
    assert repr(main.logs) == "<1 logs of branch 0 of session s>"


def test_a_view_shows_the_account_of_then_and_takes_no_log(session: Session) -> None:
    session.logs.log("a")
    then = session.position
    session.logs.log("b")
    past = session.at(then)

    assert [log.message for log in past.logs] == ["a"]
    assert isinstance(past.logs, SessionLogsView)
    with pytest.raises(ReadOnlyError, match="log writes, but this is session s as of position 5"):
        past.logs.log("c")  # type: ignore[attr-defined]  # what is tried here is not allowed
    with pytest.raises(ReadOnlyError):
        past.branches["main"].logs.log_error("c")  # type: ignore[attr-defined]  # the same


def test_reading_the_account_writes_nothing(session: Session) -> None:
    before = session.position

    assert (len(session.logs), session.logs.summary().total, session.default_branch.logs.last(3)) == (0, 0, [])
    assert session.position == before


def test_the_account_of_a_fork_is_its_own_and_that_of_before_can_be_looked_up(session: Session) -> None:
    session.default_branch.logs.log("before")
    then = session.position
    fork = session.fork_session()
    fork.logs.log("after")

    assert [log.message for log in fork.logs] == ["after"]
    assert [log.message for log in fork.at(0).logs] == ["before"]
    assert [log.message for log in session.at(then).logs] == ["before"]
    assert [log.message for log in session.fork("main", name="retry").logs] == []


def test_what_cannot_be_logged_is_refused_and_nothing_written(session: Session) -> None:
    before = session.position
    written = session.logs.log("a")

    for given, fields in ((3, {}), (None, {}), ("x", {"text": "y"}), ("x", {"id": "mine"}), (written, {})):
        with pytest.raises(InvalidValueError):
            session.logs.log(given, **fields)  # type: ignore[arg-type]  # what is tried here is not allowed
    with pytest.raises(InvalidValueError, match="expected one of api_call"):
        session.logs.log("x", "fatal")

    assert session.position == before + 1


def test_a_session_or_branch_that_takes_no_changes_takes_no_logs(session: Session) -> None:
    other = session.branches["other"]
    session.remove_branch("other")
    with pytest.raises(BranchNotFoundError):
        other.logs.log("x")
    session.archive()
    with pytest.raises(SessionNotActiveError):
        session.logs.log("x")
    with pytest.raises(BranchNotFoundError):
        session.branches["other"]


def test_what_logs_do_can_be_awaited(session: Session) -> None:
    async def life() -> list[str | None]:
        await session.logs.alog("a")
        await session.default_branch.logs.alog_warning("b")
        return [log.message for log in await session.logs.alast(5)]

    assert asyncio.run(life()) == ["a", "b"]


# --- Following ----------------------------------------------------------------------------------------------


def test_what_was_recorded_last_is_followed_into_the_present(store: Store, session: Session) -> None:
    tail = store.tail(2)
    session.logs.log("now")

    assert [next(tail).name for _ in range(3)] == ["branch.system_set", "branch.created", "log.recorded"]
    tail.close()


def test_one_session_is_followed_and_only_what_was_asked_for(store: Store, session: Session) -> None:
    Session(store=store).logs.log("elsewhere")
    with store.tail(100, names=["log.recorded"], session="s") as tail:
        session.logs.log("here")

        assert next(tail).session == "s"
    with pytest.raises(InvalidValueError, match="expected 0 or more"):
        store.tail(-1)


def test_following_can_be_awaited(store: Store, session: Session) -> None:
    async def first() -> str:
        async for event in store.atail(1):
            return event.name
        return ""

    assert asyncio.run(first()) == "branch.created"


# --- Lines --------------------------------------------------------------------------------------------------


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def json_logger(out: io.StringIO, *steps: Any) -> Any:
    chain = [structlog.processors.add_log_level, *steps, structlog.processors.JSONRenderer()]
    return structlog.wrap_logger(structlog.PrintLogger(out), processors=chain)


def test_every_recorded_event_can_be_a_line_without_words_of_messages_and_secrets(
    store: Store, session: Session
) -> None:
    out = io.StringIO()
    with acting(actor="ada", correlation_id="run-1"):
        session.default_branch.add("the words of a message")
        session.default_branch.logs.log("password=hunter2", "warning", request={"body": "hunter2"})

    for event in store.read_all():
        log_event(event, json_logger(out))

    lines = lines_of(out)
    assert [line["event"] for line in lines] == [event.name for event in session.events()]
    assert {key: lines[-2][key] for key in lines[-2] if key != "timestamp"} == {
        "event": "message.appended",
        "level": "info",
        "session": "s",
        "branch": 0,
        "position": 5,
        "global_position": 5,
        "actor": "ada",
        "correlation_id": "run-1",
    }
    assert (lines[-1]["level"], lines[-1]["type"], lines[-1]["message"]) == (
        "warning",
        "warning",
        "password=[REDACTED]",
    )
    assert "hunter2" not in out.getvalue()
    assert "the words" not in out.getvalue()


def test_lines_of_an_application_say_which_session_they_belong_to(session: Session) -> None:
    out = io.StringIO()
    log = json_logger(out, add_session_context)

    log.info("before")
    with bind_session(session.default_branch), acting(actor="ada"):
        session.default_branch.add("hello")
        log.info("inside")
        log.info("mine", session="another", branch=7)
    with bind_session(session):
        log.info("whole")

    assert lines_of(out) == [
        {"event": "before", "level": "info"},
        {"event": "inside", "level": "info", "actor": "ada", "session": "s", "position": 5, "branch": 0},
        {"event": "mine", "level": "info", "actor": "ada", "session": "another", "position": 5, "branch": 7},
        {"event": "whole", "level": "info", "session": "s", "position": 5},
    ]


def test_tasks_and_awaited_twins_follow_the_session_at_hand(session: Session) -> None:
    out = io.StringIO()
    log = json_logger(out, add_session_context)

    async def work() -> None:
        with bind_session(session.default_branch):
            await session.default_branch.aadd("hello")
            await asyncio.gather(asyncio.to_thread(log.info, "thread"), asyncio.create_task(told()))

    async def told() -> None:
        log.info("task")

    asyncio.run(work())

    assert [(line["session"], line["position"]) for line in lines_of(out)] == [("s", 5), ("s", 5)]


def test_a_redactor_is_a_step_of_structlog(session: Session) -> None:
    out = io.StringIO()
    log = json_logger(out, LogRedactor())

    try:
        raise ValueError("api_key=hunter2")
    except ValueError:
        log.exception("password=hunter2", headers={"Authorization": "hunter2"}, error=ValueError("token=hunter2"))

    (line,) = lines_of(out)
    assert "hunter2" not in out.getvalue()
    assert line["event"] == "password=[REDACTED]"
    assert line["headers"] == {"Authorization": "[REDACTED]"}
    assert "ValueError: api_key=[REDACTED]" in line["exception"]


def test_nothing_of_structlog_is_configured_by_importing() -> None:
    program = "import structlog; from turnlog import *; print(structlog.is_configured())"

    assert subprocess.check_output([sys.executable, "-P", "-c", program], text=True) == "False\n"
