"""What every store promises to many at once: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING, TypeVar

import pytest

from turnlog import Session
from turnlog.domain.errors import KeyTakenError, PositionConflictError
from turnlog.domain.events import SessionRenamed, SessionStarted
from turnlog.domain.expected_position import ANY, NO_STREAM

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog.infrastructure.store import Store

THREADS = 8
EACH = 25

A = TypeVar("A")


def at_once(work: Callable[[int], A], threads: int = THREADS) -> list[A]:
    """What each thread answers; all begin together."""
    barrier = Barrier(threads)

    def begin(number: int) -> A:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def names(store: Store, session: str = "s") -> list[str | None]:
    """The names given to a session, in order."""
    return [one.event.name for one in store.read(session) if isinstance(one.event, SessionRenamed)]


@pytest.fixture
def started(stores: Stores) -> Store:
    """A store with a session `s`."""
    store = stores.new()
    store.append("s", [SessionStarted()])
    return store


def test_whatever_threads_append_to_one_session_is_there_once_and_dense(started: Store) -> None:
    def work(thread: int) -> list[int]:
        return [started.append("s", [SessionRenamed(f"{thread}/{n}")]).last for n in range(EACH)]

    answers = at_once(work)

    recorded = {one.position: one.event for one in started.read("s", after=1)}
    assert list(recorded) == list(range(2, THREADS * EACH + 2))
    for thread, positions in enumerate(answers):
        assert [recorded[p] for p in positions] == [SessionRenamed(f"{thread}/{n}") for n in range(EACH)]
        assert positions == sorted(positions)
    assert started.verify().ok


def test_whatever_threads_append_to_sessions_of_their_own_is_there_once_and_dense(store: Store) -> None:
    def work(thread: int) -> None:
        store.append(f"s{thread}", [SessionStarted()], expected=NO_STREAM)
        for n in range(1, EACH):
            store.append(f"s{thread}", [SessionRenamed(str(n)), SessionRenamed("again")], expected=2 * n - 1)

    at_once(work)

    for thread in range(THREADS):
        assert [one.position for one in store.read(f"s{thread}")] == list(range(1, 2 * EACH))
    feed = [one.global_position for one in store.read_all(limit=10_000)]
    assert len(feed) == THREADS * (2 * EACH - 1)
    assert feed == sorted(set(feed))
    assert store.verify().ok


def test_every_strict_append_is_either_recorded_or_refused(stores: Stores, started: Store) -> None:
    handles = [started, stores.beside(started)]

    def work(thread: int) -> tuple[int, int]:
        store, refused = handles[thread % 2], 0
        for n in range(EACH):
            at = store.get_session("s").position
            try:
                first = store.append("s", [SessionRenamed(f"{thread}/{n}")], expected=at).first
            except PositionConflictError as conflict:
                sound = (conflict.session, conflict.expected) == ("s", at) and conflict.actual > at
                refused += 1
            else:
                sound = first == at + 1
            assert sound
        return EACH - refused, refused

    answers = at_once(work)

    recorded = names(started)
    assert len(recorded) == len(set(recorded)) == sum(accepted for accepted, _ in answers)
    assert started.get_session("s").position == len(recorded) + 1
    assert len(recorded) + sum(refused for _, refused in answers) == THREADS * EACH
    assert started.verify().ok


def test_of_many_who_expect_the_same_position_one_gets_it(started: Store) -> None:
    def work(thread: int) -> int:
        try:
            return started.append("s", [SessionRenamed(str(thread))], expected=1).last
        except PositionConflictError as conflict:
            return -conflict.actual

    answers = at_once(work)

    assert sorted(answers) == [-2] * (THREADS - 1) + [2]


def test_a_command_that_comes_from_many_threads_at_once_is_recorded_once(stores: Stores, started: Store) -> None:
    handles = [started, stores.beside(started)]

    def work(thread: int) -> tuple[int, int, bool]:
        appended = handles[thread % 2].append("s", [SessionRenamed("a"), SessionRenamed("b")], command_id="c")
        return appended.first, appended.last, appended.repeated

    answers = at_once(work)

    assert sorted(answers) == [(2, 3, False)] + [(2, 3, True)] * (THREADS - 1)
    assert names(started) == ["a", "b"]


def test_of_many_who_want_the_same_key_one_gets_it(store: Store) -> None:
    def work(thread: int) -> bool:
        try:
            store.append(f"s{thread}", [SessionStarted(key="desk")])
        except KeyTakenError:
            return False
        return True

    assert sorted(at_once(work)) == [False] * (THREADS - 1) + [True]
    assert [entry.key for entry in store.sessions()] == ["desk"]
    assert store.verify().ok


def test_one_append_that_is_refused_does_not_touch_its_neighbours(started: Store) -> None:
    def work(thread: int) -> int:
        refused = 0
        for n in range(EACH):
            try:
                started.append("s", [SessionRenamed(f"{thread}/{n}")], expected=1 if thread % 2 else ANY)
            except PositionConflictError:
                refused += 1
        return refused

    answers = at_once(work)

    assert [answers[thread] for thread in range(0, THREADS, 2)] == [0] * (THREADS // 2)
    assert started.get_session("s").position == 1 + THREADS * EACH - sum(answers)
    assert started.verify().ok


def test_a_reader_never_sees_half_an_append(stores: Stores, started: Store) -> None:
    """Appends are of 7 events, so that the pages of long reads end inside some of them."""
    done = Event()
    beside = stores.beside(started)
    batch = [SessionRenamed(str(number)) for number in range(7)]

    def write() -> int:
        try:
            return len([started.append("s", batch) for _ in range(200)])
        finally:
            done.set()

    def read(store: Store) -> int:
        looks = 0
        while looks == 0 or not done.is_set():
            counts = (
                len(list(store.read("s", after=1))),
                store.get_session("s").position - 1,
                len(store.read_all(after=1, limit=5000)),
            )
            assert [count % 7 for count in counts] == [0, 0, 0], counts
            assert counts == tuple(sorted(counts)), counts
            looks += 1
        return looks

    def work(thread: int) -> int:
        return write() if thread == 0 else read(started if thread % 2 else beside)

    assert min(at_once(work, 4)) >= 1
    assert len(list(beside.read("s"))) == 1401


def test_a_store_can_be_verified_while_it_is_written(started: Store) -> None:
    done = Event()

    def work(thread: int) -> bool:
        if thread == 0:
            for n in range(300):
                started.append("s", [SessionRenamed(str(n)), SessionRenamed("again")])
            done.set()
            return True
        sound = started.verify()
        while sound.ok and not done.is_set():
            sound = started.verify()
        return sound.ok

    assert at_once(work, 2) == [True, True]


def test_threads_that_share_one_session_and_threads_that_open_their_own_write_the_same_record(
    stores: Stores, started: Store
) -> None:
    shared = Session.open("s", store=started)
    main = shared.create_branch("main")

    def work(thread: int) -> None:
        own = Session.open("s", store=stores.beside(started)).branches["main"] if thread % 2 else main
        for n in range(10):
            own.add(f"{thread}/{n}")

    at_once(work)

    texts = [message.text for message in main.messages]
    assert sorted(texts) == sorted(f"{thread}/{n}" for thread in range(THREADS) for n in range(10))
    for thread in range(THREADS):
        assert [text for text in texts if text.startswith(f"{thread}/")] == [f"{thread}/{n}" for n in range(10)]
    assert shared.position == 2 + THREADS * 10
    assert Session.open("s", store=started).message_count == THREADS * 10
    assert started.verify().ok
