"""Several branches in the order recorded: as a sort message by message would have it, with long ranges left whole."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from turnlog.domain.ranges import Origin, Range, Ranges, Written, between, from_positions, message_origins
from turnlog.projections.message_order import merge_in_recorded_order

MOST = 30
ORIGINS = [Origin.AUTHORED, Origin.INHERITED, Origin.MERGED]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Written, list[Range]]:
    """Where messages were written on three branches, and some ranges of them."""
    owners = draw(st.lists(st.integers(0, 2), min_size=1, max_size=MOST))
    written = {branch: array("q", [at for at, owner in enumerate(owners, 1) if owner == branch]) for branch in range(3)}
    asked = draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, MOST), st.integers(0, MOST), st.sampled_from(ORIGINS)),
            max_size=8,
        )
    )
    pieces: list[Range] = []
    for branch, after, until, origin in asked:
        pieces += between(written, branch, after, until, origin)
    return written, pieces


def sorted_one_by_one(pieces: list[Range], written: Written) -> Ranges:
    chosen: dict[int, tuple[int, int, Origin]] = {}
    for shown in message_origins(tuple(pieces), written):
        chosen.setdefault(shown[1], shown)
    return from_positions([chosen[position] for position in sorted(chosen)], written)


@given(histories())
def test_ranges_come_in_the_order_recorded_each_message_once(history: tuple[Written, list[Range]]) -> None:
    written, pieces = history

    assert merge_in_recorded_order(pieces, written) == sorted_one_by_one(pieces, written)


def test_a_long_range_is_taken_whole_where_no_other_goes_on() -> None:
    written: Written = {0: array("q", [*range(1, 10_001), 10_003, 10_005]), 1: array("q", [10_002, 10_004])}
    main = Range(0, 1, 10_005, 10_002)
    fork = [Range(0, 1, 9_000, 9_000, Origin.INHERITED), Range(1, 10_002, 10_004, 2)]

    assert merge_in_recorded_order([main, *fork], written) == (
        Range(0, 1, 10_000, 10_000),
        Range(1, 10_002, 10_002, 1),
        Range(0, 10_003, 10_003, 1),
        Range(1, 10_004, 10_004, 1),
        Range(0, 10_005, 10_005, 1),
    )
