"""A log is a value: typed, checked, immutable to its deepest level, and the same again after every journey."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from turnlog.domain.content import AssistantResponseContent
from turnlog.domain.errors import InvalidValueError
from turnlog.domain.events.work import LogType
from turnlog.domain.log import Log, to_log
from turnlog.domain.message import Message

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)

FULL = Log(
    "api_call",
    "answered",
    source="agent",
    model="gpt-4o-mini",
    provider="openai",
    request={"messages": [{"role": "user"}]},
    response=["a", {"b": None}],
    duration_ms=12,
    input_tokens=3,
    output_tokens=4,
    data={"tags": ["x"]},
    id="log-1",
    created_at=NOON,
)


def test_a_log_has_a_type_and_what_it_says() -> None:
    assert FULL.type is LogType.API_CALL
    assert str(FULL.type) == "api_call"
    assert FULL.content == {
        "message": "answered",
        "source": "agent",
        "model": "gpt-4o-mini",
        "provider": "openai",
        "request": {"messages": [{"role": "user"}]},
        "response": ["a", {"b": None}],
        "duration_ms": 12.0,
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "data": {"tags": ["x"]},
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.request.update(role="x"),
        lambda log: log.request.__setitem__("role", "x"),
        lambda log: log.request["messages"].append(1),
        lambda log: log.request["messages"][0].pop("role"),
        lambda log: log.request["messages"][0].clear(),
        lambda log: log.response.sort(),
        lambda log: log.response.__delitem__(0),
        lambda log: log.data.setdefault("more", 1),
        lambda log: log.data["tags"].__iadd__([1]),
    ],
)
def test_nothing_in_a_log_can_be_changed(change: Callable[[Log], object]) -> None:
    log = copy.deepcopy(FULL)

    with pytest.raises(TypeError, match=r"copy\.deepcopy"):
        change(log)

    assert log == FULL


def test_fields_of_a_log_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        FULL.message = "other"  # type: ignore[misc]  # what is tried here is not allowed


def test_what_was_given_may_change_and_the_log_does_not() -> None:
    given: dict[str, Any] = {"a": [1]}
    log = Log("info", data=given)

    given["a"].append(2)

    assert log.data == {"a": [1]}


def test_a_copy_of_what_is_in_a_log_is_the_callers_own() -> None:
    mine = FULL.to_dict()["request"]
    mine["messages"].append("more")

    assert FULL.request == {"messages": [{"role": "user"}]}


@pytest.mark.parametrize(
    "log", [FULL, Log("info"), Log(LogType.ERROR, error="boom", branch=0, session="s", position=3)]
)
def test_a_log_comes_back_the_same_from_every_journey(log: Log) -> None:
    assert Log.from_dict(log.to_dict()) == log
    assert Log.from_dict(json.loads(json.dumps(log.to_dict()))) == log
    assert pickle.loads(pickle.dumps(log)) == log
    assert copy.deepcopy(log) == log
    assert hash(pickle.loads(pickle.dumps(log))) == hash(log)


def test_times_are_kept_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))

    assert Log("info", created_at=datetime(2025, 3, 1, 13, tzinfo=berlin)).created_at == NOON
    assert Log("info", created_at=datetime(2025, 3, 1, 13, tzinfo=berlin)).to_dict()["created_at"] == (
        "2025-03-01T12:00:00Z"
    )


MADE: Any = Log
FROM: Any = to_log
"""Without types: what is tried here is not allowed."""


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (lambda: MADE("fatal"), "expected one of api_call, message, operation, error, warning, info"),
        (lambda: MADE("info", 3), "message of a log is a int: expected a str"),
        (lambda: MADE("info", "\ud800"), "lone surrogate"),
        (lambda: MADE("info", data={1: 2}), "expected keys of type str"),
        (lambda: MADE("info", data={"a": object()}), "expected plain JSON values"),
        (lambda: MADE("info", data=float("nan")), "expected a number that JSON can say"),
        (lambda: MADE("info", input_tokens=True), "expected a whole number"),
        (lambda: MADE("info", input_tokens=1.5), "expected a whole number"),
        (lambda: MADE("info", duration_ms=float("inf")), "expected milliseconds"),
        (lambda: MADE("info", created_at="now"), "expected a datetime"),
        (lambda: Log.from_dict({"type": "info", "text": "x"}), "unknown field `text`"),
        (lambda: Log.from_dict({"message": "x"}), "missing required field `type`"),
        (lambda: FROM(object()), "cannot be made of a object"),
        (lambda: FROM("x", message="y"), "is given its message twice"),
        (lambda: FROM({"a": 1}, data={"b": 2}), "is given its data twice"),
    ],
)
def test_what_cannot_be_a_log_is_refused(made: Callable[[], Log], fault: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        made()

    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("given", "log"),
    [
        ("Tool error: x", Log("info", "Tool error: x")),
        ({"a": 1}, Log("info", data={"a": 1})),
        (ValueError("bad input"), Log("error", error="ValueError: bad input")),
        (KeyError(), Log("error", error="KeyError")),
        (Log("warning", "w"), Log("warning", "w")),
        (
            Message(AssistantResponseContent(assistant_response="hi"), sender="model"),
            Log("message", "hi", data={"id": None, "role": "assistant", "sender": "model", "recipient": None}),
        ),
    ],
)
def test_text_dicts_errors_and_messages_can_be_logged(given: Any, log: Log) -> None:
    assert to_log(given) == log


def test_what_failed_is_told_from_what_did_not() -> None:
    assert Log("error", "x").failed
    assert Log("api_call", error="timeout").failed
    assert not Log("warning", "x").failed
