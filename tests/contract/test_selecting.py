"""Pages of the catalogue: every kind of store takes the same sessions in the same order, from mark to mark."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidValueError
from turnlog.domain.events import (
    BranchCreated,
    Event,
    MessageAppended,
    SessionArchived,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
)
from turnlog.projections.selection import Order, Selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store
    from turnlog.projections.catalogue import CatalogueEntry

NAMES = ("Support", "support desk", "Ähre", "zebra", "", "straße", "\U0001f600 face", "\uffff edge", "a%b_c", None)
USERS = ("ada", "bob", None)


@pytest.fixture
def filled(stores: Stores, clock: Clock) -> Store:
    """Sixty sessions of all sorts, several of them started in the same microsecond."""
    store, chance = stores.new(), Random(7)
    for number in range(60):
        clock.now = 1000 + number // 3
        name, user = chance.choice(NAMES), chance.choice(USERS)
        key = f"key {number}" if number % 2 else None
        metadata = {"team": chance.choice(["red", "blue"]), "level": chance.choice([1, 1.0, True])}
        session = f"s{chance.randrange(10**6)}"
        store.append(session, [SessionStarted(name or None, user, key, metadata), BranchCreated(0, session, "main")])
        clock.now += chance.randrange(100)
        said = [MessageAppended(0, InstructionContent(instruction="hello"))] * chance.randrange(3)
        ends: list[Event] = [SessionArchived()] if number % 7 == 0 else [SessionDeleted()] if number % 7 == 1 else []
        if said or ends:
            store.append(session, [*said, *ends])
    return store


def pages(store: Store, selection: Selection, limit: int) -> Iterator[tuple[CatalogueEntry, ...]]:
    mark = None
    while True:
        page = store.select_sessions(selection, after=mark, limit=limit)
        yield page.entries
        if page.mark is None:
            return
        mark = page.mark


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("order", Order)
def test_pages_hold_every_session_once_and_in_order(filled: Store, order: Order, descending: bool) -> None:
    selection = Selection(statuses=("active", "archived", "deleted"), order=order, descending=descending)
    everything = sorted(filled.sessions(), key=selection.place, reverse=descending)

    assert len(everything) == 60
    found = list(pages(filled, selection, 7))
    assert [entry for page in found for entry in page] == everything
    assert [len(page) for page in found] == [7] * 8 + [4]


@pytest.mark.parametrize(
    "which",
    [
        {},
        {"user": "ada"},
        {"user": "nobody"},
        {"user": "a\0b"},
        {"statuses": ("deleted",)},
        {"name": "zebra"},
        {"name_prefix": "s"},
        {"name_prefix": "\uffff"},
        {"name_prefix": "\U0001f600"},
        {"name_prefix": "a%"},
        {"key_prefix": "key 1"},
        {"keyed": True},
        {"keyed": False},
        {"contains": "SUPPORT"},
        {"contains": "STRASSE"},
        {"metadata": {"team": "red"}},
        {"metadata": {"level": 1}},
        {"metadata": {"level": True, "team": "blue"}},
        {"metadata": {"unknown": None}},
        {"created_since": 1005, "created_until": 1010},
        {"updated_since": 1020, "updated_until": 2**70},
        {"forked_from": "x"},
        {"user": "ada", "contains": "p", "metadata": {"team": "red"}, "updated_since": 1010},
    ],
    ids=str,
)
def test_a_selection_takes_the_same_in_every_store(filled: Store, which: dict[str, Any]) -> None:
    for order in Order:
        selection = Selection(**which, order=order, descending=True)
        taken = sorted(filter(selection.takes, filled.sessions()), key=selection.place, reverse=True)

        assert [entry for page in pages(filled, selection, 4) for entry in page] == taken


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
def test_sessions_of_one_moment_are_paged_by_their_ids(stores: Stores, descending: bool) -> None:
    store = stores.new()
    ids = ["B", "Z", "a", "aa", "b", "\u00e4", "\uffff", "\U0001f600", *(f"c{number:03}" for number in range(90))]
    for session in ids:
        store.append(session, [SessionStarted(user="ada")])
    for user in (None, "ada"):
        for order in (Order.CREATED, Order.UPDATED):
            selection = Selection(user=user, order=order, descending=descending)
            found = [entry.session for page in pages(store, selection, 5) for entry in page]
            assert found == sorted(ids, reverse=descending)


def test_sessions_stand_in_the_lists_of_what_they_are_by_now(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    for session in ("s", "t", "u"):
        clock.now += 1
        store.append(session, [SessionStarted(user="ada"), BranchCreated(0, f"id of {session}", "main")])
    store.append("s", [SessionArchived()])
    store.append("t", [SessionDeleted()])
    clock.now += 1
    store.append("u", [MessageAppended(0, InstructionContent(instruction="hello"))])
    store.append("s", [SessionRestored()])

    def listed(*statuses: str, user: str | None = "ada", order: Order = Order.UPDATED) -> str:
        page = store.select_sessions(Selection(user=user, statuses=statuses, order=order, descending=True))
        return "".join(entry.session for entry in page.entries)

    for user in (None, "ada"):
        assert listed("active", user=user) == "us"
        assert listed("archived", user=user) == ""
        assert listed("deleted", "active", "deleted", user=user) == "uts"
        assert listed("active", user=user, order=Order.CREATED) == "us"
    assert listed("active", user="bob") == ""
    assert listed("unheard of") == ""
    assert store.verify().ok


def test_a_page_goes_on_behind_its_mark_whatever_came_meanwhile(filled: Store, clock: Clock) -> None:
    selection = Selection(order=Order.CREATED, descending=True)
    first = filled.select_sessions(selection, limit=10)
    clock.now = 5000
    filled.append("new", [SessionStarted()])

    rest = filled.select_sessions(selection, after=first.mark, limit=100)
    assert "new" not in [entry.session for entry in (*first.entries, *rest.entries)]
    assert len(first.entries) + len(rest.entries) == sum(map(selection.takes, filled.sessions())) - 1


@pytest.mark.parametrize("mark", ["", "?", "bm9uc2Vuc2U", "WyJuYW1lIixmYWxzZSwiYSIsImIiXQ"])
def test_a_mark_that_is_not_one_of_this_order_is_refused(filled: Store, mark: str) -> None:
    with pytest.raises(InvalidValueError, match="the mark of a page"):
        filled.select_sessions(Selection(), after=mark)


@pytest.mark.parametrize("limit", [0, -1, 10_001, True])
def test_a_page_of_no_or_of_too_many_sessions_is_refused(filled: Store, limit: int) -> None:
    with pytest.raises(InvalidValueError, match="expected a number from 1 to 10000"):
        filled.select_sessions(limit=limit)


def test_a_session_is_found_by_its_key_until_it_gives_it_back(stores: Stores) -> None:
    store = stores.new()
    store.append("s", [SessionStarted(key="desk")])
    assert (found := store.find_key("desk")) is not None
    assert found.session == "s"

    store.append("s", [SessionRenamed("Help", key="help")])
    assert store.find_key("desk") is None
    assert (found := store.find_key("help")) is not None
    assert (found.session, found.name) == ("s", "Help")

    store.append("t", [SessionStarted(key="desk")])
    store.append("s", [SessionDeleted()])
    assert store.find_key("help") is None
    store.append("u", [SessionStarted(key="help")])
    reopened = stores.reopened(store)
    assert [reopened.get_session(name).key for name in "stu"] == [None, "desk", "help"]
    assert reopened.verify().ok
    assert reopened.find_key("no\0such key") is None
