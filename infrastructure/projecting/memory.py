"""Rows of projections in process: gone when their target is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock

from ...projections.rows import Change, Kept
from ...projections.tables import Key, Shape, Stored
from ..clock import wall_clock
from .target import Target, Transaction


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
            yield transaction
            transaction.commit()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self._lock:
            yield MemoryTransaction(self)

    def close(self) -> None:
        """There is nothing to let go of."""


class MemoryTransaction(Transaction):
    """Keeps what is to be done until it is committed."""

    def __init__(self, target: MemoryTarget) -> None:
        self._target = target
        self._later: list[Callable[[], None]] = []

    def fetch(self, shape: Shape, keys: Sequence[Key]) -> Iterable[Stored]:
        return self._target.kept.fetch(shape, keys)

    def scan(self, shape: Shape, prefix: Key) -> Iterable[Stored]:
        return self._target.kept.scan(shape, prefix)

    def write(self, changes: Iterable[Change]) -> None:
        ready = list(changes)
        self._later.append(lambda: self._target.kept.write(ready))

    def create(self, shape: Shape) -> None:
        self._later.append(lambda: self._target.places.add(shape.place))

    def exists(self, shape: Shape) -> bool:
        return shape.place in self._target.places

    def drop(self, shape: Shape) -> None:
        self._later.append(lambda: self._target.kept.drop(shape.place))
        self._later.append(lambda: self._target.places.discard(shape.place))

    def point(self, view: str, shape: Shape | None) -> None:
        """There is no SQL that could ask a view."""

    def alone(self) -> None:
        """All who write here are alone."""

    def now(self) -> int:
        return self._target.clock()

    def commit(self) -> None:
        """Does what was to be done."""
        for do in self._later:
            do()
