"""The books of the runners, beside the rows: which versions there are, how far each has read, and what was parked."""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import asdict

from ...domain.store_errors import SchemaMismatch
from ...projections.rows import Rows
from ...projections.tables import BOOLEAN, INTEGER, TEXT, Shape, Table
from .target import Target, Transaction

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


class Hook(StrEnum):
    """What of a projection could not take an event."""

    APPLY = "apply"
    REACT = "react"


class Wish(StrEnum):
    """What somebody asked to be done with a dead letter."""

    RETRY = "retry"
    SKIP = "skip"


class Name(msgspec.Struct):
    """A projection, and its version that counts."""

    projection: str
    version: int
    paused: bool = False


class Version(msgspec.Struct):
    """A version of a projection; while it is building, its rows are not complete."""

    projection: str
    version: int
    shards: int
    definition: str
    building: bool = True


class Checkpoint(msgspec.Struct):
    """How far one shard of a version has read, whose work it is, and why it stopped if it did.

    The digest is that of the event at the global position: with it a store that went back to a backup is known.
    """

    projection: str
    version: int
    shard: int
    global_position: int = 0
    digest: str | None = None
    reacted: int = 0
    complete: bool = False
    owner: str | None = None
    token: int = 0
    leased_until: int = 0
    failure: str | None = None


class Letter(msgspec.Struct):
    """An event that could not be applied or reacted to, and waits for somebody to decide."""

    projection: str
    version: int
    shard: int
    session: str
    position: int
    hook: str
    global_position: int
    event: str
    error: str
    tries: int
    parked: int
    wish: str | None = None


class Ledger:
    """The books as one transaction sees them; `save` writes what was noted."""

    def __init__(self, target: Target, transaction: Transaction) -> None:
        self._transaction = transaction
        self._rows = Rows(ledger_shapes(target), transaction)

    def find_name(self, projection: str) -> Name | None:
        """The version of a projection that counts."""
        row = self._rows[NAMES].find(projection)
        return None if row is None else Name(**row)

    def names(self) -> list[Name]:
        """All projections of this target."""
        return [Name(**row) for row in self._rows[NAMES]]

    def find_version(self, projection: str, version: int) -> Version | None:
        """A version of a projection."""
        row = self._rows[VERSIONS].find(projection, version)
        return None if row is None else Version(**row)

    def versions(self, projection: str) -> list[Version]:
        """The versions of a projection, the oldest first."""
        return [Version(**row) for row in self._rows[VERSIONS].under(projection)]

    def find_checkpoint(self, projection: str, version: int, shard: int) -> Checkpoint | None:
        """How far a shard is."""
        row = self._rows[CHECKPOINTS].find(projection, version, shard)
        return None if row is None else Checkpoint(**row)

    def checkpoints(self, projection: str, version: int | None = None) -> list[Checkpoint]:
        """How far the shards of a version are, or of all versions."""
        prefix = (projection,) if version is None else (projection, version)
        return [Checkpoint(**row) for row in self._rows[CHECKPOINTS].under(*prefix)]

    def letters(self, projection: str, version: int, shard: int | None = None) -> Iterator[Letter]:
        """What was parked, in the order of sessions and positions."""
        prefix = (projection, version) if shard is None else (projection, version, shard)
        return (Letter(**row) for row in self._rows[LETTERS].under(*prefix))

    def note(self, entry: Name | Version | Checkpoint | Letter) -> None:
        """Puts down an entry."""
        self._rows[_TABLE_OF[type(entry)]].put(asdict(entry))

    def strike(self, entry: Name | Version | Checkpoint | Letter) -> None:
        """Takes an entry out."""
        table = _TABLE_OF[type(entry)]
        self._rows[table].delete(*[getattr(entry, name) for name in table.key])

    def save(self) -> None:
        """Writes what was noted, as part of the transaction."""
        self._transaction.write(self._rows.take_changes())


@lru_cache(maxsize=32)
def ledger_shapes(target: Target) -> tuple[Shape, ...]:
    """The tables of the books in a database; the same objects each time, since statements are remembered by them."""
    return tuple(map(target.ledger_shape, TABLES))


def prepare(target: Target) -> None:
    """Makes the books, if there are none; those of a newer Turnlog are refused."""
    shapes = ledger_shapes(target)
    with target.reading() as transaction:
        made = transaction.exists(shapes[-1]) and _format(target, transaction)
    if not made:
        with target.writing() as transaction:
            transaction.alone()
            if not transaction.exists(shapes[-1]):
                for shape in shapes:
                    transaction.create(shape)
                rows = Rows(shapes, transaction)
                rows[LEDGER].put({"one": 1, "format": FORMAT})
                transaction.write(rows.take_changes())


def _format(target: Target, transaction: Transaction) -> int:
    row = Rows(ledger_shapes(target), transaction)[LEDGER].find(1)
    found: int = FORMAT if row is None else row["format"]
    if found > FORMAT:
        books, newer = f"the books of projections in format {found}", "a newer Turnlog keeps them"
        raise SchemaMismatch(target.name, books, f"format {FORMAT} or older; {newer}")
    return found


_TABLE_OF = {Name: NAMES, Version: VERSIONS, Checkpoint: CHECKPOINTS, Letter: LETTERS}
