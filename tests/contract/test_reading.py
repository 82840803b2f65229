"""What every store promises to whoever reads: what was committed, in order, forwards and backwards, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from turnlog.domain.content import ActionResponseContent, InstructionContent
from turnlog.domain.errors import InvalidValueError
from turnlog.domain.events import BranchCreated, Event, LogRecorded, MessageAppended, SessionRenamed, SessionStarted
from turnlog.domain.events.work import LogType
from turnlog.infrastructure.stored_event import event_of

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog.infrastructure.store import Store

pytestmark = pytest.mark.usefixtures("unchecked")

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
OTHER = BranchCreated(1, "id-other", "other")


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


def renamed(count: int) -> list[Event]:
    return [SessionRenamed(str(number)) for number in range(1, count + 1)]


@pytest.fixture
def short(store: Store) -> Store:
    """A session `s` of six events."""
    store.append("s", renamed(6))
    return store


@pytest.fixture
def long(stores: Stores) -> Store:
    """A session `s` of 2 500 events among others, more than two pages of any store."""
    store = stores.new()
    store.append("r", renamed(700))
    store.append("s", renamed(1250))
    store.append("t", renamed(700))
    store.append("s", renamed(1250))
    return store


# --- One session ------------------------------------------------------------------------------------------


def test_a_session_is_read_from_its_first_event_to_its_last(short: Store) -> None:
    assert [one.position for one in short.read("s")] == [1, 2, 3, 4, 5, 6]
    assert [one.event for one in short.read("s")] == renamed(6)


def test_a_session_is_read_backwards(short: Store) -> None:
    assert [one.position for one in short.read("s", backwards=True)] == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("after", "until", "found"),
    [
        (0, 6, [1, 2, 3, 4, 5, 6]),
        (2, None, [3, 4, 5, 6]),
        (0, 2, [1, 2]),
        (2, 4, [3, 4]),
        (3, 4, [4]),
        (5, 99, [6]),
        (0, 0, []),
        (4, 4, []),
        (4, 2, []),
        (6, None, []),
        (99, None, []),
        (-3, 2, [1, 2]),
        (-3, None, [1, 2, 3, 4, 5, 6]),
        (0, -1, []),
        (2**70, None, []),
        (0, 2**70, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_range_is_read_after_one_position_and_up_to_another(
    short: Store, after: int, until: int | None, found: list[int]
) -> None:
    assert [one.position for one in short.read("s", after=after, until=until)] == found
    assert [one.position for one in short.read("s", after=after, until=until, backwards=True)] == found[::-1]


def test_a_session_without_events_reads_as_nothing(short: Store) -> None:
    assert list(short.read("nobody")) == []
    assert list(short.read("nobody", backwards=True)) == []
    assert list(short.recorder.read_messages("nobody", 0, 1, 99)) == []


def test_a_long_session_is_read_whole(long: Store) -> None:
    assert [one.position for one in long.read("s")] == list(range(1, 2501))
    assert [one.position for one in long.read("s", backwards=True)] == list(range(2500, 0, -1))


@pytest.mark.parametrize(("after", "until"), [(0, 1000), (0, 1001), (0, 999), (1000, 2000), (499, 1500), (999, 2500)])
def test_a_long_range_is_read_whole_wherever_its_pages_end(long: Store, after: int, until: int) -> None:
    expected = list(range(after + 1, until + 1))

    assert [one.position for one in long.read("s", after=after, until=until)] == expected
    assert [one.position for one in long.read("s", after=after, until=until, backwards=True)] == expected[::-1]


def test_reading_stops_when_the_reader_does(long: Store) -> None:
    reading = iter(long.read("s"))

    assert [next(reading).position for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "event",
    [
        said("naïve 日本語 \U0001f600 \x00 \u2028"),
        said("x" * 1_000_000),
        said(""),
        MessageAppended(0, ActionResponseContent(error=""), "a", "b", {"k": [1, 1.5, None, True, {"n": 10**30}]}),
        LogRecorded(LogType.INFO, data={"": [[], {}, ""]}),
    ],
    ids=["unicode", "a megabyte", "empty", "values", "empty values"],
)
def test_what_comes_out_is_what_went_in(stores: Stores, event: Event) -> None:
    store = stores.new()
    store.append("s", [STARTED, MAIN, event])
    (one,) = stores.reopened(store).read("s", after=2)

    assert one.event == event
    assert type(one.event) is type(event)


# --- The messages of a branch -----------------------------------------------------------------------------


def test_a_branch_reads_the_messages_written_on_it_and_no_others(store: Store) -> None:
    store.append("s", [STARTED, MAIN, OTHER, said("a"), said("b", 1), said("c"), said("d", 1), said("e")])

    assert [one.position for one in store.recorder.read_messages("s", 0, 1, 99)] == [4, 6, 8]
    assert [one.position for one in store.recorder.read_messages("s", 0, 1, 99, backwards=True)] == [8, 6, 4]
    assert [event_of(one) for one in store.recorder.read_messages("s", 1, 1, 99)] == [said("b", 1), said("d", 1)]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(4, 8, [4, 6, 8]), (4, 7, [4, 6]), (5, 8, [6, 8]), (6, 6, [6]), (5, 5, []), (8, 4, []), (9, 99, [])],
)
def test_both_ends_of_a_range_of_messages_are_read(store: Store, first: int, last: int, found: list[int]) -> None:
    store.append("s", [STARTED, MAIN, OTHER, said("a"), said("b", 1), said("c"), said("d", 1), said("e")])

    assert [one.position for one in store.recorder.read_messages("s", 0, first, last)] == found
    assert [one.position for one in store.recorder.read_messages("s", 0, first, last, backwards=True)] == found[::-1]


def test_a_branch_without_messages_reads_as_nothing(store: Store) -> None:
    store.append("s", [STARTED, MAIN, OTHER, said("a")])

    assert list(store.recorder.read_messages("s", 1, 1, 99)) == []
    assert list(store.recorder.read_messages("s", 7, 1, 99)) == []


def test_a_long_branch_is_read_whole(store: Store) -> None:
    store.append("s", [STARTED, MAIN, OTHER, *[said("x", number % 2) for number in range(4200)]])
    expected = list(range(4, 4204, 2))

    assert [one.position for one in store.recorder.read_messages("s", 0, 1, 5000)] == expected
    assert [one.position for one in store.recorder.read_messages("s", 0, 1, 5000, backwards=True)] == expected[::-1]
    assert [one.position for one in store.recorder.read_messages("s", 0, 4, 2002)] == expected[:1000]
    assert [one.position for one in store.recorder.read_messages("s", 0, 4, 2004)] == expected[:1001]


# --- The store as a whole ---------------------------------------------------------------------------------


def test_the_feed_holds_all_sessions_in_the_order_they_were_committed(stores: Stores) -> None:
    store = stores.new()
    store.append("s", [STARTED, MAIN])
    store.append("t", [STARTED])
    stores.beside(store).append("s", [said("a")])
    store = stores.reopened(store)
    store.append("t", [MAIN])
    feed = store.read_all()

    assert [(one.session, one.position) for one in feed] == [("s", 1), ("s", 2), ("t", 1), ("s", 3), ("t", 2)]
    places = [one.global_position for one in feed]
    assert places == sorted(set(places))
    assert places[0] >= 1


def test_the_feed_goes_on_behind_any_place(long: Store) -> None:
    feed = long.read_all(limit=5000)

    assert len(feed) == 3900
    for place in (0, 1, 699, 1000, 3899):
        assert long.read_all(after=feed[place].global_position, limit=5000) == feed[place + 1 :]
    assert long.read_all(after=feed[-1].global_position) == []


def test_the_feed_is_read_in_pages_of_the_size_asked_for(long: Store) -> None:
    after, pages = 0, []
    while page := long.read_all(after=after, limit=700):
        pages.append([(one.session, one.position) for one in page])
        after = page[-1].global_position

    assert [len(page) for page in pages] == [700, 700, 700, 700, 700, 400]
    assert [place for page in pages for place in page if place[0] == "s"] == [("s", n) for n in range(1, 2501)]


def test_a_refused_append_leaves_no_trace_in_the_feed(store: Store) -> None:
    store.append("s", [STARTED])
    with pytest.raises(ValueError, match="lone surrogate"):
        store.append("s", [MAIN, said("\ud800")])
    store.append("s", [MAIN])

    assert [one.name for one in store.read_all()] == ["session.started", "branch.created"]


def test_sessions_are_listed_in_the_order_they_were_started(stores: Stores) -> None:
    store = stores.new()
    for number in range(1100):
        store.append(f"session {-number}", [STARTED])
    store.append("session 0", [MAIN])

    assert [entry.session for entry in stores.reopened(store).sessions()] == [f"session {-n}" for n in range(1100)]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_of_nothing_is_refused(short: Store, limit: int) -> None:
    with pytest.raises(InvalidValueError, match="expected 1 or more"):
        short.read_all(limit=limit)


def test_the_feed_has_nothing_behind_a_place_that_no_database_counts_to(short: Store) -> None:
    assert short.read_all(after=2**70) == []
    assert len(short.read_all(after=-5, limit=2**70)) == 6
