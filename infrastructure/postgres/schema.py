"""The schema of the tables in PostgreSQL: made when there are none, brought up to date when they are old."""

from collections.abc import Sequence
from importlib.resources import files
from time import time_ns
from typing import Any

from psycopg import Connection, IsolationLevel

from ...domain.errors import DatabaseError, SchemaMismatchError
from ..migrations import Migration, check_present, migrations_of, pending
from .queries import Tables

FUNCTIONS = ("append_v1.sql", "append_together_v1.sql")
"""Made anew with every change of the schema. A function that was released stays as it is; a new one gets a new name."""

TABLES = ("catalogue", "counter", "events", "migrations")
COUNT_TABLES = """
SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""
COUNT_STEPS = 'SELECT coalesce(max(number), 0) FROM "{schema}".{prefix}migrations'
ADD_STEP = 'INSERT INTO "{schema}".{prefix}migrations (number, name, applied) VALUES (%s, %s, %s)'

ISOLATION = "read committed"


def prepare(
    connection: Connection[Any], store: str, tables: Tables, migrations: Sequence[Migration] | None = None
) -> None:
    """Makes the tables or brings them up to date; of many processes that come at once, one does it."""
    _check_server(connection, store)
    steps = migrations_of(__package__) if migrations is None else migrations
    if not _behind(connection, store, tables, steps):
        return
    connection.isolation_level = IsolationLevel.READ_COMMITTED  # who waited for the lock must see what was done
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [tables.channel])
        behind = _behind(connection, store, tables, steps)
        if not behind:
            return
        _make_schema(connection, tables)
        _run(connection, tables, behind)
        _record(connection, tables, behind)


def create(connection: Connection[Any], tables: Tables) -> None:
    """Create the tables, views and functions of today, without the list of migrations."""
    _run(connection, tables, migrations_of(__package__))


def check(connection: Connection[Any], store: str, tables: Tables) -> None:
    """Refuses a database without the tables of today, and changes nothing."""
    _check_server(connection, store)
    steps = migrations_of(__package__)
    check_present(store, len(steps) - len(_behind(connection, store, tables, steps)), steps)


def _check_server(connection: Connection[Any], store: str) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SchemaMismatchError(store, f"a database in the encoding {encoding}", "one in UTF8")
    isolation = _value(connection, "SELECT current_setting('transaction_isolation')")
    if isolation != ISOLATION:
        advice = f"expected {ISOLATION!r} (default_transaction_isolation of the database or the role)"
        raise DatabaseError(store, f"its transactions are {isolation!r}: {advice}")


def _behind(connection: Connection[Any], store: str, tables: Tables, steps: Sequence[Migration]) -> Sequence[Migration]:
    named = [tables.prefix + table for table in TABLES]
    there = _value(connection, COUNT_TABLES, tables.schema, named)  # in one statement: a commit may come at any time
    if there not in (0, len(named)):
        expected = "another schema or prefix, or tables of Turnlog's"
        raise SchemaMismatchError(store, "tables of another program under these names", expected)
    applied = _value(connection, tables.with_names(COUNT_STEPS)) if there else 0
    return pending(store, applied, steps)


def _make_schema(connection: Connection[Any], tables: Tables) -> None:
    # IF NOT EXISTS would ask for the right to make one, even where there is nothing to make.
    if not _value(connection, "SELECT to_regnamespace(%s) IS NOT NULL", f'"{tables.schema}"'):
        connection.execute(tables.with_names('CREATE SCHEMA "{schema}"'))


def _run(connection: Connection[Any], tables: Tables, steps: Sequence[Migration]) -> None:
    for script in (*(step.script for step in steps), *map(_file, FUNCTIONS)):
        connection.execute(tables.with_names(script))


def _record(connection: Connection[Any], tables: Tables, steps: Sequence[Migration]) -> None:
    applied = time_ns() // 1000
    for step in steps:
        connection.execute(tables.with_names(ADD_STEP), (step.number, step.name, applied))


def _value(connection: Connection[Any], statement: str, *parameters: object) -> Any:
    row = connection.execute(statement, parameters).fetchone()
    return None if row is None else row[0]


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
