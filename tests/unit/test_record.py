"""An event on the record knows its time and its branch."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCleared, Event, MessageAppended, SessionStarted
from turnlog.domain.recorded_event import NO_PROVENANCE, Provenance, RecordedEvent, to_datetime, to_microseconds


def recorded(event: Event, time: int = 0) -> RecordedEvent:
    return RecordedEvent("s", 1, 1, time, "a name", event, None, None, None, None, b"")


@pytest.mark.parametrize(
    ("at", "time"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), 1_767_323_045_678_901),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), -1),
        (datetime(9999, 12, 31, 23, 59, 59, 999999, UTC), 253_402_300_799_999_999),
    ],
)
def test_a_time_is_kept_to_the_microsecond(at: datetime, time: int) -> None:
    assert to_microseconds(at) == time
    assert to_datetime(time) == at
    assert to_datetime(time).tzinfo is UTC


def test_a_time_elsewhere_and_a_naive_one_are_times_in_utc() -> None:
    naive = datetime(2026, 1, 2, 3)  # noqa: DTZ001 that is the point

    assert to_microseconds(datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))) == 1_767_315_600_000_000
    assert to_datetime(to_microseconds(naive)) == naive.astimezone()


def test_a_recorded_event_says_when_it_was_recorded() -> None:
    assert recorded(SessionStarted(), 1_767_323_045_678_901).created_at == datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.mark.parametrize(
    ("event", "branch"),
    [
        (MessageAppended(7, InstructionContent(instruction="hello")), 7),
        (BranchCleared(0), 0),
        (SessionStarted(), None),
    ],
)
def test_a_recorded_event_says_on_which_branch_it_happened(event: Event, branch: int | None) -> None:
    assert recorded(event).branch == branch


def test_nobody_did_it_unless_somebody_is_named() -> None:
    assert Provenance() == NO_PROVENANCE
    assert (NO_PROVENANCE.actor, NO_PROVENANCE.correlation_id, NO_PROVENANCE.causation) == (None, None, None)
