"""The books of the runners, beside the rows: which versions there are, how far each has read, and what was parked."""

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, TypeVar
from zlib import crc32

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from ...domain.errors import InvalidValueError, LedgerDamagedError, SchemaMismatchError
from ...projections.rows import Rows
from ...projections.table_schema import BOOLEAN, IDENTIFIER, INTEGER, MAX_IDENTIFIER, TEXT, Row, Table, TableCodec
from .row_store import RowStore, RowTransaction

FORMAT = 1
"""Of the books themselves; a database in which a newer Turnlog keeps them is refused."""

LEDGER = Table("ledger", {"one": INTEGER, "format": INTEGER}, key=("one",))

NAMES = Table("names", {"projection": TEXT, "version": INTEGER, "paused": BOOLEAN}, key=("projection",))

VERSIONS = Table(
    "versions",
    {"projection": TEXT, "version": INTEGER, "shards": INTEGER, "definition": TEXT, "building": BOOLEAN},
    key=("projection", "version"),
)

CHECKPOINTS = Table(
    "checkpoints",
    {
        "projection": TEXT,
        "version": INTEGER,
        "shard": INTEGER,
        "global_position": INTEGER,
        "digest": TEXT,
        "reacted": INTEGER,
        "complete": BOOLEAN,
        "owner": TEXT,
        "token": INTEGER,
        "leased_until": INTEGER,
        "failure": TEXT,
    },
    key=("projection", "version", "shard"),
)

LETTERS = Table(
    "letters",
    {
        "projection": TEXT,
        "version": INTEGER,
        "shard": INTEGER,
        "session": TEXT,
        "position": INTEGER,
        "hook": TEXT,
        "global_position": INTEGER,
        "event": TEXT,
        "error": TEXT,
        "tries": INTEGER,
        "parked": INTEGER,
        "wish": TEXT,
    },
    key=("projection", "version", "shard", "session", "position", "hook"),
)

TABLES = (LEDGER, NAMES, VERSIONS, CHECKPOINTS, LETTERS)


class ProjectionMethod(StrEnum):
    """What of a projection could not take an event."""

    APPLY = "apply"
    REACT = "react"


class LetterDecision(StrEnum):
    """What somebody asked to be done with a dead letter."""

    RETRY = "retry"
    SKIP = "skip"


Number = Annotated[int, Meta(ge=1, lt=10_000)]
"""Of a version."""

Shard = Annotated[int, Meta(ge=0, lt=1024)]
Shards = Annotated[int, Meta(ge=1, le=1024)]
Count = Annotated[int, Meta(ge=0)]
"""A position that may not be reached yet, or how often something happened."""

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Identifier = Annotated[str, Meta(pattern=f"^(?:{IDENTIFIER.pattern})$", max_length=MAX_IDENTIFIER)]


class Entry(msgspec.Struct):
    """Something about a projection."""

    projection: Identifier


class CurrentVersion(Entry):
    """A projection, and its version that counts."""

    version: Number
    paused: bool = False


class Version(Entry):
    """A version of a projection; while it is building, its rows are not complete."""

    version: Number
    shards: Shards
    definition: str
    building: bool = True


class Definition(msgspec.Struct):
    """What of a projection its rows depend on, as it is written down beside them."""

    names: list[str]
    tables: list[Table]


class ShardCheckpoint(Entry):
    """How far one shard of a version has read, whose work it is, and why it stopped if it did.

    The digest is that of the event at the global position: with it a store that went back to a backup is known.
    """

    version: Number
    shard: Shard
    global_position: Count = 0
    digest: Digest | None = None
    reacted: Count = 0
    complete: bool = False
    owner: str | None = None
    token: Count = 0
    leased_until: Count = 0
    failure: str | None = None


class DeadLetter(Entry):
    """An event that could not be applied or reacted to, and waits for somebody to decide."""

    version: Number
    shard: Shard
    session: str
    position: Count
    hook: ProjectionMethod
    global_position: Count
    event: str
    error: str
    tries: Count
    parked: int
    wish: LetterDecision | None = None


E = TypeVar("E", bound=Entry)
KINDS: tuple[type[Entry], ...] = (CurrentVersion, Version, ShardCheckpoint, DeadLetter)


class Ledger:
    """The books as one transaction sees them; `save` writes what was noted."""

    def __init__(self, target: RowStore, transaction: RowTransaction) -> None:
        self._target = target
        self._transaction = transaction
        self._rows = Rows(ledger_shapes(target), transaction)

    def find_name(self, projection: str) -> CurrentVersion | None:
        """The version of a projection that counts."""
        return self._find(CurrentVersion, projection)

    def names(self) -> list[CurrentVersion]:
        """All projections of this target."""
        return self._entries(CurrentVersion)

    def find_version(self, projection: str, version: int) -> Version | None:
        """A version of a projection."""
        return self._find(Version, projection, version)

    def versions(self, projection: str) -> list[Version]:
        """The versions of a projection, the oldest first."""
        return self._entries(Version, projection)

    def tables(self, version: Version) -> list[Table]:
        """The tables of a version, as they were declared when it was built."""
        try:
            return tables_of(version)
        except (msgspec.DecodeError, InvalidValueError, RecursionError) as reason:
            raise self.damage_error(version.projection, definition_damage(version, reason)) from reason

    def find_checkpoint(self, projection: str, version: int, shard: int) -> ShardCheckpoint | None:
        """How far a shard is."""
        return self._find(ShardCheckpoint, projection, version, shard)

    def checkpoints(self, projection: str, version: int | None = None) -> list[ShardCheckpoint]:
        """How far the shards of a version are, or of all versions."""
        return self._entries(ShardCheckpoint, *((projection,) if version is None else (projection, version)))

    def letters(self, projection: str, version: int, shard: int | None = None) -> list[DeadLetter]:
        """What was parked, in the order of sessions and positions."""
        prefix = (projection, version) if shard is None else (projection, version, shard)
        return self._entries(DeadLetter, *prefix)

    def raw(self, kind: type[Entry], *prefix: object) -> list[Row]:
        """The rows of the entries of a kind as they are, damaged or not."""
        return self._rows[_TABLE_OF[kind]].under(*prefix)

    def damage_error(self, projection: str, reason: str) -> LedgerDamagedError:
        """The error to raise for entries that do not fit each other."""
        return LedgerDamagedError(self._target.name, projection, reason)

    def note(self, entry: Entry) -> None:
        """Puts down an entry."""
        self._rows[_TABLE_OF[type(entry)]].put(asdict(entry))

    def strike(self, entry: Entry) -> None:
        """Takes an entry out."""
        table = _TABLE_OF[type(entry)]
        self._rows[table].delete(*[getattr(entry, name) for name in table.key])

    def strike_all(self, kind: type[Entry], *prefix: object) -> None:
        """Delete the entries of a kind, damaged or not."""
        table = _TABLE_OF[kind]
        for row in self.raw(kind, *prefix):
            self._rows[table].delete(*[row[name] for name in table.key])

    def save(self) -> None:
        """Writes what was noted, as part of the transaction."""
        self._transaction.write(self._rows.take_changes())

    def _find(self, kind: type[E], *key: object) -> E | None:
        row = self._rows[_TABLE_OF[kind]].find(*key)
        return None if row is None else self._entry(kind, row)

    def _entries(self, kind: type[E], *prefix: object) -> list[E]:
        return [self._entry(kind, row) for row in self.raw(kind, *prefix)]

    def _entry(self, kind: type[E], row: Row) -> E:
        try:
            return entry_of(kind, row)
        except msgspec.ValidationError as reason:
            raise self.damage_error(row["projection"], damage_of(kind, row, reason)) from reason


def entry_of(kind: type[E], row: Row) -> E:
    """The entry that a row holds; raises msgspec.ValidationError if it holds none."""
    return msgspec.convert(row, kind)


def damage_of(kind: type[Entry], row: Row, reason: Exception) -> str:
    """Which row of which table is damaged, and how."""
    table = _TABLE_OF[kind]
    return f"the row {tuple(row[name] for name in table.key)} of the table {table.name!r} holds no entry: {reason}"


def tables_of(version: Version) -> list[Table]:
    """The tables that the definition of a version declares; what msgspec or a table raises if it declares none."""
    return msgspec.json.decode(version.definition, type=Definition).tables


def definition_damage(version: Version, reason: Exception) -> str:
    """Which definition cannot be read, and why."""
    return f"the definition of version {version.version} cannot be read: {reason}"


def shard_of(session: str, shards: int) -> int:
    """The shard that the events of a session belong to, the same in every process."""
    return crc32(session.encode(errors="surrogatepass")) % shards


@lru_cache(maxsize=32)
def ledger_shapes(target: RowStore) -> tuple[TableCodec, ...]:
    """The tables of the books in a database; the same objects each time, since statements are remembered by them."""
    return tuple(map(target.ledger_shape, TABLES))


def prepare(target: RowStore) -> None:
    """Makes the books, if there are none; those of a newer Turnlog are refused."""
    shapes = ledger_shapes(target)
    with target.reading() as transaction:
        made = is_kept(target, transaction) and _format(target, transaction)
    if not made:
        with target.writing() as transaction:
            transaction.alone()
            if not is_kept(target, transaction):
                for shape in shapes:
                    transaction.create(shape)
                rows = Rows(shapes, transaction)
                rows[LEDGER].put({"one": 1, "format": FORMAT})
                transaction.write(rows.take_changes())


def is_kept(target: RowStore, transaction: RowTransaction) -> bool:
    """Whether there are books in a database, and so perhaps rows of projections."""
    return all(map(transaction.exists, ledger_shapes(target)))


def _format(target: RowStore, transaction: RowTransaction) -> int:
    row = Rows(ledger_shapes(target), transaction)[LEDGER].find(1)
    found = FORMAT if row is None else row["format"]
    if not isinstance(found, int) or found > FORMAT:
        books, newer = f"the books of projections in format {found}", "a newer Turnlog keeps them"
        raise SchemaMismatchError(target.name, books, f"format {FORMAT} or older; {newer}")
    return found


_TABLE_OF: dict[type, Table] = {
    CurrentVersion: NAMES,
    Version: VERSIONS,
    ShardCheckpoint: CHECKPOINTS,
    DeadLetter: LETTERS,
}
