"""Times that can be compared with naive ones."""

import copy
import pickle
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from turnlog.domain.instant import Instant

noon = Instant.at(1_700_000_000_000_000)
ZONED = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
LOCAL = ZONED.astimezone().replace(tzinfo=None)
HOUR = timedelta(hours=1)


def test_it_is_the_time_it_stands_for() -> None:
    assert noon == ZONED
    assert hash(noon) == hash(ZONED)
    assert noon.isoformat() == "2023-11-14T22:13:20+00:00"
    assert Instant.of(LOCAL) == Instant.of(ZONED.astimezone(timezone(HOUR))) == noon
    assert noon + HOUR == ZONED + HOUR
    assert noon - HOUR == ZONED - HOUR
    assert noon - noon == timedelta()


@pytest.mark.parametrize("zone", [None, UTC, timezone(5 * HOUR)], ids=["naive", "utc", "elsewhere"])
def test_it_compares_with_times_of_any_zone_and_of_none(zone: timezone | None) -> None:
    before, after = ZONED - HOUR, ZONED + HOUR
    for when in (before, after):
        other = when.astimezone().replace(tzinfo=None) if zone is None else when.astimezone(zone)
        later = when is after
        assert (noon < other, noon <= other, noon > other, noon >= other) == (later, later, not later, not later)
        assert (other > noon, other >= noon, other < noon, other <= noon) == (later, later, not later, not later)
        assert noon - other == (-HOUR if later else HOUR)
        assert other - noon == (HOUR if later else -HOUR)
    assert (noon < LOCAL, noon <= LOCAL, noon >= LOCAL) == (False, True, True)


def test_it_is_sorted_among_times_of_both_kinds() -> None:
    assert max([noon, noon + HOUR]) == ZONED + HOUR
    assert sorted([noon + HOUR, noon, noon - HOUR])[0] == ZONED - HOUR


def test_a_naive_time_equals_it_as_little_as_any_other_that_has_a_zone() -> None:
    assert noon != LOCAL


def test_it_survives_copying_and_pickling() -> None:
    for other in (copy.deepcopy(noon), pickle.loads(pickle.dumps(noon))):
        assert other == noon
        assert type(other) is Instant


def test_a_naive_time_is_local_wherever_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert Instant.of(datetime(2023, 11, 15, 7, 13, 20)) == noon  # noqa: DTZ001 (a naive one is what this is about)
        assert noon > datetime(2023, 11, 15, 7, 13, 19)  # noqa: DTZ001 (a naive one is what this is about)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_time_is_refused_as_by_any_time() -> None:
    with pytest.raises(TypeError):
        assert noon < 5  # type: ignore[operator]  # refused when it runs
    with pytest.raises(TypeError):
        noon - "a"  # type: ignore[operator]  # refused when it runs
