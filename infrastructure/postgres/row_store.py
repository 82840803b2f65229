"""Rows of projections in PostgreSQL: in a store's own database, or in another."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

from ...projections.full_text import Phrase, to_ascii
from ...projections.rows import TableChange
from ...projections.table_schema import ColumnType, Key, Stored, TableCodec
from ..read_models.row_store import PLACE, RowStore, RowTransaction
from ..read_models.statements import column_definitions, index_definitions, matches, on_conflict, quote_names
from .address import DEFAULTS, parse_address
from .connections import Connection, PostgresConnections
from .queries import Tables
from .scrubbing import ADD_PENDING, MAKE_PENDING, PENDING, scrub
from .verification import find_unchecked, schema_differences

TYPES = {
    ColumnType.TEXT: 'text COLLATE "C"',
    ColumnType.INTEGER: "bigint",
    ColumnType.REAL: "double precision",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.JSON: "text",
}
ARRAYS = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.REAL: "float8",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.JSON: "text",
}

SEARCHED = 200_000
"""Characters of a text that are searched; PostgreSQL refuses to index the words of very long ones."""

Clock: TypeAlias = Callable[[], int] | None
"""Another clock than the server's."""

NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class PostgresRowStore(RowStore):
    """Rows in a schema; leases go by the server's clock, unless another is given."""

    def __init__(self, connections: PostgresConnections, clock: Clock = None, *, owned: bool = False) -> None:
        self.name = connections.name
        self._connections = connections
        self._clock = clock
        self._owned = owned
        prefix = connections.tables.prefix
        self.prefix = "" if prefix == DEFAULTS["prefix"] else prefix

    @classmethod
    def at(cls, address: str, clock: Clock = None) -> "PostgresRowStore":
        """The database at an address."""
        return cls(PostgresConnections(parse_address(address), _make_schema), clock, owned=True)

    @contextmanager
    def writing(self) -> Iterator[RowTransaction]:
        with self._connections.using() as connection, connection.transaction():
            yield PostgresRowTransaction(connection, self._connections.tables, self._clock)

    @contextmanager
    def reading(self) -> Iterator[RowTransaction]:
        with self._connections.using() as connection, connection.transaction():
            yield PostgresRowTransaction(connection, self._connections.tables, self._clock, locking=False)

    @contextmanager
    def snapshot(self) -> Iterator[RowTransaction]:
        with self._connections.using() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield PostgresRowTransaction(connection, self._connections.tables, self._clock, locking=False)

    def is_searchable(self, shape: TableCodec) -> bool:
        with self._connections.using() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SET LOCAL enable_seqscan = off")
            statement = _count_unsearchable(shape, self._connections.tables.schema)
            return connection.execute(statement).fetchone() == (0,)

    def vacuum(self) -> None:
        with self._connections.alone() as connection:
            scrub(connection, self._connections.tables, self.name)

    def close(self) -> None:
        if self._owned:
            self._connections.close()


class PostgresRowTransaction(RowTransaction):
    """What is done on one connection inside a transaction."""

    def __init__(
        self,
        connection: Connection,
        tables: Tables,
        clock: Clock = None,
        *,
        locking: bool = True,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._schema = tables.schema
        self._clock = clock
        self._locking = locking

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        statement = _fetch(shape, self._schema) + self._lock(shape)
        return self._connection.execute(statement, list(map(list, zip(*keys, strict=True))), binary=True).fetchall()

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        statement = _scan(shape, self._schema, len(prefix)) + self._lock(shape)
        return self._connection.execute(statement, prefix, binary=True).fetchall()

    def search(
        self, shape: TableCodec, phrases: Sequence[Phrase], order: str, *, under: Sequence[str], skip: int, limit: int
    ) -> list[Key]:
        wanted = " & ".join(f"({' <-> '.join(map(to_ascii, each.words))}{':*' * each.prefix})" for each in phrases)
        statement = _search(shape, self._schema, order, bool(under))
        given = {"wanted": wanted, "under": list(under), "limit": limit, "skip": skip}
        return self._connection.execute(statement, given, binary=True).fetchall()

    def write(self, changes: Iterable[TableChange]) -> None:
        for shape, put, deleted in changes:
            # One statement with arrays: a pipeline of many, as executemany makes it, can hang on large values.
            if put:
                self._connection.execute(_put(shape, self._schema), list(map(list, zip(*put, strict=True))))
            if deleted:
                self._connection.execute(_delete(shape, self._schema), list(map(list, zip(*deleted, strict=True))))

    def create(self, shape: TableCodec) -> None:
        if not self.exists(shape):
            for statement in _definition(shape, self._schema):
                self._connection.execute(statement)

    def exists(self, shape: TableCodec) -> bool:
        found = self._connection.execute("SELECT to_regclass(%s) IS NOT NULL", [_table(shape, self._schema)])
        return found.fetchone() == (True,)

    def places(self, prefix: str) -> list[str]:
        found = self._connection.execute(
            "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = %s AND starts_with(tablename, %s)"
            " ORDER BY tablename",
            [self._schema, prefix],
        )
        return [name for (name,) in found if PLACE.search(name)]

    def schema_flaws(self, shapes: Sequence[TableCodec], views: Mapping[str, TableCodec]) -> list[str]:
        def make(schema: str) -> None:
            expected = PostgresRowTransaction(self._connection, Tables(schema, self._tables.prefix))
            for shape in shapes:
                expected.create(shape)
            for view, shape in views.items():
                expected.point(view, shape)

        if find_unchecked(self._connection):
            return []
        return list(schema_differences(self._connection, self._schema, make))

    def drop(self, shape: TableCodec) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {_table(shape, self._schema)}")

    def point(self, view: str, shape: TableCodec | None) -> None:
        self._connection.execute(f'DROP VIEW IF EXISTS "{self._schema}"."{view}"')
        if shape is not None:
            rows = f"SELECT {quote_names(*shape.names)} FROM {_table(shape, self._schema)}"
            self._connection.execute(f'CREATE VIEW "{self._schema}"."{view}" AS {rows}')

    def note_redaction(self) -> None:
        """The files are cleaned by a vacuum, for which others have to wait: never by itself."""
        self._connection.execute(self._tables.with_names(ADD_PENDING))

    def alone(self) -> None:
        name = f"{self._schema}.projections"
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])

    def now(self) -> int:
        if self._clock is not None:
            return self._clock()
        found = self._connection.execute(NOW).fetchone()
        assert found is not None
        return int(found[0])

    def _lock(self, shape: TableCodec) -> str:
        return " FOR UPDATE OF t" if shape.guarded and self._locking else ""


def words_expression(shape: TableCodec) -> str:
    """The expression whose index finds rows by their words; only a query that uses just this is fast."""
    text = " || ' ' || ".join(f"coalesce(\"{name}\", '')" for name in shape.table.search)
    return f"to_tsvector('simple', left({text}, {SEARCHED}))"


def _table(shape: TableCodec, schema: str) -> str:
    return f'"{schema}"."{shape.place}"'


def _definition(shape: TableCodec, schema: str) -> list[str]:
    table = _table(shape, schema)
    parts = ", ".join([*column_definitions(shape, TYPES), f"PRIMARY KEY ({quote_names(*shape.table.key)})"])
    words = f'CREATE INDEX "{shape.place}__words" ON {table} USING gin ({words_expression(shape)})'
    return [
        f"CREATE TABLE {table} ({parts})",
        *index_definitions(shape, table),
        *([words] if shape.table.search else []),
        *_without_statistics(shape, table),
    ]


def _without_statistics(shape: TableCodec, table: str) -> list[str]:
    """The planner needs no statistics of columns that are not searched by, and these would keep what is redacted."""
    searched = {*shape.table.key, *(name for columns in shape.table.indexes for name in columns)}
    rest = [
        name
        for name, kind in shape.table.columns.items()
        if name not in searched and kind in (ColumnType.TEXT, ColumnType.JSON)
    ]
    changes = ", ".join(f'ALTER COLUMN "{name}" SET STATISTICS 0' for name in rest)
    return [f"ALTER TABLE {table} {changes}"] if rest else []


def _arrays(shape: TableCodec, names: Sequence[str]) -> str:
    return ", ".join(f"%s::{ARRAYS[shape.table.columns[name]]}[]" for name in names)


def _same_key(shape: TableCodec) -> str:
    return " AND ".join(f't."{name}" = k."{name}"' for name in shape.table.key)


@lru_cache
def _fetch(shape: TableCodec, schema: str) -> str:
    columns, key = ", ".join(f't."{name}"' for name in shape.names), shape.table.key
    wanted = f"unnest({_arrays(shape, key)}) AS k ({quote_names(*key)})"
    joined = f"{wanted} JOIN {_table(shape, schema)} AS t ON {_same_key(shape)}"
    return f"SELECT {columns} FROM {joined} ORDER BY {_order(shape)}"


@lru_cache
def _scan(shape: TableCodec, schema: str, length: int) -> str:
    found = f"{_table(shape, schema)} AS t WHERE {matches(shape.table.key[:length], '%s')}"
    return f"SELECT {quote_names(*shape.names)} FROM {found} ORDER BY {_order(shape)}"


def _order(shape: TableCodec) -> str:
    return ", ".join(f't."{name}"' for name in shape.table.key)


@lru_cache
def _search(shape: TableCodec, schema: str, order: str, within: bool) -> str:
    key = shape.table.key
    where = f' AND "{key[0]}" = ANY(%(under)s)' if within else ""
    found = f"{words_expression(shape)} @@ to_tsquery('simple', %(wanted)s){where}"
    ordered = ", ".join(f'"{name}" DESC' for name in (order, *key))
    rows = f"SELECT {quote_names(*key)} FROM {_table(shape, schema)} WHERE {found}"
    return f"{rows} ORDER BY {ordered} LIMIT %(limit)s OFFSET %(skip)s"


_WORD = r"(chr(39) || replace(replace(w.word, '\', '\\'), chr(39), repeat(chr(39), 2)) || chr(39))::tsquery"


@lru_cache
def _count_unsearchable(shape: TableCodec, schema: str) -> str:
    """How many words are in the rows of a table more or less often than its index finds them."""
    vector, table = words_expression(shape), _table(shape, schema)
    found = f"SELECT count(*) FROM {table} WHERE {vector} @@ {_WORD}"
    words = f"ts_stat($words$SELECT {vector} FROM {table}$words$)"
    return f"SELECT count(*) FROM {words} AS w WHERE w.ndoc <> ({found})"


@lru_cache
def _put(shape: TableCodec, schema: str) -> str:
    rows = f"SELECT * FROM unnest({_arrays(shape, shape.names)})"
    return f"INSERT INTO {_table(shape, schema)} ({quote_names(*shape.names)}) {rows} {on_conflict(shape)}"


@lru_cache
def _delete(shape: TableCodec, schema: str) -> str:
    key = shape.table.key
    gone = f"unnest({_arrays(shape, key)}) AS k ({quote_names(*key)})"
    return f"DELETE FROM {_table(shape, schema)} AS t USING {gone} WHERE {_same_key(shape)}"


def _make_schema(connection: Any, store: str, tables: Tables) -> None:
    """Makes what rows of projections need, unless it is there: a store may be in the same schema."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [tables.with_names(PENDING)]).fetchone()
    if found == (True,):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [tables.channel])
        there = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [f'"{tables.schema}"']).fetchone()
        if there != (True,):  # IF NOT EXISTS would ask for the right to make one
            connection.execute(f'CREATE SCHEMA "{tables.schema}"')
        connection.execute(tables.with_names(MAKE_PENDING))
