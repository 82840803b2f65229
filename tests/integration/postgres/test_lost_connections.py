"""Connections break and servers restart: what was acknowledged is there once, and errors tell what is known."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition, Thread
from typing import Any

import pytest

from turnlog import Session
from turnlog.domain.expected_position import NO_STREAM
from turnlog.errors import DatabaseError, OutcomeUnknownError, PositionConflictError, StoreClosedError
from turnlog.infrastructure.postgres import connections
from turnlog.infrastructure.postgres.connections import ConnectionFailed
from turnlog.infrastructure.stored_event import AppendResult
from turnlog.projections.catalogue import CatalogueEntry


@pytest.mark.parametrize("command_id", [None, "c"])
@pytest.mark.parametrize("lost", ["the answer", "the question"])
def test_an_append_whose_connection_breaks_is_recorded_once(
    place: Any, proxy: Any, kit: Any, lost: str, command_id: str | None
) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started()])

    (proxy.cut_at_answer if lost == "the answer" else proxy.cut_at_question)()
    answers = recorder.append([kit.renamed("a", command_id=command_id)])

    assert proxy.cuts == 1
    assert answers == [AppendResult("s", 2, 2, 2, 1_000)]
    assert recorder.append([kit.renamed("b")]) == [AppendResult("s", 3, 3, 3, 1_000)]
    assert kit.names(recorder.read("s")) == ["a", "b"]
    assert place.store().verify().ok


@pytest.mark.parametrize("command_id", [None, "c"])
def test_a_strict_append_whose_answer_is_lost_is_not_taken_for_a_conflict(
    place: Any, proxy: Any, kit: Any, command_id: str | None
) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started()])

    proxy.cut_at_answer()
    (answer,) = recorder.append([kit.renamed("a", command_id=command_id, expected=1)])

    assert (proxy.cuts, answer.first) == (1, 2)
    (conflict,) = recorder.append([kit.renamed("b", expected=1)])
    assert isinstance(conflict, PositionConflictError)


def test_a_session_whose_first_answer_is_lost_is_started_once(place: Any, proxy: Any, kit: Any) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder._heads["s"] = CatalogueEntry("s")  # or the first question would be for the head

    proxy.cut_at_answer()
    (answer,) = recorder.append([kit.started(expected=NO_STREAM)])

    assert (proxy.cuts, answer) == (1, AppendResult("s", 1, 1, 1, 1_000))
    assert recorder.last_global_position() == 1


@pytest.mark.parametrize("command_id", [None, "c"])
def test_a_lost_answer_is_found_behind_what_others_appended_since(
    place: Any, proxy: Any, kit: Any, command_id: str | None
) -> None:
    recorder, other = place.recorder(port=proxy.port), place.recorder()
    recorder.append([kit.started()])

    proxy.cut_at_answer(lambda: other.append([kit.renamed("since"), kit.renamed("then")]))
    answers = recorder.append([kit.renamed("a", command_id=command_id)])

    assert answers == [AppendResult("s", 2, 2, 2, 1_000)]
    assert kit.names(recorder.read("s")) == ["a", "since", "then"]


def test_an_append_that_lost_its_connection_and_then_the_race_is_tried_again(place: Any, proxy: Any, kit: Any) -> None:
    recorder, other = place.recorder(port=proxy.port), place.recorder()
    recorder.append([kit.started()])
    other.append([kit.renamed("first")])

    proxy.cut_at_answer()  # which says that the head has moved
    (answer,) = recorder.append([kit.renamed("a")])

    assert (proxy.cuts, answer.first) == (1, 3)
    assert kit.names(recorder.read("s")) == ["first", "a"]


@pytest.mark.parametrize("together", [False, True])
def test_a_group_whose_answer_is_lost_is_recorded_once_each(place: Any, proxy: Any, kit: Any, together: bool) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started("s"), kit.started("t")])

    proxy.cut_at_answer()
    group = [kit.renamed("a"), kit.renamed("b", "t", command_id="c"), kit.renamed("c"), kit.renamed("d")]
    answers = (recorder.append_together if together else recorder.append)(group)

    assert proxy.cuts == 1
    assert [(answer.session, answer.first, answer.global_position) for answer in answers] == [
        ("s", 2, 3),
        ("t", 2, 4),
        ("s", 3, 5),
        ("s", 4, 6),
    ]
    assert kit.names(recorder.read_all(limit=99)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("command_id", [None, "c"])
def test_a_call_that_goes_on_after_its_client_was_cut_off_records_once_beside_the_one_that_repeats_it(
    place: Any, proxy: Any, kit: Any, command_id: str | None
) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started()])
    holding = place.connect()
    holding.autocommit = False
    holding.execute("SELECT FROM turnlog_catalogue FOR UPDATE")

    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(recorder.append, [kit.renamed("a", command_id=command_id)])
        place.until_waiting(1)
        proxy.cut_all()
        place.until_waiting(2)
        holding.commit()
        (answer,) = appending.result()

    assert (answer.first, answer.last) == (2, 2)
    assert kit.names(recorder.read("s")) == ["a"]
    assert place.store().verify().ok


@pytest.mark.parametrize("command_id", [None, "c"])
def test_a_message_whose_answer_is_lost_is_added_once(place: Any, proxy: Any, command_id: str | None) -> None:
    with place.store(port=proxy.port) as store:
        main = Session(store=store).default_branch
        main.add("first")

        appending = store.recorder._send
        store.recorder._send = lambda *call: proxy.cut_at_answer() or appending(*call)
        message = main.add("second", command_id=command_id)

        assert (proxy.cuts, message.text) == (1, "second")
        assert [each.text for each in main.messages] == ["first", "second"]
        assert store.verify().ok


def test_a_read_whose_connection_breaks_is_made_again(place: Any, proxy: Any, kit: Any) -> None:
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started(), kit.renamed("a")])

    proxy.cut_at_answer()
    assert len(list(recorder.read("s"))) == 2
    proxy.cut_at_question()
    assert recorder.last_global_position() == 2
    assert proxy.cuts == 2


def test_what_is_not_known_is_said(place: Any, proxy: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.1)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
    recorder = place.recorder(port=proxy.port)
    recorder.append([kit.started()])

    proxy.cut_at_answer(proxy.close_door)
    with pytest.raises(
        OutcomeUnknownError, match="the connection broke, and whether the append was recorded is not known: "
    ):
        recorder.append([kit.renamed("a")])
    with pytest.raises(DatabaseError, match="connection to server") as failed:
        recorder.last_global_position()

    assert str(pickle.loads(pickle.dumps(failed.value))) == str(failed.value)
    assert kit.names(place.recorder().read("s")) == ["a"]


def test_connections_that_the_server_ended_while_they_were_idle_are_replaced_unnoticed(place: Any, kit: Any) -> None:
    recorder = place.recorder()
    answers = recorder.append([kit.started()])
    for number in range(5):
        place.ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answers += recorder.append([kit.renamed(f"{number}")])

    assert [answer.first for answer in answers] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_server_that_restarts_under_its_clients_loses_nothing_and_they_go_on(place: Any, kit: Any, how: str) -> None:
    """Four threads, each with a session of its own and one that they share; without command ids."""
    recorders = [place.recorder(), place.recorder(tcp=True)]
    recorders[0].append([kit.started(session) for session in ("s", "own 0", "own 1", "own 2", "own 3")])
    news, done = Condition(), False
    acknowledged: list[str] = []
    unknown: list[str] = []
    failed: list[str] = []

    def work(thread: int) -> None:
        number = 0
        while not done:
            number += 1
            group = [kit.renamed(f"{thread}/{number}", session) for session in ("s", f"own {thread}")]
            try:
                answers = recorders[thread % 2].append(group)
            except DatabaseError as reason:
                (unknown if isinstance(reason, OutcomeUnknownError) else failed).append(f"{thread}/{number}")
                continue
            assert {type(answer) for answer in answers} == {AppendResult}
            with news:
                acknowledged.append(f"{thread}/{number}")
                news.notify_all()

    def wait_for(more: int) -> None:
        with news:
            enough = len(acknowledged) + more
            news.wait_for(lambda: len(acknowledged) >= enough)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, thread) for thread in range(4)]
        try:
            for _ in range(3):
                wait_for(20)
                getattr(place.server, how)()
                place.server.start()
            wait_for(20)
        finally:
            done = True
        for each in working:
            each.result()

    store = place.store()
    assert store.verify().ok
    for session in ("s", "own 0", "own 1", "own 2", "own 3"):
        found = kit.names(store.recorder.read(session))
        asked = [name for name in acknowledged if session in ("s", f"own {name[0]}")]
        doubtful = [name for name in unknown if session in ("s", f"own {name[0]}")]
        assert len(found) == len(set(found))
        assert set(asked) <= set(found) <= {*asked, *doubtful}


def test_a_server_that_is_not_there_is_a_failure_that_says_so(
    place: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.1)
    recorder = place.recorder()
    recorder.append([kit.started()])
    place.server.stop()
    try:
        assert [type(answer) for answer in recorder.append([kit.renamed("x"), kit.renamed("y")])] == [
            ConnectionFailed
        ] * 2
        for name, use in USES.items():
            if name == "append":
                continue
            with pytest.raises(DatabaseError, match="connection to server"):
                use(recorder, kit)
        with pytest.raises(DatabaseError, match="connection to server"):
            place.recorder()
    finally:
        place.server.start()
    monkeypatch.setattr(connections, "PATIENCE", 30.0)

    assert recorder.append([kit.renamed("a")]) == [AppendResult("s", 2, 2, 2, 1_000)]


USES: dict[str, Callable[[Any, Any], object]] = {
    "append": lambda recorder, kit: recorder.append([kit.renamed("x")]),
    "append together": lambda recorder, kit: recorder.append_together([kit.renamed("x")]),
    "restore": lambda recorder, kit: recorder.restore([], []),
    "read": lambda recorder, kit: list(recorder.read("s")),
    "read all": lambda recorder, kit: recorder.read_all(limit=9),
    "wait": lambda recorder, kit: recorder.wait(0, 9.0),
    "find entry": lambda recorder, kit: recorder.find_entry("s"),
    "entries": lambda recorder, kit: list(recorder.read_entries()),
    "flaws": lambda recorder, kit: recorder.find_flaws(),
    "vacuum": lambda recorder, kit: recorder.vacuum(),
}


@pytest.mark.parametrize("use", USES)
def test_a_closed_recorder_says_that_it_is_closed(recorder: Any, kit: Any, use: str) -> None:
    recorder.append([kit.started()])
    recorder.close()
    recorder.close()

    with pytest.raises(StoreClosedError):
        USES[use](recorder, kit)


def test_who_waits_for_a_connection_when_the_store_closes_is_told(
    place: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
    recorder = place.recorder()
    recorder.append([kit.started()])
    reasons: list[Exception] = []

    def read() -> None:
        try:
            list(recorder.read("s"))
        except StoreClosedError as reason:
            reasons.append(reason)

    with recorder._connections.using():
        waiting = Thread(target=read)
        waiting.start()
        while not recorder._connections._pool.get_stats().get("requests_waiting"):
            pass
        recorder.close()
        waiting.join()

    assert [type(reason) for reason in reasons] == [StoreClosedError]


def test_connections_that_are_all_in_use_are_named(place: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(connections, "PATIENCE", 0.1)
    recorder = place.recorder()

    with (
        recorder._connections.using(),
        pytest.raises(DatabaseError, match="all 1 connections were in use for"),
    ):
        recorder.find_entry("s")


def test_what_the_server_refuses_is_a_failure_in_its_words_without_what_was_to_be_written(
    place: Any, recorder: Any, kit: Any
) -> None:
    recorder.append([kit.started()])
    with place.database.connect() as connection:
        connection.execute("ALTER TABLE turnlog_events ADD CONSTRAINT no_x CHECK (payload NOT LIKE '%private%')")

    with pytest.raises(DatabaseError, match='violates check constraint "no_x"') as failed:
        recorder.append([kit.renamed("private"), kit.renamed("b")])

    assert "private" not in str(failed.value)
    assert recorder.append([kit.renamed("c")])[0].first == 2
    with place.database.connect() as connection:
        connection.execute("ALTER TABLE turnlog_events DROP CONSTRAINT no_x")
    assert recorder.find_flaws() == []
