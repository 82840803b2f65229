"""Many processes and threads at once: nothing lost, nothing twice, no gap, no deadlock."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.events import SessionStarted
from turnlog.domain.expected_position import NO_STREAM
from turnlog.errors import KeyTakenError, PositionConflictError
from turnlog.infrastructure.postgres import append_protocol, queries
from turnlog.infrastructure.server_recorder import StampedAppend
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult, encode_events, stamp
from turnlog.projections.catalogue import CatalogueEntry

if TYPE_CHECKING:
    from turnlog.infrastructure.postgres.recorder import PostgresRecorder

PROCESSES = 8
EACH = 200

APPENDS = """
import json, sys
from turnlog import PositionConflictError, open_store
from turnlog.domain.events import SessionRenamed
from turnlog.domain.expected_position import ANY

address, strict, process = sys.argv[1], sys.argv[2] == "strict", sys.argv[3]
with open_store(address) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    accepted, refused = {}, 0
    for number in range(EACH):
        name = f"{process}/{number}"
        expected = store.get_session("s").position if strict else ANY
        try:
            accepted[name] = store.append("s", [SessionRenamed(name)], expected=expected).last
        except PositionConflictError:
            refused += 1
print(json.dumps([accepted, refused]))
""".replace("EACH", str(EACH))

OPENS = """
import sys
from turnlog import Session, open_store

print("ready", flush=True)
sys.stdin.readline()
with open_store(sys.argv[1]) as store:
    Session("Be brief.", store=store)
print("true")
"""


def attempt(append: AppendRequest, head: CatalogueEntry) -> StampedAppend:
    rows, entry = stamp(append, head, 0)
    return StampedAppend(append, head, rows, entry)


@pytest.mark.parametrize("expected", ["strict", "any"])
def test_eight_processes_append_to_one_session(place: Any, together: Any, kit: Any, expected: str) -> None:
    place.recorder().append([kit.started()])

    answers = together(APPENDS, [(place.address(), expected, process) for process in range(PROCESSES)])

    accepted = {name: position for mine, _ in answers for name, position in mine.items()}
    refused = sum(count for _, count in answers)
    store = place.store()
    rows = list(store.recorder.read("s"))
    assert len(accepted) + refused == PROCESSES * EACH
    assert refused == 0 or expected == "strict"
    assert dict(zip(kit.names(rows), range(2, len(rows) + 1), strict=True)) == accepted
    assert [row.position for row in rows] == [row.global_position for row in rows] == list(range(1, len(rows) + 1))
    assert store.verify().ok


def test_ten_processes_that_open_a_new_database_at_once_all_find_it_ready(place: Any, together: Any) -> None:
    address = place.address(schema="brand_new", prefix="own_")

    assert together(OPENS, [(address,)] * 10) == [True] * 10

    store = place.store(schema="brand_new", prefix="own_")
    assert store.verify().sessions == 10
    assert store.verify().ok
    assert place.ask("SELECT count(*) FROM brand_new.own_migrations") == [(1,)]


def test_groups_over_the_same_sessions_in_any_order_never_wait_for_each_other_in_a_circle(place: Any, kit: Any) -> None:
    recorders = [place.recorder() for _ in range(4)]
    sessions = [f"s{number}" for number in range(12)]
    recorders[0].append([kit.started(session) for session in sessions])

    def work(number: int) -> list[Any]:
        chance, answers = Random(number), []
        for turn in range(40):
            chosen = chance.sample(sessions, chance.randint(1, 8))
            group = [kit.renamed(f"{number}/{turn}", session) for session in chosen]
            group.insert(
                0, AppendRequest(f"k{number}/{turn}", encode_events([SessionStarted(key=chance.choice("abcdefgh"))]))
            )
            chance.shuffle(group)
            answers += recorders[number % 4].append(group)
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for answers in pool.map(work, range(8)) for answer in answers]

    taken = [answer for answer in answers if isinstance(answer, KeyTakenError)]
    assert len(taken) == 8 * 40 - 8
    assert {type(answer) for answer in answers} == {AppendResult, KeyTakenError}
    assert place.store().verify().ok
    assert place.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def test_one_of_many_that_start_the_same_session_starts_it(place: Any, kit: Any) -> None:
    recorders = [place.recorder() for _ in range(8)]
    recorders[0].append([kit.started(f"own {number}") for number in range(8)])
    barrier = Barrier(8)

    def work(number: int) -> list[Any]:
        answers = []
        for turn in range(20):
            barrier.wait()
            answers += recorders[number].append(
                [kit.started(f"{turn}", expected=NO_STREAM), kit.renamed(str(number), f"own {number}")]
            )
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for answers in pool.map(work, range(8)) for answer in answers]

    kinds = Counter((type(answer), answer.session[:3] == "own") for answer in answers)
    assert kinds == {(AppendResult, False): 20, (PositionConflictError, False): 140, (AppendResult, True): 160}
    assert place.store().verify().ok


def test_a_command_that_comes_to_many_at_once_is_recorded_once(place: Any, kit: Any) -> None:
    recorders = [place.recorder() for _ in range(8)]
    barrier = Barrier(8)

    def work(number: int) -> list[Any]:
        answers = []
        for turn in range(20):
            barrier.wait()
            again = kit.renamed(f"{number}", f"s{turn % 10}", command_id=f"c{turn}")
            answers += recorders[number].append([again, again])
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for answers in pool.map(work, range(8)) for answer in answers]

    assert Counter(answer.repeated for answer in answers) == {False: 20, True: 300}
    assert len(place.recorder().read_all(limit=1000)) == 20


def test_one_of_two_sessions_that_want_the_same_key_at_once_gets_it(place: Any) -> None:
    recorders = [place.recorder() for _ in range(2)]
    barrier = Barrier(2)

    def work(number: int) -> list[Any]:
        answers = []
        for turn in range(50):
            barrier.wait()
            keyed = encode_events([SessionStarted(key=f"key {turn}")])
            answers += recorders[number].append([AppendRequest(f"{turn}/{number}", keyed)])
        return answers

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, range(2))

    pairs = [{type(one), type(other)} for one, other in zip(first, second, strict=True)]
    assert pairs == [{AppendResult, KeyTakenError}] * 50


def test_those_who_go_together_are_recorded_all_or_none(place: Any, kit: Any) -> None:
    recorder, other = place.recorder(), place.recorder()
    recorder.append(
        [kit.started("s"), kit.started("t"), AppendRequest("u", encode_events([SessionStarted(key="taken")]))]
    )
    other.append([kit.renamed("by another", "t")])

    fresh = [kit.renamed("a", "s"), kit.renamed("b", "t"), kit.renamed("c", "s"), kit.started("v")]
    answers = recorder.append_together(fresh)
    assert [(answer.session, answer.first, answer.global_position) for answer in answers] == [
        ("s", 2, 5),
        ("t", 3, 6),
        ("s", 3, 7),
        ("v", 1, 8),
    ]
    with pytest.raises(PositionConflictError):
        recorder.append_together([kit.renamed("d", "s"), kit.renamed("e", "t", expected=1)])
    with pytest.raises(KeyTakenError):
        recorder.append_together(
            [kit.renamed("f", "s"), AppendRequest("w", encode_events([SessionStarted(key="taken")]))]
        )
    assert recorder.find_entry("w") is None
    assert recorder.last_global_position() == 8
    assert place.store().verify().ok


def test_those_who_go_together_do_not_stand_on_what_a_command_recorded_earlier(place: Any, kit: Any) -> None:
    recorder = place.recorder()
    recorder.append([kit.started(command_id="c"), kit.renamed("a")])

    answers = recorder.append_together([kit.started(command_id="c"), kit.renamed("b"), kit.renamed("c")])
    assert [(answer.first, answer.repeated) for answer in answers] == [(1, True), (3, False), (4, False)]
    place.recorder().append([kit.renamed("moves the head")])
    twice = [kit.renamed("d", command_id="d"), kit.renamed("e", command_id="d"), kit.renamed("f")]
    answers = recorder.append_together(twice)
    assert [(answer.first, answer.repeated) for answer in answers] == [(6, False), (6, True), (7, False)]
    assert kit.names(recorder.read("s")) == ["a", "b", "c", "moves the head", "d", "f"]


FORKS = """
import os, sys
from turnlog import open_store
from turnlog.domain.events import SessionRenamed, SessionStarted

print("ready", flush=True)
sys.stdin.readline()
with open_store(sys.argv[1]) as store:
    store.append("s", [SessionStarted(), SessionRenamed("before")])
    store.recorder.wait(1, 9.0)
    child = os.fork()
    if child == 0:
        store.append("s", [SessionRenamed("child")])
        assert store.recorder.wait(2, 9.0)
        store.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.append("s", [SessionRenamed("parent")])
print("true")
"""


def test_a_forked_process_connects_anew(place: Any, together: Any, kit: Any) -> None:
    together(FORKS, [(place.address(),)])

    store = place.store()
    assert kit.names(store.recorder.read("s")) == ["before", "child", "parent"]
    assert store.verify().ok


def test_a_reader_sees_nothing_of_a_commit_that_is_late_and_misses_nothing_of_those_behind_it(
    place: Any, recorder: PostgresRecorder, kit: Any
) -> None:
    recorder.append([kit.started("s"), kit.started("t")])
    head = recorder.find_entry("s")
    assert head is not None
    late = place.connect()
    late.autocommit = False
    parameters = append_protocol.parameters([attempt(kit.renamed("late"), head)])
    late.execute(place_named(recorder, queries.SQL["append"]), (*parameters, False))

    behind = Thread(target=recorder.append, args=([kit.renamed("behind", "t")],))
    behind.start()
    place.until_waiting(1)
    assert recorder.read_all(after=2, limit=9) == []
    assert recorder.last_global_position() == 2
    assert recorder.wait(2, timeout=0.01) is False
    late.commit()
    behind.join()

    rows = recorder.read_all(after=2, limit=9)
    assert [(row.global_position, name) for row, name in zip(rows, kit.names(rows), strict=True)] == [
        (3, "late"),
        (4, "behind"),
    ]


def test_a_commit_that_is_taken_back_leaves_no_gap(place: Any, recorder: PostgresRecorder, kit: Any) -> None:
    recorder.append([kit.started()])
    head = recorder.find_entry("s")
    assert head is not None
    late = place.connect()
    late.autocommit = False
    late.execute(
        place_named(recorder, queries.SQL["append"]),
        (*append_protocol.parameters([attempt(kit.renamed("taken back"), head)]), False),
    )
    late.rollback()

    (answer,) = recorder.append([kit.renamed("next")])
    assert isinstance(answer, AppendResult)
    assert answer.global_position == 2
    assert recorder.find_flaws() == []


def test_a_loser_uses_no_global_position(recorder: PostgresRecorder, kit: Any) -> None:
    recorder.append([kit.started()])
    (conflict,) = recorder.append([kit.renamed("loser", expected=0)])
    (answer,) = recorder.append([kit.renamed("winner", expected=1)])

    assert isinstance(conflict, PositionConflictError)
    assert isinstance(answer, AppendResult)
    assert answer.global_position == 2


def place_named(recorder: PostgresRecorder, statement: str) -> str:
    return recorder._connections.tables.with_names(statement)
