"""What is wrong with a SQLite file as a whole: damaged indexes, a schema that was changed, a feed with gaps."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from ..migrations import differences, migrations_of
from .queries import SQL
from .schema import prepare

_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^]]*\] | --[^\n]* | /\*.*?(?:\*/|\Z) | \w+ | \S""",
    re.DOTALL | re.VERBOSE,
)


def flaws(connection: sqlite3.Connection) -> Iterator[str]:
    """What is wrong with the file, a sentence each; a check that fails does not keep the others from being made."""
    connection.execute("BEGIN")  # all checks read one state of the file, whoever appends meanwhile
    try:
        for check in (_pages_and_indexes, _schema, _migrations, _feed, _counter):
            try:
                yield from check(connection)
            except sqlite3.DatabaseError as reason:
                yield f"the database cannot be read: {reason}"
    finally:
        connection.execute("ROLLBACK")


def _pages_and_indexes(connection: sqlite3.Connection) -> Iterator[str]:
    """What SQLite finds when it compares each index with its table, and looks at every page."""
    for (said,) in connection.execute("PRAGMA integrity_check"):
        if said != "ok":
            yield f"the integrity check of SQLite reports: {' '.join(said.split())}"


def _schema(connection: sqlite3.Connection) -> Iterator[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        prepare(made, ":memory:")
        yield from schema_differences(made, connection)


def schema_differences(made: sqlite3.Connection, connection: sqlite3.Connection) -> Iterator[str]:
    """What differs from the objects of a database in which nothing else was made."""
    expected = _objects(made)
    own = frozenset(name.partition(" ")[2] for name in expected)
    yield from differences(expected, _objects(connection, own))


def _objects(connection: sqlite3.Connection, own: frozenset[str] | None = None) -> dict[str, list[str]]:
    """The objects of the schema as tokens, by kind and name; with names, only those and what is put onto them."""
    found = {}
    schema = "SELECT type, name, lower(tbl_name), sql FROM sqlite_schema WHERE sql IS NOT NULL"
    for kind, name, table, definition in connection.execute(schema):
        if own is None or name in own or (kind in ("trigger", "index") and table in own):
            tokens = _TOKEN.findall(definition)
            found[f"{kind} {name}"] = [token for token in tokens if not token.startswith(("--", "/*"))]
    return found


def _migrations(connection: sqlite3.Connection) -> Iterator[str]:
    expected = [(step.number, step.name) for step in migrations_of(__package__)]
    if connection.execute("SELECT number, name FROM migrations ORDER BY number").fetchall() != expected:
        yield "the table migrations does not list the steps that made this schema"


def _counter(connection: sqlite3.Connection) -> Iterator[str]:
    """Whether the counter of global positions is there once, and fits the newest event."""
    counters = connection.execute(SQL["last_global_position"]).fetchall()
    (newest,) = connection.execute(SQL["newest_global_position"]).fetchone()
    if len(counters) > 1 or (newest and not counters):
        yield f"the counter of global positions is in sqlite_sequence {len(counters)} times: expected once"
    for (counter,) in counters:
        if not isinstance(counter, int) or counter < newest:
            yield f"the counter of global positions is {counter!r}: expected {newest} or more; it was lowered"
        elif counter > newest:
            yield f"global positions {newest + 1} to {counter} are missing"


def _feed(connection: sqlite3.Connection) -> Iterator[str]:
    for (flaw,) in connection.execute(SQL["find_flaws"]):
        yield flaw
