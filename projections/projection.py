"""A projection, said once: what it reads, the rows it answers with, and how events change them. Pure.

The same code is folded live in memory, inside the transaction that appends, and by a runner that follows the feed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import islice

from ..domain.errors import InvalidValueError
from ..domain.events import STORED_NAMES
from ..domain.recorded_event import RecordedEvent
from .rows import MemoryRows, Rows
from .table_schema import Key, Table, TableCodec, validate_identifier

AT_A_TIME = 1000
"""Events in one batch of a live fold; how events are cut into batches must not matter."""


class Projection(ABC):
    """Derive from this, name what it reads and keeps, and write `apply`.

    `apply` keeps nothing in itself, and asks no clock, no chance and no outside: the same events make the same rows,
    however they are cut into batches. With shards, events of different sessions are not seen in one order, so a row
    must then not depend on two of them.
    """

    name: str
    version: int = 1
    """To be raised when `apply` or the tables change: the rows are built anew beside the old ones."""

    names: Sequence[str] = ()
    """The stored names that it reads; without any it reads all events."""

    tables: Sequence[Table] = ()

    @abstractmethod
    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        """Changes rows by events, which come in the order they were committed."""

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        """The rows that `apply` will look for, so that they are read at once; others are read one by one."""
        return ()

    def react(self, event: RecordedEvent) -> None:  # noqa: B027 (most projections only keep rows)
        """Does something outside, once the rows are written; at least once for each event, and never in a rebuild."""

    reaction_size: int = 1
    """How many events `react_to` is given at once."""

    def react_to(self, events: Sequence[RecordedEvent]) -> None:
        """Does something outside for several events at once; after a crash it is given the same ones again."""
        for event in events:
            self.react(event)

    @property
    def reacts(self) -> bool:
        """Whether there is anything that `react` or `react_to` does."""
        return type(self).react is not Projection.react or type(self).react_to is not Projection.react_to

    def reads(self, name: str) -> bool:
        """Whether it reads events of this stored name."""
        return not self.names or name in self.names


def validate_projection(projection: Projection) -> Projection:
    """The projection, if stores and runners can work with it."""
    what = f"the projection {getattr(projection, 'name', type(projection).__name__)!r}"
    validate_identifier(getattr(projection, "name", ""), what)
    if type(projection.version) is not int or not 1 <= projection.version < 10_000:
        raise InvalidValueError(what, f"has the version {projection.version!r}: expected a whole number from 1 to 9999")
    validate_event_names(projection.names)
    tables = [table.name for table in projection.tables]
    if len(set(tables)) < len(tables):
        raise InvalidValueError(what, f"has the tables {', '.join(tables)}: expected each name once")
    return projection


def validate_event_names(names: Sequence[str]) -> Sequence[str]:
    """The names, if they are a list of stored ones."""
    if isinstance(names, str) or any(name not in STORED_NAMES for name in names):
        raise InvalidValueError("the stored names", f"are {names!r}: expected a list of such as 'message.appended'")
    return names


def fold(projection: Projection, events: Iterable[RecordedEvent], batch: int = AT_A_TIME) -> Rows:
    """The rows that events make, folded now in memory."""
    kept = MemoryRows()
    rows = Rows(map(TableCodec, validate_projection(projection).tables), kept)
    read = (event for event in events if projection.reads(event.name))
    while page := list(islice(read, batch)):
        rows.know(projection.needs(page))
        projection.apply(page, rows)
        kept.write(rows.take_changes())
    return rows
