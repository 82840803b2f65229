"""What several branches show, each message once and in the order recorded, without taking long ranges to pieces."""

from collections.abc import Iterable, Iterator, Sequence

from ..domain.ranges import MessageOrigin, Range, Ranges, Written, between, from_positions, join, message_origins


def merge_in_recorded_order(pieces: Iterable[Range], written: Written) -> Ranges:
    """The messages of all the ranges, in the order of their positions; one that is in several is taken from the first.

    Where only one of the ranges goes on, it is taken whole. Message by message is gone only where several do.
    """
    ranges: list[Range] = []
    for found in _runs(_drop_covered(pieces), written):
        ranges[-1:] = join(tuple(ranges[-1:]), found[:1], written)
        ranges += found[1:]
    return tuple(ranges)


def _drop_covered(pieces: Iterable[Range]) -> list[Range]:
    """The ranges without those that lie in the longest before them; most forks show what their parent does."""
    kept: list[Range] = []
    longest: dict[int, Range] = {}
    for piece in pieces:
        cover = longest.get(piece.branch)
        if cover is None or piece.first < cover.first or cover.last < piece.last:
            kept.append(piece)
            if cover is None or cover.count < piece.count:
                longest[piece.branch] = piece
    return kept


def _runs(pieces: Sequence[Range], written: Written) -> Iterator[Ranges]:
    """The ranges between places where one of them begins or ends: one alone, or several that have to be sorted."""
    edges: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        edges.setdefault(piece.first, []).append(number)
        edges.setdefault(piece.last + 1, []).append(number)
    going: set[int] = set()
    crowd: set[int] = set()
    since = 0
    for place in sorted(edges):
        if going and not crowd:
            (alone,) = (pieces[number] for number in going)
            yield between(written, alone.branch, since - 1, place - 1, alone.origin)
        going.symmetric_difference_update(edges[place])
        if len(going) < 2:
            yield _sort([pieces[number] for number in sorted(crowd)], since, place - 1, written)
            crowd, since = set(), place
        elif crowd:
            crowd.update(edges[place])
        else:
            crowd, since = set(going), place


def _sort(pieces: Sequence[Range], start: int, stop: int, written: Written) -> Ranges:
    """The messages of several ranges between two positions."""
    chosen: dict[int, MessageOrigin] = {}
    for piece in pieces:
        first, last = max(piece.first, start), min(piece.last, stop)
        for shown in message_origins(between(written, piece.branch, first - 1, last, piece.origin), written):
            chosen.setdefault(shown[1], shown)
    return from_positions([chosen[position] for position in sorted(chosen)], written)
