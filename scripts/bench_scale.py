"""A store of many sessions as frames and as Parquet files; each step in a process of its own, for its peak of memory.

Run by scripts/bench as `scripts/bench scale [events] [sessions]`.
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import duckdb

from turnlog import Session, Store, open_store
from turnlog.domain.content import AssistantResponseContent, InstructionContent, Usage
from turnlog.domain.events import Event, MessageAppended, ModelCalled

TEXT = "some words as people say them to each other and to models, neither few nor many: " * 2
ROUND = 50


def write(store: Store, events: int, sessions: int) -> None:
    """Sessions that go on in turns: questions, answers, and every tenth event a call of a model."""
    begun = [Session(user=f"user {number % 100}", store=store) for number in range(sessions)]
    for session in begun:
        session.default_branch.add("the first words")
    each = events // sessions - 3
    for start in range(0, each, ROUND):
        turns = [turn(number) for number in range(start, min(start + ROUND, each))]
        for session in begun:
            store.append(session.id, turns)


def turn(number: int) -> Event:
    """What happens next in a session."""
    if number % 10 == 9:
        return ModelCalled("gpt-4o", input_tokens=100 + number, output_tokens=20, branch=0, duration_ms=1.5)
    if number % 2:
        used = Usage(input_tokens=number, output_tokens=5)
        said = AssistantResponseContent(assistant_response=f"{number} {TEXT}", model="small", usage=used)
        return MessageAppended(0, said)
    return MessageAppended(0, InstructionContent(instruction=f"{number} {TEXT}"))


def streamed(kind: str) -> Callable[[Store, Path], str]:
    """The rows of a frame, batch by batch; none is kept."""

    def read(store: Store, _: Path) -> str:
        frame = getattr(store.frames, kind)()
        started, rows = perf_counter(), sum(batch.num_rows for batch in frame)
        return f"{rows} rows, {rows / (perf_counter() - started):,.0f} a second"

    return read


def one_session(store: Store, _: Path) -> str:
    """The messages of one session after the other, each as a frame of its own, beside which the others are held."""
    started, rows = perf_counter(), 0
    for entry in store.sessions():
        rows += Session.open(entry.session, store=store).default_branch.messages.to_arrow().num_rows
    return f"{rows} rows, {rows / (perf_counter() - started):,.0f} a second"


def query(store: Store, _: Path) -> str:
    """What was used by user and model, asked in SQL."""
    started = perf_counter()
    asked = store.sql('select "user", model, sum(input_tokens) as t, count(*) as n from usage group by all')
    return f"{len(asked.rows())} groups in {perf_counter() - started:.1f} s"


def export(store: Store, folder: Path) -> str:
    """All of it into Parquet files."""
    started = perf_counter()
    done = store.export_parquet(folder / "parquet")
    seconds = perf_counter() - started
    size = sum(path.stat().st_size for path in (folder / "parquet").rglob("*.parquet"))
    return f"{done.events} events, {done.events / seconds:,.0f} a second, {done.files} files, {size / 1e6:.0f} MB"


def read_back(store: Store, folder: Path) -> str:
    """Whether DuckDB reads from the files what it is told by the store, value by value."""
    wrong = 0
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for kind in ("messages", "usage", "events"):
            frame = getattr(store.frames, kind)()
            columns = ", ".join(f'"{name}"' for name in frame.schema.names if name != "retracted")
            files = f"read_parquet('{folder}/parquet/{kind}/*/*.parquet')"
            digest = f"count(*), bit_xor(hash({columns})), sum(hash({columns}) % 1000000007)"
            connection.register("kept", frame)
            kept = connection.sql(f"select {digest} from kept").fetchall()
            wrong += kept != connection.sql(f"select {digest} from {files}").fetchall()
    return "equal" if not wrong else f"{wrong} kinds differ"


STEPS: dict[str, Callable[[Store, Path], str]] = {
    "messages, session by session": one_session,
    "messages, whole store": streamed("messages"),
    "usage, whole store": streamed("usage"),
    "events, whole store": streamed("events"),
    "SQL: usage by user and model": query,
    "export to Parquet": export,
    "Parquet read back by DuckDB": read_back,
}


def peak() -> int:
    """The most memory that was in use so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def step(name: str, folder: Path) -> None:
    """One step in this process, which says how much memory it took at most, and how much of that was its own."""
    with open_store(f"sqlite:///{folder}/scale.db") as store:
        store.frames.messages(branches="no such branch", users="nobody").to_arrow()  # what is loaded once
        before = peak()
        said = STEPS[name](store, folder)
        sys.stdout.write(f"{name:32} {said}; peak {peak() / 1e6:.0f} MB, {(peak() - before) / 1e6:.0f} MB of it here\n")


def main(events: int = 1_000_000, sessions: int = 2_000) -> None:
    """Writes the store, and has each step done."""
    with TemporaryDirectory() as place:
        with open_store(f"sqlite:///{place}/scale.db?durability=normal") as store:
            write(store, events, sessions)
            sys.stdout.write(f"{store.last_global_position()} events of {sessions} sessions\n")
            sys.stdout.flush()
        for name in STEPS:
            subprocess.run([sys.executable, "-P", __file__, "--step", name, place], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2], Path(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
