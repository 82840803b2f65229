"""The schema that a SQLite file has: made when the file is new, brought up to date when it is old."""

import sqlite3
from collections.abc import Iterator, Sequence
from time import sleep, time_ns

from ...domain.errors import DatabaseError, SchemaMismatchError
from ..migrations import Migration, check_present, migrations_of, pending

APPLICATION = 0x5455524E
"""Marks a database as Turnlog's, in `application_id`; `user_version` counts the migrations it has."""

OLDEST_SQLITE = (3, 37)
"""The first with STRICT tables."""

TRIES, PAUSE = 1000, 0.03
"""How often, and how many seconds apart, a file is put into WAL mode that others are opening."""


def prepare(connection: sqlite3.Connection, store: str, migrations: Sequence[Migration] | None = None) -> None:
    """Makes the schema or brings it up to date; of many processes that open a file at once, one does it."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise DatabaseError(store, f"this Python has SQLite {sqlite3.sqlite_version}: expected {needed} or newer")
    steps = migrations_of(__package__) if migrations is None else migrations
    if not _behind(connection, store, steps):
        return
    begin_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in _behind(connection, store, steps):
            _run(connection, step.script)
            _record(connection, step)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check(connection: sqlite3.Connection, store: str) -> None:
    """Refuses a file without the schema of today, and changes nothing."""
    steps = migrations_of(__package__)
    check_present(store, len(steps) - len(_behind(connection, store, steps)), steps)


def begin_wal(connection: sqlite3.Connection) -> None:
    """Puts a file into WAL mode; while others open it SQLite fails at once here, and does not wait as it does else."""
    for _ in range(TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as reason:
            if reason.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        sleep(PAUSE)
    connection.execute("PRAGMA journal_mode = WAL")


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one, so that they can run inside a transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _behind(connection: sqlite3.Connection, store: str, steps: Sequence[Migration]) -> Sequence[Migration]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (applied,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION and (tables or applied or application):
        raise SchemaMismatchError(store, "the tables of another program", "a new file, or one of Turnlog's")
    return pending(store, applied, steps)


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in statements(script):
        connection.execute(statement)


def _record(connection: sqlite3.Connection, step: Migration) -> None:
    applied = (step.number, step.name, time_ns() // 1000)
    connection.execute("INSERT INTO migrations (number, name, applied) VALUES (?, ?, ?)", applied)
