"""Rows that are built anew while others append are complete when they count, on every kind of store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

from turnlog import Projection, Runner, Session, Store
from turnlog.projections import ColumnType, Rows, Table
from turnlog.stores import RecordedEvent

SAID = Table(
    "said", {"session": ColumnType.TEXT, "messages": ColumnType.INTEGER, "last": ColumnType.INTEGER}, key=("session",)
)


class Said(Projection):
    """How many messages there are, and where the last one stands."""

    name = "said"
    names = ("message.appended",)
    tables = (SAID,)

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows[SAID].find(event.session) or {"session": event.session, "messages": 0}
            rows[SAID].put({**row, "messages": row["messages"] + 1, "last": event.position})


def appending(store: Store, sessions: Sequence[Session], done: Event) -> Thread:
    def work() -> None:
        for number in range(60):
            for session in sessions:
                session.default_branch.add(f"message {number}")
        done.set()

    return Thread(target=work)


def test_a_rebuild_and_a_new_version_while_others_append_end_in_complete_rows(store: Store, tmp_path: Path) -> None:
    target, done = f"sqlite:///{tmp_path}/rows.db", Event()
    sessions = [Session(store=store) for _ in range(3)]
    writer = appending(store, sessions, done)
    with Runner(store, [Said()], target) as runner:
        writer.start()
        runner.await_position("said", store.last_global_position())
        runner.rebuild("said")
        with Runner(store, [Said(2)], target) as newer:
            done.wait()
            writer.join()
            for each in (runner, newer):
                each.await_position("said", store.last_global_position())
            kept = newer.rows(Said(2))[SAID].under()

    assert kept == store.project(Said(2))[SAID].under()
    assert [row["messages"] for row in kept] == [60, 60, 60]
