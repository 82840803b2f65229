"""The account is read off the record: each call, operation, denial and note once, and nothing else."""

from __future__ import annotations

from turnlog.domain import events as e
from turnlog.domain.codec import stored_name
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import STORED_NAMES
from turnlog.domain.events.work import LogType
from turnlog.domain.log import Log
from turnlog.domain.recorded_event import RecordedEvent, to_datetime
from turnlog.projections.call_log import LOG_NAMES, find_log, logs_from_events
from turnlog.projections.event_log_line import event_log_line, level_of


def recorded(event: e.Event, position: int = 1) -> RecordedEvent:
    name, time = stored_name(event), 1_000_000 * position
    return RecordedEvent("s", position, position + 10, time, name, event, "ada", "run-1", None, None, b"")


def said(event: e.Event) -> dict[str, object]:
    log = find_log(recorded(event))
    assert log is not None
    return {"type": log.type.value, "branch": log.branch, **log.content}


def test_a_note_is_told_with_its_place_and_whose_it_is() -> None:
    assert find_log(recorded(e.LogRecorded(LogType.INFO, message="hello", branch=2), 3)) == Log(
        "info",
        "hello",
        id="s/3",
        created_at=to_datetime(3_000_000),
        session="s",
        branch=2,
        position=3,
        global_position=13,
        actor="ada",
        correlation_id="run-1",
    )


def test_a_call_is_told_with_what_it_took() -> None:
    called = e.ModelCalled("gpt", "openai", "o-1", 0, {"q": 1}, {"a": 2}, "timeout", 3, 4, 5.5)

    assert said(called) == {
        "type": "api_call",
        "branch": 0,
        "model": "gpt",
        "provider": "openai",
        "request": {"q": 1},
        "response": {"a": 2},
        "error": "timeout",
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "duration_ms": 5.5,
        "data": {"operation": "o-1"},
    }


def test_an_operation_goes_on_where_it_was_started() -> None:
    events = [
        recorded(e.OperationStarted("o-1", "operate", 1, {"x": 1}), 1),
        recorded(e.OperationStarted("o-2", "chat", 0), 2),
        recorded(e.OperationFailed("o-1", "TimeoutError", "no answer"), 3),
        recorded(e.OperationCompleted("o-2", "done"), 4),
        recorded(e.OperationCompleted("o-3"), 5),
    ]

    told = [(log.type.value, log.source, log.branch, log.error) for log in logs_from_events(events)]

    assert told == [
        ("operation", "operate", 1, None),
        ("operation", "chat", 0, None),
        ("error", "operate", 1, "TimeoutError: no answer"),
        ("operation", "chat", 0, None),
        ("operation", None, None, None),
    ]


def test_a_denial_and_a_parked_mail_are_warnings() -> None:
    assert said(e.AccessDenied("resources", ["gpt-4"], 1, ["gpt-4o-mini"])) == {
        "type": "warning",
        "branch": 1,
        "message": "access denied to resources: gpt-4",
        "data": {"kind": "resources", "requested": ["gpt-4"], "available": ["gpt-4o-mini"]},
    }
    assert said(e.MailParked("bob", [4], "nobody answers to this name"))["type"] == "warning"


def test_what_is_no_call_is_not_told() -> None:
    assert find_log(recorded(e.MessageAppended(0, InstructionContent(instruction="hello")))) is None
    assert list(logs_from_events([recorded(e.SessionStarted())])) == []


def test_the_names_that_are_told_are_those_named() -> None:
    told = {name for name, event in STORED_NAMES.items() if find_log(_any(event)) is not None}

    assert told == set(LOG_NAMES)


def _any(event: type[e.Event]) -> RecordedEvent:
    fields: dict[str, object] = {"type": LogType.INFO} if event is e.LogRecorded else {}
    for name in event.__struct_fields__[: len(event.__struct_fields__) - len(event.__struct_defaults__)]:
        fields.setdefault(name, ["x"] if name == "requested" else "x")
    return recorded(event(**fields))


def test_a_line_says_where_an_event_stands_and_no_words_of_a_message() -> None:
    event = recorded(e.MessageAppended(0, InstructionContent(instruction="hello")), 3)

    assert event_log_line(event) == {
        "event": "message.appended",
        "timestamp": "1970-01-01T00:00:03+00:00",
        "session": "s",
        "branch": 0,
        "position": 3,
        "global_position": 13,
        "actor": "ada",
        "correlation_id": "run-1",
    }


def test_a_line_of_the_account_says_what_it_tells_and_is_as_loud() -> None:
    failed = recorded(e.ModelCalled("gpt", request={"words": "hello"}, error="timeout"))

    assert event_log_line(failed)["model"] == "gpt"
    assert "hello" not in str(event_log_line(failed))
    assert level_of(failed) == "error"
    assert level_of(recorded(e.AccessDenied("resources", ["x"]))) == "warning"
    assert level_of(recorded(e.SessionStarted())) == "info"
