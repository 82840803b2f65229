"""A subscription yields every event once, in the order of commits, until it is stopped."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, Timer
from typing import Any

import pytest
from eventsourcing.persistence import ApplicationRecorder, InterfaceError, Notification, Subscription

from turnlog.domain.events import LogRecorded, SessionStarted, StateSet
from turnlog.domain.events.work import LogType
from turnlog.infrastructure.recorder import Recorder
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import Row


def taken(subscription: Subscription[ApplicationRecorder], count: int) -> list[tuple[int, str | object, int]]:
    """The next events: global position, session and position of each; a test that would wait for ever fails."""
    watchdog = Timer(60, subscription.stop)
    watchdog.daemon = True
    watchdog.start()
    found = [next(subscription) for _ in range(count)]
    watchdog.cancel()
    return [(each.id, each.originator_id, each.originator_version) for each in found]


@contextmanager
def running(*threads: Thread) -> Iterator[None]:
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_it_yields_what_is_there_and_then_what_comes(store: Store) -> None:
    store.append("a", [SessionStarted()])
    store.append("b", [SessionStarted(), StateSet("k", 1)])

    with store.recorder.subscribe() as subscription:
        assert taken(subscription, 3) == [(1, "a", 1), (2, "b", 1), (3, "b", 2)]
        with running(Thread(target=store.append, args=("a", [StateSet("k", 2)]))):
            assert taken(subscription, 1) == [(4, "a", 2)]


STATE = StateSet("k", 0)


def test_it_begins_behind_the_global_position_given(store: Store) -> None:
    store.append("a", [SessionStarted(), StateSet("k", 1), StateSet("k", 2)])

    with store.recorder.subscribe(gt=2) as subscription:
        assert taken(subscription, 1) == [(3, "a", 3)]


def test_it_misses_nothing_and_repeats_nothing_while_others_write(store: Store) -> None:
    def write(session: str) -> None:
        for value in range(50):
            store.append(session, [StateSet("k", value), StateSet("j", value)] if value else [SessionStarted(), STATE])

    writers = [Thread(target=write, args=(name,)) for name in "abcd"]
    with store.recorder.subscribe() as subscription, running(*writers):
        found = taken(subscription, 400)

    assert [place for place, _, _ in found] == list(range(1, 401))
    for name in "abcd":
        assert [position for _, session, position in found if session == name] == list(range(1, 101))


def test_it_sees_what_another_store_writes_to_the_same_record(stores: Any, store: Store) -> None:
    other = stores.beside(store)

    with (
        store.recorder.subscribe() as subscription,
        running(Thread(target=other.append, args=("a", [SessionStarted()]))),
    ):
        assert taken(subscription, 1) == [(1, "a", 1)]


WRITER = """
import sys
from turnlog import Session, open_store

with open_store(sys.argv[1]) as store:
    for number in range(20):
        Session(store=store)
"""


def test_it_sees_what_another_process_writes(stores: Any, store: Store) -> None:
    if not stores.outlive_closing:
        return  # no other process can write to it
    with (
        store.recorder.subscribe() as subscription,
        subprocess.Popen([sys.executable, "-c", WRITER, store.recorder.name]) as writer,
    ):
        found = taken(subscription, 20)

    assert writer.returncode == 0
    assert [place for place, _, _ in found] == list(range(1, 21))


def test_events_of_other_names_are_passed_over_and_not_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read_all = type(store.recorder).read_all

    def noted(recorder: Recorder, *, after: int = 0, **bounds: Any) -> list[Row]:
        asked.append(after)
        return read_all(recorder, after=after, **bounds)

    monkeypatch.setattr(type(store.recorder), "read_all", noted)

    def write() -> None:
        store.append("a", [SessionStarted()])
        for value in range(29):
            store.append("a", [StateSet("k", value)])
        store.append("a", [LogRecorded(LogType.INFO)])

    with store.recorder.subscribe(topics=["log.recorded"]) as subscription, running(Thread(target=write)):
        assert taken(subscription, 1) == [(31, "a", 31)]
    assert asked == sorted(set(asked))


def test_stopping_from_another_thread_ends_it(store: Store) -> None:
    subscription = store.recorder.subscribe()
    found: list[Notification] = []

    with running(Thread(target=lambda: found.extend(subscription))):
        subscription.stop()

    assert found == []
    with pytest.raises(StopIteration):
        next(subscription)


def test_closing_the_store_ends_it_with_an_error_that_says_so(store: Store) -> None:
    subscription = store.recorder.subscribe()
    store.close()

    with pytest.raises(InterfaceError, match="is closed"):
        next(subscription)
