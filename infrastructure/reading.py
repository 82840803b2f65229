"""Reading a session whose beginning was recorded by others: each position from where it is recorded."""

from collections.abc import Iterator

from ..domain.inheritance import stretches
from ..domain.record import RecordedEvent
from ..domain.state import State
from .store import Store


class SessionReader:
    """Reads events by the positions of one session, those inherited included."""

    def __init__(self, store: Store, state: State) -> None:
        self.session = state.session
        self._store = store
        self._ancestors = tuple(state.ancestors)

    def id_of(self, position: int) -> str:
        """The id of the message at a position."""
        ((session, ahead, first, _),) = stretches(self.session, self._ancestors, position, position)
        return f"{session}/{first + ahead}"

    def local_position(self, event: RecordedEvent) -> int:
        """The position that an event of a session that this one goes on from has in this one."""
        ahead = {ancestor.session: ancestor.ahead for ancestor in self._ancestors}
        return event.position - ahead.get(event.session, 0)

    def read_event(self, position: int) -> RecordedEvent:
        """The event at a position."""
        ((session, ahead, first, last),) = stretches(self.session, self._ancestors, position, position)
        (event,) = self._store.read(session, after=first + ahead - 1, until=last + ahead)
        return event

    def read(self, after: int, until: int, *, backwards: bool = False) -> Iterator[RecordedEvent]:
        """The events after one position and up to another, included, wherever they are recorded."""
        places = stretches(self.session, self._ancestors, after + 1, until)
        for session, ahead, start, stop in reversed(places) if backwards else places:
            yield from self._store.read(session, after=start + ahead - 1, until=stop + ahead, backwards=backwards)

    def read_messages(self, branch: int, first: int, last: int, *, backwards: bool = False) -> Iterator[RecordedEvent]:
        """The messages written on a branch between two positions, both included."""
        places = stretches(self.session, self._ancestors, first, last)
        for session, ahead, start, stop in reversed(places) if backwards else places:
            yield from self._store.read_messages(session, branch, start + ahead, stop + ahead, backwards=backwards)
