"""How much went on when: events, messages and sessions, hour by hour. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from ..domain.errors import InvalidValueError
from ..domain.events import is_message
from ..domain.recorded_event import RecordedEvent, to_datetime
from .projection import Projection
from .rows import Rows
from .table_schema import INTEGER, TEXT, Row, Table

HOUR = 3_600_000_000

ACTIVITY = Table(
    "activity",
    {"hour": INTEGER, "session": TEXT, "events": INTEGER, "messages": INTEGER, "started": INTEGER},
    key=("hour", "session"),
    indexes=(("session",),),
)
"""A row per hour and session; `hour` is its beginning in microseconds since 1970, UTC."""


class TimelineSteps(StrEnum):
    """The steps of a timeline."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Activity(Projection):
    """How much was recorded in each hour of each session."""

    name = "activity"
    tables = (ACTIVITY,)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for recorded in batch:
            hour = recorded.time - recorded.time % HOUR
            rows[ACTIVITY].add(
                hour,
                recorded.session,
                events=1,
                messages=int(is_message(recorded.event)),
                started=int(recorded.name == "session.started"),
            )


def activity_timeline(
    rows: Rows, by: str = TimelineSteps.DAY, zone: tzinfo = UTC, since: datetime | None = None
) -> list[Row]:
    """What went on in each step that saw anything, earliest first; a step begins as the clocks of the zone have it."""
    if by not in tuple(TimelineSteps):
        raise InvalidValueError("a timeline", f"has no steps of {by!r}: expected {', '.join(TimelineSteps)}")
    sums: dict[datetime, Row] = {}
    sessions: dict[datetime, set[str]] = {}
    for row in rows[ACTIVITY].under():
        start = _start(to_datetime(row["hour"]).astimezone(zone), by)
        if since is not None and start < since.astimezone(zone):
            continue
        found = sums.setdefault(start, {"start": start, "events": 0, "messages": 0, "started": 0, "sessions": 0})
        for name in ("events", "messages", "started"):
            found[name] += row[name]
        sessions.setdefault(start, set()).add(row["session"])
        found["sessions"] = len(sessions[start])
    return [sums[start] for start in sorted(sums)]


def _start(at: datetime, by: str) -> datetime:
    if by == TimelineSteps.HOUR:
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if by == TimelineSteps.MONTH else day
