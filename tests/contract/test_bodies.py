"""Messages as they are stored: every store answers in pages with position, time and payload, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionStarted
from turnlog.infrastructure.stored_event import LAST

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

MANY = 2_300


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


def words(payload: bytes | None) -> str:
    assert payload is not None
    return str(msgspec.json.decode(payload)["content"]["instruction"])


@pytest.fixture
def long(stores: Stores) -> Store:
    """A session `s` with messages on two branches in turn, at the positions 4, 5, 6 ..., among others."""
    store = stores.new()
    store.append("r", [SessionStarted(), BranchCreated(0, "c", "main"), said("other")])
    created = [SessionStarted(), BranchCreated(0, "a", "main"), BranchCreated(1, "b", "other")]
    store.append("s", [*created, *(said(str(place), place % 2) for place in range(4, 4 + MANY))])
    return store


def test_messages_of_a_branch_come_in_pages(long: Store) -> None:
    found = [body for page in long.recorder.read_bodies("s", 0, 1, 9_999) for body in page]

    assert [position for position, *_ in found] == list(range(4, 4 + MANY, 2))
    assert [words(payload) for _, _, payload, *_ in found] == [str(place) for place in range(4, 4 + MANY, 2)]
    assert all(len(page) <= 1_000 for page in long.recorder.read_bodies("s", 0, 1, 9_999))


def test_messages_of_a_branch_come_backwards(long: Store) -> None:
    found = [body for page in long.recorder.read_bodies("s", 1, 1, LAST, backwards=True) for body in page]

    assert [position for position, *_ in found] == list(range(3 + MANY, 4, -2))


@pytest.mark.parametrize(("first", "last", "expected"), [(4, 8, [4, 6, 8]), (5, 7, [6]), (9, 8, []), (5, 5, [])])
def test_both_bounds_are_included(long: Store, first: int, last: int, expected: list[int]) -> None:
    found = [position for page in long.recorder.read_bodies("s", 0, first, last) for position, *_ in page]

    assert found == expected


def test_the_time_is_that_of_recording(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    store.append("s", [SessionStarted(), BranchCreated(0, "a", "main"), said("one")])
    clock.now += 5_000_000
    store.append("s", [said("two")])

    (page,) = store.recorder.read_bodies("s", 0, 1, 9)
    assert [time for _, time, *_ in page] == [1_700_000_000_000_000, 1_700_000_005_000_000]
    assert [time for _, time, *_ in store.recorder.read_bodies_at("s", [3, 4])] == [
        1_700_000_000_000_000,
        1_700_000_005_000_000,
    ]


def test_what_is_at_some_positions_is_read_whatever_it_is(long: Store) -> None:
    found = long.recorder.read_bodies_at("s", [2, 4, 7, 2_000])

    assert [position for position, *_ in found] == [2, 4, 7, 2_000]
    assert [words(payload) for _, _, payload, *_ in found[1:]] == ["4", "7", "2000"]


def test_more_positions_than_a_page_holds_are_read(long: Store) -> None:
    asked = list(range(5, 4 + MANY, 2))

    assert [position for position, *_ in long.recorder.read_bodies_at("s", asked)] == asked


def test_positions_at_which_nothing_is_are_passed_over(long: Store) -> None:
    assert [position for position, *_ in long.recorder.read_bodies_at("s", [-3, 0, 1, 9_999])] == [1]
    assert long.recorder.read_bodies_at("s", []) == []
    assert long.recorder.read_bodies_at("nobody", [1, 2]) == []
    assert list(long.recorder.read_bodies("nobody", 0, 1, 9)) == []
