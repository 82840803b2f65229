"""The contract of every database that rows of projections are kept in: transactions over tables, and little more."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from ...domain.errors import InvalidValueError
from ...projections.full_text import Phrase
from ...projections.projection import Projection
from ...projections.rows import TableChange
from ...projections.table_schema import Key, Stored, Table, TableCodec

LONGEST_PLACE = 56
"""Characters of the name of a table in a database; with what is added for indexes it stays within PostgreSQL's 63."""


PLACE = re.compile(r"projection_(?P<projection>[a-z0-9_]+?)__(?P<table>[a-z0-9_]+?)__v(?P<version>[0-9]+)\Z")
"""The name of a table of a version of a projection, behind the prefix of the target."""


class RowTransaction(ABC):
    """What is read and written between a beginning and a commit; nothing of it is seen by others before that."""

    @abstractmethod
    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        """The rows that have one of these keys."""

    @abstractmethod
    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        """The rows whose key begins so."""

    @abstractmethod
    def search(
        self, shape: TableCodec, phrases: Sequence[Phrase], order: str, *, under: Sequence[str], skip: int, limit: int
    ) -> list[Key]:
        """The keys of rows that have all the phrases among their indexed words, by a column, the greatest first.

        With names under which to look, only rows whose key begins with one of them.
        """

    @abstractmethod
    def write(self, changes: Iterable[TableChange]) -> None:
        """Puts and deletes rows."""

    @abstractmethod
    def create(self, shape: TableCodec) -> None:
        """Makes a table, if it is not there."""

    @abstractmethod
    def exists(self, shape: TableCodec) -> bool:
        """Whether a table is there."""

    @abstractmethod
    def places(self, prefix: str) -> list[str]:
        """The names that begin so, of tables that are named as `Target.place` names those of versions."""

    @abstractmethod
    def schema_flaws(self, shapes: Sequence[TableCodec], views: Mapping[str, TableCodec]) -> list[str]:
        """What of these tables, their indexes and triggers, and of these views is missing, changed or added."""

    @abstractmethod
    def drop(self, shape: TableCodec) -> None:
        """Takes a table away, if it is there."""

    @abstractmethod
    def point(self, view: str, shape: TableCodec | None) -> None:
        """Makes a view show a table, or takes it away."""

    @abstractmethod
    def note_redaction(self) -> None:
        """Records that rows lose content in this transaction, which may stay in the files of the database."""

    @abstractmethod
    def alone(self) -> None:
        """Waits until nobody else is changing which tables there are, and keeps others from it until the end."""

    @abstractmethod
    def now(self) -> int:
        """The time that leases go by, in microseconds since 1970."""


class RowStore(ABC):
    """A database that rows of projections are kept in."""

    name: str
    """What it is called in errors: its address."""

    prefix: str = ""
    """What the names of its tables begin with."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[RowTransaction]:
        """A transaction that is committed if nothing goes wrong."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[RowTransaction]:
        """A transaction that only reads."""

    def snapshot(self) -> AbstractContextManager[RowTransaction]:
        """A transaction that only reads, and sees one state from its first statement to its last."""
        return self.reading()

    def is_searchable(self, shape: TableCodec) -> bool:
        """Whether the full-text index of a table has the text of its rows, and no other."""
        return True

    def scrub(self) -> None:  # noqa: B027 (where others would have to wait, a vacuum does it)
        """Removes what redactions have left in the files of the database; raises RedactionPendingError if it cannot."""

    def vacuum(self) -> None:
        """Removes what redactions have left in the files of the database; others may have to wait meanwhile."""
        self.scrub()

    @abstractmethod
    def close(self) -> None:
        """Lets go of what is its own; closing twice does nothing."""

    def shapes(self, projection: Projection, version: int | None = None) -> list[TableCodec]:
        """The tables of a projection in this database, of its own version or of another."""
        return [
            TableCodec(table, self.place(projection.name, table.name, version or projection.version))
            for table in projection.tables
        ]

    def place(self, projection: str, table: str, version: int) -> str:
        """The name of a table of a version of a projection."""
        return self.check_place(f"{self.place_prefix(projection)}{table}__v{version}")

    def place_prefix(self, projection: str = "") -> str:
        """What the names of the tables of a projection begin with; without one, of all of them."""
        return f"{self.prefix}projection_{projection}{projection and '__'}"

    def view(self, projection: str, table: str) -> str:
        """The name by which everybody finds the rows of the version that counts."""
        return self.check_place(
            f"{self.prefix}projection_{projection if projection == table else f'{projection}__{table}'}"
        )

    def ledger_shape(self, table: Table) -> TableCodec:
        """A table in which runners keep their books."""
        return TableCodec(
            table, self.check_place(f"{self.prefix}projection__{table.name}"), guarded=table.name == "checkpoints"
        )

    def check_place(self, place: str) -> str:
        """The name of a table, if there is room for what is added to it."""
        if len(place) > LONGEST_PLACE:
            raise InvalidValueError(
                f"the table {place!r}", "has too long a name: expected a shorter prefix in the address"
            )
        return place


class BoundRows:
    """Hands the questions of rows to the transaction at hand."""

    transaction: RowTransaction
    failed = False
    """Whether a question was not answered: what is raised then is not the fault of who asked."""

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Sequence[Stored]:
        self.failed = True
        found = list(self.transaction.fetch(shape, keys))
        self.failed = False
        return found

    def scan(self, shape: TableCodec, prefix: Key) -> Sequence[Stored]:
        self.failed = True
        found = list(self.transaction.scan(shape, prefix))
        self.failed = False
        return found
