"""What a manager is asked for, checked."""

from datetime import datetime

from ..domain.errors import InvalidValueError
from ..domain.recorded_event import to_microseconds
from ..projections.selection import STATUSES

MAX_DAYS = 365_000


def parse_status(status: str) -> str:
    """A status that a session can have."""
    if status not in STATUSES:
        raise InvalidValueError("the status", f"{status!r} is unknown: expected active, archived or deleted")
    return status


def validate_time(time: datetime | None) -> int | None:
    """A time in microseconds since 1970."""
    if time is not None and not isinstance(time, datetime):
        raise InvalidValueError("a time", f"is {time!r}: expected a datetime")
    try:
        return None if time is None else to_microseconds(time)
    except (OverflowError, ValueError):
        expected = "expected one that falls into the years 1 to 9999 in UTC"
        raise InvalidValueError("a time", f"is {time.isoformat() if time else time}: {expected}") from None


def validate_days(days: float) -> None:
    """Refuses what is no number of days."""
    if not isinstance(days, int | float) or isinstance(days, bool) or not 0 <= days <= MAX_DAYS:
        raise InvalidValueError("days", f"is {days!r}: expected a number from 0 to {MAX_DAYS}")
