"""Logs in a SQLite file in WAL mode, by one writer at a time and many readers."""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from ...domain.errors import InvalidValueError
from ...domain.log import Log
from ...domain.recorded_event import to_microseconds
from ...projections.call_log_filter import LogFilter
from ..clock import wall_clock
from ..logs.adapter import LogAdapter
from ..logs.redaction.redactor import STANDARD, LogRedactor
from ..logs.tables import validate_table_name
from ..paths import PathLike, validate_path
from .connections import SQLiteConnections
from .schema import begin_wal, statements

SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    type TEXT NOT NULL,
    source TEXT,
    model TEXT,
    session TEXT,
    log TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS {table}_by_time ON {table} (created_at, number);
CREATE INDEX IF NOT EXISTS {table}_by_type ON {table} (type, created_at, number);
CREATE TABLE IF NOT EXISTS {table}_prunings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    before INTEGER NOT NULL,
    removed INTEGER
) STRICT;
CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'logs are not altered'); END;
CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR number = NEW.number)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table}
WHEN NOT EXISTS (SELECT 1 FROM {table}_prunings WHERE removed IS NULL AND OLD.created_at < before)
BEGIN SELECT RAISE(ABORT, 'logs are not removed but by pruning'); END;
"""
"""A row that comes again is passed over before REPLACE could take away the first one."""

IS_THERE = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name = :last"
INSERT = "INSERT INTO {table} (id, created_at, type, source, model, session, log) VALUES (?, ?, ?, ?, ?, ?, ?)"
SELECT = """
SELECT log FROM {table} WHERE (:type IS NULL OR type = :type) AND created_at BETWEEN :since AND :until
ORDER BY created_at DESC, number DESC LIMIT :limit OFFSET :offset
"""
BEGIN_PRUNING = "INSERT INTO {table}_prunings (at, before) VALUES (?, ?)"
PRUNE = "DELETE FROM {table} WHERE created_at < ?"
END_PRUNING = "UPDATE {table}_prunings SET removed = ? WHERE removed IS NULL"


class SQLiteWALLogAdapter(LogAdapter):
    """Keeps logs in a table of a SQLite file, made with its folders if it is not there."""

    def __init__(
        self,
        path: PathLike = "logs.db",
        *,
        table: str = "logs",
        redactor: LogRedactor | None = STANDARD,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        super().__init__(redactor=redactor, clock=clock)
        self._path = validate_path(path, "the path")
        if str(self._path) == ":memory:":
            raise InvalidValueError("the path", "is ':memory:': expected that of a file")
        self._table = validate_table_name(table)
        self.name = f"sqlite:{self._path}" if table == "logs" else f"sqlite:{self._path}?table={table}"
        self._connections = SQLiteConnections(self._path, self.name, self._prepare, folders=True)

    def close(self) -> None:
        self._connections.release()

    def _insert(self, logs: Sequence[Log]) -> int:
        rows = [
            (
                log.id,
                to_microseconds(log.created_at) if log.created_at else 0,
                log.type.value,
                log.source,
                log.model,
                log.session,
                msgspec.json.encode(log).decode(),
            )
            for log in logs
        ]
        with self._connections.writing() as connection:
            before = connection.total_changes
            connection.executemany(self._with_name(INSERT), rows)
            return connection.total_changes - before

    def _select(self, wanted: LogFilter, limit: int, offset: int) -> list[Log]:
        parameters = {
            "type": wanted.type,
            "since": -(2**62) if wanted.since is None else to_microseconds(wanted.since),
            "until": 2**62 if wanted.until is None else to_microseconds(wanted.until),
            "limit": limit,
            "offset": offset,
        }
        with self._connections.alone() as connection:
            found = connection.execute(self._with_name(SELECT), parameters).fetchall()
        return [msgspec.json.decode(log, type=Log) for (log,) in found]

    def _prune(self, before: int, now: int) -> int:
        with self._connections.writing() as connection:
            connection.execute(self._with_name(BEGIN_PRUNING), (now, before))
            removed = connection.execute(self._with_name(PRUNE), (before,)).rowcount
            connection.execute(self._with_name(END_PRUNING), (removed,))
            return removed

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Makes the table; of many that come at once, one does it."""
        if connection.execute(IS_THERE, {"last": f"{self._table}_no_delete"}).fetchone() == (1,):
            return
        begin_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements(self._with_name(SCHEMA)):
            connection.execute(statement)
        connection.execute("COMMIT")

    def _with_name(self, statement: str) -> str:
        return statement.format(table=self._table)
