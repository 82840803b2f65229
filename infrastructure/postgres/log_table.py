"""The table of logs in a PostgreSQL database."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ...domain.log import Log
from ...domain.recorded_event import to_datetime
from ...projections.call_log_filter import LogFilter
from ..logs.tables import validate_table_name
from .address import parse_address
from .connections import Connection, PostgresConnection

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
    """A table of logs, made if it does not exist, on one connection."""

    def __init__(self, address: str, table: str) -> None:
        there = parse_address(address)
        schema, bare = there.tables.schema, validate_table_name(table)
        self._names = {
            "schema": schema,
            "bare": bare,
            "table": f'"{schema}".{bare}',
            "table_of_prunings": f'"{schema}".{bare}_prunings',
            "refuse": f'"{schema}".{bare}_refuse_change',
        }
        self.name = there.name if table == "logs" else f"{there.name}{'&' if '?' in there.name else '?'}table={table}"
        self._connection = PostgresConnection(self.name, there.conninfo, self._prepare)

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        self._connection.close()

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
        return self._connection.run(lambda connection: connection.execute(self._with_names(INSERT), columns).rowcount)

    def select(self, wanted: LogFilter, limit: int, offset: int) -> list[Log]:
        """The logs of a type and time, newest first."""
        parameters = {
            "type": None if wanted.type is None else wanted.type.value,
            "since": wanted.since,
            "until": wanted.until,
            "limit": limit,
            "offset": offset,
        }
        found = self._connection.run(
            lambda connection: connection.execute(self._with_names(SELECT), parameters).fetchall()
        )
        return [msgspec.json.decode(log, type=Log) for (log,) in found]

    def prune(self, before: int, now: int) -> int:
        """Removes what was logged before a time in microseconds."""

        def prune(connection: Connection) -> int:
            with connection.transaction():
                begun = connection.execute(
                    self._with_names(BEGIN_PRUNING), (to_datetime(now), to_datetime(before))
                ).fetchone()
                removed = connection.execute(self._with_names(PRUNE), (to_datetime(before),)).rowcount
                connection.execute(self._with_names(END_PRUNING), (removed, *(begun or (None,))))
            return removed

        return self._connection.run(prune)

    def _prepare(self, connection: Connection) -> None:
        """Makes the table; of many processes that come at once, one does it."""
        table, last = self._names["table"], f"{self._names['bare']}_no_truncate"
        if connection.execute(IS_THERE, (last, table)).fetchone() == (True,):
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"turnlog logs {table}"])
            for statement in SCHEMA:
                connection.execute(self._with_names(statement))

    def _with_names(self, statement: str) -> Any:
        return statement.format(**self._names)


def _storable(text: str | None) -> str | None:
    """PostgreSQL keeps no zero character in a column; in the log itself it is spelled out."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
