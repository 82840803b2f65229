"""Times on the command line: absolute to the month, day, minute or second, or relative such as 2h."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from ..domain.errors import InvalidValueError

MICROSECOND = timedelta(microseconds=1)

PATTERN = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"([T ](?P<hour>\d\d)(:(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d{1,6}))?)?)?)?)?"
    r" ?(?P<zone>Z|[+-]\d\d(:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)

RELATIVE = re.compile(r"(?P<count>\d{1,9})(?P<unit>[smhdw])", re.ASCII)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str) -> int | datetime:
    """Parse a position, or a time, of which it returns the end: 12:00:05 includes that whole second."""
    if re.fullmatch(r"[+-]?\d{1,18}", text.strip(), re.ASCII):
        return int(text)
    return parse_time(text, "a moment", "a position, or a time such as 2026-07-01T12:00 or 2h")[1]


def parse_time(
    text: str, what: str, expected: str = "a time such as 2026-07-01T12:00 or 2h"
) -> tuple[datetime, datetime]:
    """Parse a time, and return the beginning and the end of its last unit, or raise InvalidValueError."""
    try:
        start, end = parse_span(text)
    except (ValueError, OverflowError):
        raise InvalidValueError(what, f"{text!r} is not understood: expected {expected}") from None
    try:
        start.astimezone(UTC), end.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidValueError(
            what, f"{text!r} is not between the years 1 and 9999 in UTC: expected {expected}"
        ) from None
    return start, end


def _relative(text: str) -> datetime | None:
    """Return the time that is so many units ago, or None if the text is not relative."""
    match = RELATIVE.fullmatch(text.strip())
    if match is None:
        return None
    return datetime.now(UTC) - timedelta(**{UNITS[match["unit"]]: int(match["count"])})


def parse_span(text: str) -> tuple[datetime, datetime]:
    """Return the first and the last microsecond that a time covers; without a zone it is local.

    2h or 1d is that long ago.
    A time covers the whole of its last unit: 12:00:05 is all of that second, 2026-07-01 all of that day, so that a
    time that was printed to the second covers the event that it was printed for. Raises ValueError for other text.
    """
    ago = _relative(text)
    if ago is not None:
        return ago, ago
    found = PATTERN.fullmatch(text.strip())
    if found is None:
        exact = datetime.fromisoformat(text)
        return exact, exact
    parts = found.groupdict()
    fraction = parts["fraction"] or ""
    names = ("year", "month", "day", "hour", "minute", "second")
    given = {name: int(parts[name]) for name in names if parts[name] is not None}
    microsecond = int(fraction.ljust(6, "0"))
    start = datetime(**{"day": 1, **given}, microsecond=microsecond, tzinfo=UTC)
    zone = _zone(parts["zone"])
    last = _end(start, len(given), len(fraction)) - MICROSECOND
    return start.replace(tzinfo=zone), last.replace(tzinfo=zone)


def _end(start: datetime, units: int, digits: int) -> datetime:
    """The time at which the last unit of a time that has so many units, and digits of a fraction, is over."""
    try:
        if units == 2:
            return (start + timedelta(days=31)).replace(day=1)
        if digits:
            return start + timedelta(microseconds=10 ** (6 - digits))
        return start + timedelta(**{{3: "days", 4: "hours", 5: "minutes", 6: "seconds"}[units]: 1})
    except OverflowError:  # the last one that there is
        return datetime.max.replace(tzinfo=UTC)


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def parse_duration(text: str) -> int:
    """Parse a duration such as 30d or 12h, and return its seconds, or raise InvalidValueError."""
    match = RELATIVE.fullmatch(text.strip())
    if match is None:
        raise InvalidValueError("the duration", f"{text!r} is not understood: expected one such as 30d or 12h")
    return int(timedelta(**{UNITS[match["unit"]]: int(match["count"])}).total_seconds())
