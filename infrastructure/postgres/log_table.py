"""The table of a PostgreSQL database that logs are kept in, and the connection to it."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import msgspec
import psycopg

from ...domain.errors import DatabaseError
from ...domain.log import Log
from ...domain.recorded_event import to_datetime
from ...projections.call_log_filter import LogFilter
from ..after_fork import register
from ..logs.tables import validate_table_name
from .address import parse_address

A = TypeVar("A")
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

SCHEMA = (
    'CREATE SCHEMA IF NOT EXISTS "{schema}"',
    """
    CREATE TABLE IF NOT EXISTS {table} (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        created_at timestamptz NOT NULL,
        type text NOT NULL,
        source text,
        model text,
        session text,
        log text NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS {bare}_by_time ON {table} (created_at, number)",
    "CREATE INDEX IF NOT EXISTS {bare}_by_type ON {table} (type, created_at, number)",
    """
    CREATE TABLE IF NOT EXISTS {table_of_prunings} (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL,
        before timestamptz NOT NULL,
        removed bigint
    )
    """,
    """
    CREATE OR REPLACE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF EXISTS (SELECT 1 FROM {table_of_prunings} WHERE removed IS NULL AND OLD.created_at < before) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'logs are neither altered nor removed, but by pruning';
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER {bare}_insert_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {refuse}()
    """,
    """
    CREATE OR REPLACE TRIGGER {bare}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()
    """,
)
IS_THERE = "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgrelid = to_regclass(%s))"
INSERT = """
INSERT INTO {table} (id, created_at, type, source, model, session, log)
SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT (id) DO NOTHING
"""
SELECT = """
SELECT log FROM {table} WHERE (%(type)s::text IS NULL OR type = %(type)s)
AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR created_at <= %(until)s)
ORDER BY created_at DESC, number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
BEGIN_PRUNING = "INSERT INTO {table_of_prunings} (at, before) VALUES (%s, %s) RETURNING number"
PRUNE = "DELETE FROM {table} WHERE created_at < %s"
END_PRUNING = "UPDATE {table_of_prunings} SET removed = %s WHERE number = %s"


class PostgresTable:
    """A table that is made if it is not there, and one connection to it, made anew when it breaks."""

    def __init__(self, address: str, table: str) -> None:
        there = parse_address(address)
        self._conninfo = there.conninfo
        schema, bare = there.tables.schema, validate_table_name(table)
        self._names = {
            "schema": schema,
            "bare": bare,
            "table": f'"{schema}".{bare}',
            "table_of_prunings": f'"{schema}".{bare}_prunings',
            "refuse": f'"{schema}".{bare}_refuse_change',
        }
        self.name = there.name if table == "logs" else f"{there.name}{'&' if '?' in there.name else '?'}table={table}"
        self._lock = Lock()
        self._connection: Connection | None = None
        self._parents: list[Connection] = []
        register(self)

    def forked(self) -> None:
        """Connects anew in a child process; to close what is its parent's would end it there too."""
        self._lock = Lock()
        if self._connection is not None:
            self._parents.append(self._connection)
        self._connection = None

    def close(self) -> None:
        """Hangs up; whoever asks again connects again."""
        with self._lock:
            self._hang_up()

    def insert(self, logs: Sequence[Log]) -> int:
        """Writes logs in one transaction, those with an id that is not there."""
        written = [msgspec.json.encode(log).decode() for log in logs]
        columns = [
            [log.id for log in logs],
            [log.created_at for log in logs],
            [log.type.value for log in logs],
            [_storable(log.source) for log in logs],
            [_storable(log.model) for log in logs],
            [log.session for log in logs],
            written,
        ]
        return self._asked(lambda connection: connection.execute(self._named(INSERT), columns).rowcount)

    def select(self, wanted: LogFilter, limit: int, offset: int) -> list[Log]:
        """The logs of a type and time, newest first."""
        parameters = {
            "type": None if wanted.type is None else wanted.type.value,
            "since": wanted.since,
            "until": wanted.until,
            "limit": limit,
            "offset": offset,
        }
        found = self._asked(lambda connection: connection.execute(self._named(SELECT), parameters).fetchall())
        return [msgspec.json.decode(log, type=Log) for (log,) in found]

    def prune(self, before: int, now: int) -> int:
        """Removes what was logged before a time in microseconds."""

        def prune(connection: Connection) -> int:
            with connection.transaction():
                begun = connection.execute(
                    self._named(BEGIN_PRUNING), (to_datetime(now), to_datetime(before))
                ).fetchone()
                removed = connection.execute(self._named(PRUNE), (to_datetime(before),)).rowcount
                connection.execute(self._named(END_PRUNING), (removed, *(begun or (None,))))
            return removed

        return self._asked(prune)

    def _asked(self, question: Callable[[Connection], A]) -> A:
        """The answer to a question, asked again on a new connection if the old one broke: nothing is written twice."""
        with self._lock:
            try:
                if self._connection is not None and (answer := self._on_the_old(self._connection, question)):
                    return answer[0]
                self._connection = self._opened()
                return question(self._connection)
            except psycopg.Error as reason:
                if self._connection is not None and self._connection.closed:
                    self._connection = None
                raise DatabaseError(self.name, _message_of(reason)) from reason

    def _on_the_old(self, connection: Connection, question: Callable[[Connection], A]) -> tuple[A] | None:
        """The answer, or nothing if the connection broke."""
        try:
            return (question(connection),)
        except psycopg.Error:
            if not connection.closed:
                raise
            return None

    def _opened(self) -> Connection:
        connection: Connection = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        try:
            self._prepare(connection)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: Connection) -> None:
        """Makes the table; of many processes that come at once, one does it."""
        table, last = self._names["table"], f"{self._names['bare']}_no_truncate"
        if connection.execute(IS_THERE, (last, table)).fetchone() == (True,):
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"turnlog logs {table}"])
            for statement in SCHEMA:
                connection.execute(self._named(statement))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _named(self, statement: str) -> Any:
        return statement.format(**self._names)


def _storable(text: str | None) -> str | None:
    """PostgreSQL keeps no zero character in a column; in the log itself it is spelled out."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _message_of(reason: psycopg.Error) -> str:
    """What the server or the driver said, without details: they may quote what was to be written."""
    return " ".join((reason.diag.message_primary or str(reason)).split()) or type(reason).__name__
