"""What may happen to what a branch shows: rewind, truncate, clear, share, merge, reorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import history, message
from turnlog.domain.decisions.history import Strategy
from turnlog.domain.errors import (
    BranchNotFoundError,
    InvalidBranchError,
    InvalidValueError,
    ItemNotFoundError,
    NothingToUndoError,
)
from turnlog.domain.events import (
    BranchCleared,
    BranchCreated,
    BranchMerged,
    BranchRemoved,
    BranchReordered,
    BranchRewound,
    BranchTruncated,
    ChangeUndone,
    Event,
    MessageAppended,
    MessageRetracted,
    MessagesShared,
    SessionStarted,
    SystemSet,
)
from turnlog.domain.ranges import Origin, Range

if TYPE_CHECKING:
    from tests.unit.conftest import Given

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
OTHER = BranchCreated(1, "id-other", "other")
TERSE = SystemSet(0, SystemContent(system_message="be terse"))


def said(branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction="hello"))


def forked(number: int, parent: int, at: int) -> Event:
    return BranchCreated(number, f"id-{number}", f"fork-{number}", parent=parent, at=at)


THREE = (STARTED, MAIN, said(), said(), said())
"""A branch `main` that shows the messages 3, 4 and 5."""


# --- Rewind -----------------------------------------------------------------------------------------------


def test_a_rewound_branch_shows_what_it_showed_then_and_goes_on_from_there(given: Given) -> None:
    after = given(*THREE).when(history.rewind, 0, 4).then_once(BranchRewound(0, 4))

    assert after.shows(0) == [3, 4]
    assert after.shows(0, at=5) == [3, 4, 5]
    assert given(*after.events, said()).shows(0) == [3, 4, 7]


def test_a_rewind_brings_back_what_was_cleared_and_the_system_message_of_then(given: Given) -> None:
    before = given(STARTED, MAIN, TERSE, said(), BranchCleared(0), SystemSet(0, None), said())

    after = before.when(history.rewind, 0, 4).then_once(BranchRewound(0, 4))
    assert after.shows(0) == [4]
    assert after.system(0) == 3


def test_a_rewind_of_a_system_message_alone_is_a_change(given: Given) -> None:
    after = given(STARTED, MAIN, said(), TERSE).when(history.rewind, 0, 3).then_once(BranchRewound(0, 3))

    assert after.system(0) is None


def test_a_rewind_can_be_rewound(given: Given) -> None:
    after = given(*THREE, BranchRewound(0, 3)).when(history.rewind, 0, 5).then_once(BranchRewound(0, 5))

    assert after.shows(0) == [3, 4, 5]


@pytest.mark.parametrize("to", [5, 6])
def test_a_rewind_to_what_is_shown_already_changes_nothing(given: Given, to: int) -> None:
    given(*THREE, OTHER).when(history.rewind, 0, to).nothing()


def test_messages_that_came_another_way_are_the_same_messages(given: Given) -> None:
    before = given(*THREE, BranchCleared(0), MessagesShared(0, (Range(0, 3, 5, 3, Origin.SHARED),)))

    assert before.origins(0) == ["shared", "shared", "shared"]
    before.when(history.rewind, 0, 5).nothing()


@pytest.mark.parametrize("to", [-1, 0, 6])
def test_a_rewind_to_an_unknown_position_is_refused(given: Given, to: int) -> None:
    given(*THREE).when(history.rewind, 0, to).refused(ItemNotFoundError, f"position {to} does not exist", "from 1 to 5")


def test_a_rewind_to_before_the_branch_existed_is_refused(given: Given) -> None:
    given(*THREE, OTHER).when(history.rewind, 1, 5).refused(BranchNotFoundError, "'other'", "position 6")


def test_a_fork_can_be_rewound_to_before_it_was_created(given: Given) -> None:
    before = given(*THREE, forked(1, 0, at=4), said(1), forked(2, 1, at=7), said(2))

    after = before.when(history.rewind, 2, 3).then_once(BranchRewound(2, 3))
    assert after.shows(2) == [3]
    assert after.origins(2) == ["inherited"]
    assert before.when(history.rewind, 2, 5).then_once(BranchRewound(2, 5)).shows(2) == [3, 4]
    before.when(history.rewind, 2, 1).refused(BranchNotFoundError, "'fork-2'")


def test_a_removed_branch_cannot_be_rewound(given: Given) -> None:
    before = given(*THREE, OTHER, BranchRemoved(0))

    before.when(history.rewind, 0, 3).refused(BranchNotFoundError, "'main'", "removed at")


# --- Truncate, clear --------------------------------------------------------------------------------------


def test_a_truncated_branch_shows_its_last_messages_and_its_system_message(given: Given) -> None:
    before = given(*THREE, TERSE)

    after = before.when(history.truncate, 0, 2).then_once(BranchTruncated(0, 2))
    assert after.shows(0) == [4, 5]
    assert after.system(0) == 6


def test_a_system_message_that_is_not_kept_counts_as_the_first_message(given: Given) -> None:
    before = given(*THREE, TERSE)

    after = before.when(history.truncate, 0, 2, keep_system=False).then(BranchTruncated(0, 2), SystemSet(0, None))
    assert (after.shows(0), after.system(0)) == ([4, 5], None)
    after = before.when(history.truncate, 0, 3, keep_system=False).then(SystemSet(0, None))
    assert (after.shows(0), after.system(0)) == ([3, 4, 5], None)
    before.when(history.truncate, 0, 4, keep_system=False).nothing()
    given(*THREE).when(history.truncate, 0, 2, keep_system=False).then(BranchTruncated(0, 2))


def test_truncating_inside_inherited_history_leaves_the_parent_as_it_is(given: Given) -> None:
    before = given(*THREE, forked(1, 0, at=5), said(1), said(0))

    after = before.when(history.truncate, 1, 2).then_once(BranchTruncated(1, 2))
    assert after.shows(1) == [5, 7]
    assert after.origins(1) == ["inherited", "authored"]
    assert after.shows(0) == [3, 4, 5, 8]


@pytest.mark.parametrize("keep_last", [3, 4])
def test_a_branch_that_is_short_enough_is_not_truncated(given: Given, keep_last: int) -> None:
    given(*THREE, TERSE).when(history.truncate, 0, keep_last).nothing()


def test_truncating_to_less_than_nothing_is_refused(given: Given) -> None:
    given(*THREE).when(history.truncate, 0, -1).refused(InvalidValueError, "keep_last is -1", "0 or more")
    given(*THREE).when(history.truncate, 0, True).refused(InvalidValueError, "keep_last is True")


def test_truncating_to_a_part_of_a_message_is_refused(given: Given) -> None:
    given(*THREE).when(history.truncate, 0, 1.5).refused(InvalidValueError, "keep_last is 1.5")


def test_a_cleared_branch_shows_its_system_message_alone(given: Given) -> None:
    after = given(*THREE, TERSE).when(history.clear, 0).then_once(BranchCleared(0))

    assert after.shows(0) == []
    assert after.system(0) == 6
    assert after.shows(0, at=6) == [3, 4, 5]
    assert given(*after.events, said()).shows(0) == [8]


def test_an_empty_branch_needs_no_clearing(given: Given) -> None:
    given(STARTED, MAIN, TERSE).when(history.clear, 0).nothing()


# --- Undo -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [BranchRewound(0, 3), BranchTruncated(0, 1), BranchCleared(0), MessageRetracted(0, 4)]
)
def test_the_last_change_can_be_undone_and_what_came_since_stays_at_the_end(given: Given, change: Event) -> None:
    before = given(*THREE, change, said())

    after = before.when(history.undo, 0).then(ChangeUndone(0, 6, (Range(0, 3, 7, 4),)))
    assert after.shows(0) == [3, 4, 5, 7]
    after.when(history.undo, 0).refused(NothingToUndoError, "'main'", "nothing to undo")


def test_changes_are_undone_the_last_one_first(given: Given) -> None:
    before = given(*THREE, MessageRetracted(0, 4), said(), BranchCleared(0), said())

    once = before.when(history.undo, 0).then(ChangeUndone(0, 8, (Range(0, 3, 3, 1), Range(0, 5, 9, 3))))
    assert once.shows(0) == [3, 5, 7, 9]
    twice = once.when(history.undo, 0).then(ChangeUndone(0, 6, (Range(0, 3, 9, 5),)))
    assert twice.shows(0) == [3, 4, 5, 7, 9]
    twice.when(history.undo, 0).refused(NothingToUndoError)


def test_a_change_after_an_undone_one_is_undone_first(given: Given) -> None:
    before = given(*THREE, BranchTruncated(0, 2), MessageRetracted(0, 5), ChangeUndone(0, 7, (Range(0, 4, 5, 2),)))

    again = given(*before.events, BranchCleared(0)).when(history.undo, 0)
    after = again.then(ChangeUndone(0, 9, (Range(0, 4, 5, 2),)))
    after.when(history.undo, 0).then(ChangeUndone(0, 6, (Range(0, 3, 5, 3),)))


def test_undoing_a_rewind_brings_back_the_system_message_unless_there_is_a_newer_one(given: Given) -> None:
    before = given(STARTED, MAIN, said(), TERSE, BranchRewound(0, 3))

    assert before.when(history.undo, 0).then(ChangeUndone(0, 5, (Range(0, 3, 3, 1),), 4)).system(0) == 4
    newer = given(*before.events, TERSE)
    assert newer.when(history.undo, 0).then(ChangeUndone(0, 5, (Range(0, 3, 3, 1),), 6)).system(0) == 6


def test_what_is_shown_another_way_since_is_shown_once_after_an_undo(given: Given) -> None:
    shared = MessagesShared(0, (Range(0, 4, 4, 1, Origin.SHARED), Range(1, 7, 7, 1, Origin.SHARED)))
    before = given(*THREE, OTHER, said(1), BranchCleared(0), shared)

    after = before.when(history.undo, 0).then(ChangeUndone(0, 8, (Range(0, 3, 5, 3), Range(1, 7, 7, 1, Origin.SHARED))))
    assert after.shows(0) == [3, 4, 5, 7]


def test_a_branch_that_lost_nothing_has_nothing_to_undo(given: Given) -> None:
    before = given(*THREE, forked(1, 0, at=5), BranchCleared(0), MessagesShared(1, (Range(0, 5, 5, 1),)))

    before.when(history.undo, 1).refused(NothingToUndoError, "'fork-1'", "nothing to undo", "a rewind")


# --- Share ------------------------------------------------------------------------------------------------


def test_a_shared_message_is_shown_at_the_end_of_another_branch_too(given: Given) -> None:
    before = given(*THREE, OTHER, said(1))

    after = before.when(history.share, 1, [4]).then_once(MessagesShared(1, (Range(0, 4, 4, 1, Origin.SHARED),)))
    assert after.shows(1) == [7, 4]
    assert after.origins(1) == ["authored", "shared"]
    assert after.shows(0) == [3, 4, 5]


def test_messages_are_shared_in_the_order_given_each_once(given: Given) -> None:
    ranges = (Range(0, 5, 5, 1, Origin.SHARED), Range(0, 3, 4, 2, Origin.SHARED))

    after = given(*THREE, OTHER).when(history.share, 1, (5, 3, 4, 5, 3)).then_once(MessagesShared(1, ranges))
    assert after.shows(1) == [5, 3, 4]


def test_neighbours_on_their_branch_are_shared_as_one_range(given: Given) -> None:
    before = given(STARTED, MAIN, OTHER, said(0), said(1), said(0), said(1))

    before.when(history.share, 1, [4, 6]).then_once(MessagesShared(1, (Range(0, 4, 6, 2, Origin.SHARED),)))


def test_messages_that_the_branch_shows_are_not_shared_again(given: Given) -> None:
    before = given(*THREE, forked(1, 0, at=4))

    before.when(history.share, 1, [3, 4]).nothing()
    before.when(history.share, 1, [3, 5]).then_once(MessagesShared(1, (Range(0, 5, 5, 1, Origin.SHARED),)))
    before.when(history.share, 1, []).nothing()


def test_a_retracted_message_can_be_shared_with_its_own_branch(given: Given) -> None:
    before = given(*THREE, MessageRetracted(0, 3))

    after = before.when(history.share, 0, [3]).then_once(MessagesShared(0, (Range(0, 3, 3, 1, Origin.SHARED),)))
    assert after.shows(0) == [4, 5, 3]


def test_messages_of_a_removed_branch_can_be_shared(given: Given) -> None:
    before = given(*THREE, OTHER, BranchRemoved(0))

    after = before.when(history.share, 1, [3]).then_once(MessagesShared(1, (Range(0, 3, 3, 1, Origin.SHARED),)))
    assert after.shows(1) == [3]


@pytest.mark.parametrize("unknown", [-3, 0, 2, 6, 99])
def test_sharing_what_is_no_message_is_refused(given: Given, unknown: int) -> None:
    given(*THREE, OTHER).when(history.share, 1, [3, unknown]).refused(ItemNotFoundError, "session s", str(unknown))


# --- Merge ------------------------------------------------------------------------------------------------


FORKED = (*THREE, forked(1, 0, at=4), said(1), said(0), said(1), said(0))
"""`main` shows 3 4 5 8 10, its fork 3 4 7 9."""


def test_a_merge_appends_what_only_the_other_branch_shows(given: Given) -> None:
    ranges = (Range(1, 7, 9, 2, Origin.MERGED),)

    after = given(*FORKED).when(history.merge, 1, 0).then_once(BranchMerged(0, 1, 10, "append", 5, ranges))
    assert after.shows(0) == [3, 4, 5, 8, 10, 7, 9]
    assert after.origins(0) == [*["authored"] * 5, "merged", "merged"]
    assert after.shows(1) == [3, 4, 7, 9]


def test_a_merge_can_interleave_by_position(given: Given) -> None:
    ranges = (
        Range(1, 7, 7, 1, Origin.MERGED),
        Range(0, 8, 8, 1),
        Range(1, 9, 9, 1, Origin.MERGED),
        Range(0, 10, 10, 1),
    )

    before = given(*FORKED)
    after = before.when(history.merge, 1, 0, strategy=Strategy.INTERLEAVE).then_once(
        BranchMerged(0, 1, 10, "interleave", 3, ranges)
    )
    assert after.shows(0) == [3, 4, 5, 7, 8, 9, 10]
    assert after.origins(0) == ["authored", "authored", "authored", "merged", "authored", "merged", "authored"]
    assert given(*after.events, said()).shows(0) == [3, 4, 5, 7, 8, 9, 10, 12]


def test_interleaving_keeps_the_order_of_each_branch(given: Given) -> None:
    reordered = BranchReordered(0, (Range(0, 6, 6, 1), Range(0, 4, 4, 1)))
    before = given(STARTED, MAIN, OTHER, said(0), said(1), said(0), said(1), reordered)

    after = before.when(history.merge, 0, 1, strategy=Strategy.INTERLEAVE).then_once(
        BranchMerged(
            1,
            0,
            8,
            "interleave",
            0,
            (
                Range(1, 5, 5, 1),
                Range(0, 6, 6, 1, Origin.MERGED),
                Range(0, 4, 4, 1, Origin.MERGED),
                Range(1, 7, 7, 1),
            ),
        )
    )
    assert after.shows(1) == [5, 6, 4, 7]


def test_a_merge_can_take_over_what_came_since_a_position_only(given: Given) -> None:
    ranges = (Range(1, 9, 9, 1, Origin.MERGED),)

    after = given(*FORKED).when(history.merge, 1, 0, since=7).then_once(BranchMerged(0, 1, 10, "append", 5, ranges, 7))
    assert after.shows(0) == [3, 4, 5, 8, 10, 9]


def test_a_merge_of_a_branch_with_nothing_new_changes_nothing(given: Given) -> None:
    given(*THREE, forked(1, 0, at=4)).when(history.merge, 1, 0).nothing()
    given(*FORKED).when(history.merge, 1, 0, since=9).nothing()


def test_a_merge_into_an_empty_branch_takes_everything(given: Given) -> None:
    ranges = (Range(0, 3, 5, 3, Origin.MERGED),)

    after = given(*THREE, OTHER).when(history.merge, 0, 1).then_once(BranchMerged(1, 0, 6, "append", 0, ranges))
    assert after.shows(1) == [3, 4, 5]


def test_a_merge_leaves_the_system_message_as_it_is(given: Given) -> None:
    before = given(*FORKED, SystemSet(1, SystemContent(system_message="be polite")), TERSE)

    after = before.when(history.merge, 1, 0).then_once(
        BranchMerged(0, 1, 12, "append", 5, (Range(1, 7, 9, 2, Origin.MERGED),))
    )
    assert after.system(0) == 12


def test_two_branches_can_be_merged_into_each_other(given: Given) -> None:
    there = BranchMerged(0, 1, 10, "append", 5, (Range(1, 7, 9, 2, Origin.MERGED),))

    ranges = (Range(0, 5, 10, 3, Origin.MERGED),)
    after = given(*FORKED, there).when(history.merge, 0, 1).then_once(BranchMerged(1, 0, 11, "append", 4, ranges))
    assert after.shows(1) == [3, 4, 7, 9, 5, 8, 10]


def test_a_branch_cannot_be_merged_into_itself(given: Given) -> None:
    given(*THREE).when(history.merge, 0, 0).refused(InvalidBranchError, "'main'", "the source of the merge")


@pytest.mark.parametrize(("name", "strategy"), [("append", Strategy.APPEND), ("interleave", Strategy.INTERLEAVE)])
def test_a_strategy_goes_by_its_name(name: str, strategy: Strategy) -> None:
    assert history.parse_strategy(name) is strategy


@pytest.mark.parametrize("name", ["", "APPEND", "rebase"])
def test_an_unknown_strategy_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"a strategy cannot be '{name}': expected append or interleave"):
        history.parse_strategy(name)


@pytest.mark.parametrize("since", [-1, 0, 11])
def test_a_merge_since_an_unknown_position_is_refused(given: Given, since: int) -> None:
    given(*FORKED).when(history.merge, 1, 0, since=since).refused(ItemNotFoundError, f"position {since} does not exist")


def test_a_merge_needs_two_branches_that_are_there(given: Given) -> None:
    before = given(*FORKED, BranchRemoved(1))

    before.when(history.merge, 1, 0).refused(BranchNotFoundError, "'fork-1'")
    before.when(history.merge, 0, 1).refused(BranchNotFoundError, "'fork-1'")
    before.when(history.merge, 7, 0).refused(BranchNotFoundError, "7")
    before.when(history.merge, 0, 7).refused(BranchNotFoundError, "7")


# --- Reorder ----------------------------------------------------------------------------------------------


def test_a_reordered_branch_shows_the_same_messages_in_another_order(given: Given) -> None:
    before = given(*THREE, TERSE)

    after = before.when(history.reorder, 0, [5, 3, 4]).then_once(
        BranchReordered(0, (Range(0, 5, 5, 1), Range(0, 3, 4, 2)))
    )
    assert after.shows(0) == [5, 3, 4]
    assert after.system(0) == 6
    assert after.shows(0, at=6) == [3, 4, 5]


def test_messages_that_are_reordered_keep_how_they_came(given: Given) -> None:
    before = given(*THREE, forked(1, 0, at=4), said(1))

    after = before.when(history.reorder, 1, (7, 4, 3)).then_once(
        BranchReordered(
            1,
            (Range(1, 7, 7, 1), Range(0, 4, 4, 1, Origin.INHERITED), Range(0, 3, 3, 1, Origin.INHERITED)),
        )
    )
    assert after.origins(1) == ["authored", "inherited", "inherited"]


def test_an_order_that_is_so_already_changes_nothing(given: Given) -> None:
    given(*THREE).when(history.reorder, 0, [3, 4, 5]).nothing()
    given(STARTED, MAIN).when(history.reorder, 0, []).nothing()


@pytest.mark.parametrize("order", [[5, 3, 4], [6, 5, 3, 4], [5, 3, 6, 4]])
def test_the_system_message_stays_in_front_whether_an_order_names_it_or_not(given: Given, order: list[int]) -> None:
    after = given(*THREE, TERSE).when(history.reorder, 0, order)

    assert after.then_once(BranchReordered(0, (Range(0, 5, 5, 1), Range(0, 3, 4, 2)))).system(0) == 6


@pytest.mark.parametrize("order", [[], [3, 4], [3, 4, 5, 5], [3, 3, 4], [3, 4, 6], [3, 4, 5, 6]])
def test_an_order_that_is_not_of_the_messages_shown_is_refused(given: Given, order: list[int]) -> None:
    given(*THREE).when(history.reorder, 0, order).refused(
        InvalidValueError, "'main'", f"has {len(order)} messages", "each of the 3 messages of the branch once"
    )


# --- All of them together ---------------------------------------------------------------------------------


def test_what_was_shown_at_each_position_stays_readable(given: Given) -> None:
    after = given(
        *THREE,
        BranchTruncated(0, 2),
        said(),
        BranchReordered(0, (Range(0, 7, 7, 1), Range(0, 4, 5, 2))),
        MessageRetracted(0, 4),
        BranchCleared(0),
        BranchRewound(0, 7),
    )

    assert [after.shows(0, at=position) for position in range(2, 12)] == [
        [],
        [3],
        [3, 4],
        [3, 4, 5],
        [4, 5],
        [4, 5, 7],
        [7, 4, 5],
        [7, 5],
        [],
        [4, 5, 7],
    ]


def test_a_branch_that_shows_nothing_new_can_be_cleared_and_filled_again(given: Given) -> None:
    before = given(*THREE, BranchCleared(0))

    before.when(history.share, 0, [3, 4, 5]).then_once(MessagesShared(0, (Range(0, 3, 5, 3, Origin.SHARED),)))
    before.when(message.retract, 0, 4).nothing()
