"""A time that gets along with naive ones, which programs written for one machine compare with."""

from datetime import UTC, datetime, timedelta
from typing import Self, overload

from .recorded_event import to_datetime


class Instant(datetime):
    """A time in UTC; a naive one that it is compared with, or that is taken from it, counts as local.

    Only equality stays as Python has it: a naive time equals none that has a zone.
    """

    @classmethod
    def at(cls, microseconds: int) -> Self:
        """The time of so many microseconds since 1970."""
        return cls.of(to_datetime(microseconds))

    @classmethod
    def of(cls, time: datetime) -> Self:
        """The same time; a naive one is taken as local."""
        there = time.astimezone(UTC)
        return cls.combine(there.date(), there.timetz())

    def __lt__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime has it
        return datetime.__lt__(self, _with_zone(other))

    def __le__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime has it
        return datetime.__le__(self, _with_zone(other))

    def __gt__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime has it
        return datetime.__gt__(self, _with_zone(other))

    def __ge__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime has it
        return datetime.__ge__(self, _with_zone(other))

    @overload  # type: ignore[override]  # it takes more than its parent does
    def __sub__(self, other: datetime, /) -> timedelta: ...
    @overload
    def __sub__(self, other: timedelta, /) -> datetime: ...
    def __sub__(self, other: datetime | timedelta, /) -> timedelta | datetime:
        plain: datetime = self
        return datetime.__sub__(plain, other if isinstance(other, timedelta) else _with_zone(other))

    def __rsub__(self, other: datetime, /) -> timedelta:
        plain: datetime = self
        return -datetime.__sub__(plain, _with_zone(other))


def _with_zone(time: datetime) -> datetime:
    is_naive = isinstance(time, datetime) and time.tzinfo is None
    return time.astimezone() if is_naive else time
