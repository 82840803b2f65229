"""The ways to ask for logs, the same for a session's account and for a store of logs."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import overload

from ...domain.events.work import LogType
from ...domain.log import Log
from ...projections.call_log_filter import Instant, LogSummary, log_filter, summarize
from ..async_methods import awaited_read


class LogReading(ABC):
    """Logs in the order they were written."""

    @abstractmethod
    def __iter__(self) -> Iterator[Log]:
        """The logs, the oldest first."""

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, place: int | str) -> Log: ...
    @overload
    def __getitem__(self, place: slice) -> list[Log]: ...
    def __getitem__(self, place: int | str | slice) -> Log | list[Log]:
        if isinstance(place, str):
            found = self.find(place)
            if found is None:
                raise KeyError(place)
            return found
        return list(self)[place]

    def find(self, id: str) -> Log | None:
        """The log with an id, if there is one."""
        return next((log for log in self if log.id == id), None)

    def last(self, count: int) -> list[Log]:
        """The newest, the oldest of them first."""
        return list(deque(self, max(count, 0)))

    def filter(
        self,
        type: LogType | str | None = None,
        *,
        source: str | None = None,
        model: str | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
    ) -> list[Log]:
        """Those of a type, with this text in their source or model, from a time on and up to another."""
        wanted = log_filter(type, source=source, model=model, since=since, until=until)
        return [log for log in self if wanted.takes(log)]

    def api_calls(self) -> list[Log]:
        """The calls of models."""
        return self.filter(LogType.API_CALL)

    def errors(self) -> list[Log]:
        """What went wrong, failed calls included."""
        return [log for log in self if log.failed]

    def summary(self) -> LogSummary:
        """What all of it comes to."""
        return summarize(self)

    afind = awaited_read(find)
    alast = awaited_read(last)
    afilter = awaited_read(filter)
    aapi_calls = awaited_read(api_calls)
    aerrors = awaited_read(errors)
    asummary = awaited_read(summary)
