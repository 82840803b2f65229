"""Appends are folded before they are recorded: one that no state could take in is rejected, and nothing is written.

A session holds its state and decides on it, so what it records follows by construction. Here are checked the appends of
callers who have no state: those of `Store.append`, and those of the eventsourcing library.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ..domain.codec import stored_name
from ..domain.consistency import check_follows, fits_any_state, follow
from ..domain.errors import InvalidEventError, PositionConflictError, SessionNotFoundError
from ..domain.events import SessionStarted
from ..domain.expected_position import ANY, matches
from ..domain.inherited_history import inherit
from ..domain.state import State, Status
from .command_ids import is_recorded
from .retry import CONFLICT_ATTEMPTS
from .state_loader import StateSource, load_state
from .stored_event import AppendRequest, AppendResult, EncodedEvent, expectation_text

MOST_KNOWN = 10_000
"""Sessions of which is remembered how many branches they have."""


class FoldCheck:
    """Folds appends onto the states of one store, and remembers what never changes about them."""

    def __init__(self, recorder: StateSource) -> None:
        self._recorder = recorder
        self._branches: dict[str, tuple[int, int]] = {}
        """By session: when it was created, and how many branches it has at least."""

    def append(self, append: AppendRequest, record: Callable[[AppendRequest], AppendResult]) -> AppendResult:
        """Record an append that can be folded; where that depends on the state, on just this state."""
        for _ in range(CONFLICT_ATTEMPTS):
            known = self._branches.get(append.session)
            if known is not None and self._recorder.forgets and append.created is None and _is_free(append, known[1]):
                # The recorder compares the session with the one that is known, in the round trip of the append.
                try:
                    return record(replace(append, created=known[0]))
                except SessionNotFoundError:
                    self._branches.pop(append.session, None)
            (checked,) = self.fold_appends([append])
            try:
                return record(checked)
            except PositionConflictError as conflict:
                if append.expected is not ANY or checked is append:
                    raise
                lost = conflict
        raise lost

    def fold_appends(self, appends: Sequence[AppendRequest]) -> list[AppendRequest]:
        """The appends, each at the position that it was folded at; raises at the first that cannot be folded."""
        states: dict[str, State] = {}
        return [self._fold_append(append, states) for append in appends]

    def _fold_append(self, append: AppendRequest, states: dict[str, State]) -> AppendRequest:
        if not append.drafts or self._is_free(append, states) or is_recorded(self._recorder, append):
            return append
        state = states.get(append.session) or self._state(append)
        before = state.position
        if not matches(append.expected, before):
            raise PositionConflictError(append.session, expectation_text(append.expected), before)
        for each in append.drafts:
            state = self._after(state, append.time, each)
        states[append.session] = state
        self._remember(state)
        return replace(append, expected=before) if append.expected is ANY else append

    def _is_free(self, append: AppendRequest, states: dict[str, State]) -> bool:
        """Whether the events can be folded wherever the session is by now."""
        known = self._branches.get(append.session)
        if known is None or append.session in states or not _is_free(append, known[1]):
            return False
        return not self._recorder.forgets or self._creation_time(append.session) == known[0]

    def _state(self, append: AppendRequest) -> State:
        """The state that the events would be folded onto; a stream of the library that is no session has none."""
        entry = self._recorder.find_entry(append.session)
        if entry is None:
            return State(append.session, position=append.start - 1)
        if entry.status == Status.UNSTARTED.value:
            return State(append.session, position=entry.position, time=entry.time)
        return load_state(self._recorder, append.session)

    def _after(self, state: State, time: int, draft: EncodedEvent) -> State:
        position, event = state.position + 1, draft.event
        if event is None:
            if state.status is not Status.UNSTARTED:
                raise InvalidEventError(state.session, position, draft.name, "no event of a session has this name")
            state.position = position
            return state
        if isinstance(event, SessionStarted):
            if position != 1:
                raise InvalidEventError(state.session, position, draft.name, "a session starts at position 1")
            state = self._inherit(state, event)
        follow(state, position, max(time, state.time), event)
        return state

    def _inherit(self, state: State, event: SessionStarted) -> State:
        """The state that a session starts with, which is that of another one if it is forked from it."""
        origin, at = event.forked_from, event.forked_at
        if origin is None or at is None:
            return state
        digest = next((row.digest.hex() for row in self._recorder.read(origin, after=at - 1, until=at)), None)
        if digest is None or digest != event.forked_digest:
            reason = f"session {origin} has no position {at} with the digest that it names"
            raise InvalidEventError(state.session, 1, stored_name(event), reason)
        return inherit(load_state(self._recorder, origin, at), state.session, at)

    def _remember(self, state: State) -> None:
        if state.status is Status.UNSTARTED:
            return
        if len(self._branches) >= MOST_KNOWN:
            self._branches = {}
        self._branches[state.session] = state.created, len(state.branches)

    def _creation_time(self, session: str) -> int | None:
        entry = self._recorder.find_entry(session)
        return None if entry is None else entry.created


def _is_free(append: AppendRequest, branches: int) -> bool:
    """Whether the events can be folded onto every state of a session that is started and has so many branches."""
    for each in append.drafts:
        branch = getattr(each.event, "branch", None)
        if each.event is None or not fits_any_state(each.event):
            return False
        if branch is not None and not 0 <= branch < branches:
            return False
    return True


def check_decision(state: State, drafts: Sequence[EncodedEvent]) -> None:
    """Reject an event that contradicts the state it was decided on; later ones of a batch follow from the first."""
    if drafts and drafts[0].event is not None and state.position > 0:
        check_follows(state, drafts[0].event)
