"""Doing over what was done on a branch, from the record or anew, and comparing what came of it."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec

from .._models.imodel import LanguageModel
from .._session.as_of import AsOf, resolve_position
from .._session.context import SessionContext
from .._session.stream import SessionStream
from ..domain.branch_lookup import branch_at
from ..domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    SystemContent,
)
from ..domain.decisions import branch as branches
from ..domain.decisions import message as messages
from ..domain.errors import InvalidValueError
from ..domain.events import BranchCreated, Event, MessageAppended, SystemSet
from ..domain.message import ContentGiven, Message, to_message
from ..domain.ranges import positions
from ..domain.recorded_event import RecordedEvent
from ..domain.state import State
from ..infrastructure.session_reader import SessionReader
from ..projections.difference import Difference, difference
from ..projections.messages import branch_messages
from ..projections.operations import OperationTrace, operation_traces
from ..projections.prices import cost_of
from ..projections.usage import NO_USAGE, add_usage
from .edits import validate_edits
from .params import GenerateParams
from .replay_cache import ReplayCache
from .run import params_from_record, run_operation


class UsageTotal(msgspec.Struct, frozen=True):
    """What the answers of a line have used; the cost in US dollars, if the prices of all its models are known."""

    answers: int
    input_tokens: int
    output_tokens: int
    cost: float | None


class BranchComparison(msgspec.Struct, frozen=True):
    """Two lines: how they differ, and what each has used."""

    difference: Difference
    left: UsageTotal
    right: UsageTotal

    @property
    def text(self) -> str:
        """The difference as text."""
        return self.difference.text

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.difference.same


async def rerun(
    context: SessionContext,
    branch: int,
    at: AsOf | None,
    *,
    model: LanguageModel | str | None,
    tools: str,
    edits: Mapping[Message | int | str, Message | ContentGiven],
    name: str | None,
) -> int:
    """The number of a fork on which the same was done over."""
    if tools not in ("recorded", "live"):
        raise InvalidValueError("tools", f"are {tools!r}: expected recorded or live")
    edited = _apply_edit(context, edits)
    steps = _steps_on(context, branch)
    start = (
        _before(context, branch, steps) if at is None else _start(context, steps, resolve_position(context.stream, at))
    )
    over = [each for each in steps if _position(each) > start]
    with context.stream.state() as state:
        branch_at(state, [*_lineage(state, branch)][-1], start)
        systems = {state.showing(branch, point).system for point in (start, *map(_position, over), None)}
        asked = None if model is None else context.registry.model(state, branch, "generate", model)
    validate_edits(edited, start, over, systems, answers=asked is None, results=tools == "recorded")
    fork = _fork_for_rerun(context, branch, start, name)
    events = [event for each in over if isinstance(each, OperationTrace) for event in each.events]
    replayed = ReplayCache(events, edited, answers=asked is None, results=tools == "recorded")
    shown = _Systems(context, branch, fork, start, edited)
    for step in over:
        shown.follow(_position(step))
        if isinstance(step, OperationTrace):
            await _rerun_operation(context, fork, step, edited, asked, replayed)
        else:
            _replay_message(context, fork, step, edited)
    shown.follow(None)
    return fork


def compare_branches(context: SessionContext, left: int, right: int) -> BranchComparison:
    """Two branches beside each other."""
    with context.stream.state() as state:
        reader = SessionReader(context.stream.store.recorder, state)
        lines = [branch_messages(reader, state.showing(number), state.written) for number in (left, right)]
    return BranchComparison(difference(*lines), _usage_total(list(lines[0])), _usage_total(list(lines[1])))


def _steps_on(context: SessionContext, branch: int) -> list[OperationTrace | RecordedEvent]:
    """The operations and other messages of a branch and of those that it was forked from, in order.

    What the branch does not show any more is left out.
    """
    with context.stream.state() as state:
        reader = SessionReader(context.stream.store.recorder, state)
        shown = set(positions(state.showing(branch).ranges, state.written))
        until = _lineage(state, branch)
        events = list(reader.read(0, state.position))
    on = [
        steps
        for steps in operation_traces(context.stream.events())
        if _is_within(steps, until) and _counts(steps, shown)
    ]
    of_operations = {event.position for steps in on for event in steps.events}
    said = [
        event
        for event in events
        if event.branch in until and event.position in shown and event.position not in of_operations
    ]
    return sorted([*on, *said], key=_position)


def _lineage(state: State, branch: int) -> dict[int, int]:
    """A branch and those that it was forked from, each with the last position that counts."""
    until = {branch: state.position}
    place = state.branches[branch]
    while place.parent is not None and place.forked_at is not None:
        until[place.parent] = min(until[place.number], place.forked_at)
        place = state.branches[place.parent]
    return until


def _is_within(steps: OperationTrace, until: Mapping[int, int]) -> bool:
    """Whether an operation was recorded on a branch of a lineage, and ended before the next one was forked from it."""
    last = until.get(-1 if steps.start.branch is None else steps.start.branch)
    return last is not None and _end(steps) <= last


def _end(steps: OperationTrace) -> int:
    """The position of the last thing that an operation did, before the event that says how it ended."""
    return steps.events[-1].position if steps.events else steps.started.position


def _start(context: SessionContext, steps: Sequence[OperationTrace | RecordedEvent], at: int) -> int:
    """The position after which everything is done over: before the operation that a moment falls into, if it does.

    An operation is done over whole. A moment before its first message is after the event that it started with.
    """
    if at < 0:
        reason = f"is {at}, and session {context.stream.id} itself begins at position 0; use 0 or a later position"
        raise InvalidValueError("the moment", reason)
    while True:
        inside = [
            _position(each) for each in steps if isinstance(each, OperationTrace) and _position(each) <= at < _end(each)
        ]
        if not inside:
            return at
        at = min(inside) - 1


def _counts(steps: OperationTrace, shown: set[int]) -> bool:
    """Whether an operation has ended, and not all of what it said is out of sight by now."""
    said = [event.position for event in steps.events if isinstance(event.event, MessageAppended)]
    return steps.ended is not None and (not said or not shown.isdisjoint(said))


def _before(context: SessionContext, branch: int, steps: Sequence[OperationTrace | RecordedEvent]) -> int:
    """The position before the first thing that was done on the branch itself."""
    own = [each for each in steps if (each.start.branch if isinstance(each, OperationTrace) else each.branch) == branch]
    if not own:
        raise InvalidValueError("the branch", "has nothing to do over: expected an operation, or a message, of its own")
    return _start(context, steps, _position(own[0]) - 1)


def _position(step: OperationTrace | RecordedEvent) -> int:
    return step.started.position if isinstance(step, OperationTrace) else step.position


def _fork_for_rerun(context: SessionContext, branch: int, at: int, name: str | None) -> int:
    fresh = str(uuid4())
    placed = context.stream.transact(lambda state: branches.fork(state, branch, id=fresh, at=at, name=name))
    return next(event.branch for _, _, event in placed if isinstance(event, BranchCreated))


async def _rerun_operation(
    context: SessionContext,
    fork: int,
    steps: OperationTrace,
    edited: Mapping[int, MessageContent],
    model: LanguageModel | None,
    replayed: ReplayCache,
) -> None:
    start, said = steps.start, steps.first_messages
    contents = [edited.get(each.position or 0, each.content) for each in said]
    requests = [Message(content) for content in contents if isinstance(content, ActionRequestContent)]
    params = params_from_record(context, start.name, start.params, requests)
    words = [
        Message(content, each.sender, each.recipient)
        for content, each in zip(contents, said, strict=True)
        if not isinstance(content, ActionRequestContent)
    ]
    if words and isinstance(params, GenerateParams):
        params = params.saying(words[0])
    await run_operation(context, start.name, fork, params, model=model, replayed=replayed)


def _replay_message(
    context: SessionContext, fork: int, recorded: RecordedEvent, edited: Mapping[int, MessageContent]
) -> None:
    event = recorded.event
    assert isinstance(event, MessageAppended)
    content = edited.get(recorded.position, event.content)
    again = Message(content, event.sender, event.recipient, event.metadata)
    context.stream.transact(lambda state: messages.append(state, fork, [again]))


class _Systems:
    """The system messages that a branch had, one after the other, set on a fork as well."""

    def __init__(
        self, context: SessionContext, branch: int, fork: int, start: int, edited: Mapping[int, MessageContent]
    ) -> None:
        self._stream, self._branch, self._fork, self._edited = context.stream, branch, fork, edited
        self._now = self._system_at(start)
        if self._now in edited:
            self._set(self._now)

    def follow(self, at: int | None) -> None:
        """Sets what was shown at a position, or is now, if that is another one."""
        there = self._system_at(at)
        if there != self._now:
            self._set(there)

    def _system_at(self, at: int | None) -> int | None:
        with self._stream.state() as state:
            return state.showing(self._branch, at).system

    def _set(self, position: int | None) -> None:
        self._now = position
        event = None if position is None else _event_at(self._stream, position)
        if not isinstance(event, SystemSet):
            self._stream.transact(lambda state: branches.set_system(state, self._fork, None))
            return
        content = self._edited.get(position or 0, event.content)
        assert content is None or isinstance(content, SystemContent)
        sender, metadata = event.sender, event.metadata
        self._stream.transact(
            lambda state: branches.set_system(state, self._fork, content, sender=sender, metadata=metadata)
        )


EDITABLE: dict[type[MessageContent], str] = {
    InstructionContent: "instruction",
    AssistantResponseContent: "assistant_response",
    SystemContent: "system_message",
    ActionResponseContent: "result",
}
"""Where the text of a content stands."""


def _apply_edit(
    context: SessionContext, edits: Mapping[Message | int | str, Message | ContentGiven]
) -> dict[int, MessageContent]:
    found: dict[int, MessageContent] = {}
    for which, given in edits.items():
        position = _parse_position(which) if isinstance(which, str) else resolve_position(context.stream, which)
        old = _content_at(context.stream, position)
        if isinstance(given, str) and type(old) in EDITABLE:
            new: MessageContent = msgspec.structs.replace(old, **{EDITABLE[type(old)]: given})
        else:
            new = to_message(given).content
        if type(new) is not type(old):
            kinds = f"{type(new).__name__} in the place of {type(old).__name__}"
            raise InvalidValueError("an edit", f"of position {position} is {kinds}: expected the same kind of content")
        found[position] = new
    return found


def _parse_position(id: str) -> int:
    try:
        return int(id.rpartition("/")[2])
    except ValueError:
        raise InvalidValueError("an edit", f"is of {id!r}: expected a message, its id or its position") from None


def _content_at(stream: SessionStream, position: int) -> MessageContent:
    event = _event_at(stream, position)
    content = event.content if isinstance(event, MessageAppended | SystemSet) else None
    if content is None:
        raise InvalidValueError(
            "an edit", f"is of position {position}, where no message stands: expected one of a message"
        )
    return content


def _event_at(stream: SessionStream, position: int) -> Event:
    with stream.state() as state:
        return SessionReader(stream.store.recorder, state).read_event(position).event


def _usage_total(line: Sequence[Message]) -> UsageTotal:
    answers = [message.content for message in line if isinstance(message.content, AssistantResponseContent)]
    total = dict(NO_USAGE)
    for model, usage in ((answer.model, answer.usage) for answer in answers if answer.usage is not None):
        used, returned = usage.input_tokens or 0, usage.output_tokens or 0
        row = {"input_tokens": used, "output_tokens": returned, "cost": cost_of(model, used, returned)}
        add_usage(total, {**NO_USAGE, **row})
    cost = None if total["cost"] is None else round(total["cost"], 9)
    return UsageTotal(len(answers), total["input_tokens"], total["output_tokens"], cost)
