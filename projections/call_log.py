"""The account of calls, read off the record: calls, operations, denials and what was logged, each told once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import asdict

from ..domain import events as e
from ..domain.events.work import LogType
from ..domain.log import Log
from ..domain.recorded_event import RecordedEvent, to_datetime

LOG_NAMES = (
    "log.recorded",
    "mail.parked",
    "work.access_denied",
    "work.model_called",
    "work.operation_started",
    "work.operation_completed",
    "work.operation_failed",
)
"""The stored names of the events that are told in the account."""


def find_log(recorded: RecordedEvent) -> Log | None:
    """What the account says of an event, if it says anything; the same for the same event, whenever it is asked."""
    told = _LOG_BUILDERS.get(type(recorded.event))
    if told is None:
        return None
    return Log(
        **told(recorded.event),
        id=f"{recorded.session}/{recorded.position}",
        created_at=to_datetime(recorded.time),
        session=recorded.session,
        position=recorded.position,
        global_position=recorded.global_position,
        actor=recorded.actor,
        correlation_id=recorded.correlation_id,
    )


def logs_from_events(recorded: Iterable[RecordedEvent]) -> Iterator[Log]:
    """The account of events, in their order. An operation goes on on the branch and by the name that it was started."""
    started: dict[tuple[str, str], tuple[int | None, str]] = {}
    for each in recorded:
        log = find_log(each)
        if log is None:
            continue
        operation = (each.session, getattr(each.event, "operation", None) or "")
        if isinstance(each.event, e.OperationStarted):
            started[operation] = (each.event.branch, each.event.name)
        elif isinstance(each.event, e.OperationCompleted | e.OperationFailed) and operation in started:
            log = _of_operation(log, *started[operation])
        yield log


def _of_operation(log: Log, branch: int | None, name: str) -> Log:
    return Log(**{**asdict(log), "branch": branch, "source": name})


def _log_recorded(event: e.LogRecorded) -> dict[str, Any]:
    return asdict(event)


def _model_call(event: e.ModelCalled) -> dict[str, Any]:
    said = asdict(event)
    operation, attempts = said.pop("operation"), said.pop("attempts")
    data = {
        **({} if operation is None else {"operation": operation}),
        **({} if attempts == 1 else {"attempts": attempts}),
    }
    return {"type": LogType.API_CALL, "source": said.pop("service"), **said, "data": data or None}


def _operation_started(event: e.OperationStarted) -> dict[str, Any]:
    data = {"operation": event.operation, "params": event.params}
    said = f"operation {event.name} was started"
    return {"type": LogType.OPERATION, "message": said, "source": event.name, "branch": event.branch, "data": data}


def _operation_completed(event: e.OperationCompleted) -> dict[str, Any]:
    data = {"operation": event.operation, "result": event.result}
    return {"type": LogType.OPERATION, "message": "operation was completed", "data": data}


def _operation_failed(event: e.OperationFailed) -> dict[str, Any]:
    data = {"operation": event.operation, "error": event.error}
    said = f"{event.error}: {event.reason}"
    return {"type": LogType.ERROR, "message": "operation failed", "error": said, "data": data}


def _access_denied(event: e.AccessDenied) -> dict[str, Any]:
    data = {"kind": event.kind, "requested": event.requested, "available": event.available}
    said = f"access denied to {event.kind}: {', '.join(event.requested)}"
    return {"type": LogType.WARNING, "message": said, "branch": event.branch, "data": data}


def _mail_parked(event: e.MailParked) -> dict[str, Any]:
    data = {"mails": event.mails, "recipient": event.recipient}
    return {"type": LogType.WARNING, "message": f"mail was parked: {event.reason}", "data": data}


_LOG_BUILDERS: Mapping[type[e.Event], Callable[[Any], dict[str, Any]]] = {
    e.AccessDenied: _access_denied,
    e.LogRecorded: _log_recorded,
    e.MailParked: _mail_parked,
    e.ModelCalled: _model_call,
    e.OperationCompleted: _operation_completed,
    e.OperationFailed: _operation_failed,
    e.OperationStarted: _operation_started,
}
