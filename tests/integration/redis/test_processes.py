"""Many processes on one store: nothing lost, nothing twice, and a reader that follows them misses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from turnlog.domain.events import SessionRenamed, SessionStarted

if TYPE_CHECKING:
    from tests.integration.redis.conftest import Place

PROCESSES = 8
EACH = 200

WRITER = """
import json, sys
from turnlog import ANY, PositionConflictError, open_store
from turnlog.domain.events import SessionRenamed

address, session, process, each, strict = sys.argv[1:]
accepted, refused = [], 0
with open_store(address) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(each)):
        expected = store.get_session(session).position if strict == "strict" else ANY
        try:
            appended = store.append(session, [SessionRenamed(f"{process}/{number}")], expected=expected)
        except PositionConflictError as conflict:
            assert (conflict.session, conflict.expected) == (session, expected) and conflict.actual > expected
            refused += 1
        else:
            assert strict != "strict" or appended.last == expected + 1
            accepted.append((appended.last, f"{process}/{number}"))
print(json.dumps([accepted, refused]))
"""


class Writers:
    """Processes that wait for a word, then all write."""

    def __init__(self, addresses: list[str], sessions: list[str], kind: str) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-P", "-c", WRITER, address, session, str(number), str(EACH), kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number, (address, session) in enumerate(zip(addresses, sessions, strict=True))
        ]

    def run(self) -> tuple[list[tuple[int, str]], int]:
        """What was accepted and where, and how often an append was refused."""
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready, or has failed
        with ThreadPoolExecutor(len(self._processes)) as pool:
            answers = list(pool.map(lambda process: process.communicate("go\n")[0], self._processes))
        assert [process.returncode for process in self._processes] == [0] * len(self._processes)
        found = [json.loads(answer) for answer in answers]
        accepted = [(position, name) for places, _ in found for position, name in places]
        return sorted(accepted), sum(refused for _, refused in found)


def recorded(place: Place) -> list[tuple[int, str | None]]:
    """The names that were given to the session, and where."""
    events = [(one.position, one.event) for one in place.store().read("s", after=1)]
    return [(position, event.name) for position, event in events if isinstance(event, SessionRenamed)]


def test_of_strict_appends_each_is_recorded_or_refused(place: Place) -> None:
    """Half of the processes come by the socket, half by TCP."""
    store = place.store()
    store.append("s", [SessionStarted()])
    addresses = [place.address(), place.address(tcp=True)] * (PROCESSES // 2)
    accepted, refused = Writers(addresses, ["s"] * PROCESSES, "strict").run()

    assert len(accepted) + refused == PROCESSES * EACH
    assert recorded(place) == accepted
    assert [position for position, _ in accepted] == list(range(2, len(accepted) + 2))
    assert store.verify().ok


def test_whatever_is_expected_nowhere_is_all_there_and_a_reader_that_follows_sees_it_once(place: Place) -> None:
    store, recorder = place.store(), place.recorder(ttl=3600)
    store.append("s", [SessionStarted()])
    writers = Writers([place.address(ttl=3600)] * PROCESSES, ["s"] * PROCESSES, "any")

    def follow() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        while len(seen) < PROCESSES * EACH + 1:
            assert recorder.wait(seen[-1][0] if seen else 0, 60)
            page = recorder.read_all(after=seen[-1][0] if seen else 0, limit=7)
            seen += [(row.global_position, row.position) for row in page]
        return seen

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        accepted, refused = writers.run()
        seen = following.result()

    assert (len(accepted), refused) == (PROCESSES * EACH, 0)
    assert recorded(place) == accepted
    assert seen == [(position, position) for position in range(1, PROCESSES * EACH + 2)]
    assert store.verify().ok


def test_a_reader_follows_writers_of_many_sessions_while_some_expire(place: Place) -> None:
    """A session that expires while it is read takes its events with it, and no others."""
    recorder = place.recorder(ttl=3600)
    store = place.store(ttl=3600)
    for number in range(4):
        store.append(f"s{number}", [SessionStarted()])
    writers = Writers([place.address(ttl=3600)] * 4, [f"s{number}" for number in range(4)], "any")
    sessions = [f"short {number}" for number in range(100)]

    def follow() -> list[tuple[int, str, int]]:
        seen: list[tuple[int, str, int]] = []
        while sum(not session.startswith("short") for _, session, _ in seen) < 4 * EACH + 4:
            assert recorder.wait(seen[-1][0] if seen else 0, 60)
            page = recorder.read_all(after=seen[-1][0] if seen else 0, limit=50)
            seen += [(row.global_position, row.session, row.position) for row in page]
        return seen

    def come_and_go() -> None:
        for session in sessions:
            store.append(session, [SessionStarted(user="ada", key=session)])
            place.expire(session)

    with ThreadPoolExecutor(2) as pool:
        following, coming = pool.submit(follow), pool.submit(come_and_go)
        writers.run()
        seen = following.result()
        coming.result()

    places = [global_position for global_position, _, _ in seen]
    assert places == sorted(set(places))
    for number in range(4):
        assert [position for _, session, position in seen if session == f"s{number}"] == list(range(1, EACH + 2))
    assert store.verify().ok
    assert [entry.session for entry in store.sessions()] == ["s0", "s1", "s2", "s3"]


def test_a_process_that_was_forked_goes_on_with_connections_of_its_own(place: Place) -> None:
    program = """
import os, sys
from turnlog import Session, open_store
with open_store(sys.argv[1]) as store:
    main = Session("Be brief.", store=store).default_branch
    children = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            for number in range(20):
                main.add(f"child {child} {number}")
            os._exit(0)
        children.append(pid)
    for number in range(20):
        main.add(f"parent {number}")
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    print(len(main.messages), store.verify().ok)
"""
    command = [sys.executable, "-P", "-c", program, place.address(tcp=True)]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "81 True\n"
