"""Resuming and abandoning operations that were interrupted."""

from typing import Any

from .._session.context import SessionContext
from .._session.stream import Origin, SessionStream
from ..domain.content import ActionRequestContent
from ..domain.decisions import work
from ..domain.errors import ItemNotFoundError, OperationEndedError
from ..domain.events import Event
from ..domain.state import State
from ..infrastructure.async_methods import settle
from ..projections.operations import OperationRecord, OperationTrace, operation_traces
from .params import GenerateParams
from .replay_cache import ReplayCache
from .run import params_from_record, run_operation
from .run_context import ResumePoint


async def resume(context: SessionContext, operation: OperationRecord | str, params: object) -> Any:
    """Continue an operation that was interrupted."""
    steps = _open(context.stream, operation)
    context.registry.operation(steps.start.name)
    attempt, steps = await settle(lambda: _take_over(context.stream, steps))
    start = steps.start
    made = [message for message in steps.first_messages if isinstance(message.content, ActionRequestContent)]
    left = ResumePoint(steps.started.position, attempt, steps.first_messages, ReplayCache(steps.events))
    given = params_from_record(context, start.name, start.params, made) if params is None else params
    if params is None and isinstance(given, GenerateParams) and steps.first_messages:
        given = given.saying(steps.first_messages[0])
    return await run_operation(context, start.name, start.branch or 0, given, left=left, id=start.operation)


def abandon(stream: SessionStream, operation: OperationRecord | str, reason: str | None) -> None:
    """Ends an operation that is open."""
    id = operation if isinstance(operation, str) else operation.id
    stream.transact(lambda state: work.abandon(state, id, reason))


def _take_over(stream: SessionStream, steps: OperationTrace) -> tuple[int, OperationTrace]:
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
    stream.transact(decide, origins=lambda first: [Origin(position)])
    (resumed,) = (each for each in operation_traces(stream.events(position - 1)) if each.start.operation == id)
    return attempt, resumed


def _open(stream: SessionStream, operation: OperationRecord | str) -> OperationTrace:
    id = operation if isinstance(operation, str) else operation.id
    found = {steps.start.operation: steps for steps in operation_traces(stream.events())}
    if id not in found:
        open_ids = tuple(id for id, steps in found.items() if steps.ended is None)
        raise ItemNotFoundError("operation", repr(id), known=open_ids)
    if found[id].ended is not None:
        raise OperationEndedError(stream.id, id)
    return found[id]
