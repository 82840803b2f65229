"""A new version is built beside the old one and then counts; effects on the world are neither repeated nor lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from turnlog.domain.errors import InvalidValueError, ProjectionChangedError
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.store import Store
from turnlog.projections.projection import Projection
from turnlog.projections.rows import Rows
from turnlog.projections.table_schema import INTEGER, TEXT, Table

if TYPE_CHECKING:
    from tests.contract.projecting.conftest import Workshop

CALLS = Table("calls", {"session": TEXT, "calls": INTEGER}, key=("session",))


class Calling(Projection):
    """Counts messages, and tells somebody of each."""

    name = "calls"
    names = ("message.appended",)
    tables = (CALLS,)

    def __init__(self, version: int = 1, told: list[str] | None = None) -> None:
        self.version = version
        self.told: list[str] = [] if told is None else told
        self.deaf_to: str | None = None

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows[CALLS].add(event.session, calls=self.version)

    def react(self, event: RecordedEvent) -> None:
        text = event.event.content.text  # type: ignore[attr-defined]  # it reads appended messages only
        if text == self.deaf_to:
            raise ConnectionError("nobody answers")
        self.told.append(text)


@pytest.fixture
def one() -> Store:
    """A store in memory."""
    return Store(MemoryRecorder())


def calls(rows: Rows) -> dict[str, int]:
    return {row["session"]: row["calls"] for row in rows[CALLS].under()}


def test_a_new_version_is_built_beside_the_old_one_and_counts_when_it_is_complete(
    workshop: Workshop, one: Store
) -> None:
    workshop.say(one, "a", *"abcdefgh")
    old = Calling(1)
    workshop.runner(one, old).catch_up()
    new = Calling(2)
    builder = workshop.runner(one, new)
    seen = []

    for text in "ijklmnop":  # which arrive while it is built
        workshop.say(one, "a", text)
        builder.step()
        seen.append(calls(builder.rows(new))["a"])

    builder.catch_up()
    assert calls(builder.rows(new)) == {"a": 32}
    assert set(seen) <= {8, *range(2 * 8, 2 * 16 + 1)}, "the old rows, and then whole new ones"
    assert seen[0] == 8
    assert [(status.version, status.counts, status.building) for status in builder.status("calls")] == [
        (1, False, False),
        (2, True, False),
    ]


def test_a_version_that_has_read_less_than_the_old_one_does_not_count(workshop: Workshop, one: Store) -> None:
    workshop.say(one, "a", *"abcdefgh")
    workshop.runner(one, Calling(1)).catch_up()
    builder = workshop.runner(one, Calling(2))
    builder.step()

    assert calls(builder.rows(Calling(2))) == {"a": 8}
    progress = {status.version: status.progress for status in builder.status("calls")}
    assert progress == {1: 1.0, 2: 0.375}


def test_building_goes_on_where_it_was_when_its_runner_died(workshop: Workshop, one: Store) -> None:
    workshop.say(one, "a", *"abcdefgh")
    workshop.runner(one, Calling(1)).catch_up()
    dying = workshop.runner(one, Calling(2))
    dying.step()
    workshop.ticks.seconds += 11

    other = workshop.runner(one, Calling(2))
    assert [status.global_position for status in other.status("calls")] == [8, 3]
    other.catch_up()

    assert calls(other.rows(Calling(2))) == {"a": 16}


def test_the_old_version_is_dropped_on_request_only(workshop: Workshop, one: Store) -> None:
    workshop.say(one, "a", "a")
    workshop.runner(one, Calling(1)).catch_up()
    runner = workshop.runner(one, Calling(2))
    with pytest.raises(InvalidValueError, match="cannot be dropped"):
        runner.drop("calls", 1)
    runner.catch_up()
    with pytest.raises(InvalidValueError, match="expected one of 1"):
        runner.drop("calls", 2)

    runner.drop("calls", 1)

    with workshop.target.reading() as transaction:
        assert [transaction.exists(workshop.target.shapes(Calling(version))[0]) for version in (1, 2)] == [False, True]
    with pytest.raises(ProjectionChangedError, match="version 2 counting"):
        workshop.runner(one, Calling(1))


def test_old_and_new_versions_run_side_by_side_in_one_runner(workshop: Workshop, one: Store) -> None:
    workshop.say(one, "a", *"abcdefgh")
    runner = workshop.runner(one, Calling(1), Calling(2))
    runner.catch_up()
    workshop.say(one, "a", "i")
    runner.catch_up()

    assert calls(runner.rows(Calling(2))) == {"a": 18}
    assert [status.global_position for status in runner.status("calls")] == [9, 9]


def test_versions_with_shards_count_when_all_shards_are_complete(workshop: Workshop, one: Store) -> None:
    for session in ("a", "b", "c", "d", "e"):
        workshop.say(one, session, "one", "two")
    workshop.runner(one, Calling(1)).catch_up()
    runner = workshop.runner(one, Calling(2), shards=4)
    runner.step()
    assert [status.counts for status in runner.status("calls")] == [True, False]

    runner.catch_up()

    assert [status.counts for status in runner.status("calls")] == [False, True]
    assert calls(runner.rows(Calling(2))) == dict.fromkeys("abcde", 4)


# Effects


def test_somebody_is_told_of_each_event_once_its_rows_are_written(workshop: Workshop, one: Store) -> None:
    projection = Calling()
    runner = workshop.runner(one, projection)
    workshop.say(one, "a", *"abcde")
    runner.catch_up()
    workshop.say(one, "b", "f")
    runner.catch_up()

    assert projection.told == list("abcdef")


def test_a_new_version_tells_nobody_of_what_the_old_one_told(workshop: Workshop, one: Store) -> None:
    told: list[str] = []
    workshop.say(one, "a", *"abcde")
    workshop.runner(one, Calling(1, told)).catch_up()
    workshop.say(one, "a", *"fg")
    runner = workshop.runner(one, Calling(2, told))

    runner.catch_up()
    workshop.say(one, "a", "h")
    runner.catch_up()

    assert told == list("abcdefgh")


def test_a_rebuild_tells_nobody_again(workshop: Workshop, one: Store) -> None:
    projection = Calling()
    runner = workshop.runner(one, projection)
    workshop.say(one, "a", *"abcde")
    runner.catch_up()
    workshop.say(one, "a", "f")

    runner.rebuild("calls")
    runner.catch_up()

    assert projection.told == list("abcdef")
    assert calls(runner.rows(projection)) == {"a": 6}


def test_an_effect_that_fails_is_parked_and_tried_again_on_request(workshop: Workshop, one: Store) -> None:
    projection = Calling()
    runner = workshop.runner(one, projection)
    workshop.say(one, "a", "a")
    runner.catch_up()
    projection.deaf_to = "b"
    workshop.say(one, "a", *"bcd")
    workshop.work(runner)

    assert projection.told == list("acd")
    assert calls(runner.rows(projection)) == {"a": 4}
    (letter,) = runner.dead_letters("calls")
    assert (letter.hook, letter.position, letter.error) == ("react", 2, "ConnectionError: nobody answers")

    projection.deaf_to = None
    runner.retry("calls")
    workshop.work(runner)
    assert projection.told == list("acdb")
    assert runner.dead_letters("calls") == []


def test_nobody_is_told_of_an_event_that_is_parked_until_it_is_applied(workshop: Workshop, one: Store) -> None:
    class Picky(Calling):
        picky = True

        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            super().apply(batch, rows)
            if self.picky and any(event.session == "bad" for event in batch):
                raise ValueError("bad")

    projection = Picky()
    runner = workshop.runner(one, projection)
    runner.catch_up()
    workshop.say(one, "a", "1")
    workshop.say(one, "bad", "2", "3")
    workshop.say(one, "a", "4")
    workshop.work(runner)
    assert projection.told == ["1", "4"]

    projection.picky = False
    runner.retry("calls")
    workshop.work(runner)
    workshop.say(one, "bad", "5")
    workshop.work(runner)

    assert projection.told == ["1", "4", "2", "3", "5"]
    assert calls(runner.rows(projection)) == {"a": 2, "bad": 3}


def test_rows_of_an_old_version_with_other_tables_are_not_read_as_the_new_ones(workshop: Workshop, one: Store) -> None:
    class Wider(Calling):
        tables = (Table("calls", {**CALLS.columns, "last": INTEGER}, key=("session",)),)

    workshop.say(one, "a", *"abcdefgh")
    workshop.runner(one, Calling(1)).catch_up()
    builder = workshop.runner(one, Wider(2))
    builder.step()
    with pytest.raises(InvalidValueError, match="version 1 still, whose tables are different"):
        builder.rows(Wider(2))["calls"].under()

    builder.catch_up()

    assert builder.rows(Wider(2))["calls"].under() == [{"session": "a", "calls": 16, "last": None}]


def test_rows_are_read_and_not_written_by_whoever_asks(workshop: Workshop, one: Store) -> None:
    workshop.say(one, "a", "a")
    runner = workshop.runner(one, Calling())
    runner.catch_up()
    rows = runner.rows(Calling())[CALLS]

    refused = pytest.raises(InvalidValueError, match="expected only its projection to")
    with refused:
        rows.put({"session": "b"})
    with refused:
        rows.delete("a")
    with refused:
        rows.add("a", calls=1)
    assert (rows.find("a"), rows.find("b")) == ({"session": "a", "calls": 1}, None)


class Together(Calling):
    """Tells somebody of several messages at once."""

    reaction_size = 3

    def react_to(self, events: Sequence[RecordedEvent]) -> None:
        texts = [event.event.content.text for event in events]  # type: ignore[attr-defined]  # it reads appended messages only
        if self.deaf_to in texts:
            raise ConnectionError("nobody answers")
        self.told.append("".join(texts))


def test_effects_of_several_events_come_at_once_and_once(workshop: Workshop, one: Store) -> None:
    projection = Together()
    workshop.say(one, "a", *"abcdefgh")

    runner = workshop.runner(one, projection)
    runner.catch_up()
    workshop.say(one, "a", "i")
    runner.catch_up()

    assert projection.told == ["abc", "def", "gh", "i"]


def test_of_effects_that_fail_together_only_the_one_that_fails_alone_is_parked(workshop: Workshop, one: Store) -> None:
    projection = Together()
    projection.deaf_to = "d"
    runner = workshop.runner(one, projection)
    workshop.say(one, "a", *"abcdefg")
    workshop.work(runner)

    assert projection.told == ["abc", "e", "f", "g"]
    assert [letter.hook for letter in runner.dead_letters("calls")] == ["react"]
