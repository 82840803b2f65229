"""An event as it stands on the record: where, when, by whom, and what it weighs in the proof."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from .events.base import BranchEvent, Event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LATEST = (datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
"""The last time that is recorded: it can be displayed in every time zone."""

_FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


class Provenance(msgspec.Struct, frozen=True):
    """Who did something, as part of which run, and the position of the event that caused it."""

    actor: str | None = None
    correlation_id: str | None = None
    causation: int | None = None


NO_PROVENANCE = Provenance()


class RecordedEvent(msgspec.Struct, frozen=True):
    """One event of a session, with its columns; `time` is in microseconds since 1970, UTC.

    `redacted` is whether the content of the event was removed from the record.
    """

    session: str
    position: int
    global_position: int
    time: int
    name: str
    event: Event
    actor: str | None
    correlation_id: str | None
    causation: int | None
    command_id: str | None
    digest: bytes
    redacted: bool = False

    def __hash__(self) -> int:
        return hash((self.session, self.position, self.digest))

    @property
    def branch(self) -> int | None:
        """The number of the branch on which it happened, if it happened on one."""
        return self.event.branch if isinstance(self.event, BranchEvent) else None

    @property
    def created_at(self) -> datetime:
        """When it was recorded; within a session never earlier than the event before it."""
        return to_datetime(self.time)


@lru_cache(maxsize=64)
def to_datetime(time: int) -> datetime:
    """The UTC time of so many microseconds since 1970; for one beyond the years 1 to 9999, 1970 or `LATEST`."""
    return EPOCH + timedelta(microseconds=displayable_time(time))


def displayable_time(time: int) -> int:
    """The time, or the nearest one that can be displayed: events of older versions may have others."""
    if _FIRST <= time <= _LAST:
        return time
    return LATEST if time > 0 else 0


def to_microseconds(at: datetime) -> int:
    """Microseconds since 1970; a naive time is taken as local."""
    return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
