"""What is wrong with a database as a whole: indexes that omit rows, a schema that was changed, a feed with gaps."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from ..migrations import differences
from .connections import Connection
from .queries import SQL, Tables
from .schema import create

SCRATCH = "pg_temp"
"""The schema of temporary objects, in which the expected ones are made before they are rolled back."""

INDEXED = ("catalogue", "events")
"""The tables whose indexes are compared with them."""

_ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
_BY_TABLE = """
SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off
"""


def flaws(connection: Connection, tables: Tables) -> Iterator[str]:
    """What is wrong, a sentence each."""
    with connection.transaction():
        connection.execute(_ONE_STATE)  # all checks read one state, whoever appends meanwhile
        yield from (flaw for (flaw,) in connection.execute(tables.with_names(SQL["find_flaws"])).fetchall())
        yield from _index_flaws(connection, tables)
    if not find_unchecked(connection):
        yield from schema_differences(
            connection, tables.schema, lambda scratch: create(connection, Tables(scratch, tables.prefix))
        )


def find_unchecked(connection: Connection) -> list[str]:
    """What cannot be examined by this role, or on this server."""
    if connection.execute(SQL["may_make_temporary"]).fetchone() == (True,):
        return []
    return ["the schema: comparing it takes a server and a role that can create temporary tables"]


def schema_differences(connection: Connection, schema: str, make: Callable[[str], None]) -> Iterator[str]:
    """What differs from the objects that `make` creates in another schema, where they are rolled back."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = ''")  # so that all names are shown with their schema
        others = _names(connection)
        make(SCRATCH)
        made = sorted(_names(connection) - others)
        ((scratch,),) = connection.execute("SELECT pg_my_temp_schema()::regnamespace::text").fetchall()
        schema_name = re.compile(rf'"?\b(?:{schema}|{SCRATCH}|{scratch})\b"?\.')
        expected = _objects(connection, scratch, made, schema_name)
        found = _objects(connection, schema, made, schema_name)
    yield from differences(expected, found)


def _names(connection: Connection) -> set[str]:
    """The names of all temporary tables, views and functions."""
    return {name for (name,) in connection.execute(SQL["temporary_names"]).fetchall()}


def _objects(connection: Connection, schema: str, names: list[str], schema_name: re.Pattern[str]) -> dict[str, str]:
    """The definitions of objects and of what is put onto them, by kind and name, without the name of their schema."""
    found = connection.execute(SQL["objects"], {"schema": schema, "names": names}).fetchall()
    return {name: schema_name.sub("", definition) for name, definition in found}


def _index_flaws(connection: Connection, tables: Tables) -> Iterator[str]:
    """The indexes that do not lead to the rows of their tables: each is read from end to end, and so is the table."""
    which = {"schema": tables.schema, "names": [tables.prefix + table for table in INDEXED]}
    for index, table, definition in connection.execute(SQL["indexes"], which).fetchall():
        order, _, condition = definition.partition(" USING btree ")[2].partition(" WHERE ")
        rows = f'SELECT ctid FROM "{tables.schema}"."{table}" {condition and "WHERE " + condition}'
        counted = "SELECT count(*), sum(hashtextextended(ctid::text, 0)::numeric) FROM ({}) AS found"
        by_index = counted.format(f"{rows} ORDER BY {order.strip()[1:-1]}")
        found, used = _count(connection, _BY_INDEX, by_index)
        expected, _ = _count(connection, _BY_TABLE, counted.format(rows))
        if f"'Index Name': '{index}'" in used and found != expected:
            yield f"the index {index} leads to {found[0]} rows: the table {table} has {expected[0]} of them"


def _count(connection: Connection, settings: str, query: str) -> tuple[tuple[Any, ...], str]:
    """The answer to a query under settings, and the plan it was made by."""
    with connection.transaction(force_rollback=True):
        connection.execute(settings)
        ((plan,),) = connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchall()
        (found,) = connection.execute(query).fetchall()
    return found, str(plan)
