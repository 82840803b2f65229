"""Which messages a branch shows: ranges over the session's stream, instead of lists of messages."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    Positions: TypeAlias = array[int]
else:
    Positions = array  # not subscriptable before Python 3.12


class Origin(StrEnum):
    """How a message came to be where it is shown."""

    AUTHORED = "authored"
    INHERITED = "inherited"
    CLONED = "cloned"
    SHARED = "shared"
    MERGED = "merged"
    LOADED = "loaded"
    MAILED = "mailed"


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive messages written on one branch, by the positions of the first and the last."""

    branch: int
    first: int
    last: int
    count: int
    origin: Origin = Origin.AUTHORED


Ranges: TypeAlias = tuple[Range, ...]

MessageOrigin: TypeAlias = tuple[int, int, Origin]
"""A message where it is shown: the branch it was written on, its position, how it came there."""

Written: TypeAlias = Mapping[int, Positions]
"""The positions of the messages written on each branch, ascending; may go on beyond the position in question."""


def length(ranges: Ranges) -> int:
    """How many messages the ranges hold."""
    return sum(piece.count for piece in ranges)


def between(written: Written, branch: int, after: int, until: int, origin: Origin = Origin.AUTHORED) -> Ranges:
    """The messages written on a branch after one position and up to another: one range, or none."""
    positions = written.get(branch, _NONE)
    start, stop = bisect_right(positions, after), bisect_right(positions, until)
    if start >= stop:
        return ()
    return (Range(branch, positions[start], positions[stop - 1], stop - start, origin),)


def join(one: Ranges, other: Ranges, written: Written) -> Ranges:
    """One after the other; where both meet on one branch without a gap they become one range."""
    if not one or not other:
        return one or other
    left, right = one[-1], other[0]
    if left.branch != right.branch or left.origin is not right.origin or left.last >= right.first:
        return one + other
    positions = written[left.branch]
    if bisect_right(positions, left.last) != bisect_left(positions, right.first):
        return one + other
    meeting = Range(left.branch, left.first, right.last, left.count + right.count, left.origin)
    return (*one[:-1], meeting, *other[1:])


def take_first(ranges: Ranges, count: int, written: Written) -> Ranges:
    """The first `count` messages."""
    kept: list[Range] = []
    for piece in ranges:
        if count <= 0:
            break
        kept.append(piece if piece.count <= count else _head(piece, count, written))
        count -= piece.count
    return tuple(kept)


def take_last(ranges: Ranges, count: int, written: Written) -> Ranges:
    """The last `count` messages."""
    kept: list[Range] = []
    for piece in reversed(ranges):
        if count <= 0:
            break
        kept.append(piece if piece.count <= count else _tail(piece, count, written))
        count -= piece.count
    return tuple(reversed(kept))


def remove(ranges: Ranges, removed: Sequence[int], written: Written) -> Ranges:
    """All messages but those at these positions."""
    gone = sorted(removed)
    left: list[Range] = []
    seam = False  # whether something was taken out in front, so that two ranges may have come to meet
    for piece in ranges:
        place = bisect_left(gone, piece.first)
        touched = place < len(gone) and gone[place] <= piece.last
        if not touched and not seam:
            left.append(piece)
            continue
        for kept in _pieces(piece, gone[place : bisect_right(gone, piece.last)], written) if touched else (piece,):
            left[-1:] = join(tuple(left[-1:]), (kept,), written)
        seam = touched
    return tuple(left)


def index_of(ranges: Ranges, position: int, written: Written) -> int | None:
    """Which of the ranges holds the message at this position."""
    for index, piece in enumerate(ranges):
        if piece.first <= position <= piece.last and is_written(written, piece.branch, position):
            return index
    return None


def is_written(written: Written, branch: int, position: int) -> bool:
    """Whether a message was written on the branch at this position."""
    positions = written.get(branch, _NONE)
    place = bisect_left(positions, position)
    return place < len(positions) and positions[place] == position


def positions(ranges: Iterable[Range], written: Written) -> Iterator[int]:
    """The positions of the messages, in the order shown."""
    for piece in ranges:
        start = bisect_left(written[piece.branch], piece.first)
        yield from written[piece.branch][start : start + piece.count]


def from_positions(order: Iterable[MessageOrigin], written: Written) -> Ranges:
    """The ranges that show messages, each given as (branch, position, origin), in this order."""
    ranges: list[Range] = []
    for branch, position, origin in order:
        piece = Range(branch, position, position, 1, origin)
        ranges[-1:] = join(tuple(ranges[-1:]), (piece,), written)
    return tuple(ranges)


def message_origins(ranges: Ranges, written: Written) -> Iterator[MessageOrigin]:
    """Each message as (branch, position, origin), in the order shown."""
    for piece in ranges:
        for position in positions((piece,), written):
            yield piece.branch, position, piece.origin


def with_origin(ranges: Ranges, origin: Origin) -> Ranges:
    """The same messages, come to a branch in this way."""
    return tuple(piece if piece.origin is origin else _rebase(piece, origin) for piece in ranges)


def same_messages(one: Ranges, other: Ranges, written: Written) -> bool:
    """Whether both show the same messages in the same order, however they came there."""
    return _ignoring_origin(one, written) == _ignoring_origin(other, written)


_NONE: Positions = array("q")


def _rebase(piece: Range, origin: Origin) -> Range:
    return Range(piece.branch, piece.first, piece.last, piece.count, origin)


def _pieces(piece: Range, gone: Iterable[int], written: Written) -> Iterator[Range]:
    """What is left of a range without some positions."""
    after = piece.first - 1
    for position in gone:
        if is_written(written, piece.branch, position):
            yield from between(written, piece.branch, after, position - 1, piece.origin)
            after = position
    if after < piece.first:
        yield piece
    else:
        yield from between(written, piece.branch, after, piece.last, piece.origin)


def _head(piece: Range, count: int, written: Written) -> Range:
    positions = written[piece.branch]
    start = bisect_left(positions, piece.first)
    return Range(piece.branch, piece.first, positions[start + count - 1], count, piece.origin)


def _tail(piece: Range, count: int, written: Written) -> Range:
    positions = written[piece.branch]
    stop = bisect_right(positions, piece.last)
    return Range(piece.branch, positions[stop - count], piece.last, count, piece.origin)


def _ignoring_origin(ranges: Ranges, written: Written) -> Ranges:
    """The ranges without their origins, and so without the seams between origins."""
    pieces: list[Range] = []
    for piece in with_origin(ranges, Origin.AUTHORED):
        pieces[-1:] = join(tuple(pieces[-1:]), (piece,), written)
    return tuple(pieces)
