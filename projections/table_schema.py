"""What the rows of a projection look like, said once for memory, SQLite and PostgreSQL. Pure."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from ..domain.errors import InvalidValueError
from ..domain.json_values import to_json_value

Row: TypeAlias = dict[str, Any]
"""Values by the names of their columns, each of the type that its column has, or None."""

Key: TypeAlias = tuple[Any, ...]
"""The values of the key columns of a row, in their order."""

Stored: TypeAlias = tuple[Any, ...]
"""A row as it is kept: its values in the order of the columns, JSON as text."""

IDENTIFIER = re.compile(r"[a-z](_?[a-z0-9])*")
MAX_IDENTIFIER = 16
"""Characters of the name of a projection or a table: those made of both must stay within PostgreSQL's 63."""

MAX_COLUMN = 40


class ColumnType(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    JSON = "json"


TEXT, INTEGER, REAL, BOOLEAN, JSON = ColumnType
KEY_KINDS = (TEXT, INTEGER, BOOLEAN)


class Table(msgspec.Struct, frozen=True):
    """Rows of one shape, each found by its key; `indexes` are lists of columns by which a database finds them too.

    The columns in `search` are indexed by their words, where they stand.
    """

    name: str
    columns: dict[str, ColumnType]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    search: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        what = f"the table {self.name!r}"
        validate_identifier(self.name, what)
        for name in self.columns:
            validate_identifier(name, what, MAX_COLUMN)
        if not self.key or len(set(self.key)) < len(self.key):
            raise InvalidValueError(what, f"has the key {self.key!r}: expected at least one column, each once")
        for name in (*self.key, *self.search, *(name for index in self.indexes for name in index)):
            if name not in self.columns:
                raise InvalidValueError(what, f"has no column {name!r}: expected one of {', '.join(self.columns)}")
        for name in self.key:
            if self.columns[name] not in KEY_KINDS:
                raise InvalidValueError(what, f"has {name!r} in its key: expected text, integer or boolean there")
        for name in self.search:
            if self.columns[name] is not TEXT:
                raise InvalidValueError(what, f"searches {name!r}: expected a column of text")

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.columns)))


class TableCodec:
    """A table made ready for work: how its rows are checked, kept and given out.

    `place` is what it is called where it is kept. The rows of a `guarded` table are locked by whoever reads them to
    write.
    """

    def __init__(self, table: Table, place: str | None = None, *, guarded: bool = False) -> None:
        self.table = table
        self.place = place or table.name
        self.guarded = guarded
        self.names = tuple(table.columns)
        self.places = {name: place for place, name in enumerate(self.names)}
        self.key_places = tuple(self.places[name] for name in table.key)
        self._checks = [CHECKS[kind] for kind in table.columns.values()]
        self._key_checks = [CHECKS[table.columns[name]] for name in table.key]
        self._json = [name for name, kind in table.columns.items() if kind is JSON]

    def to_stored(self, row: Mapping[str, Any]) -> Stored:
        """A row as it is kept; refused if the table cannot hold it."""
        if not row.keys() <= self.places.keys():
            odd = ", ".join(sorted(row.keys() - self.places.keys()))
            raise InvalidValueError(self._what, f"has no column {odd}: expected {', '.join(self.names)}")
        return tuple(
            [
                None if (value := row.get(name)) is None else check(value, name)
                for name, check in zip(self.names, self._checks, strict=True)
            ]
        )

    def key(self, key: Sequence[Any]) -> Key:
        """A key, or the beginning of one, as it is kept; refused if no row can have it."""
        if len(key) > len(self._key_checks) or None in key:
            expected = f"expected {', '.join(self.table.key)}, none of them None"
            raise InvalidValueError(self._what, f"has no key {tuple(key)!r}: {expected}")
        return tuple([check(value, "the key") for check, value in zip(self._key_checks, key, strict=False)])

    def key_of(self, stored: Stored) -> Key:
        """The key of a row; refused if it is not whole."""
        key = tuple([stored[place] for place in self.key_places])
        if None in key:
            raise InvalidValueError(self._what, f"got a row with the key {key!r}: expected none of it None")
        return key

    def row(self, stored: Stored) -> Row:
        """A row as it is given out: the caller's own."""
        row = dict(zip(self.names, stored, strict=True))
        for name in self._json:
            if row[name] is not None:
                row[name] = msgspec.json.decode(row[name])
        return row

    @property
    def _what(self) -> str:
        return f"the table {self.table.name!r}"


def validate_identifier(name: str, what: str, longest: int = MAX_IDENTIFIER) -> str:
    """The name, if every database takes it without quotes and there is room for what is added to it."""
    if isinstance(name, str) and len(name) <= longest and IDENTIFIER.fullmatch(name):
        return name
    expected = f"expected at most {longest} lower-case letters, digits and single underscores, a letter first"
    raise InvalidValueError(what, f"is given the name {name!r}: {expected}")


def _text(value: object, name: str) -> str:
    """Text that every database can keep; PostgreSQL knows no NUL character, so another stands for it everywhere."""
    if not isinstance(value, str):
        raise _misfit(name, value, "text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValueError(
                f"column {name!r}", "got a lone surrogate: expected text that UTF-8 can say"
            ) from None
    value = str.__str__(value)  # a member of an enumeration becomes its text
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value


def _integer(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise _misfit(name, value, "a whole number of at most 64 bits")
    return int(value)


def _real(value: object, name: str) -> float:
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        raise _misfit(name, value, "a finite number")
    return float(value)


def _boolean(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise _misfit(name, value, "True or False")
    return value


def _json(value: object, name: str) -> str:
    return msgspec.json.encode(to_json_value(value, f"column {name!r}")).decode()


def _misfit(name: str, value: object, expected: str) -> InvalidValueError:
    return InvalidValueError(f"column {name!r}", f"got a {type(value).__name__}: expected {expected}, or None")


CHECKS: Mapping[ColumnType, Callable[[Any, str], Any]] = {
    TEXT: _text,
    INTEGER: _integer,
    REAL: _real,
    BOOLEAN: _boolean,
    JSON: _json,
}
