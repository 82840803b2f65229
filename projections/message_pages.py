"""The stored messages behind ranges, a page at a time: a long range in reads of its own, many short ones in one."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from ..domain.ranges import Origin, Range, Ranges, Written, positions

R = TypeVar("R")

SYSTEM = -1
"""Stands for a branch number in the range that shows a system message, which is written on no line of messages."""

MAX_SCATTERED = 1000
"""Messages of short ranges that are read in one go."""

LONG_RANGE = 200
"""Messages from which on a range is read by itself."""

Body: TypeAlias = tuple[int, int, bytes | None, int, str | None, str | None]
"""A stored message: position, time, payload (None if it was erased), global position, actor and correlation id."""


FeedBody: TypeAlias = tuple[str, int, int, int, str, int | None, bytes | None, str | None, str | None]
"""An event as a frame of messages needs it: session, position, global position, time, name, branch, payload, actor and
correlation id."""


class StoredBodies(NamedTuple):
    """Messages as one session recorded them; its positions are `ahead` of those of the session that is read."""

    session: str
    ahead: int
    bodies: Sequence[Body]


class MessagePage(NamedTuple):
    """Messages of one range, or some of it, as one session recorded them."""

    session: str
    ahead: int
    bodies: Sequence[Body]
    branch: int
    origin: Origin


class MessageReader(Protocol):
    """What it takes to read the messages of one session."""

    session: str
    user: str | None

    @property
    def names(self) -> Sequence[str]:
        """The names of its branches, by their numbers."""
        ...

    @property
    def branch_ids(self) -> Sequence[str]:
        """The ids of its branches, by their numbers."""
        ...

    def id_of(self, position: int) -> str:
        """The id of the message at a position."""
        ...

    def position_of(self, message_id: str | None) -> int:
        """The position that a message, which another session may have recorded, has in this session."""
        ...

    def time_at(self, position: int) -> int:
        """When the event at a position was recorded."""
        ...

    def read_bodies(self, branch: int, first: int, last: int, *, backwards: bool = False) -> Iterator[StoredBodies]:
        """The messages written on a branch between two positions, both included."""
        ...

    def read_bodies_at(self, positions: Sequence[int]) -> Iterator[StoredBodies]:
        """What is recorded at these positions, which ascend."""
        ...

    def in_threads(self, items: Iterable[R]) -> AsyncIterator[R]:
        """The items, fetched in another thread some at a time."""
        ...


def pages(reader: MessageReader, ranges: Ranges, written: Written, *, backwards: bool = False) -> Iterator[MessagePage]:
    """The messages of the ranges in the order shown, or the other way round."""
    for group in _groups(reversed(ranges) if backwards else ranges):
        if len(group) == 1 and group[0].branch != SYSTEM:
            yield from _range(reader, group[0], backwards)
        else:
            yield from _read_scattered(reader, group, written, backwards)


def _groups(ranges: Iterable[Range]) -> Iterator[list[Range]]:
    """The ranges, each long one alone, short ones that follow each other together."""
    group: list[Range] = []
    count = 0
    for piece in ranges:
        if group and (count >= MAX_SCATTERED or piece.count >= LONG_RANGE):
            yield group
            group, count = [], 0
        group.append(piece)
        count += piece.count
        if piece.count >= LONG_RANGE:
            yield group
            group, count = [], 0
    if group:
        yield group


def _range(reader: MessageReader, piece: Range, backwards: bool) -> Iterator[MessagePage]:
    for found in reader.read_bodies(piece.branch, piece.first, piece.last, backwards=backwards):
        yield MessagePage(*found, piece.branch, piece.origin)


def _read_scattered(
    reader: MessageReader, group: Sequence[Range], written: Written, backwards: bool
) -> Iterator[MessagePage]:
    found = {
        body[0] - ahead: (session, ahead, body)
        for session, ahead, bodies in reader.read_bodies_at(sorted(set(positions(group, written))))
        for body in bodies
    }
    for piece in group:
        places = list(positions((piece,), written))
        here = [found[place] for place in (reversed(places) if backwards else places) if place in found]
        for (session, ahead), same in groupby(here, key=_recorder):
            yield MessagePage(session, ahead, [body for _, _, body in same], piece.branch, piece.origin)


def _recorder(found: tuple[str, int, Body]) -> tuple[str, int]:
    return found[:2]
