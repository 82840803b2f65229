"""Reading a session whose beginning was recorded by others: each position from where it is recorded."""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from ..domain.errors.base import message_not_found
from ..domain.inherited_history import local_position, segments
from ..domain.recorded_event import RecordedEvent
from ..domain.state import State
from ..projections.message_pages import Body, StoredBodies
from .async_methods import in_threads
from .stored_event import LAST, Row, to_recorded_event

R = TypeVar("R")


class EventSource(Protocol):
    """The part of a recorder that a session is read from."""

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        """Return the rows of a session after one position and up to another, included."""

    def read_bodies(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[list[Body]]:
        """Return the messages written on a branch between two positions, both included."""

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        """Return what is recorded at these positions, which ascend."""

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        """Return the rows of a session that are not messages."""


def read_structure(
    source: EventSource, session: str, names: Collection[str], *, after: int = 0, until: int = LAST
) -> Iterator[RecordedEvent]:
    """Return the events that a session recorded itself under one of the stored names; none of these is a message's."""
    rows = source.read_structure(session, after=after, until=until)
    return (to_recorded_event(row) for row in rows if row.name in names)


class SessionReader:
    """Reads events by the positions of one session, those inherited included."""

    def __init__(self, source: EventSource, state: State) -> None:
        self.session = state.session
        self.user = state.user
        self.names = [branch.name for branch in state.branches]
        self.branch_ids = [branch.id for branch in state.branches]
        self._source = source
        self._ancestors = tuple(state.ancestors)

    def id_of(self, position: int) -> str:
        """The id of the message at a position."""
        ((session, ahead, first, _),) = segments(self.session, self._ancestors, position, position)
        return f"{session}/{first + ahead}"

    def position_of(self, message_id: str | None) -> int:
        """The position that a message, which another session may have recorded, has in this session."""
        if message_id is None:
            raise message_not_found(self.session, "that has not been added")
        session, _, number = message_id.rpartition("/")
        here = State(self.session, ancestors=list(self._ancestors))
        position = local_position(here, session, int(number))
        if position is None:
            raise message_not_found(self.session, message_id)
        return position

    def time_at(self, position: int) -> int:
        """When the event at a position was recorded."""
        return self.read_event(position).time

    def read_event(self, position: int) -> RecordedEvent:
        """The event at a position."""
        ((session, ahead, first, last),) = segments(self.session, self._ancestors, position, position)
        (row,) = self._source.read(session, after=first + ahead - 1, until=last + ahead)
        return to_recorded_event(row)

    def read(self, after: int, until: int, *, backwards: bool = False) -> Iterator[RecordedEvent]:
        """The events after one position and up to another, included, wherever they are recorded."""
        places = segments(self.session, self._ancestors, after + 1, until)
        for session, ahead, start, stop in reversed(places) if backwards else places:
            rows = self._source.read(session, after=start + ahead - 1, until=stop + ahead, backwards=backwards)
            yield from map(to_recorded_event, rows)

    def read_placed(self, after: int, until: int) -> Iterator[tuple[int, RecordedEvent]]:
        """The events after one position and up to another, included, each with the position it has here."""
        for session, ahead, start, stop in segments(self.session, self._ancestors, after + 1, until):
            for row in self._source.read(session, after=start + ahead - 1, until=stop + ahead):
                yield row.position - ahead, to_recorded_event(row)

    def read_structure(self, after: int, until: int, names: Collection[str]) -> Iterator[RecordedEvent]:
        """The events that have one of the stored names, none of them that of messages; wherever they are recorded."""
        for session, ahead, start, stop in segments(self.session, self._ancestors, after + 1, until):
            yield from read_structure(self._source, session, names, after=start + ahead - 1, until=stop + ahead)

    def read_bodies(self, branch: int, first: int, last: int, *, backwards: bool = False) -> Iterator[StoredBodies]:
        """The messages written on a branch between two positions, both included, as they are stored."""
        places = segments(self.session, self._ancestors, first, last)
        for session, ahead, start, stop in reversed(places) if backwards else places:
            for page in self._source.read_bodies(session, branch, start + ahead, stop + ahead, backwards=backwards):
                yield StoredBodies(session, ahead, page)

    def read_bodies_at(self, positions: Sequence[int]) -> Iterator[StoredBodies]:
        """What is recorded at these positions, which ascend, as it is stored."""
        for session, ahead, start, stop in segments(self.session, self._ancestors, positions[0], positions[-1]):
            here = positions[bisect_left(positions, start) : bisect_right(positions, stop)]
            if here:
                yield StoredBodies(
                    session, ahead, self._source.read_bodies_at(session, [place + ahead for place in here])
                )

    def in_threads(self, items: Iterable[R]) -> AsyncIterator[R]:
        """The items, fetched in another thread some at a time, so that the event loop goes on meanwhile."""
        return in_threads(items)
