"""What is interrupted, cancelled or shared by many leaves the record whole and the handle right."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, Store, open_store
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult


def said(session: Session) -> list[str]:
    return [message.text for message in session.messages]


def agrees_with_the_record(session: Session, store: Store) -> bool:
    opened = Session.open(session.id, store=store)
    return said(opened) == said(session) and opened.position == session.position


@pytest.mark.parametrize("change", ["add", "clear", "fork"])
def test_a_handle_interrupted_after_the_commit_is_right_again_at_the_next_call(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add("one")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("turnlog._session.stream.evolve", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main.add("two") if change == "add" else main.clear() if change == "clear" else main.fork()

    assert agrees_with_the_record(session, store)
    main.add("three")
    assert agrees_with_the_record(session, store)
    assert store.verify().ok


def test_a_cancelled_twin_has_recorded_all_or_nothing(store: Store) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(main.aadd_many([f"{number} a", f"{number} b"]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def many() -> None:
        for number in range(20):
            await cancelled(number)

    asyncio.run(many())  # which waits for the threads that the twins run in

    shown = said(session)[1:]
    assert len(shown) % 2 == 0
    assert all(one.split()[0] == other.split()[0] for one, other in zip(shown[::2], shown[1::2], strict=True))
    assert agrees_with_the_record(session, store)


def test_one_handle_serves_twenty_threads_and_several_event_loops(store: Store) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch

    def thread(number: int) -> None:
        for step in range(5):
            main.add(f"thread {number} {step}")
            assert main.messages.last(1)

    async def tasks(number: int) -> None:
        await asyncio.gather(*(main.aadd(f"loop {number} {step}") for step in range(5)))

    with ThreadPoolExecutor(23) as pool:
        work = [pool.submit(thread, number) for number in range(20)]
        work += [pool.submit(asyncio.run, tasks(number)) for number in range(3)]
        for each in work:
            each.result()

    assert sorted(said(session)[1:]) == sorted(
        [f"thread {number} {step}" for number in range(20) for step in range(5)]
        + [f"loop {number} {step}" for number in range(3) for step in range(5)]
    )
    assert agrees_with_the_record(session, store)


def test_a_reader_that_follows_misses_nothing_and_repeats_nothing(stores: Any) -> None:
    store = stores.new()
    sessions = [Session(store=store) for _ in range(4)]

    def write(session: Session) -> None:
        beside = Session.open(session.id, store=stores.beside(store))
        for number in range(25):
            beside.add(str(number))

    seen: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, session) for session in sessions]
        while len(seen) < 4 * 27:
            after = seen[-1] if seen else 0
            if store.recorder.wait(after, timeout=60):
                seen += [event.global_position for event in store.read_all(after=after, limit=7)]
            elif all(each.done() for each in writing):
                break
        for each in writing:
            each.result()

    assert seen == list(range(1, 4 * 27 + 1))


@pytest.mark.parametrize("text", ["a NUL \0 inside", "\U0001f600", "\u2028", "\x7f\x1f"])
def test_odd_text_is_kept_exactly(store: Store, text: str) -> None:
    session = Session(store=store)
    session.add(text, metadata={"odd": [text]})

    (message,) = Session.open(session.id, store=store).messages
    assert (message.text, message.metadata) == (text, {"odd": [text]})


def test_what_cannot_be_kept_is_refused_by_name(store: Store) -> None:
    session = Session(store=store)
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    refused: list[Any] = ["\ud800", {"instruction": deep}, {"instruction": float("nan")}, {"instruction": b"\xff"}]

    for content in refused:
        with pytest.raises(InvalidValueError):
            session.add(content)
    assert session.position == 2


def test_who_is_interrupted_while_waiting_for_the_lock_leaves_no_transaction_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        session = Session("Be brief.", store=store)
        session.add("before")
        connections = store.recorder.connections  # type: ignore[attr-defined]  # a signal falls on no line of ours

        class Interrupting:
            def __init__(self, connection: sqlite3.Connection) -> None:
                self._connection = connection

            def __getattr__(self, name: str) -> Any:
                return getattr(self._connection, name)

            def execute(self, statement: str, *values: Any) -> Any:
                answer = self._connection.execute(statement, *values)
                if statement == "BEGIN IMMEDIATE":
                    raise KeyboardInterrupt
                return answer

        with monkeypatch.context() as patched:
            patched.setattr(connections, "_writer", Interrupting(connections._writer))
            with pytest.raises(KeyboardInterrupt):
                session.add("interrupted")

        with closing(sqlite3.connect(path, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        session.add("after")
        assert said(session) == ["Be brief.", "before", "after"]


def test_an_append_that_is_interrupted_before_it_commits_holds_up_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(store=store)
    recorder = store.recorder
    append = recorder.append

    def interrupted(appends: list[AppendRequest]) -> Iterator[AppendResult]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store._appender.commits, "_outcomes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.add("interrupted")

    assert recorder.append == append
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: session.add(str(number)), range(8)))
    assert sorted(said(session)) == [str(number) for number in range(8)]
