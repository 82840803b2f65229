"""The rows a projection works on: the same in memory and over a database, which is read as little as can be. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from ..domain.errors import InvalidValueError
from .table_schema import INTEGER, REAL, Key, Row, Stored, Table, TableCodec

CACHED_ROWS = 50_000
"""Rows of one table that are remembered from one batch to the next."""


class RowSource(Protocol):
    """Where rows are kept between two batches."""

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        """The rows that have one of these keys; those that are not there are left out."""

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        """The rows whose key begins so, in whatever order."""


class TableChange(NamedTuple):
    """What a batch made of one table."""

    shape: TableCodec
    put: list[Stored]
    deleted: list[Key]


class TableRows:
    """The rows of one table; what is written here is written to the database when the batch is done."""

    def __init__(self, shape: TableCodec, source: RowSource) -> None:
        self._shape = shape
        self._source = source
        self._known: dict[Key, Stored | None] = {}
        self._changed: dict[Key, None] = {}
        self._sums: dict[Key, list[Mapping[str, int | float]]] = {}

    def find(self, *key: object) -> Row | None:
        """The row with this key, or None; it is a copy: to change it, put it back."""
        stored = self._find(self._whole(key))
        return None if stored is None else self._shape.row(stored)

    def under(self, *prefix: object) -> list[Row]:
        """The rows whose key begins so, in the order of their keys; without an argument all rows."""
        start = self._shape.key(prefix)
        self._settle()
        found = {self._shape.key_of(stored): stored for stored in self._source.scan(self._shape, start)}
        for key in self._changed:
            if key[: len(start)] == start:
                stored = self._known[key]
                if stored is None:
                    found.pop(key, None)
                else:
                    found[key] = stored
        return [self._shape.row(found[key]) for key in sorted(found)]

    def put(self, row: Mapping[str, object]) -> None:
        """Makes this the row that has its key; columns that it does not name are None."""
        stored = self._shape.to_stored(row)
        key = self._shape.key_of(stored)
        self._sums.pop(key, None)
        self._known[key] = stored
        self._changed[key] = None

    def delete(self, *key: object) -> None:
        """Takes away the row with this key, if there is one."""
        whole = self._whole(key)
        self._sums.pop(whole, None)
        self._known[whole] = None
        self._changed[whole] = None

    def add(self, *key: object, **amounts: int | float) -> None:
        """Adds to numbers of the row with this key, from 0 on; a row that is not there is made. Needs no reading."""
        whole = self._whole(key)
        for name in amounts:
            if self._shape.table.columns.get(name) not in (INTEGER, REAL):
                raise InvalidValueError(f"column {name!r}", "was added to: expected a column of numbers")
        if whole in self._known:
            self._sum(whole, [amounts])
        else:
            self._sums.setdefault(whole, []).append(amounts)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.under())

    def know(self, keys: Iterable[Key]) -> None:
        """Reads rows that will be asked for, all at once."""
        self._fetch([key for key in dict.fromkeys(map(self._whole, keys)) if key not in self._known])

    def take_change(self) -> TableChange:
        """What was written since the last time."""
        self._settle()
        change = TableChange(self._shape, [], [])
        for key in self._changed:
            stored = self._known[key]
            if stored is None:
                change.deleted.append(key)
            else:
                change.put.append(stored)
        self._changed.clear()
        if len(self._known) > CACHED_ROWS:
            self._known.clear()
        return change

    def forget(self) -> None:
        """Drops what was written and not taken, and all that was read."""
        for drawer in (self._known, self._changed, self._sums):
            drawer.clear()

    def _whole(self, key: Sequence[object]) -> Key:
        if len(key) != len(self._shape.key_places):
            expected = ", ".join(self._shape.table.key)
            raise InvalidValueError(f"the table {self._shape.table.name!r}", f"has no key {key!r}: expected {expected}")
        return self._shape.key(key)

    def _find(self, key: Key) -> Stored | None:
        if key not in self._known:
            self._fetch([key, *(other for other in self._sums if other != key)])
        return self._known[key]

    def _fetch(self, keys: list[Key]) -> None:
        """Learns of rows, and adds to them what waits to be added."""
        if not keys:
            return
        self._known.update(dict.fromkeys(keys))
        for stored in self._source.fetch(self._shape, keys):
            self._known[self._shape.key_of(stored)] = stored
        for key in keys:
            if key in self._sums:
                self._sum(key, self._sums.pop(key))

    def _settle(self) -> None:
        self._fetch(list(self._sums))

    def _sum(self, key: Key, sums: Iterable[Mapping[str, int | float]]) -> None:
        stored = self._known[key]
        row = dict(zip(self._shape.table.key, key, strict=True)) if stored is None else self._shape.row(stored)
        for amounts in sums:
            for name, amount in amounts.items():
                row[name] = (row.get(name) or 0) + amount
        self._known[key] = self._shape.to_stored(row)
        self._changed[key] = None


class ReadOnlyTableRows(TableRows):
    """The rows of one table as they are when they are asked for, to read and not to write; threads may share it."""

    def find(self, *key: object) -> Row | None:
        for stored in self._source.fetch(self._shape, [self._whole(key)]):
            return self._shape.row(stored)
        return None

    def under(self, *prefix: object) -> list[Row]:
        found = {
            self._shape.key_of(stored): stored for stored in self._source.scan(self._shape, self._shape.key(prefix))
        }
        return [self._shape.row(found[key]) for key in sorted(found)]

    def put(self, row: Mapping[str, object]) -> None:
        raise self._refusal()

    def delete(self, *key: object) -> None:
        raise self._refusal()

    def add(self, *key: object, **amounts: int | float) -> None:
        raise self._refusal()

    def _refusal(self) -> InvalidValueError:
        return InvalidValueError(
            f"the table {self._shape.table.name!r}", "was asked to write: expected only its projection to"
        )


class Rows:
    """The tables of a projection, by table or by its name: `rows[USAGE].find("main", 3)`."""

    def __init__(self, shapes: Iterable[TableCodec], source: RowSource, kind: type[TableRows] = TableRows) -> None:
        self._tables = {shape.table.name: kind(shape, source) for shape in shapes}

    def __getitem__(self, table: Table | str) -> TableRows:
        name = table if isinstance(table, str) else table.name
        found = self._tables.get(name)
        if found is None:
            raise InvalidValueError(
                f"the table {name!r}", f"is none of this projection: expected {', '.join(self._tables)}"
            )
        return found

    def know(self, wanted: Iterable[tuple[Table, Key]]) -> None:
        """Reads rows that will be asked for, all of one table at once."""
        keys: dict[str, list[Key]] = {}
        for table, key in wanted:
            keys.setdefault(table.name, []).append(key)
        for name, some in keys.items():
            self[name].know(some)

    def take_changes(self) -> list[TableChange]:
        """What was written to each table since the last time."""
        changes = [table.take_change() for table in self._tables.values()]
        return [change for change in changes if change.put or change.deleted]

    def forget(self) -> None:
        """Drops what was written and not taken, and all that was read."""
        for table in self._tables.values():
            table.forget()


class MemoryRows:
    """Rows in dictionaries: what is answered live, and a target in process."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Key, Stored]] = {}
        self._by_first: dict[str, dict[object, dict[Key, None]]] = {}

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        rows = self._rows.get(shape.place, {})
        return [rows[key] for key in keys if key in rows]

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        rows, firsts = self._rows.get(shape.place, {}), self._by_first.get(shape.place, {})
        keys = firsts.get(prefix[0], ()) if prefix else chain.from_iterable(firsts.values())
        return [rows[key] for key in keys if key[: len(prefix)] == prefix]

    def write(self, changes: Iterable[TableChange]) -> None:
        """Makes what a batch changed the rows that are kept."""
        for shape, put, deleted in changes:
            rows = self._rows.setdefault(shape.place, {})
            firsts = self._by_first.setdefault(shape.place, {})
            for stored in put:
                key = shape.key_of(stored)
                rows[key] = stored
                firsts.setdefault(key[0], {})[key] = None
            for key in deleted:
                if rows.pop(key, None) is not None:
                    del firsts[key[0]][key]
