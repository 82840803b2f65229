"""The operations of a session, folded from its events."""

from collections.abc import Iterable

import msgspec

from ..domain.events import (
    MessageAppended,
    ModelCalled,
    OperationCompleted,
    OperationFailed,
    OperationResumed,
    OperationStarted,
)
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.recorded_event import RecordedEvent
from .recorded_messages import message_from_recorded


class OperationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it was recorded.

    Its status is "completed" or "failed"; without a recorded end it is "interrupted", also while it is still running.
    """

    id: str
    name: str
    branch: int | None
    status: str
    started_at: int
    ended_at: int | None = None
    params: Json = None
    result: Json = None
    error: str | None = None
    reason: str | None = None
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class OperationTrace(msgspec.Struct):
    """The recorded events of one operation."""

    started: RecordedEvent
    events: list[RecordedEvent]
    ended: RecordedEvent | None = None

    @property
    def start(self) -> OperationStarted:
        """The event that started it."""
        event = self.started.event
        assert isinstance(event, OperationStarted)
        return event

    @property
    def first_messages(self) -> list[Message]:
        """The messages that it started with."""
        return [
            message_from_recorded(each)
            for each in self.events
            if isinstance(each.event, MessageAppended) and each.causation == self.started.position
        ]


def operation_traces(events: Iterable[RecordedEvent]) -> list[OperationTrace]:
    """Return the operations that started in these events, each with the events that it caused."""
    found: dict[str, OperationTrace] = {}
    owner: dict[int, OperationTrace] = {}
    for recorded in events:
        event = recorded.event
        match event:
            case OperationStarted(operation=id):
                owner[recorded.position] = found[id] = OperationTrace(recorded, [])
            case OperationCompleted(operation=id) | OperationFailed(operation=id) if id in found:
                found[id].ended = recorded
            case OperationResumed():
                pass
            case _ if recorded.causation in owner:
                owner[recorded.position] = steps = owner[recorded.causation]
                steps.events.append(recorded)
    return list(found.values())


def operation_record(steps: OperationTrace) -> OperationRecord:
    """Summarize a trace."""
    start, ended = steps.start, None if steps.ended is None else steps.ended.event
    calls = [each.event for each in steps.events if isinstance(each.event, ModelCalled)]
    failed = ended if isinstance(ended, OperationFailed) else None
    return OperationRecord(
        id=start.operation,
        name=start.name,
        branch=start.branch,
        status="interrupted" if ended is None else "completed" if failed is None else "failed",
        started_at=steps.started.position,
        ended_at=None if steps.ended is None else steps.ended.position,
        params=start.params,
        result=ended.result if isinstance(ended, OperationCompleted) else None,
        error=None if failed is None else failed.error,
        reason=None if failed is None else failed.reason,
        calls=len(calls),
        input_tokens=sum(call.input_tokens or 0 for call in calls),
        output_tokens=sum(call.output_tokens or 0 for call in calls),
    )
