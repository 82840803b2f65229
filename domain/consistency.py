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
from .errors import InvalidEventError, UnreadableEventError
from .evolve import evolve
from .evolve.visibility import before_last_change
from .ranges import Range, Ranges, positions, same_messages, take_first
from .redaction import is_reserved, reserved_name
from .state import State, Status


def follow(state: State, position: int, time: int, event: e.Event) -> None:
    """Apply an event that is about to be recorded to a state that belongs to the caller, or reject it."""
    check_follows(state, event)
    try:
        evolve(state, position, time, event)
    except UnreadableEventError as reason:
        raise InvalidEventError(state.session, position, stored_name(event), reason.reason) from reason


def check_follows(state: State, event: e.Event) -> None:
    """Reject an event that contradicts the state before it."""
    reason = _fault(state, event)
    if reason is not None:
        raise InvalidEventError(state.session, state.position + 1, stored_name(event), reason)


def fits_any_state(event: e.Event) -> bool:
    """Whether every session that is started and has the branch of the event can take it, one that was deleted too."""
    match event:
        case e.MessageAppended():
            return event.mail is None
        case e.SessionRenamed():
            return event.key is None
        case _:
            return isinstance(event, NOTHING_DEPENDS_ON)


def _fault(state: State, event: e.Event) -> str | None:
    started = state.status is not Status.UNSTARTED
    if isinstance(event, e.SessionStarted):
        return "the session has been started before" if started else _fault_of_start(state, event)
    if not started:
        return "the session has not been started"
    if isinstance(event, e.MessageAppended):
        if event.branch not in state.written:
            return _no_branch(event.branch)
        return _fault_of_position(state, event.mail)
    if state.status is Status.DELETED and not isinstance(event, AFTER_THE_END) and not fits_any_state(event):
        return "the session was deleted"
    if not isinstance(event, e.BranchCreated):
        branch = getattr(event, "branch", None)
        if branch is not None and not 0 <= branch < len(state.branches):
            return _no_branch(branch)
        removed = branch is not None and state.branches[branch].removed_at is not None
        if removed and isinstance(event, OF_LIVE_BRANCHES):
            return f"branch {branch} was removed"
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


def _fault_of_restoring(state: State, event: e.SessionRestored) -> str | None:
    return None if state.status is Status.ARCHIVED else f"the session is {state.status}, not archived"


def _fault_of_sharing(state: State, event: e.MessagesShared) -> str | None:
    return _fault_of_additions(state, state.showing(event.branch).ranges, event.ranges)


def _fault_of_order(state: State, event: e.BranchReordered) -> str | None:
    return _fault_of_additions(state, (), event.ranges)  # a copied session begins with an order of its own


def _fault_of_rewind(state: State, event: e.BranchRewound) -> str | None:
    return _fault_of_position(state, event.to)


def _fault_of_merge(state: State, event: e.BranchMerged) -> str | None:
    if not 0 <= event.source < len(state.branches):
        return _no_branch(event.source)
    shown = sum(piece.count for piece in state.showing(event.branch).ranges)
    if event.keep_first > shown:
        return f"it keeps {event.keep_first} messages, and the branch shows {shown}"
    kept = take_first(state.showing(event.branch).ranges, event.keep_first, state.written)
    return _fault_of_position(state, event.at) or _fault_of_additions(state, kept, event.ranges)


def _fault_of_undo(state: State, event: e.ChangeUndone) -> str | None:
    branch = state.branches[event.branch]
    if event.undone not in branch.undoable[-1:]:
        return f"the last change of the branch that can be undone is not at position {event.undone}"
    reason = _fault_among(state, event.ranges)
    expected = before_last_change(state, event.branch)
    if reason is None and not (
        event.system == expected.system and same_messages(event.ranges, expected.ranges, state.written)
    ):
        return f"it does not show what the branch showed before position {event.undone}"
    return reason


def _fault_of_retraction(state: State, event: e.MessageRetracted) -> str | None:
    return None if state.owner(event.message) is not None else f"there is no message at position {event.message}"


def _fault_of_redaction(state: State, event: e.MessageRedacted) -> str | None:
    if state.owner(event.message) is None and not state.is_system_message(event.message):
        return f"there is no message at position {event.message}"
    return _fault_of_redacted(state, event.message)


def _fault_of_event_redaction(state: State, event: e.EventRedacted) -> str | None:
    if state.owner(event.event) is not None or state.is_system_message(event.event):
        return f"there is a message at position {event.event}, which only message.redacted redacts"
    return _fault_of_redacted(state, event.event)


def _fault_of_redacted(state: State, position: int) -> str | None:
    if position < 1:
        return f"position {position} was recorded by another session"
    return None if position <= state.position else f"there is no event at position {position} before it"


def _fault_of_mail(state: State, event: e.MailSent) -> str | None:
    return None if event.sender in state.owners else f"its sender {event.sender!r} does not take part in the session"


def _fault_of_operation(state: State, event: e.OperationStarted) -> str | None:
    return f"operation {event.operation!r} is open already" if event.operation in state.operations else None


def _fault_of_position(state: State, position: int | None) -> str | None:
    if position is None or state.first <= position <= state.position:
        return None
    return f"it refers to position {position}: expected one from {state.first} to {state.position}"


def _fault_of_fork(state: State, event: e.SessionForked) -> str | None:
    return _fault_of_position(state, event.at)


def _fault_of_additions(state: State, shown: Ranges, added: Ranges) -> str | None:
    """What is wrong with messages that are added to those that a branch shows: each is shown once."""
    if sum(piece.count for piece in added) > sum(map(len, state.written.values())):
        return "it shows a message twice"
    reason = _fault_among(state, added)
    if reason is not None:
        return reason
    news = list(positions(added, state.written))
    twice = len(set(news)) != len(news) or not set(news).isdisjoint(positions(shown, state.written))
    return "it shows a message twice" if twice else None


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


def _no_branch(number: int) -> str:
    return f"there is no branch {number} before it"


AFTER_THE_END = (e.EventRedacted, e.MessageRedacted, e.ForkEnded)
"""Events that a deleted session takes, besides those that fit any state."""

NOTHING_DEPENDS_ON = (e.MetadataUpdated, e.StateSet, e.ModelCalled, e.AccessDenied, e.LogRecorded)
"""Events that no later event depends on, and that depend on none but the start and their branch."""

OF_LIVE_BRANCHES = (
    *(e.BranchRenamed, e.BranchRemoved, e.DefaultBranchChanged, e.AccessChanged, e.SystemSet, e.MessagesShared),
    *(e.BranchRewound, e.BranchTruncated, e.BranchCleared, e.BranchMerged, e.BranchReordered, e.ChangeUndone),
    e.MessageRetracted,
)
"""Events that name a branch that has not been removed."""

_CHECKS: Mapping[type[e.Event], Callable[[State, Any], str | None]] = MappingProxyType(
    {
        e.SessionForked: _fault_of_fork,
        e.SessionRestored: _fault_of_restoring,
        e.BranchCreated: _fault_of_branch,
        e.BranchRenamed: _fault_of_rename,
        e.MessagesShared: _fault_of_sharing,
        e.BranchRewound: _fault_of_rewind,
        e.BranchMerged: _fault_of_merge,
        e.BranchReordered: _fault_of_order,
        e.ChangeUndone: _fault_of_undo,
        e.MessageRetracted: _fault_of_retraction,
        e.MessageRedacted: _fault_of_redaction,
        e.EventRedacted: _fault_of_event_redaction,
        e.MailSent: _fault_of_mail,
        e.OperationStarted: _fault_of_operation,
    }
)
