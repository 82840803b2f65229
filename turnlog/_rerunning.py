"""Doing over what was done on a branch, from the record or anew, and comparing what came of it."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec

from ._conducting import conduct, rebuilt
from ._edits import check_edits
from ._live import Live
from ._moments import Moment, position_of
from ._operations import Steps, steps_of
from .domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    SystemContent,
)
from .domain.decisions import branch as branches
from .domain.decisions import message as messages
from .domain.errors import InvalidValueError
from .domain.events import BranchCreated, Event, MessageAppended, SystemSet
from .domain.lookup import branch_at
from .domain.message import ContentGiven, Message, message_from
from .domain.ranges import positions
from .domain.record import RecordedEvent
from .domain.state import State
from .imodel import LanguageModel
from .infrastructure.reading import SessionReader
from .operations.journal import Journal
from .operations.params import GenerateParams
from .projections.difference import Difference, difference
from .projections.messages import shown_messages
from .projections.prices import price_of


class Used(msgspec.Struct, frozen=True):
    """What the answers of a line have used; the cost in US dollars, if the prices of all its models are known."""

    answers: int
    input_tokens: int
    output_tokens: int
    cost: float | None


class Comparison(msgspec.Struct, frozen=True):
    """Two lines: how they differ, and what each has used."""

    difference: Difference
    left: Used
    right: Used

    @property
    def text(self) -> str:
        """The difference as text."""
        return self.difference.text

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.difference.same


async def rerun(
    live: Live,
    branch: int,
    at: Moment | None,
    *,
    model: LanguageModel | str | None,
    tools: str,
    edits: Mapping[Message | int | str, Message | ContentGiven],
    name: str | None,
) -> int:
    """The number of a fork on which the same was done over."""
    if tools not in ("recorded", "live"):
        raise InvalidValueError("tools", f"are {tools!r}: expected recorded or live")
    edited = _edited(live, edits)
    steps = _steps_on(live, branch)
    start = _before(live, branch, steps) if at is None else _start(live, steps, position_of(live, at))
    over = [each for each in steps if _position(each) > start]
    with live.current() as state:
        branch_at(state, [*_lineage(state, branch)][-1], start)
        systems = {state.showing(branch, point).system for point in (start, *map(_position, over), None)}
        asked = None if model is None else live.equipment.model(state, branch, "generate", model)
    check_edits(edited, start, over, systems, answers=asked is None, results=tools == "recorded")
    fork = _forked(live, branch, start, name)
    events = [event for each in over if isinstance(each, Steps) for event in each.events]
    replayed = Journal(events, edited, answers=asked is None, results=tools == "recorded")
    shown = _Systems(live, branch, fork, start, edited)
    for step in over:
        shown.follow(_position(step))
        if isinstance(step, Steps):
            await _again(live, fork, step, edited, asked, replayed)
        else:
            _said_again(live, fork, step, edited)
    shown.follow(None)
    return fork


def compared(live: Live, left: int, right: int) -> Comparison:
    """Two branches beside each other."""
    with live.current() as state:
        reader = SessionReader(live.store, state)
        lines = [shown_messages(reader, state.showing(number), state.written) for number in (left, right)]
    return Comparison(difference(*lines), _used(list(lines[0])), _used(list(lines[1])))


def _steps_on(live: Live, branch: int) -> list[Steps | RecordedEvent]:
    """The operations and other messages of a branch and of those that it was forked from, in order.

    What the branch does not show any more is left out.
    """
    with live.current() as state:
        reader = SessionReader(live.store, state)
        shown = set(positions(state.showing(branch).ranges, state.written))
        until = _lineage(state, branch)
        events = list(reader.read(0, state.position))
    on = [steps for steps in steps_of(live) if _is_within(steps, until) and _counts(steps, shown)]
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


def _is_within(steps: Steps, until: Mapping[int, int]) -> bool:
    """Whether an operation was recorded on a branch of a lineage, and ended before the next one was forked from it."""
    last = until.get(-1 if steps.start.branch is None else steps.start.branch)
    return last is not None and _end(steps) <= last


def _end(steps: Steps) -> int:
    """The position of the last thing that an operation did, before the event that says how it ended."""
    return steps.events[-1].position if steps.events else steps.started.position


def _start(live: Live, steps: Sequence[Steps | RecordedEvent], at: int) -> int:
    """The position after which everything is done over: before the operation that a moment falls into, if it does.

    An operation is done over whole. A moment before its first message is after the event that it started with.
    """
    if at < 0:
        reason = f"is position {at}, before session {live.id} was forked from another one: expected position 0 or later"
        raise InvalidValueError("the moment", reason)
    while True:
        inside = [_position(each) for each in steps if isinstance(each, Steps) and _position(each) <= at < _end(each)]
        if not inside:
            return at
        at = min(inside) - 1


def _counts(steps: Steps, shown: set[int]) -> bool:
    """Whether an operation has ended, and not all of what it said is out of sight by now."""
    said = [event.position for event in steps.events if isinstance(event.event, MessageAppended)]
    return steps.ended is not None and (not said or not shown.isdisjoint(said))


def _before(live: Live, branch: int, steps: Sequence[Steps | RecordedEvent]) -> int:
    """The position before the first thing that was done on the branch itself."""
    own = [each for each in steps if (each.start.branch if isinstance(each, Steps) else each.branch) == branch]
    if not own:
        raise InvalidValueError("the branch", "has nothing to do over: expected an operation, or a message, of its own")
    return _start(live, steps, _position(own[0]) - 1)


def _position(step: Steps | RecordedEvent) -> int:
    return step.started.position if isinstance(step, Steps) else step.position


def _forked(live: Live, branch: int, at: int, name: str | None) -> int:
    fresh = str(uuid4())
    placed = live.change(lambda state: branches.fork(state, branch, id=fresh, at=at, name=name))
    return next(event.branch for _, _, event in placed if isinstance(event, BranchCreated))


async def _again(
    live: Live,
    fork: int,
    steps: Steps,
    edited: Mapping[int, MessageContent],
    model: LanguageModel | None,
    replayed: Journal,
) -> None:
    start, said = steps.start, steps.said
    contents = [edited.get(each.position or 0, each.content) for each in said]
    requests = [Message(content) for content in contents if isinstance(content, ActionRequestContent)]
    params = rebuilt(start.name, start.params, requests)
    words = [
        Message(content, each.sender, each.recipient)
        for content, each in zip(contents, said, strict=True)
        if not isinstance(content, ActionRequestContent)
    ]
    if words and isinstance(params, GenerateParams):
        params = params.saying(words[0])
    await conduct(live, start.name, fork, params, model=model, replayed=replayed)


def _said_again(live: Live, fork: int, recorded: RecordedEvent, edited: Mapping[int, MessageContent]) -> None:
    event = recorded.event
    assert isinstance(event, MessageAppended)
    content = edited.get(recorded.position, event.content)
    again = Message(content, event.sender, event.recipient, event.metadata)
    live.change(lambda state: messages.append(state, fork, [again]))


class _Systems:
    """The system messages that a branch had, one after the other, set on a fork as well."""

    def __init__(self, live: Live, branch: int, fork: int, start: int, edited: Mapping[int, MessageContent]) -> None:
        self._live, self._branch, self._fork, self._edited = live, branch, fork, edited
        self._now = self._shown(start)
        if self._now in edited:
            self._set(self._now)

    def follow(self, at: int | None) -> None:
        """Sets what was shown at a position, or is now, if that is another one."""
        there = self._shown(at)
        if there != self._now:
            self._set(there)

    def _shown(self, at: int | None) -> int | None:
        with self._live.current() as state:
            return state.showing(self._branch, at).system

    def _set(self, position: int | None) -> None:
        self._now = position
        event = None if position is None else _event_at(self._live, position)
        if not isinstance(event, SystemSet):
            self._live.change(lambda state: branches.set_system(state, self._fork, None))
            return
        content = self._edited.get(position or 0, event.content)
        assert content is None or isinstance(content, SystemContent)
        sender, metadata = event.sender, event.metadata
        self._live.change(
            lambda state: branches.set_system(state, self._fork, content, sender=sender, metadata=metadata)
        )


TEXTS: dict[type[MessageContent], str] = {
    InstructionContent: "instruction",
    AssistantResponseContent: "assistant_response",
    SystemContent: "system_message",
    ActionResponseContent: "result",
}
"""Where the text of a content stands."""


def _edited(live: Live, edits: Mapping[Message | int | str, Message | ContentGiven]) -> dict[int, MessageContent]:
    found: dict[int, MessageContent] = {}
    for which, given in edits.items():
        position = _position_named(which) if isinstance(which, str) else position_of(live, which)
        old = _content_at(live, position)
        if isinstance(given, str) and type(old) in TEXTS:
            new: MessageContent = msgspec.structs.replace(old, **{TEXTS[type(old)]: given})
        else:
            new = message_from(given).content
        if type(new) is not type(old):
            kinds = f"{type(new).__name__} in the place of {type(old).__name__}"
            raise InvalidValueError("an edit", f"of position {position} is {kinds}: expected the same kind of content")
        found[position] = new
    return found


def _position_named(id: str) -> int:
    try:
        return int(id.rpartition("/")[2])
    except ValueError:
        raise InvalidValueError("an edit", f"is of {id!r}: expected a message, its id or its position") from None


def _content_at(live: Live, position: int) -> MessageContent:
    event = _event_at(live, position)
    content = event.content if isinstance(event, MessageAppended | SystemSet) else None
    if content is None:
        raise InvalidValueError(
            "an edit", f"is of position {position}, where no message stands: expected one of a message"
        )
    return content


def _event_at(live: Live, position: int) -> Event:
    with live.current() as state:
        return SessionReader(live.store, state).read_event(position).event


def _used(line: Sequence[Message]) -> Used:
    answers = [message.content for message in line if isinstance(message.content, AssistantResponseContent)]
    counted = [(answer.model, answer.usage) for answer in answers if answer.usage is not None]
    costs = [_cost(model, usage.input_tokens or 0, usage.output_tokens or 0) for model, usage in counted]
    return Used(
        len(answers),
        sum(usage.input_tokens or 0 for _, usage in counted),
        sum(usage.output_tokens or 0 for _, usage in counted),
        None if any(cost is None for cost in costs) else round(sum(cost or 0 for cost in costs), 9),
    )


def _cost(model: str | None, input_tokens: int, output_tokens: int) -> float | None:
    price = None if model is None else price_of(model)
    return None if price is None else price.of(input_tokens, output_tokens)
