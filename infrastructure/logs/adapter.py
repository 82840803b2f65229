"""A database that logs are kept in: written once, read by time and type, and pruned by age."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Self

import msgspec

from ...domain.errors import DatabaseError, InvalidValueError
from ...domain.events.work import LogType
from ...domain.log import Log
from ...domain.recorded_event import to_datetime, to_microseconds
from ...projections.call_log_filter import Instant, LogFilter, log_filter
from ..async_methods import awaited, awaited_read
from ..clock import wall_clock
from .redaction.redactor import STANDARD, LogRedactor
from .stamping import stamp_log

MOST = 2**31


class LogAdapter(ABC):
    """Keeps logs for good. One that is written again changes nothing; what is kept cannot be altered."""

    name: str
    """Tells adapters apart, and appears in errors: it holds no secrets."""

    def __init__(self, *, redactor: LogRedactor | None = STANDARD, clock: Callable[[], int] = wall_clock) -> None:
        self._redactor = redactor
        self._clock = clock

    def write(self, logs: Log | Iterable[Log]) -> int:
        """Writes logs, all or none, without the secrets in them; answers how many were not there before."""
        given = [logs] if isinstance(logs, Log) else list(logs)
        if not all(isinstance(log, Log) for log in given):
            raise InvalidValueError("the logs", "are something else: expected a list of Log")
        now = self._clock()
        ready = [stamp_log(log, now) for log in given]
        return self._insert([log if self._redactor is None else self._redactor.redact_log(log) for log in ready])

    def read(
        self,
        limit: int = 100,
        offset: int = 0,
        *,
        type: LogType | str | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
    ) -> list[Log]:
        """The newest logs first, of a type, from a time on and up to another."""
        for what, value in (("the limit", limit), ("the offset", offset)):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST:
                raise InvalidValueError(what, f"is {value!r}: expected a whole number, 0 or more")
        try:
            return self._select(log_filter(type, since=since, until=until), limit, offset)
        except msgspec.DecodeError:
            raise DatabaseError(self.name, "it holds a log that cannot be read") from None

    def prune(self, *, before: datetime | None = None, older_than: timedelta | None = None) -> int:
        """Removes for good what was logged before a time, or longer ago; answers how many logs that were.

        The pruning itself is kept in a table beside: when, up to what time, and how many.
        """
        if (before is None) == (older_than is None):
            raise InvalidValueError("pruning", "wants one bound: expected `before` a time, or `older_than` a timedelta")
        now = self._clock()
        bound = to_microseconds(to_datetime(now) - older_than if before is None and older_than is not None else before)  # type: ignore[arg-type]  # one of the two is there
        return self._prune(bound, now)

    @abstractmethod
    def _insert(self, logs: Sequence[Log]) -> int:
        """Writes logs in one transaction, those with an id that is not there."""

    @abstractmethod
    def _select(self, wanted: LogFilter, limit: int, offset: int) -> list[Log]:
        """The logs of a type and time, newest first."""

    @abstractmethod
    def _prune(self, before: int, now: int) -> int:
        """Removes what was logged before a time in microseconds."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of connections; closing twice does nothing, and whoever uses it again opens it again."""

    awrite = awaited(write)
    aread = awaited_read(read)
    aprune = awaited(prune)
    aclose = awaited(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
