"""A query runs in a process of its own, which never outlives what needs it, and whose failures have a name."""

from __future__ import annotations

import asyncio
import enum
import gc
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import spawn
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turnlog import Session, Store
from turnlog.errors import MissingExtraError, QueryError
from turnlog.infrastructure.frames import query_process, store_frames
from turnlog.infrastructure.frames.messages import message_batches
from turnlog.infrastructure.memory.recorder import MemoryRecorder

LONG = "SELECT max(levenshtein(repeat(left(text, 1), 400000), repeat('b', 400000))) AS n FROM messages"
"""A query of a single call of a function, which takes minutes."""

COUNT = "SELECT count(*) AS n FROM messages"


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(MemoryRecorder()) as store:
        Session(store=store).default_branch.add_many(["one", "two", "three"])
        yield store


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that queries have started."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **settings: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **settings))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a query has begun to read messages."""
    reading = threading.Event()

    def batches(*arguments: Any) -> Iterator[Any]:
        yield from message_batches(*arguments)
        reading.set()

    monkeypatch.setattr(store_frames, "message_batches", batches)
    return reading


@pytest.fixture
def executable() -> Iterator[None]:
    """Sets the program that is started for Python back afterwards."""
    before = spawn.get_executable()
    yield
    spawn.set_executable(before)


def run(program: str, *, input: str | None = None) -> subprocess.CompletedProcess[str]:
    # Python 3.12 and newer warn of every fork of a process that has threads.
    options = ["-P", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *options, *(["-"] if input is not None else ["-c", program])]
    return subprocess.run(command, input=input, capture_output=True, text=True, check=False)


# --- The end of the process ---------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["rows", "to_arrow", "to_df", "to_polars", "__iter__"])
def test_the_process_ends_with_the_answer(store: Store, started: list[subprocess.Popen[bytes]], answer: str) -> None:
    query = store.sql("SELECT text FROM messages")
    for _ in range(2):
        list(getattr(query, answer)())

    assert [process.returncode is not None for process in started] == [True, True]


@pytest.mark.parametrize("steps", [0, 1])
def test_the_process_ends_with_a_query_that_is_not_used(
    store: Store, started: list[subprocess.Popen[bytes]], steps: int
) -> None:
    query = store.sql("SELECT range AS n FROM range(10000000)")
    batches = iter(query)
    for _ in range(steps):
        next(batches)
    assert started[0].poll() is None
    del query, batches
    gc.collect()

    assert started[0].returncode is not None


def test_the_process_ends_when_the_caller_is_interrupted(store: Store, started: list[subprocess.Popen[bytes]]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    query = store.sql(LONG)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            query.rows()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert started[0].returncode is not None


def test_the_process_ends_when_the_awaiting_task_is_cancelled(
    store: Store, started: list[subprocess.Popen[bytes]], reading: threading.Event
) -> None:
    async def cancel() -> None:
        query = await store.asql(LONG)
        task = asyncio.create_task(query.arows())
        await asyncio.to_thread(reading.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())  # which waits for the thread

    assert started[0].returncode is not None
    assert store.sql(COUNT).rows() == [{"n": 3}]


def test_a_query_that_is_cancelled_while_it_is_prepared_ends(
    store: Store, started: list[subprocess.Popen[bytes]]
) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(store.asql(LONG.replace("left(text, 1)", "'a'")))
        while not started:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert started[0].returncode is not None


# --- Its failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGKILL, "was killed: by another process, or by the"), (signal.SIGSEGV, "SIGSEGV")]
)
def test_a_process_that_is_ended_in_the_middle_raises(
    store: Store,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    reason: str,
) -> None:
    def batches(*arguments: Any) -> Iterator[Any]:
        for batch in message_batches(*arguments):
            yield batch
            started[0].send_signal(number)
            started[0].wait()

    monkeypatch.setattr(store_frames, "message_batches", batches)
    with pytest.raises(QueryError, match=reason):
        store.sql(COUNT).rows()
    monkeypatch.undo()
    assert store.sql(COUNT).rows() == [{"n": 3}]


def test_a_process_that_is_ended_before_the_answer_raises(store: Store, started: list[subprocess.Popen[bytes]]) -> None:
    query = store.sql(COUNT)
    started[0].kill()

    with pytest.raises(QueryError, match="was killed"):
        query.rows()
    assert query.rows() == [{"n": 3}]


@pytest.mark.parametrize("program", [None, "/nowhere/python", shutil.which("false")])
@pytest.mark.usefixtures("executable")
def test_an_executable_that_is_no_python_raises(store: Store, program: str | None) -> None:
    spawn.set_executable(program)  # type: ignore[arg-type]  # an embedded Python may have none

    with pytest.raises(QueryError, match=r"could not be started: .*; expected .* multiprocessing\.set_executable"):
        store.sql(COUNT)


@pytest.mark.usefixtures("executable")
def test_an_executable_that_does_nothing_raises(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexec cat")
    (tmp_path / "python").chmod(0o755)
    spawn.set_executable(str(tmp_path / "python"))
    monkeypatch.setattr(query_process, "START", 0.1)

    with pytest.raises(QueryError, match=r"it was not ready within 0\.1 s"):
        store.sql(COUNT)
    assert started[0].returncode is not None


def test_a_frozen_program_is_not_started_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    with pytest.raises(QueryError, match="is no Python"):
        store.sql(COUNT)
    assert started == []


def test_a_missing_duckdb_names_the_extra(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "duckdb.py").write_text("raise ModuleNotFoundError('not there', name='duckdb')")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(MissingExtraError, match=r"duckdb is not installed; .* pip install 'turnlog\[frames\]'"):
        store.sql(COUNT)


# --- Parameters ---------------------------------------------------------------------------------------------


class Colour(str, enum.Enum):  # noqa: UP042 (the str of it is not its value)
    """A value whose class the process does not know."""

    RED = "red"


def test_parameters_of_derived_types_are_plain_values(store: Store) -> None:
    parameters = [Colour.RED, signal.SIGINT, np.float64(1.5), [Colour.RED]]

    (row,) = store.sql("SELECT ? AS a, ? AS b, ? AS c, ? AS d", parameters).rows()

    assert row == {"a": "red", "b": 2, "c": 1.5, "d": ["red"]}


@pytest.mark.parametrize("parameter", [object(), lambda: 1, threading.Lock()], ids=["object", "function", "lock"])
def test_a_parameter_that_is_no_value_raises(store: Store, parameter: object) -> None:
    with pytest.raises(QueryError):
        store.sql("SELECT ? AS n", [parameter])


# --- The caller's program -----------------------------------------------------------------------------------

PROGRAM = """
import os, sys
from turnlog import Session, open_store
from turnlog.errors import QueryError
with open_store("memory://") as store:
    Session(store=store).default_branch.add("one")
    query = store.sql("SELECT text FROM messages")
    print(query.rows())
    try:
        store.sql("SELECT * FROM nowhere")
    except QueryError:
        print("failed")
"""


def test_a_program_from_standard_input_is_not_disturbed() -> None:
    """It has no guard of `__main__`, and what follows in the standard input is read by it alone."""
    done = run("", input=PROGRAM)

    assert (done.stdout, done.stderr, done.returncode) == ("[{'text': 'one'}]\nfailed\n", "", 0)


def test_a_program_without_standard_streams_can_query(tmp_path: Path) -> None:
    program = f"import sys; sys.stdout = open({str(tmp_path / 'out')!r}, 'w')\n{PROGRAM}"
    subprocess.run(["sh", "-c", '"$0" -P -c "$1" <&- >&- 2>&-', sys.executable, program], check=True)

    assert (tmp_path / "out").read_text() == "[{'text': 'one'}]\nfailed\n"


def test_a_query_can_be_used_in_a_fork() -> None:
    """The process that the query was started in stays that of the parent."""
    forked = """
    query, batches = store.sql("SELECT text FROM messages"), iter(store.sql("SELECT 1 AS n"))
    next(batches)
    if not (child := os.fork()):
        print(query.rows(), flush=True)
        del batches
        os._exit(0)
    os.waitpid(child, 0)
    print(query.rows(), list(batches))
"""
    done = run(PROGRAM + forked)

    assert (done.stdout.splitlines()[2:], done.stderr) == (["[{'text': 'one'}]", "[{'text': 'one'}] []"], "")


def test_many_threads_may_ask_one_query(store: Store) -> None:
    query = store.sql("SELECT count(*) AS n FROM messages a JOIN messages b ON a.session = b.session")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: query.rows(), range(8)))

    assert answers == [[{"n": 9}]] * 8


def test_an_answer_may_be_continued_in_another_thread(store: Store) -> None:
    batches = iter(store.sql("SELECT range AS n FROM range(300000)"))
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(next, batches).result()

    assert first.num_rows + sum(batch.num_rows for batch in batches) == 300_000


def test_several_tables_are_read_at_once_by_one_query(store: Store) -> None:
    Session(store=store).default_branch.add_many(f"message {n}" for n in range(5000))
    union = " UNION ALL ".join(["SELECT count(*) AS n FROM messages", "SELECT count(*) FROM events"] * 8)

    assert sorted({row["n"] for row in store.sql(union).rows()}) == [5003, 5007]
