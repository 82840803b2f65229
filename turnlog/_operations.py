"""What became of the operations of a session, and going on with those that were interrupted."""

from typing import Any

import msgspec

from ._conducting import conduct, find_operation, rebuilt
from ._live import Live, Origin
from .domain.content import ActionRequestContent
from .domain.decisions import work
from .domain.errors import ItemNotFoundError, OperationEndedError
from .domain.events import (
    Event,
    MessageAppended,
    ModelCalled,
    OperationCompleted,
    OperationFailed,
    OperationResumed,
    OperationStarted,
)
from .domain.message import Message
from .domain.plain import Json
from .domain.record import RecordedEvent
from .domain.state import State
from .infrastructure.reading import SessionReader
from .infrastructure.twins import settled
from .operations.journal import Journal
from .operations.params import GenerateParams
from .operations.work import Left
from .projections.messages import message_of


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as the record has it.

    Its status is "completed", "failed", or "interrupted" as long as nothing says that it ended; one that is at work
    at this very moment looks just so.
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


class Steps(msgspec.Struct):
    """An operation and all that was recorded for it."""

    started: RecordedEvent
    events: list[RecordedEvent]
    ended: RecordedEvent | None = None

    @property
    def start(self) -> OperationStarted:
        """The event it began with."""
        event = self.started.event
        assert isinstance(event, OperationStarted)
        return event

    @property
    def said(self) -> list[Message]:
        """The messages it began with."""
        return [
            message_of(each.session, each.position, each.time, each.event)
            for each in self.events
            if isinstance(each.event, MessageAppended) and each.cause == self.started.position
        ]


def steps_of(live: Live, after: int = 0) -> list[Steps]:
    """The operations of a session that began after a position, each with what it led to."""
    with live.current() as state:
        events = list(SessionReader(live.store, state).read(after, state.position))
    found: dict[str, Steps] = {}
    owner: dict[int, Steps] = {}
    for recorded in events:
        event = recorded.event
        match event:
            case OperationStarted(operation=id):
                owner[recorded.position] = found[id] = Steps(recorded, [])
            case OperationCompleted(operation=id) | OperationFailed(operation=id) if id in found:
                found[id].ended = recorded
            case OperationResumed():
                pass
            case _ if recorded.cause in owner:
                owner[recorded.position] = steps = owner[recorded.cause]
                steps.events.append(recorded)
    return list(found.values())


def operations_of(live: Live) -> list[Operation]:
    """The operations of a session, in the order they began."""
    return [_operation(steps) for steps in steps_of(live)]


async def resume(live: Live, operation: Operation | str, params: object) -> Any:
    """Continue an operation that was interrupted."""
    steps = _open(live, operation)
    find_operation(live, steps.start.name)
    attempt, steps = await settled(lambda: _take_over(live, steps))
    start = steps.start
    made = [message for message in steps.said if isinstance(message.content, ActionRequestContent)]
    left = Left(steps.started.position, attempt, steps.said, Journal(steps.events))
    given = rebuilt(start.name, start.params, made) if params is None else params
    if params is None and isinstance(given, GenerateParams) and steps.said:
        given = given.saying(steps.said[0])
    return await conduct(live, start.name, start.branch or 0, given, left=left, id=start.operation)


def abandon(live: Live, operation: Operation | str, reason: str | None) -> None:
    """Ends an operation that is open."""
    id = operation if isinstance(operation, str) else operation.id
    live.change(lambda state: work.abandon(state, id, reason))


def _take_over(live: Live, steps: Steps) -> tuple[int, Steps]:
    """Record that an open operation is resumed: the number of this attempt, and what earlier ones had recorded.

    Both belong to the event that is recorded here. Read before or after it, they could be those of another caller
    who resumes at the same time, and both would record an answer.
    """
    id, attempt = steps.start.operation, 0

    def decide(state: State) -> list[Event]:
        nonlocal attempt
        events = work.resume(state, id)
        attempt = state.operations[id].attempt + 1
        return events

    position = steps.started.position
    live.change(decide, origins=lambda first: [Origin(position)])
    (resumed,) = (each for each in steps_of(live, position - 1) if each.start.operation == id)
    return attempt, resumed


def _open(live: Live, operation: Operation | str) -> Steps:
    id = operation if isinstance(operation, str) else operation.id
    found = {steps.start.operation: steps for steps in steps_of(live)}
    if id not in found:
        open_ids = tuple(id for id, steps in found.items() if steps.ended is None)
        raise ItemNotFoundError("operation", repr(id), known=open_ids)
    if found[id].ended is not None:
        raise OperationEndedError(live.id, id)
    return found[id]


def _operation(steps: Steps) -> Operation:
    start, ended = steps.start, None if steps.ended is None else steps.ended.event
    calls = [each.event for each in steps.events if isinstance(each.event, ModelCalled)]
    failed = ended if isinstance(ended, OperationFailed) else None
    return Operation(
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
