"""What somebody wants in a frame: checked once, before anything is read."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from ...domain.errors import InvalidValueError
from ...domain.recorded_event import to_microseconds
from ...projections.message_filter import OneOrMore, message_filter
from ...projections.projection import validate_event_names

ROWS = 2000
"""Rows of a batch, if nobody says how many."""

MOST_ROWS = 1_000_000


class FrameFilter(NamedTuple):
    """What rows have to be; None where nothing is asked. Times are microseconds since 1970, both included."""

    sessions: tuple[str, ...] | None = None
    users: frozenset[str] | None = None
    since: int | None = None
    until: int | None = None
    roles: frozenset[str | None] | None = None
    branches: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()

    @property
    def of_some(self) -> bool:
        """Whether only some sessions are asked for."""
        return self.sessions is not None or self.users is not None

    def takes_time(self, time: int) -> bool:
        """Whether something recorded at a time is asked for."""
        return (self.since is None or time >= self.since) and (self.until is None or time <= self.until)


NO_FILTER = FrameFilter()


def frame_filter(
    sessions: OneOrMore[str] | None = None,
    users: OneOrMore[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    roles: OneOrMore[str] | None = None,
    branches: OneOrMore[str] | None = None,
    names: OneOrMore[str] | None = None,
) -> FrameFilter:
    """What a caller asks for; what no row could be is refused."""
    first, last = _time("since", since), _time("until", until)
    if first is not None and last is not None and first > last:
        raise InvalidValueError("since", f"is {since}, which is after until, {until}: expected an earlier time")
    people = _several("users", users)
    return FrameFilter(
        _several("sessions", sessions),
        None if people is None else frozenset(people),
        first,
        last,
        message_filter(roles, None, None, None, None).roles,
        _several("branches", branches),
        () if names is None else tuple(validate_event_names(_several("names", names) or ())),
    )


def validate_batch_size(rows: int) -> int:
    """How many rows a batch is to have, if it can."""
    if not isinstance(rows, int) or isinstance(rows, bool) or not 1 <= rows <= MOST_ROWS:
        raise InvalidValueError("the size of a batch", f"is {rows!r}: expected 1 to {MOST_ROWS} rows")
    return rows


def _several(what: str, given: OneOrMore[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    meant = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if not all(isinstance(each, str) for each in meant):
        raise InvalidValueError(what, f"are {given!r}: expected a str, or several")
    return tuple(dict.fromkeys(meant))


def _time(what: str, given: datetime | None) -> int | None:
    if given is None:
        return None
    if not isinstance(given, datetime):
        raise InvalidValueError(what, f"is a {type(given).__name__}: expected a datetime")
    try:
        return to_microseconds(given)
    except (OverflowError, ValueError):
        reason = f"is {given.isoformat()}: expected a time that falls into the years 1 to 9999 in UTC"
        raise InvalidValueError(what, reason) from None
