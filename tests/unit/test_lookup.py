"""A branch is found by name, id or number, a position if the session has it; what is not there is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.branch_lookup import branch_at, find_branch, get_branch, position_in
from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import BranchNotFoundError, InvalidValueError, ItemNotFoundError
from turnlog.domain.events import (
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    MessageAppended,
    SessionStarted,
)
from turnlog.domain.expected_position import ANY, NO_STREAM, Expected, ExpectedConstant, check_expected, matches
from turnlog.domain.state import State

if TYPE_CHECKING:
    from tests.unit.conftest import Given

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
OTHER = BranchCreated(1, "id-other", "other")


def found(state: State, reference: str | int) -> int | None:
    branch = find_branch(state, reference)
    return None if branch is None else branch.number


@pytest.mark.parametrize("reference", ["other", "id-other", 1])
def test_a_branch_is_found_by_name_id_and_number(given: Given, reference: str | int) -> None:
    state = given(STARTED, MAIN, OTHER).state

    assert found(state, reference) == 1
    assert get_branch(state, reference).number == 1


@pytest.mark.parametrize("reference", ["Other", "", "2", 2, -1, "id"])
def test_a_branch_that_is_not_there_is_not_found(given: Given, reference: str | int) -> None:
    state = given(STARTED, MAIN, OTHER).state

    assert found(state, reference) is None
    with pytest.raises(BranchNotFoundError, match="does not exist in session s"):
        get_branch(state, reference)
    with pytest.raises(BranchNotFoundError, match="does not exist in session s"):
        branch_at(state, reference, 2)


@pytest.mark.parametrize("reference", ["other", "id-other", 1])
def test_a_removed_branch_is_found_and_named_in_the_refusal(given: Given, reference: str | int) -> None:
    state = given(STARTED, MAIN, OTHER, BranchRemoved(1)).state

    assert found(state, reference) == 1
    with pytest.raises(BranchNotFoundError, match="branch 'other' of session s was removed at position 4"):
        get_branch(state, reference)


@pytest.mark.parametrize("reference", ["other", "id-other", 1])
def test_a_branch_is_found_where_it_was_there(given: Given, reference: str | int) -> None:
    hello = MessageAppended(1, InstructionContent(instruction="hello"))
    state = given(STARTED, MAIN, OTHER, hello, BranchRemoved(1)).state

    assert [branch_at(state, reference, at).number for at in (3, 4)] == [1, 1]
    with pytest.raises(BranchNotFoundError, match="was created later, at position 3"):
        branch_at(state, reference, 2)
    with pytest.raises(BranchNotFoundError, match="was removed at position 5"):
        branch_at(state, reference, 5)


def test_a_name_that_was_given_again_means_the_branch_that_has_it(given: Given) -> None:
    again = BranchCreated(2, "id-again", "other")
    state = given(STARTED, MAIN, OTHER, BranchRemoved(1), again).state

    assert [found(state, "other"), found(state, "id-other"), found(state, 1)] == [2, 1, 1]
    removed_again = given(STARTED, MAIN, OTHER, BranchRemoved(1), again, BranchRemoved(2)).state
    assert found(removed_again, "other") == 2


def test_the_old_name_of_a_branch_means_nothing(given: Given) -> None:
    state = given(STARTED, MAIN, OTHER, BranchRenamed(1, "plan")).state

    assert [found(state, "other"), found(state, "plan")] == [None, 1]


@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_position_of_the_session_is_taken(given: Given, position: int) -> None:
    assert position_in(given(STARTED, MAIN, OTHER).state, position) == position


@pytest.mark.parametrize("position", [-1, 0, 4])
def test_a_position_that_the_session_has_not_is_refused(given: Given, position: int) -> None:
    with pytest.raises(
        ItemNotFoundError, match=f"position {position} does not exist in session s; expected one from 1 to 3"
    ):
        position_in(given(STARTED, MAIN, OTHER).state, position)


# --- What a writer expects --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "actual", "held"),
    [
        (ANY, 0, True),
        (ANY, 7, True),
        (NO_STREAM, 0, True),
        (NO_STREAM, 1, False),
        (7, 7, True),
        (7, 6, False),
        (7, 8, False),
        (0, 0, True),
        (0, 1, False),
    ],
)
def test_an_expectation_holds_or_not(expected: Expected, actual: int, held: bool) -> None:
    assert matches(expected, actual) is held


@pytest.mark.parametrize("expected", [ANY, NO_STREAM, 0, 7])
def test_a_position_no_stream_and_any_are_expectations(expected: Expected) -> None:
    assert check_expected(expected) is expected


@pytest.mark.parametrize("expected", [None, -1, True, 1.0, "any", "1"])
def test_nothing_else_passes_for_an_expectation(expected: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected a position, NO_STREAM or ANY"):
        check_expected(expected)


def test_an_expectation_shows_as_its_name() -> None:
    assert repr(list(ExpectedConstant)) == "[NO_STREAM, ANY]"
