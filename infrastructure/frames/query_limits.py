"""How long a query may run, and how much memory it may need."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, isfinite
from time import monotonic

import msgspec

from ...domain.errors import InvalidValueError, QueryLimitError

MEGABYTE = 1_000_000

MOST = 1_000_000_000
"""Seconds, and megabytes: more than clocks and systems can count."""

LONGEST = 1_000_000
"""Seconds that a socket can wait for, at least."""


class QueryLimits(msgspec.Struct, frozen=True):
    """The limits of a query: seconds until it has answered, and megabytes for it and for its answer; inf for none."""

    timeout: float = 300
    memory: float = 1000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not (0 < value <= MOST or value == inf):
                expected = f"expected a number above 0 and at most {MOST}, or inf for no limit"
                raise InvalidValueError(f"the {name} of a query", f"is {value!r}: {expected}")

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
    """The time that is left to a query; time between its steps is not counted."""

    def __init__(self, limits: QueryLimits) -> None:
        self.limits = limits
        self._left = limits.timeout
        self._began = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around a step of the query."""
        self._began = monotonic()
        try:
            yield
        finally:
            self._left = max(self._left - (monotonic() - self._began), 0)

    def remaining(self) -> float | None:
        """Seconds that are left in a step, None for any number; raises the error of a query that has run too long."""
        if not isfinite(self._left):
            return None
        left = self._left - (monotonic() - self._began)
        if left <= 0:
            raise self.limits.too_slow()
        return min(left, LONGEST)
