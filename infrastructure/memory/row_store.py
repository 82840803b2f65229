"""Rows of projections in process: gone when their target is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock

from ...projections.full_text import Phrase, matches, to_ascii
from ...projections.rows import MemoryRows, TableChange
from ...projections.table_schema import Key, Stored, TableCodec
from ..clock import wall_clock
from ..read_models.row_store import PLACE, RowStore, RowTransaction


class MemoryRowStore(RowStore):
    """Rows in dictionaries, under one lock."""

    def __init__(
        self, clock: Callable[[], int] = wall_clock, lock: AbstractContextManager[object] | None = None
    ) -> None:
        self.name = "memory://"
        self.kept = MemoryRows()
        self.places: set[str] = set()
        self.clock = clock
        self._lock = RLock() if lock is None else lock

    @contextmanager
    def writing(self) -> Iterator[RowTransaction]:
        with self._lock:
            transaction = MemoryRowTransaction(self)
            try:
                yield transaction
            except BaseException:
                transaction.undo()
                raise

    @contextmanager
    def reading(self) -> Iterator[RowTransaction]:
        with self._lock:
            yield MemoryRowTransaction(self)

    def close(self) -> None:
        """There is nothing to let go of."""


class MemoryRowTransaction(RowTransaction):
    """Writes at once, and knows how to undo it; nobody else looks meanwhile."""

    def __init__(self, target: MemoryRowStore) -> None:
        self._target = target
        self._undo: list[Callable[[], object]] = []

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        return self._target.kept.fetch(shape, keys)

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        return self._target.kept.scan(shape, prefix)

    def search(
        self, shape: TableCodec, phrases: Sequence[Phrase], order: str, *, under: Sequence[str], skip: int, limit: int
    ) -> list[Key]:
        searched = [shape.places[name] for name in shape.table.search]
        asked = [Phrase(tuple(map(to_ascii, each.words)), each.prefix) for each in phrases]
        found = [
            stored
            for stored in self.scan(shape, ())
            if (not under or shape.key_of(stored)[0] in under)
            and matches(" ".join(stored[place] or "" for place in searched), asked)
        ]
        found.sort(key=lambda stored: (stored[shape.places[order]], shape.key_of(stored)), reverse=True)
        return [shape.key_of(stored) for stored in found[skip : skip + limit]]

    def write(self, changes: Iterable[TableChange]) -> None:
        for change in changes:
            before = self._before(change)
            self._undo.append(lambda before=before: self._target.kept.write([before]))  # type: ignore[misc]  # bound now
            self._target.kept.write([change])

    def create(self, shape: TableCodec) -> None:
        if shape.place not in self._target.places:
            self._target.places.add(shape.place)
            self._undo.append(lambda: self._target.places.discard(shape.place))

    def exists(self, shape: TableCodec) -> bool:
        return shape.place in self._target.places

    def places(self, prefix: str) -> list[str]:
        return sorted(name for name in self._target.places if name.startswith(prefix) and PLACE.search(name))

    def schema_flaws(self, shapes: Sequence[TableCodec], views: Mapping[str, TableCodec]) -> list[str]:
        """There is nothing beside the tables."""
        return []

    def drop(self, shape: TableCodec) -> None:
        self.write([TableChange(shape, [], [shape.key_of(row) for row in self.scan(shape, ())])])
        if shape.place in self._target.places:
            self._target.places.discard(shape.place)
            self._undo.append(lambda: self._target.places.add(shape.place))

    def point(self, view: str, shape: TableCodec | None) -> None:
        """There is no SQL that could ask a view."""

    def note_redaction(self) -> None:
        """There are no files."""

    def alone(self) -> None:
        """All who write here are alone."""

    def now(self) -> int:
        return self._target.clock()

    def undo(self) -> None:
        """Makes everything as it was."""
        for do in reversed(self._undo):
            do()

    def _before(self, change: TableChange) -> TableChange:
        keys = [*map(change.shape.key_of, change.put), *change.deleted]
        there = list(self.fetch(change.shape, keys))
        return TableChange(change.shape, there, list(set(keys) - set(map(change.shape.key_of, there))))
