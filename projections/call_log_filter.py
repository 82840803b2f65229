"""Which logs are asked for, and what many of them come to."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

import msgspec

from ..domain.errors import InvalidValueError
from ..domain.events.work import LogType
from ..domain.json_values import to_utc
from ..domain.log import Log, log_type

Instant: TypeAlias = datetime | str
"""A time, or the ISO text of one; without an offset it is taken as local time."""


class LogFilter(msgspec.Struct, frozen=True):
    """What is asked for; None asks for nothing. Both ends of the time are included."""

    type: LogType | None = None
    source: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, log: Log) -> bool:
        """Whether it is asked for; source and model ask for what has this text in it."""
        return (
            (self.type is None or log.type is self.type)
            and (self.source is None or self.source in (log.source or ""))
            and (self.model is None or self.model in (log.model or ""))
            and (self.since is None or (log.created_at is not None and log.created_at >= self.since))
            and (self.until is None or (log.created_at is not None and log.created_at <= self.until))
        )


def log_filter(
    type: LogType | str | None = None,
    *,
    source: str | None = None,
    model: str | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
) -> LogFilter:
    """What is asked for, from what a caller gave."""
    return LogFilter(
        None if type is None else log_type(type),
        source,
        model,
        None if since is None else instant(since, "since"),
        None if until is None else instant(until, "until"),
    )


def instant(given: Instant, what: str) -> datetime:
    """The moment in UTC."""
    try:
        return to_utc(datetime.fromisoformat(given) if isinstance(given, str) else given)
    except (ValueError, OverflowError, AttributeError, TypeError):
        raise InvalidValueError(what, f"is {given!r}: expected a datetime, or one in ISO text") from None


class LogSummary(msgspec.Struct, frozen=True):
    """What logs come to: how many of each type, and what the calls among them took."""

    total: int
    by_type: dict[str, int]
    failed: int
    total_tokens: int
    duration_ms: float
    models: list[str]


def summarize(logs: Iterable[Log]) -> LogSummary:
    """What the logs come to."""
    types: Counter[str] = Counter()
    models: set[str] = set()
    failed = tokens = 0
    duration = 0.0
    for log in logs:
        types[log.type.value] += 1
        failed += log.failed
        tokens += log.total_tokens or 0
        duration += log.duration_ms or 0
        if log.model is not None:
            models.add(log.model)
    return LogSummary(types.total(), dict(types), failed, tokens, duration, sorted(models))
