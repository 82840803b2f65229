"""Rows of projections in process: gone when their target is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock

from ...projections.rows import Change, Kept
from ...projections.tables import Key, Shape, Stored
from ...projections.words import Phrase, found_in, in_ascii
from ..clock import wall_clock
from .target import PLACE, Target, Transaction


class MemoryTarget(Target):
    """Rows in dictionaries, under one lock."""

    def __init__(
        self, clock: Callable[[], int] = wall_clock, lock: AbstractContextManager[object] | None = None
    ) -> None:
        self.name = "memory://"
        self.kept = Kept()
        self.places: set[str] = set()
        self.clock = clock
        self._lock = RLock() if lock is None else lock

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with self._lock:
            transaction = MemoryTransaction(self)
            try:
                yield transaction
            except BaseException:
                transaction.undo()
                raise

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self._lock:
            yield MemoryTransaction(self)

    def close(self) -> None:
        """There is nothing to let go of."""


class MemoryTransaction(Transaction):
    """Writes at once, and knows how to undo it; nobody else looks meanwhile."""

    def __init__(self, target: MemoryTarget) -> None:
        self._target = target
        self._undo: list[Callable[[], object]] = []

    def fetch(self, shape: Shape, keys: Sequence[Key]) -> Iterable[Stored]:
        return self._target.kept.fetch(shape, keys)

    def scan(self, shape: Shape, prefix: Key) -> Iterable[Stored]:
        return self._target.kept.scan(shape, prefix)

    def search(
        self, shape: Shape, phrases: Sequence[Phrase], order: str, *, under: Sequence[str], skip: int, limit: int
    ) -> list[Key]:
        searched = [shape.places[name] for name in shape.table.search]
        asked = [Phrase(tuple(map(in_ascii, each.words)), each.prefix) for each in phrases]
        found = [
            stored
            for stored in self.scan(shape, ())
            if (not under or shape.key_of(stored)[0] in under)
            and found_in(" ".join(stored[place] or "" for place in searched), asked)
        ]
        found.sort(key=lambda stored: (stored[shape.places[order]], shape.key_of(stored)), reverse=True)
        return [shape.key_of(stored) for stored in found[skip : skip + limit]]

    def write(self, changes: Iterable[Change]) -> None:
        for change in changes:
            before = self._before(change)
            self._undo.append(lambda before=before: self._target.kept.write([before]))  # type: ignore[misc]  # bound now
            self._target.kept.write([change])

    def create(self, shape: Shape) -> None:
        if shape.place not in self._target.places:
            self._target.places.add(shape.place)
            self._undo.append(lambda: self._target.places.discard(shape.place))

    def exists(self, shape: Shape) -> bool:
        return shape.place in self._target.places

    def places(self, prefix: str) -> list[str]:
        return sorted(name for name in self._target.places if name.startswith(prefix) and PLACE.search(name))

    def schema_flaws(self, shapes: Sequence[Shape], views: Mapping[str, Shape]) -> list[str]:
        """There is nothing beside the tables."""
        return []

    def drop(self, shape: Shape) -> None:
        self.write([Change(shape, [], [shape.key_of(row) for row in self.scan(shape, ())])])
        if shape.place in self._target.places:
            self._target.places.discard(shape.place)
            self._undo.append(lambda: self._target.places.add(shape.place))

    def point(self, view: str, shape: Shape | None) -> None:
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

    def _before(self, change: Change) -> Change:
        keys = [*map(change.shape.key_of, change.put), *change.deleted]
        there = list(self.fetch(change.shape, keys))
        return Change(change.shape, there, list(set(keys) - set(map(change.shape.key_of, there))))
