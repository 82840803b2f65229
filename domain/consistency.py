"""Whether an event follows from the state before it: an event that does not is never recorded. Pure.

`evolve` applies events that were recorded and checks only what it needs. What enters the record is checked here as
well, so that no later event, and no reader, meets a branch, message or range that does not exist.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from . import events as e
from .codec import stored_name
from .evolve import evolve
from .ranges import Range, Ranges
from .redaction import is_reserved, reserved_name
from .state import State, Status
from .store_errors import InvalidEventError, UnreadableEvent


def follow(state: State, position: int, time: int, event: e.Event) -> None:
    """Apply an event that is about to be recorded to a state that belongs to the caller, or reject it."""
    check_follows(state, event)
    try:
        evolve(state, position, time, event)
    except UnreadableEvent as reason:
        raise InvalidEventError(state.session, position, stored_name(event), reason.reason) from reason


def check_follows(state: State, event: e.Event) -> None:
    """Reject an event that contradicts the state before it."""
    reason = _fault(state, event)
    if reason is not None:
        raise InvalidEventError(state.session, state.position + 1, stored_name(event), reason)


def _fault(state: State, event: e.Event) -> str | None:
    started = state.status is not Status.UNSTARTED
    if isinstance(event, e.SessionStarted):
        return "the session has been started before" if started else _fault_of_start(state, event)
    if not started:
        return "the session has not been started"
    if isinstance(event, e.MessageAppended):
        return None if event.branch in state.written else _no_branch(event.branch)
    if not isinstance(event, e.BranchCreated):
        branch = getattr(event, "branch", None)
        if branch is not None and not 0 <= branch < len(state.branches):
            return _no_branch(branch)
    check = _CHECKS.get(type(event))
    return None if check is None else check(state, event)


def _fault_of_start(state: State, event: e.SessionStarted) -> str | None:
    if (event.forked_from is None) != (event.forked_at is None):
        return "it names a session that it is forked from, or a position there, without the other"
    if event.forked_from is None:
        return "it has inherited messages, and is not forked from a session" if event.inherited_messages else None
    if not state.ancestors or (state.ancestors[0].session, state.ancestors[0].ahead) != (
        event.forked_from,
        event.forked_at,
    ):
        return f"session {event.forked_from} has no position {event.forked_at}"
    inherited = state.messages_until(state.position)
    if event.inherited_messages != inherited:
        return f"it has {event.inherited_messages} inherited messages: expected {inherited}"
    return None


def _fault_of_branch(state: State, event: e.BranchCreated) -> str | None:
    if event.branch != len(state.branches):
        return f"it has the number {event.branch}: expected {len(state.branches)}, the next one"
    if event.id in state.ids:
        return f"another branch has the id {event.id!r}"
    if event.name in state.names:
        return f"another branch has the name {event.name!r}"
    if is_reserved(event.name) and event.name != reserved_name(event.branch):
        return f"the name {event.name!r} is reserved for a redacted branch"
    if (event.parent is None) != (event.at is None):
        return "it names a parent, or a position of it, without the other"
    if event.parent is None:
        return None
    if not 0 <= event.parent < len(state.branches):
        return f"its parent is {event.parent}, and there is no such branch before it"
    return _fault_of_position(state, event.at)


def _fault_of_rename(state: State, event: e.BranchRenamed) -> str | None:
    if is_reserved(event.name) and event.name != reserved_name(event.branch):
        return f"the name {event.name!r} is reserved for a redacted branch"
    holder = state.names.get(event.name)
    return f"another branch has the name {event.name!r}" if holder not in (None, event.branch) else None


def _fault_of_ranges(state: State, event: e.MessagesShared | e.BranchReordered) -> str | None:
    return _fault_among(state, event.ranges)


def _fault_of_rewind(state: State, event: e.BranchRewound) -> str | None:
    return _fault_of_position(state, event.to)


def _fault_of_merge(state: State, event: e.BranchMerged) -> str | None:
    if not 0 <= event.source < len(state.branches):
        return _no_branch(event.source)
    shown = sum(piece.count for piece in state.showing(event.branch).ranges)
    if event.keep_first > shown:
        return f"it keeps {event.keep_first} messages, and the branch shows {shown}"
    return _fault_of_position(state, event.at) or _fault_among(state, event.ranges)


def _fault_of_undo(state: State, event: e.ChangeUndone) -> str | None:
    if event.undone not in state.branches[event.branch].undoable:
        return f"no change of the branch at position {event.undone} can be undone"
    if event.system is not None and not _is_system(state, event.system):
        return f"there is no system message at position {event.system}"
    return _fault_among(state, event.ranges)


def _fault_of_retraction(state: State, event: e.MessageRetracted) -> str | None:
    return None if state.owner(event.message) is not None else f"there is no message at position {event.message}"


def _fault_of_redaction(state: State, event: e.MessageRedacted) -> str | None:
    if state.owner(event.message) is None and not _is_system(state, event.message):
        return f"there is no message at position {event.message}"
    return None if event.message >= 1 else f"position {event.message} was recorded by another session"


def _fault_of_event_redaction(state: State, event: e.EventRedacted) -> str | None:
    return None if 1 <= event.event <= state.position else f"there is no event at position {event.event} before it"


def _fault_of_position(state: State, position: int | None) -> str | None:
    if position is None or state.first <= position <= state.position:
        return None
    return f"it refers to position {position}: expected one from {state.first} to {state.position}"


def _fault_of_fork(state: State, event: e.SessionForked) -> str | None:
    return _fault_of_position(state, event.at)


def _fault_among(state: State, ranges: Ranges) -> str | None:
    return next((reason for piece in ranges if (reason := _fault_of_range(state, piece)) is not None), None)


def _fault_of_range(state: State, piece: Range) -> str | None:
    places = state.written.get(piece.branch)
    if places is None:
        return _no_branch(piece.branch)
    start, stop = bisect_left(places, piece.first), bisect_right(places, piece.last)
    ends = start < stop and places[start] == piece.first and places[stop - 1] == piece.last
    if not ends or stop - start != piece.count:
        there = f"from position {piece.first} to {piece.last} of branch {piece.branch}"
        return f"it shows {piece.count} messages {there}, and they are not there"
    return None


def _is_system(state: State, position: int) -> bool:
    return any(showing.system == position for branch in state.branches for showing in branch.showings)


def _no_branch(number: int) -> str:
    return f"there is no branch {number} before it"


_CHECKS: Mapping[type[e.Event], Callable[[State, Any], str | None]] = MappingProxyType(
    {
        e.SessionForked: _fault_of_fork,
        e.BranchCreated: _fault_of_branch,
        e.BranchRenamed: _fault_of_rename,
        e.MessagesShared: _fault_of_ranges,
        e.BranchRewound: _fault_of_rewind,
        e.BranchMerged: _fault_of_merge,
        e.BranchReordered: _fault_of_ranges,
        e.ChangeUndone: _fault_of_undo,
        e.MessageRetracted: _fault_of_retraction,
        e.MessageRedacted: _fault_of_redaction,
        e.EventRedacted: _fault_of_event_redaction,
    }
)
