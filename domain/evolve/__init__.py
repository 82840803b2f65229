"""Folding events into state: each event is applied by the handler of its type."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, TypeAlias

from .. import events as e
from .. import mail_state
from ..codec import stored_name
from ..errors import UnreadableEventError
from ..state import BranchState, State
from . import branch, mail, message, session, work

Placed: TypeAlias = tuple[int, int, e.Event]
"""An event with its position and its time."""


def fold(placed: Iterable[Placed], state: State) -> State:
    """The state after these events; the state given stays as it is."""
    after = fork_state(state)
    for position, time, event in placed:
        evolve(after, position, time, event)
    return after


def evolve(state: State, position: int, time: int, event: e.Event) -> None:
    """Takes one event into a state that belongs to the caller; one that cannot be taken in is not passed over."""
    before = state.position, state.time
    state.position = position
    state.time = time
    try:
        _EVOLVE[type(event)](state, event)
    except (LookupError, ValueError) as reason:
        state.position, state.time = before
        name = stored_name(event)
        raise UnreadableEventError(
            state.session, position, name, f"it does not follow from those before it: {reason!r}"
        ) from reason


def place_message(state: State, position: int, time: int, branch: int) -> None:
    """What `evolve` does with a message, which needs none of its words."""
    if branch not in state.written:
        raise UnreadableEventError(
            state.session, position, "message.appended", f"there is no branch {branch} before it"
        )
    places = state.written[branch]
    if not places or places[-1] < position:
        places.append(position)
    state.position, state.time = position, time  # last: who is interrupted before takes the message again


def fork_state(state: State) -> State:
    """A state of one's own, equal to the one given."""
    own = copy(state)
    own.metadata, own.values = dict(state.metadata), dict(state.values)
    own.branches = [_copy_branch(each) for each in state.branches]
    own.names, own.ids = dict(state.names), dict(state.ids)
    own.written = {number: array("q", places) for number, places in state.written.items()}
    own.ancestors, own.forks = list(state.ancestors), set(state.forks)
    own.redacted, own.models = set(state.redacted), dict(state.models)
    own.participants, own.post = dict(state.participants), mail_state.copy(state.post)
    own.tools = {tool: list(branches) for tool, branches in state.tools.items()}
    own.operations = dict(state.operations)
    return own


def _copy_branch(source: BranchState) -> BranchState:
    own = copy(source)
    own.showings, own.undoable = list(source.showings), list(source.undoable)
    own.retracted = list(source.retracted)
    return own


def _ignore(state: State, event: e.Event) -> None:
    """No decision depends on the event."""


_EVOLVE: Mapping[type[e.Event], Callable[[State, Any], None]] = MappingProxyType(
    {
        **session.HANDLERS,
        **branch.HANDLERS,
        **message.HANDLERS,
        **mail.HANDLERS,
        **work.HANDLERS,
        e.ModelCalled: _ignore,
        e.AccessDenied: _ignore,
        e.LogRecorded: _ignore,
    }
)
