"""The stores of the contract, as the `eventsourcing` library finds them: by its environment.

A store joins with a view in VIEWS, which also shows how a read model is written for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from eventsourcing.persistence import Tracking
from eventsourcing.tests.projection import EventCountersView
from psycopg import Connection

from turnlog.infrastructure.eventsourcing_adapter.companions import LibraryView
from turnlog.infrastructure.memory.library_recorder import MemoryView
from turnlog.infrastructure.postgres.library_recorder import PostgresView
from turnlog.infrastructure.recorder import Recorder
from turnlog.infrastructure.redis.library_recorder import RedisView
from turnlog.infrastructure.sqlite.library_recorder import SQLiteView
from turnlog.infrastructure.store import Store


class Counters(EventCountersView, LibraryView):
    """Counts created and subsequent events, as the library's test cases want it."""

    opened: ClassVar[list[LibraryView]] = []

    def count(self, what: str, tracking: Tracking) -> None:
        raise NotImplementedError

    def counted(self, what: str) -> int:
        raise NotImplementedError

    def get_created_event_counter(self) -> int:
        return self.counted("created")

    def get_subsequent_event_counter(self) -> int:
        return self.counted("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self.count("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self.count("subsequent", tracking)


class MemoryCounters(MemoryView, Counters):
    def __init__(self, recorder: Recorder, name: str) -> None:
        super().__init__(recorder, name)
        self.opened.append(self)
        self._counts: dict[str, int] = {}

    def count(self, what: str, tracking: Tracking) -> None:
        with self.writing(tracking):
            self._counts[what] = self.counted(what) + 1

    def counted(self, what: str) -> int:
        return self._counts.get(what, 0)


class PostgresCounters(PostgresView, Counters):
    def __init__(self, recorder: Recorder, name: str) -> None:
        super().__init__(recorder, name)
        self.opened.append(self)

    def make_tables(self, connection: Connection[Any]) -> None:
        table = 'CREATE TABLE IF NOT EXISTS "{schema}".{prefix}counts (what text PRIMARY KEY, times integer NOT NULL)'
        connection.execute(self.named(table))

    def count(self, what: str, tracking: Tracking) -> None:
        statement = """
            INSERT INTO "{schema}".{prefix}counts AS c VALUES (%s, 1)
            ON CONFLICT (what) DO UPDATE SET times = c.times + 1
        """
        with self.writing(tracking) as connection:
            connection.execute(self.named(statement), (what,))

    def counted(self, what: str) -> int:
        with self.reading() as connection:
            rows = connection.execute(
                self.named('SELECT times FROM "{schema}".{prefix}counts WHERE what = %s'), (what,)
            )
            row = rows.fetchone()
        return 0 if row is None else int(row[0])


class RedisCounters(RedisView, Counters):
    def __init__(self, recorder: Recorder, name: str) -> None:
        super().__init__(recorder, name)
        self.opened.append(self)

    def count(self, what: str, tracking: Tracking) -> None:
        with self.writing(tracking) as commands:
            commands.append(("HINCRBY", self.key("counts"), what, 1))

    def counted(self, what: str) -> int:
        return int(self.server.ask("HGET", self.key("counts"), what) or 0)


class SQLiteCounters(SQLiteView, Counters):
    def __init__(self, recorder: Recorder, name: str) -> None:
        super().__init__(recorder, name)
        self.opened.append(self)

    def make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS counts (what TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT")

    def count(self, what: str, tracking: Tracking) -> None:
        with self.writing(tracking) as connection:
            connection.execute(
                "INSERT INTO counts VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET times = times + 1", (what,)
            )

    def counted(self, what: str) -> int:
        with self.reading() as connection:
            row = connection.execute("SELECT times FROM counts WHERE what = ?", (what,)).fetchone()
        return 0 if row is None else int(row[0])


VIEWS: dict[str, type[Counters]] = {
    "memory": MemoryCounters,
    "postgres": PostgresCounters,
    "redis": RedisCounters,
    "sqlite": SQLiteCounters,
}


@pytest.fixture
def view_class(stores: Any) -> Iterator[type[Counters]]:
    """A view for the kind of store; those that were made are closed."""
    yield VIEWS[stores.kind]
    while Counters.opened:
        Counters.opened.pop().close()


@pytest.fixture
def env(stores: Any, store: Store) -> dict[str, str]:
    """An environment from which the library makes its applications and views in a store; their aggregates have UUIDs.

    The projection of the library that records events of its own has a store of its own.
    """
    return {
        "PERSISTENCE_MODULE": "turnlog.infrastructure.eventsourcing_adapter.persistence",
        "TURNLOG_STORE": store.recorder.name,
        "COUNTERS_TURNLOG_STORE": stores.new().recorder.name,
    }
