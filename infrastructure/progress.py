"""How far long work is: told to whoever wants to know, now and then, and always when it is done."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many events have been worked on, and how many there are, as far as is known."""

EVERY = 500
"""Events between two calls."""


class ProgressCounter:
    """Counts what is worked on, over several steps if need be."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def count(self, items: Iterable[T]) -> Iterator[T]:
        """The items, each counted when the next one is asked for."""
        for item in items:
            yield item
            self.add()

    def add(self) -> None:
        """Counts one more."""
        self._done += 1
        if self._progress is not None and self._done % EVERY == 0:
            self._progress(self._done, max(self._total, self._done))

    def end(self) -> None:
        """Tells that all is done."""
        if self._progress is not None:
            self._progress(self._done, self._done)
