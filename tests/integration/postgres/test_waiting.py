"""Readers that follow the feed: they miss nothing and see nothing twice, whether or not the server can wake them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event, Thread
from threading import enumerate as threads
from typing import Any

import psycopg
import pytest

from turnlog.errors import StoreClosedError
from turnlog.infrastructure.postgres import notifications
from turnlog.infrastructure.postgres.notifications import Listener

LONG = 600.0
"""Seconds that no test lasts: who waits so long is woken, or the test hangs."""

WRITERS = 6
EACH = 60

LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"


def listeners(place: Any, other_than: object = None) -> Any:
    """The process on the server that listens, once there is one."""
    with place.database.connect() as connection:
        while True:
            for (pid,) in connection.execute(LISTENING).fetchall():
                if pid != other_than:
                    return pid


def hard_of_hearing(place: Any, kind: str) -> Any:
    """A recorder whose listener cannot connect, or hears nothing."""
    recorder = place.recorder()

    def refuse() -> Any:
        raise psycopg.OperationalError("no")

    connect = refuse if kind == "cannot listen" else recorder._connections.connect
    recorder._listener = Listener(connect, "nothing.is_said_here")
    return recorder


@pytest.fixture
def never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits looks for news when woken, and not else."""
    monkeypatch.setattr(notifications, "POLL", LONG)
    monkeypatch.setattr(notifications, "POLL_WHEN_HEARING", LONG)


@pytest.mark.parametrize("kind", ["hears", "cannot listen", "hears nothing"])
def test_a_reader_that_follows_many_writers_misses_nothing_and_sees_nothing_twice(
    place: Any, kit: Any, kind: str
) -> None:
    reader = place.recorder() if kind == "hears" else hard_of_hearing(place, kind)
    writers = [place.recorder() for _ in range(3)]
    reader.append([kit.started(f"s{number}") for number in range(5)])

    def write(number: int) -> None:
        chance = Random(number)
        for turn in range(EACH):
            sessions = chance.sample(range(5), chance.randint(1, 5))
            writers[number % 3].append(
                [kit.renamed(f"{number}/{turn}/{session}", f"s{session}") for session in sessions]
            )

    seen: list[Any] = []
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, number) for number in range(WRITERS)]
        after = 5
        while True:
            finished = all(each.done() for each in writing)
            if not reader.wait(after, 0.0 if finished else 1.0):  # not LONG: the last writer may be about to end
                if finished:
                    break
                continue
            rows = reader.read_all(after=after, limit=7)
            assert [row.global_position for row in rows] == list(range(after + 1, after + 1 + len(rows)))
            seen += kit.names(rows)
            after += len(rows)
        for each in writing:
            each.result()

    expected = [
        f"{number}/{turn}/{session}"
        for number in range(WRITERS)
        for chance in [Random(number)]
        for turn in range(EACH)
        for session in chance.sample(range(5), chance.randint(1, 5))
    ]
    assert sorted(seen) == sorted(expected)


def waiting(recorder: Any, after: int) -> tuple[Thread, list[object]]:
    """A thread that waits, and what came of it."""
    answers: list[object] = []

    def wait() -> None:
        try:
            answers.append(recorder.wait(after, LONG))
        except StoreClosedError as closed:
            answers.append(type(closed))

    thread = Thread(target=wait)
    thread.start()
    return thread, answers


def test_an_append_elsewhere_wakes_who_waits(place: Any, kit: Any, never_looks: None) -> None:
    recorder, other = place.recorder(), place.recorder()
    recorder.append([kit.started()])
    thread, answers = waiting(recorder, 1)
    listeners(place)

    other.append([kit.renamed("a")])
    thread.join()
    assert answers == [True]


def test_a_restored_record_wakes_who_waits(place: Any, kit: Any, never_looks: None) -> None:
    recorder, other = place.recorder(), place.recorder()
    thread, answers = waiting(recorder, 0)
    listeners(place)

    other.restore(*kit.record())
    thread.join()
    assert answers == [True]


def test_an_append_in_the_same_process_wakes_who_waits_without_the_server(
    place: Any, kit: Any, never_looks: None
) -> None:
    recorder = hard_of_hearing(place, "cannot listen")
    thread, answers = waiting(recorder, 0)
    while recorder._listener._thread is None:
        pass

    recorder.append([kit.started()])
    thread.join()
    assert answers == [True]


def test_a_listener_whose_connection_breaks_listens_again(
    place: Any, kit: Any, never_looks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "RETRY", 0.01)
    recorder, other = place.recorder(), place.recorder()
    thread, answers = waiting(recorder, 0)
    first = listeners(place)
    place.ask("SELECT pg_terminate_backend(%s, 10000)", first)
    listeners(place, other_than=first)

    other.append([kit.started()])
    thread.join()
    assert answers == [True]


def test_who_hears_relies_on_it_until_something_was_missed(place: Any, kit: Any) -> None:
    recorder, deaf, other = place.recorder(), hard_of_hearing(place, "hears nothing"), place.recorder()
    thread, _ = waiting(recorder, 0)
    listeners(place)
    other.append([kit.started()])
    thread.join()
    while not recorder._listener._hears:
        pass

    asleep, pause = Event(), deaf._listener.pause

    def fall_asleep(count: int, longest: float) -> bool:
        asleep.set()
        return bool(pause(count, longest))

    deaf._listener.pause = fall_asleep
    deaf._listener._hears = True
    thread, answers = waiting(deaf, 1)
    asleep.wait()
    other.append([kit.renamed("a")])
    thread.join()
    assert answers == [True]
    assert deaf._listener._hears is False


def test_who_waits_when_the_store_closes_is_told_and_the_thread_that_listens_ends(
    place: Any, kit: Any, never_looks: None
) -> None:
    recorder = place.recorder()
    recorder.last_global_position()
    assert "turnlog-listener" not in [thread.name for thread in threads()]
    thread, answers = waiting(recorder, 0)
    listeners(place)

    recorder.close()
    thread.join()
    assert answers == [StoreClosedError]
    assert "turnlog-listener" not in [thread.name for thread in threads()]


def test_nothing_is_kept_in_a_session_of_the_server_so_a_pooler_may_change_it_at_any_time(place: Any, kit: Any) -> None:
    recorder = place.recorder()
    recorder.append([kit.started(), kit.renamed("a", command_id="c")])
    for _ in range(10):
        list(recorder.read("s"))
        recorder.read_all(limit=9)
        recorder.find_command("s", "c")
        recorder.append([kit.renamed("b")])

    kept = """
    SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
           (SELECT count(*) FROM pg_settings WHERE source = 'session'),
           (SELECT count(*) FROM pg_class WHERE relpersistence = 't')
    """
    with recorder._connections.using() as connection:
        assert connection.execute(kept).fetchall() == [(0, 0, 0, 0, 0)]
