"""States out of a recorder: folded from all that is no message, and the positions of the messages."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from ..domain.errors import SessionNotFoundError
from ..domain.errors.base import position_not_found
from ..domain.evolve import evolve, place_message
from ..domain.inherited_history import inherit
from ..domain.ranges import Positions, Written
from ..domain.state import State, Status
from ..domain.validation import is_valid_name
from ..projections.catalogue import CatalogueEntry
from .stored_event import EVENT_REDACTED, MESSAGE_APPENDED, AppendResult, Row, event_of


class StateSource(Protocol):
    """What states are read from: a recorder."""

    @property
    def forgets(self) -> bool:
        """Whether sessions may vanish, and their ids begin anew."""

    def read(self, session: str, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """The rows of a session after one position and up to another."""

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        """The rows of a session that are no messages."""

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        """The positions of the messages written on each branch."""

    def find_entry(self, session: str) -> CatalogueEntry | None:
        """What the catalogue knows of a session."""

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        """What a command recorded when it first came."""


class _Lifetime(NamedTuple):
    """A session of a lineage, and the position up to which it counts."""

    entry: CatalogueEntry
    until: int


def load_state(recorder: StateSource, session: str, at: int | None = None, written: Written | None = None) -> State:
    """The state of a session at a position, or now, without any message being read.

    A position before 1 is one of a session that it goes on from. Whoever holds the positions of the messages already,
    up to `at` or beyond, spares the store the reading.
    """
    lineage = _lineage(recorder, session, at)
    root, *forks = reversed(lineage)
    state = State(root.entry.session)
    _take(recorder, state, root.until, None if forks else written)
    for entry, until in forks:
        source = state
        state = inherit(source, entry.session, entry.forked_at or 0)
        if until >= 1:
            _take(recorder, state, until, None)
        else:  # before the fork, the session was the one that it goes on from
            state.status, state.name, state.created = source.status, source.name, source.created
    return state


def missing_forks(recorder: StateSource, state: State) -> set[str]:
    """The forks of a session that are not in the store, or were deleted there."""
    entries = {fork: recorder.find_entry(fork) for fork in state.forks}
    return {fork for fork, entry in entries.items() if entry is None or entry.status == Status.DELETED}


def catch_up_state(recorder: StateSource, state: State) -> None:
    """Takes into a state what has been recorded since."""
    rows: Iterable[Row] = recorder.read(state.session, after=max(state.position, 0))
    if recorder.forgets and state.position > 0:
        rows = list(rows)
        entry = recorder.find_entry(state.session)  # after the rows: if it is the same one now, all of them are its
        if entry is None or entry.created != state.created:  # gone, or begun anew under the same id by somebody else
            raise SessionNotFoundError(state.session)
    for row in rows:
        if row.name == EVENT_REDACTED:
            _fold_again(recorder, state)
            return
        if row.name == MESSAGE_APPENDED and row.branch is not None:
            place_message(state, row.position, row.time, row.branch)
        else:
            evolve(state, row.position, row.time, event_of(row))


def _fold_again(recorder: StateSource, state: State) -> None:
    """Replace all of a state, which still has content that was redacted since it was folded."""
    fresh = load_state(recorder, state.session)
    for field in State.__struct_fields__:
        setattr(state, field, getattr(fresh, field))


def _lineage(recorder: StateSource, session: str, at: int | None) -> list[_Lifetime]:
    """The session and those it goes on from, each up to the position that matters."""
    entry = _entry(recorder, session)
    lineage = [_Lifetime(entry, entry.position if at is None else at)]
    while entry.forked_from is not None and entry.forked_at is not None:
        point = entry.forked_at + min(lineage[-1].until, 0)
        entry = _entry(recorder, entry.forked_from)
        lineage.append(_Lifetime(entry, point))
    wanted, last = lineage[0].until, lineage[0].entry.position
    if wanted > last or lineage[-1].until < 1:
        ahead = sum(life.entry.forked_at or 0 for life in lineage)
        raise position_not_found(session, wanted, 1 - ahead, last)
    return lineage


def _entry(recorder: StateSource, session: str) -> CatalogueEntry:
    entry = recorder.find_entry(session) if is_valid_name(session) else None
    if entry is None:
        raise SessionNotFoundError(session)
    return entry


def _take(recorder: StateSource, state: State, until: int, written: Written | None) -> None:
    """Folds a session's own events up to a position into the state it starts with."""
    places = recorder.read_written(state.session, until=until) if written is None else written
    for branch, own in places.items():
        inherited = state.written.get(branch)
        state.written[branch] = own if inherited is None else inherited + own
    for row in recorder.read_structure(state.session, until=until):
        evolve(state, row.position, row.time, event_of(row))
    if state.position < until:
        (row,) = recorder.read(state.session, after=until - 1, until=until)
        state.position, state.time = until, row.time
