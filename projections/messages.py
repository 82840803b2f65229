"""The messages a branch shows: a lazy sequence that reads what is asked for and nothing else."""

from array import array
from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Protocol, overload

from msgspec.structs import replace

from ..domain.content import SystemContent
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.message import Message
from ..domain.ranges import (
    Origin,
    Range,
    Ranges,
    Shown,
    Written,
    first,
    from_positions,
    last,
    length,
    positions,
    spread,
)
from ..domain.record import RecordedEvent, moment
from ..domain.state import Showing

SYSTEM = -1
"""Stands for a branch number in the range that shows a system message, which is written on no line of messages."""


class Reader(Protocol):
    """What it takes to read the messages of one session."""

    session: str

    def id_of(self, position: int) -> str:
        """The id of the message at a position."""
        ...

    def local_position(self, event: RecordedEvent) -> int:
        """The position that an event of a session that this one goes on from has in this one."""
        ...

    def read_event(self, position: int) -> RecordedEvent:
        """The event at a position."""
        ...

    def read_messages(self, branch: int, first: int, last: int, *, backwards: bool = False) -> Iterator[RecordedEvent]:
        """The messages written on a branch between two positions, both included."""
        ...


class Messages(Sequence[Message]):
    """The messages that a branch showed at one moment; what is recorded later does not change them."""

    def __init__(self, reader: Reader, ranges: Ranges, written: Written) -> None:
        self._reader = reader
        self._ranges = ranges
        self._written = written

    def __len__(self) -> int:
        return length(self._ranges)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> "Messages": ...
    def __getitem__(self, index: int | slice) -> "Message | Messages":
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return self._slice(chosen)
        (message,) = self._slice(range(chosen, chosen + 1))
        return message

    def __iter__(self) -> Iterator[Message]:
        for piece in self._ranges:
            yield from self._read(piece)

    def __reversed__(self) -> Iterator[Message]:
        for piece in reversed(self._ranges):
            yield from self._read(piece, backwards=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Messages) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(tuple(self.ids))

    def __repr__(self) -> str:
        return f"<{len(self)} messages of session {self._reader.session}>"

    @property
    def positions(self) -> list[int]:
        """The positions of the messages, without reading them."""
        return list(positions(self._ranges, self._written))

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, without reading them."""
        return [self._reader.id_of(position) for position in self.positions]

    def last(self, count: int) -> "Messages":
        """The last messages, as many as there are up to `count`."""
        return self._of(last(self._ranges, count, self._written))

    def without_loaded(self) -> "Messages":
        """Those that were not loaded from elsewhere; all are read to find out."""
        loaded = {message.position for message in self if message.origin is Origin.LOADED}
        return self._of(
            from_positions(
                [each for each in spread(self._ranges, self._written) if each[1] not in loaded], self._written
            )
        )

    def _slice(self, chosen: range) -> "Messages":
        if chosen.step == 1:
            ahead = first(self._ranges, chosen.stop, self._written)
            return self._of(last(ahead, len(chosen), self._written))
        order = list(spread(self._ranges, self._written))
        return self._of(from_positions([order[place] for place in chosen], self._written))

    def _of(self, ranges: Ranges) -> "Messages":
        return Messages(self._reader, ranges, self._written)

    def _read(self, piece: Range, backwards: bool = False) -> Iterator[Message]:
        if piece.branch == SYSTEM:
            for position in positions((piece,), self._written):
                yield self._message(self._reader.read_event(position), Origin.AUTHORED)
            return
        for event in self._reader.read_messages(piece.branch, piece.first, piece.last, backwards=backwards):
            yield self._message(event, piece.origin)

    def _message(self, event: RecordedEvent, origin: Origin) -> Message:
        message = recorded_message(event, origin)
        if event.session == self._reader.session:
            return message
        position = self._reader.local_position(event)
        return replace(message, session=self._reader.session, position=position, recorded_as=message.id)


def shown_messages(reader: Reader, showing: Showing, written: Written) -> Messages:
    """The messages of a showing, the system message first."""
    if showing.system is None:
        return Messages(reader, showing.ranges, written)
    system = Range(SYSTEM, showing.system, showing.system, 1)
    places: Written = ChainMap({SYSTEM: array("q", [showing.system])}, written)  # type: ignore[arg-type]  # only read
    return Messages(reader, (system, *showing.ranges), places)


def all_shown(reader: Reader, showings: Iterable[Showing], written: Written, leave_out: Set[Origin]) -> Messages:
    """The messages of several showings, each once, in the order they were recorded.

    A message is left out if it came to all places where it is shown in one of the ways given.
    """
    chosen: dict[int, Shown] = {}
    systems = set()
    for showing in showings:
        if showing.system is not None:
            systems.add(showing.system)
            chosen[showing.system] = (SYSTEM, showing.system, Origin.AUTHORED)
        for shown in spread(showing.ranges, written):
            if shown[2] not in leave_out:
                chosen.setdefault(shown[1], shown)
    places: Written = ChainMap({SYSTEM: array("q", sorted(systems))}, written)  # type: ignore[arg-type]  # only read
    return Messages(reader, from_positions([chosen[position] for position in sorted(chosen)], places), places)


def message_of(session: str, position: int, time: int, event: Event, origin: Origin = Origin.AUTHORED) -> Message:
    """The message that an event put on the record; `origin` is how it came to where it is read."""
    at = moment(time)
    match event:
        case MessageAppended(branch, content, sender, recipient, metadata, written, lineage):
            origin = written if origin is Origin.AUTHORED else origin
            return Message(content, sender, recipient, metadata, session, position, branch, at, origin, lineage=lineage)
        case SystemSet(branch, SystemContent() as system, sender, metadata, lineage):
            return Message(system, sender, None, metadata, session, position, branch, at, origin, lineage=lineage)
        case _:
            raise TypeError(f"a {type(event).__name__} is no message")


def recorded_message(recorded: RecordedEvent, origin: Origin = Origin.AUTHORED) -> Message:
    """The message that a recorded event is."""
    return message_of(recorded.session, recorded.position, recorded.time, recorded.event, origin)
