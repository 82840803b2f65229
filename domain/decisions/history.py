"""Decisions on what a branch shows of its history: rewind, truncate, clear, share, merge, reorder."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import takewhile

from ..branch_lookup import ancestor_at, get_branch, position_in
from ..errors import InvalidBranchError, InvalidValueError, NothingToUndoError
from ..errors.base import message_not_found
from ..events import (
    BranchCleared,
    BranchMerged,
    BranchReordered,
    BranchRewound,
    BranchTruncated,
    ChangeUndone,
    Event,
    MessagesShared,
    SystemSet,
)
from ..evolve.visibility import before_last_change
from ..message import Message
from ..ranges import MessageOrigin, Origin, from_positions, message_origins, positions, same_messages
from ..state import State
from .message import begins_with_system, first_message_events
from .session import require_active


class Strategy(StrEnum):
    """How the messages of two branches become one line."""

    APPEND = "append"
    INTERLEAVE = "interleave"


def parse_strategy(name: str) -> Strategy:
    """The strategy that goes by a name."""
    try:
        return Strategy(name)
    except ValueError:
        raise InvalidValueError("a strategy", f"cannot be {name!r}: expected {' or '.join(Strategy)}") from None


def rewind(state: State, branch: int, to: int) -> list[Event]:
    """The branch shows again what it showed at a position."""
    require_active(state)
    get_branch(state, branch)
    ancestor_at(state, branch, position_in(state, to))
    then, now = state.showing(branch, to), state.showing(branch)
    if then.system == now.system and same_messages(then.ranges, now.ranges, state.written):
        return []
    return [BranchRewound(branch, to)]


def truncate(state: State, branch: int, keep_last: int, *, keep_system: bool = True) -> list[Event]:
    """The branch shows only its last messages; its system message is kept, or counts as the first of them."""
    require_active(state)
    get_branch(state, branch)
    if not isinstance(keep_last, int) or isinstance(keep_last, bool) or keep_last < 0:
        raise InvalidValueError("keep_last", f"is {keep_last!r}: expected a number of messages, 0 or more")
    count = _count(state, branch)
    events: list[Event] = [BranchTruncated(branch, keep_last)] if count > keep_last else []
    if not keep_system and state.showing(branch).system is not None and count >= keep_last:
        events.append(SystemSet(branch, None))
    return events


def clear(state: State, branch: int) -> list[Event]:
    """The branch shows nothing but its system message."""
    require_active(state)
    get_branch(state, branch)
    return [BranchCleared(branch)] if _count(state, branch) else []


def undo(state: State, branch: int) -> list[Event]:
    """Takes back the last rewind, retraction, clearing or truncation; what was written since stays, at the end."""
    require_active(state)
    place = get_branch(state, branch)
    if not place.undoable:
        raise NothingToUndoError(state.session, repr(place.name))
    shown = before_last_change(state, branch)
    return [ChangeUndone(branch, place.undoable[-1], shown.ranges, shown.system)]


def share(state: State, branch: int, messages: Iterable[int]) -> list[Event]:
    """The branch shows messages of other branches too, at its end; those it shows already it shows once."""
    require_active(state)
    get_branch(state, branch)
    shown = set(positions(state.showing(branch).ranges, state.written))
    news: dict[int, MessageOrigin] = {}
    for message in messages:
        owner = state.owner(message)
        if owner is None:
            raise message_not_found(state.session, str(message))
        if message not in shown:
            news[message] = (owner, message, Origin.SHARED)
    return [MessagesShared(branch, from_positions(list(news.values()), state.written))] if news else []


def merge(
    state: State,
    source: int,
    into: int,
    *,
    since: int | None = None,
    strategy: Strategy = Strategy.APPEND,
) -> list[Event]:
    """Takes over into one branch what only the other shows, after it or between it by position."""
    require_active(state)
    target = get_branch(state, into)
    if get_branch(state, source) is target:
        raise InvalidBranchError(state.session, repr(target.name), "it is the source of the merge as well")
    if since is not None:
        position_in(state, since)
    ours = list(message_origins(state.showing(into).ranges, state.written))
    theirs = list(_missing_from(state, source, {position for _, position, _ in ours}, since))
    if not theirs:
        return []
    kept, rest = _combine(ours, theirs, strategy)
    ranges = from_positions(rest, state.written)
    return [BranchMerged(into, source, state.position, strategy.value, kept, ranges, since)]


def reorder(state: State, branch: int, order: Sequence[int]) -> list[Event]:
    """The branch shows its messages in another order; the system message stays in front, named or not."""
    require_active(state)
    place = get_branch(state, branch)
    system = state.showing(branch).system
    wanted = [position for position in order if position != system]
    shown = {position: (owner, position, origin) for owner, position, origin in _message_origins(state, branch)}
    if len(wanted) != len(shown) or set(wanted) != shown.keys():
        raise InvalidValueError(
            f"the order for branch {place.name!r} of session {state.session}",
            f"has {len(wanted)} messages; it must name each of the {len(shown)} messages of the branch once",
        )
    if wanted == list(shown):
        return []
    return [BranchReordered(branch, from_positions([shown[position] for position in wanted], state.written))]


def _combine(
    ours: list[MessageOrigin], theirs: list[MessageOrigin], strategy: Strategy
) -> tuple[int, list[MessageOrigin]]:
    """How many of ours stay in front, and what follows them."""
    if strategy is Strategy.APPEND:
        return len(ours), theirs
    earliest = min(position for _, position, _ in theirs)
    kept = sum(1 for _ in takewhile(lambda shown: shown[1] < earliest, ours))
    return kept, list(_by_position(ours[kept:], theirs))


def _by_position(one: list[MessageOrigin], other: list[MessageOrigin]) -> Iterator[MessageOrigin]:
    """Both lines as one: each keeps its order, the message recorded first goes first."""
    left, right = iter(one), iter(other)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[1] < b[1]):
            assert a is not None
            yield a
            a = next(left, None)
        else:
            yield b
            b = next(right, None)


def _missing_from(state: State, source: int, ours: set[int], since: int | None) -> Iterator[MessageOrigin]:
    for owner, position, _ in _message_origins(state, source):
        if position not in ours and (since is None or position > since):
            yield owner, position, Origin.MERGED


def _message_origins(state: State, branch: int) -> Iterator[MessageOrigin]:
    return message_origins(state.showing(branch).ranges, state.written)


def _count(state: State, branch: int) -> int:
    return sum(piece.count for piece in state.showing(branch).ranges)


def replace(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Clear the branch and add the messages, as to an empty one; a system message that was in front is removed."""
    events = clear(state, branch)
    if state.showing(branch).system is not None and not begins_with_system(messages):
        events.append(SystemSet(branch, None))
    return events + first_message_events(branch, messages)
