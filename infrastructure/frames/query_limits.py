"""How long a query may run and how much memory it may need, and the thread that stops one that runs over."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, isfinite
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from ...domain.errors import InvalidValue
from ...domain.frame_errors import QueryLimitError

if TYPE_CHECKING:
    import duckdb

AGAIN = 0.05
"""Seconds between two interrupts of a query that runs over: one that comes between two steps of it is lost."""

MEGABYTE = 1_000_000


class QueryLimits(msgspec.Struct, frozen=True):
    """The limits of a query: seconds until it has answered, and megabytes for it and for its answer; inf for none."""

    timeout: float = 300
    memory: float = 1000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= inf:
                raise InvalidValue(f"the {name} of a query", f"is {value!r}: expected a number above 0")

    def with_changes(self, timeout: float | None, memory: float | None) -> "QueryLimits":
        """These limits with others where they are given."""
        return QueryLimits(self.timeout if timeout is None else timeout, self.memory if memory is None else memory)

    @property
    def bytes(self) -> float:
        """The limit of memory in bytes."""
        return self.memory * MEGABYTE

    def too_slow(self) -> QueryLimitError:
        """The error of a query that runs over."""
        return QueryLimitError(f"it ran longer than {self.timeout:g} s: expected a narrower query, or a larger timeout")

    def too_large(self, what: str) -> QueryLimitError:
        """The error of a query, or of an answer, that needs more memory."""
        return QueryLimitError(
            f"{what} needs more than {self.memory:g} MB of memory: expected a narrower query, or a larger memory"
        )


class Watch:
    """Interrupts a connection when the time of its query is over; time between the steps of a query is not counted."""

    def __init__(self, limits: QueryLimits, connection: "duckdb.DuckDBPyConnection") -> None:
        self.limits = limits
        self._connection = connection
        self._left = limits.timeout
        self._over = Event()

    @property
    def over(self) -> bool:
        """Whether the query has run too long."""
        return self._over.is_set()

    def check(self) -> None:
        """Raise the error of a query that has run too long."""
        if self.over:
            raise self.limits.too_slow()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around a step of the query."""
        self.check()
        began, ended = monotonic(), Event()
        thread = Thread(target=self._wait, args=(ended,), name="turnlog-query-limit", daemon=True)
        if isfinite(self._left):
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if isfinite(self._left):
                thread.join()
            self._left = max(self._left - (monotonic() - began), 0)

    def _wait(self, ended: Event) -> None:
        if ended.wait(self._left):
            return
        self._over.set()
        self._connection.interrupt()
        while not ended.wait(AGAIN):
            self._connection.interrupt()
