"""Rows of projections in a SQLite file: a store's own, or one beside it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from pathlib import Path

import msgspec

from ...projections.full_text import Phrase, to_ascii
from ...projections.rows import TableChange
from ...projections.table_schema import ColumnType, Key, Stored, TableCodec
from ..clock import wall_clock
from ..read_models.row_store import PLACE, RowStore, RowTransaction
from ..read_models.statements import column_definitions, index_definitions, matches, on_conflict, quote_names
from .connections import SQLiteConnections
from .schema import begin_wal
from .scrubbing import is_index_sound, note_pending, scrub
from .verification import schema_differences

TYPES = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.REAL: "REAL",
    ColumnType.BOOLEAN: "INTEGER",
    ColumnType.JSON: "TEXT",
}

INDEX_FORMAT = 4
"""Of full-text indexes in all versions of SQLite, unless options are set that are not used here."""

Way = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Gives a connection, inside a transaction or for reading."""


class SQLiteRowStore(RowStore):
    """Rows in a file that a store has open."""

    def __init__(
        self, name: str, writing: Way, reading: Way, alone: Way, clock: Callable[[], int] = wall_clock
    ) -> None:
        self.name = name
        self._writing, self._reading, self._alone = writing, reading, alone
        self._clock = clock

    @contextmanager
    def writing(self) -> Iterator[RowTransaction]:
        with self._writing() as connection:
            yield SQLiteRowTransaction(connection, self._clock)

    @contextmanager
    def reading(self) -> Iterator[RowTransaction]:
        with self._reading() as connection:
            yield SQLiteRowTransaction(connection, self._clock)

    @contextmanager
    def snapshot(self) -> Iterator[RowTransaction]:
        with self._reading() as connection:
            if connection.in_transaction:
                yield SQLiteRowTransaction(connection, self._clock)
                return
            connection.execute("BEGIN")
            try:
                yield SQLiteRowTransaction(connection, self._clock)
            finally:
                connection.execute("ROLLBACK")

    def is_searchable(self, shape: TableCodec) -> bool:
        index = f"{shape.place}__words"
        with self._writing() as connection:
            return not _is_table(connection, index) or is_index_sound(connection, index)

    def scrub(self) -> None:
        with self._alone() as connection:
            scrub(connection, self.name)

    def close(self) -> None:
        """The file is its store's to close."""


class SQLiteFileRowStore(SQLiteRowStore):
    """Rows in a file of its own.

    A commit waits for the file, not for the disk: what is lost with the power is lost together with the checkpoint.
    """

    def __init__(self, path: Path, clock: Callable[[], int] = wall_clock) -> None:
        name = f"sqlite:///{path.absolute()}"
        self._connections = SQLiteConnections(path, name, begin_wal, synchronous="NORMAL")
        connections = self._connections
        super().__init__(name, connections.writing, connections.snapshot, connections.alone, clock)

    def close(self) -> None:
        self._connections.close()


class SQLiteRowTransaction(RowTransaction):
    """What is done on one connection inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], int] = wall_clock) -> None:
        self._connection = connection
        self._clock = clock

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        if len(keys) == 1:
            return _native(shape, self._connection.execute(_fetch_one(shape), keys[0]))
        wanted = msgspec.json.encode(keys).decode()
        return _native(shape, self._connection.execute(_fetch_many(shape), (wanted,)))

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        return _native(shape, self._connection.execute(_scan(shape, len(prefix)), prefix).fetchall())

    def search(
        self, shape: TableCodec, phrases: Sequence[Phrase], order: str, *, under: Sequence[str], skip: int, limit: int
    ) -> list[Key]:
        wanted = " AND ".join(f'"{" ".join(map(to_ascii, each.words))}"{"*" * each.prefix}' for each in phrases)
        names = msgspec.json.encode(list(under)).decode()
        return self._connection.execute(_search(shape, order, bool(under)), (wanted, names, limit, skip)).fetchall()

    def write(self, changes: Iterable[TableChange]) -> None:
        for shape, put, deleted in changes:
            if put:
                self._connection.executemany(_put(shape), put)
            if deleted:
                self._connection.executemany(_delete(shape), deleted)

    def create(self, shape: TableCodec) -> None:
        if not self.exists(shape):
            for statement in _definition(shape):
                self._connection.execute(statement)

    def exists(self, shape: TableCodec) -> bool:
        return _is_table(self._connection, shape.place)

    def places(self, prefix: str) -> list[str]:
        found = self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [name for (name,) in found if name.startswith(prefix) and PLACE.search(name)]

    def schema_flaws(self, shapes: Sequence[TableCodec], views: Mapping[str, TableCodec]) -> list[str]:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
            expected = SQLiteRowTransaction(made)
            for shape in shapes:
                expected.create(shape)
            for view, shape in views.items():
                expected.point(view, shape)
            return list(schema_differences(made, self._connection))

    def drop(self, shape: TableCodec) -> None:
        index = f"{shape.place}__words"
        self._connection.execute(f'DROP TABLE IF EXISTS "{shape.place}"')
        if _is_table(self._connection, f"{index}_config"):  # SQLite does not drop an index in a format that is damaged
            self._connection.execute(f"UPDATE \"{index}_config\" SET v = {INDEX_FORMAT} WHERE k = 'version'")
        self._connection.execute(f'DROP TABLE IF EXISTS "{index}"')

    def point(self, view: str, shape: TableCodec | None) -> None:
        self._connection.execute(f'DROP VIEW IF EXISTS "{view}"')
        if shape is not None:
            self._connection.execute(f'CREATE VIEW "{view}" AS SELECT {quote_names(*shape.names)} FROM "{shape.place}"')

    def note_redaction(self) -> None:
        note_pending(self._connection)

    def alone(self) -> None:
        """Whoever writes to the file is alone."""

    def now(self) -> int:
        return self._clock()


def _is_table(connection: sqlite3.Connection, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def _native(shape: TableCodec, rows: Iterable[Stored]) -> Iterable[Stored]:
    """The rows, with truths where SQLite has numbers."""
    places = [place for place, kind in enumerate(shape.table.columns.values()) if kind is ColumnType.BOOLEAN]
    if not places:
        return rows
    found = []
    for row in rows:
        values = list(row)
        for place in places:
            values[place] = None if values[place] is None else bool(values[place])
        found.append(tuple(values))
    return found


def _definition(shape: TableCodec) -> list[str]:
    table, search = f'"{shape.place}"', shape.table.search
    columns = column_definitions(shape, TYPES)
    key = quote_names(*shape.table.key)
    if not search:
        parts = ", ".join([*columns, f"PRIMARY KEY ({key})"])
        return [f"CREATE TABLE {table} ({parts}) STRICT, WITHOUT ROWID", *index_definitions(shape, table)]
    # The words are found by a number that VACUUM leaves alone.
    parts = ", ".join(["row__number INTEGER PRIMARY KEY", *columns, f"UNIQUE ({key})"])
    words, names = f"{shape.place}__words", quote_names(*search)
    new, old = (", ".join(f'{row}."{name}"' for name in search) for row in ("new", "old"))
    add = f'INSERT INTO "{words}" (rowid, {names}) VALUES (new.row__number, {new});'
    remove = f'INSERT INTO "{words}" ("{words}", rowid, {names}) VALUES (\'delete\', old.row__number, {old});'
    options = f"content='{shape.place}', content_rowid='row__number', tokenize='unicode61 remove_diacritics 2'"
    return [
        f"CREATE TABLE {table} ({parts}) STRICT",
        *index_definitions(shape, table),
        f'CREATE VIRTUAL TABLE "{words}" USING fts5({names}, {options})',
        f'CREATE TRIGGER "{words}_a" AFTER INSERT ON {table} BEGIN {add} END',
        f'CREATE TRIGGER "{words}_d" AFTER DELETE ON {table} BEGIN {remove} END',
        f'CREATE TRIGGER "{words}_u" AFTER UPDATE ON {table} BEGIN {remove} {add} END',
    ]


@lru_cache
def _fetch_one(shape: TableCodec) -> str:
    return f'SELECT {quote_names(*shape.names)} FROM "{shape.place}" WHERE {matches(shape.table.key, "?")}'


@lru_cache
def _fetch_many(shape: TableCodec) -> str:
    columns = ", ".join(f't."{name}"' for name in shape.names)
    same = " AND ".join(
        f"t.\"{name}\" = json_extract(k.value, '$[{place}]')" for place, name in enumerate(shape.table.key)
    )
    return f'SELECT {columns} FROM json_each(?) AS k CROSS JOIN "{shape.place}" AS t WHERE {same}'


@lru_cache
def _scan(shape: TableCodec, length: int) -> str:
    return f'SELECT {quote_names(*shape.names)} FROM "{shape.place}" WHERE {matches(shape.table.key[:length], "?")}'


@lru_cache
def _search(shape: TableCodec, order: str, within: bool) -> str:
    words, key = f'"{shape.place}__words"', shape.table.key
    columns = ", ".join(f't."{name}"' for name in key)
    where = f't."{key[0]}" IN (SELECT value FROM json_each(?))' if within else "? IS NOT NULL"
    joined = f'{words} AS w JOIN "{shape.place}" AS t ON t.row__number = w.rowid'
    ordered = ", ".join(f't."{name}" DESC' for name in (order, *key))
    return f"SELECT {columns} FROM {joined} WHERE {words} MATCH ? AND {where} ORDER BY {ordered} LIMIT ? OFFSET ?"


@lru_cache
def _put(shape: TableCodec) -> str:
    places = ", ".join("?" * len(shape.names))
    return f'INSERT INTO "{shape.place}" ({quote_names(*shape.names)}) VALUES ({places}) {on_conflict(shape)}'


@lru_cache
def _delete(shape: TableCodec) -> str:
    return f'DELETE FROM "{shape.place}" WHERE {matches(shape.table.key, "?")}'
