"""A runner on every kind of store and target: batches, leases, what is parked, and what does not belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.errors import (
    CheckpointMismatchError,
    InvalidValueError,
    ItemNotFoundError,
    PositionNotReachedError,
    ProjectionChangedError,
)
from turnlog.domain.events import MessageRedacted
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.read_models import shard
from turnlog.infrastructure.read_models.lease import RunnerOptions, ShardCondition
from turnlog.infrastructure.store import Store
from turnlog.projections.table_schema import TEXT, Table

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from tests.contract.projecting.conftest import Workshop


@pytest.fixture
def one() -> Store:
    """A store in memory, for what has nothing to do with its kind."""
    return Store(MemoryRecorder(), lambda: 1_700_000_000_000_000)


def test_from_every_store_into_every_target_the_rows_are_those_that_are_folded_live(
    workshop: Workshop, store: Store
) -> None:
    runner = workshop.runner(store)

    workshop.say(store, "a", "one", "two", "with \0 in it")
    workshop.say(store, "b", "three", "forget", "größer")
    runner.catch_up()
    workshop.say(store, "a", "four")
    runner.catch_up()

    assert workshop.dump(runner.rows(workshop.projection)) == workshop.dump(store.project(workshop.projection))
    assert workshop.said(runner.rows(workshop.projection)) == [
        (1, "one"),
        (2, "two"),
        (3, "with \ufffd in it"),
        (4, "four"),
        (3, "größer"),
    ]


def test_a_runner_goes_on_where_another_stopped(workshop: Workshop, stores: Stores) -> None:
    store = stores.new()
    workshop.say(store, "a", "one", "two")
    workshop.runner(store).catch_up()
    workshop.say(store, "a", "three")
    store = stores.reopened(store)
    other = workshop.runner(store)
    other.catch_up()
    assert workshop.counts(other.rows(workshop.projection)) == {"a": 2}, "the first still has the lease"

    workshop.ticks.seconds += 11
    other.catch_up()

    assert workshop.counts(other.rows(workshop.projection)) == {"a": 3}


def test_of_two_runners_one_works_and_one_that_was_asleep_cannot_write(workshop: Workshop, one: Store) -> None:
    first, second = workshop.runner(one), workshop.runner(one)
    workshop.say(one, "a", "one")
    first.catch_up()
    second.catch_up()
    assert list(first.conditions.values()) == [ShardCondition.WORKING]
    assert list(second.conditions.values()) == [ShardCondition.STANDBY]

    workshop.say(one, "a", "two")
    workshop.ticks.seconds += 11
    second.catch_up()
    workshop.say(one, "a", "three")
    first.step()  # it believes that the shard is its own still
    assert workshop.counts(first.rows(workshop.projection)) == {"a": 2}
    assert list(first.conditions.values()) == [ShardCondition.STANDBY]

    second.catch_up()
    assert workshop.counts(first.rows(workshop.projection)) == {"a": 3}


def test_a_lease_is_kept_by_working_and_by_resting(workshop: Workshop, one: Store) -> None:
    first, second = workshop.runner(one), workshop.runner(one)
    first.catch_up()

    for text in ["one", "", "", "", "two", "", "", ""]:
        workshop.ticks.seconds += 4
        if text:
            workshop.say(one, "a", text)
        while first.step():
            pass
        second.step()

    assert list(second.conditions.values()) == [ShardCondition.STANDBY]
    assert workshop.counts(second.rows(workshop.projection)) == {"a": 2}


def test_a_runner_that_is_stopped_gives_its_leases_back(workshop: Workshop, one: Store) -> None:
    first, second = workshop.runner(one), workshop.runner(one)
    workshop.say(one, "a", "one")
    first.catch_up()
    first.close()
    workshop.say(one, "a", "two")

    second.catch_up()

    assert workshop.counts(second.rows(workshop.projection)) == {"a": 2}


def test_shards_share_the_sessions_among_runners(workshop: Workshop, one: Store) -> None:
    sessions = [f"session-{number}" for number in range(12)]
    for text in ["one", "two", "forget", "three"]:
        for session in sessions:
            workshop.say(one, session, text)
    first = workshop.runner(one, shards=3)
    first.step()
    second = workshop.runner(one, shards=3)

    first.catch_up()
    second.catch_up()

    assert workshop.dump(first.rows(workshop.projection)) == workshop.dump(one.project(workshop.projection))
    (status,) = first.status("said")
    assert [(shard.shard, shard.global_position) for shard in status.shards] == [(0, 48), (1, 48), (2, 48)]


# What cannot be applied


def test_a_poison_event_is_parked_its_session_waits_and_the_rest_goes_on(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    runner.catch_up()
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "one", "bad", "after")
    workshop.say(one, "b", "one", "two", "three", "four")

    workshop.work(runner)
    workshop.say(one, "a", "later")
    workshop.say(one, "b", "five")
    workshop.work(runner)

    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 1, "b": 5}
    (letter,) = runner.dead_letters("said")
    assert (letter.session, letter.position, letter.event, letter.tries) == ("a", 2, "message.appended", 2)
    assert letter.error == "ValueError: cannot take this"
    assert runner.status("said")[0].parked == 1
    assert runner.failures > 0


def test_a_redaction_removes_the_message_of_the_error_of_a_dead_letter(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    runner.catch_up()
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "one", "bad", "after")
    workshop.work(runner)
    left = '{"branch":1,"content":{"type":"instruction"}}'
    one.append("a", [MessageRedacted(3, left)])
    workshop.work(runner)
    assert [letter.error for letter in runner.dead_letters("said")] == ["ValueError: cannot take this"]

    one.append("a", [MessageRedacted(2, left)])
    workshop.work(runner)

    assert [letter.error for letter in runner.dead_letters("said")] == ["ValueError"]


def test_what_was_parked_is_tried_again_with_what_waits_behind_it(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    runner.catch_up()
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "one", "bad", "after", "worse", "last")
    workshop.work(runner)

    assert runner.retry("said") == 1
    workshop.work(runner)
    assert [letter.tries for letter in runner.dead_letters("said")] == [3]
    workshop.projection.poison = "worse"
    assert runner.retry("said", "a") == 1
    workshop.work(runner)
    assert workshop.said(runner.rows(workshop.projection)) == [(1, "one"), (2, "bad"), (3, "after")]
    assert [letter.position for letter in runner.dead_letters("said")] == [4]
    workshop.projection.poison = None
    runner.retry("said")
    workshop.work(runner)

    assert runner.dead_letters("said") == []
    assert workshop.dump(runner.rows(workshop.projection)) == workshop.dump(one.project(workshop.projection))


def test_what_was_parked_is_skipped_and_what_waits_behind_it_applied(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    runner.catch_up()
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "one", "bad", "after")
    workshop.work(runner)

    assert runner.skip("said", "b") == 0
    assert runner.skip("said", "a") == 1
    workshop.work(runner)
    workshop.say(one, "a", "later")
    workshop.work(runner)

    assert workshop.said(runner.rows(workshop.projection)) == [(1, "one"), (2, "after"), (3, "later")]
    assert runner.dead_letters("said") == []


def test_a_runner_that_takes_over_knows_what_was_parked(workshop: Workshop, one: Store) -> None:
    first = workshop.runner(one)
    first.catch_up()
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "bad")
    workshop.work(first)
    first.close()
    workshop.say(one, "a", "after")
    second = workshop.runner(one)
    workshop.work(second)
    assert workshop.counts(second.rows(workshop.projection)) == {}

    workshop.projection.poison = None
    second.retry("said")
    workshop.work(second)

    assert workshop.counts(second.rows(workshop.projection)) == {"a": 2}


def test_while_rows_are_built_poison_stops_it_until_it_is_resumed(workshop: Workshop, one: Store) -> None:
    workshop.projection.poison = "bad"
    workshop.say(one, "a", "one", "bad", "after")
    runner = workshop.runner(one)
    workshop.work(runner)

    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 1}
    assert list(runner.conditions.values()) == [ShardCondition.STOPPED]
    (status,) = runner.status("said")
    assert status.building
    assert status.failure == "at position 2 of session a: ValueError: cannot take this"
    assert runner.dead_letters("said") == []

    workshop.projection.poison = None
    runner.resume("said")
    workshop.work(runner)

    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 3}
    assert not runner.status("said")[0].building


def test_a_target_that_fails_is_tried_again_and_nothing_is_parked(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    runner.catch_up()
    workshop.say(one, "a", "one")
    writing = workshop.target.writing

    def fail() -> Any:
        raise OSError("no space")

    workshop.target.writing = fail  # type: ignore[method-assign]  # a database that cannot be written to
    for _ in range(5):
        runner.step()
        workshop.ticks.seconds += 2
    workshop.target.writing = writing  # type: ignore[method-assign]  # and that can be again
    workshop.work(runner)

    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 1}
    assert runner.dead_letters("said") == []
    assert runner.failures == 5


# Told and asked


def test_a_paused_projection_is_left_alone_by_all_runners_until_it_is_resumed(workshop: Workshop, one: Store) -> None:
    first, second = workshop.runner(one), workshop.runner(one)
    first.catch_up()
    second.pause("said")
    workshop.say(one, "a", "one")
    workshop.work(first)
    workshop.work(second)
    assert workshop.counts(first.rows(workshop.projection)) == {}
    assert list(first.conditions.values()) == list(second.conditions.values()) == [ShardCondition.PAUSED]
    assert first.status("said")[0].paused

    first.resume("said")
    workshop.work(second)

    assert workshop.counts(first.rows(workshop.projection)) == {"a": 1}


def test_its_lag_is_told_in_events_and_seconds(workshop: Workshop, stores: Stores, clock: Any) -> None:
    store = stores.new()
    runner = workshop.runner(store)
    workshop.say(store, "a", "one")
    runner.catch_up()
    assert [(status.lag, status.lag_seconds, status.progress) for status in runner.status()] == [(0, 0.0, 1.0)]

    workshop.say(store, "a", "two", "three", "four")

    (status,) = runner.status("said")
    assert (status.global_position, status.lag, status.progress) == (1, 3, 0.25)
    assert status.lag_seconds > 0


def test_a_position_that_is_waited_for_is_reached_or_the_wait_ends(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)
    workshop.say(one, "a", "one")
    with pytest.raises(PositionNotReachedError, match="at global position 0 after 0 seconds, not at 1"):
        runner.await_position("said", 1, timeout=0)

    runner.start()
    runner.await_position("said", 1)
    workshop.say(one, "a", "two")
    one.append("b", [])
    runner.await_position("said", one.last_global_position())
    runner.stop()

    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 2}


def test_a_position_of_an_event_that_it_does_not_read_is_reached_too(workshop: Workshop, one: Store) -> None:
    from turnlog.domain.events import SessionRenamed

    runner = workshop.runner(one)
    one.append("a", [SessionRenamed("x")])
    runner.catch_up()

    runner.await_position("said", 1, timeout=0)


def test_what_is_not_there_cannot_be_asked_for(workshop: Workshop, one: Store) -> None:
    runner = workshop.runner(one)

    for ask in (runner.dead_letters, runner.status, runner.pause, runner.retry, runner.rebuild):
        with pytest.raises(ItemNotFoundError, match="expected one of 'said'"):
            ask("sung")


# What does not belong together


def test_two_of_one_name_are_refused(workshop: Workshop, one: Store) -> None:
    with pytest.raises(InvalidValueError, match="comes twice"):
        workshop.runner(one, workshop.projection, type(workshop.projection)())


def test_a_definition_that_changed_without_its_version_is_refused(workshop: Workshop, one: Store) -> None:
    workshop.runner(one)
    changed = type(workshop.projection)()
    changed.tables = (*changed.tables, Table("more", {"a": TEXT}, ("a",)))  # type: ignore[assignment]  # one more
    other_names = type(workshop.projection)()
    other_names.names = ()

    for projection in (changed, other_names):
        with pytest.raises(ProjectionChangedError, match="other tables or stored names"):
            workshop.runner(one, projection)
    with pytest.raises(ProjectionChangedError, match="with 1 shards"):
        workshop.runner(one, shards=2)


def test_a_store_that_was_restored_from_a_backup_is_detected(workshop: Workshop, stores: Stores) -> None:
    store, restored = stores.new(), stores.new()
    workshop.say(store, "a", "one", "two")
    store.copy_to(restored)
    workshop.say(store, "a", "three")
    runner = workshop.runner(store)
    runner.catch_up()
    runner.close()

    behind = workshop.runner(restored)
    workshop.work(behind)
    if store.recorder.forgets:
        return  # sessions vanish there, and with them the newest event: that none is there proves nothing
    assert list(behind.conditions.values()) == [ShardCondition.STOPPED]
    assert str(behind.status("said")[0].failure).startswith(CheckpointMismatchError.__name__)

    behind.resume("said")
    workshop.say(restored, "a", "another three")
    workshop.work(behind)
    assert list(behind.conditions.values()) == [ShardCondition.STOPPED]
    assert "there is another event" in str(behind.status("said")[0].failure)

    behind.rebuild("said")
    workshop.work(behind)
    assert workshop.said(behind.rows(workshop.projection)) == [(1, "one"), (2, "two"), (3, "another three")]


def test_a_store_that_goes_back_while_a_runner_is_at_work_is_detected(workshop: Workshop) -> None:
    recorder = MemoryRecorder()
    store = Store(recorder)
    workshop.say(store, "a", "one", "two")
    runner = workshop.runner(store)
    runner.catch_up()
    del recorder._all[1:]
    workshop.work(runner)

    assert list(runner.conditions.values()) == [ShardCondition.STOPPED]


def test_rows_whose_tables_are_gone_are_detected(workshop: Workshop, one: Store) -> None:
    workshop.runner(one).catch_up()
    with workshop.target.writing() as transaction:
        for shape in workshop.target.shapes(workshop.projection)[:1]:
            transaction.point("projection_said", None)
            transaction.drop(shape)

    with pytest.raises(ProjectionChangedError, match="without the table projection_said__said__v1"):
        workshop.runner(one)


def test_a_target_that_was_restored_under_a_runner_is_caught_up_from_where_it_is(
    workshop: Workshop, one: Store
) -> None:
    runner = workshop.runner(one)
    workshop.say(one, "a", "one", "two")
    runner.catch_up()
    with workshop.target.writing() as transaction:  # rows and checkpoint, as they were at the beginning
        from turnlog.infrastructure.read_models.ledger import Ledger
        from turnlog.projections.rows import Rows

        ledger = Ledger(workshop.target, transaction)
        (checkpoint,) = ledger.checkpoints("said")
        checkpoint.global_position, checkpoint.digest = 0, None
        ledger.note(checkpoint)
        ledger.save()
        rows = Rows(workshop.target.shapes(workshop.projection), transaction)
        for table in ("said", "counts"):
            for row in rows[table].under():
                rows[table].delete(*([row["session"], row["number"]] if table == "said" else [row["session"]]))
        transaction.write(rows.take_changes())
    workshop.say(one, "a", "three")

    workshop.work(runner)

    assert workshop.dump(runner.rows(workshop.projection)) == workshop.dump(one.project(workshop.projection))


def test_a_lease_from_a_clock_that_was_far_ahead_is_taken_over(workshop: Workshop, one: Store) -> None:
    first, second = workshop.runner(one), workshop.runner(one)
    workshop.ticks.seconds += 100_000
    first.catch_up()
    workshop.ticks.seconds -= 100_000
    workshop.say(one, "a", "one")
    second.catch_up()
    assert workshop.counts(second.rows(workshop.projection)) == {"a": 1}

    workshop.say(one, "a", "two")
    first.step()
    assert workshop.counts(second.rows(workshop.projection)) == {"a": 1}


def test_a_pace_that_cannot_be_kept_is_refused() -> None:
    for wrong in ({"batch": 0}, {"poll": -1.0}, {"lease": -1.0}):
        with pytest.raises(InvalidValueError, match="the options of a runner"):
            RunnerOptions(**wrong)


def test_heavy_events_make_small_batches(workshop: Workshop, one: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "HEAVY", 2000)
    sizes: list[int] = []
    apply = workshop.projection.apply

    def counted(batch: Any, rows: Any) -> None:
        sizes.append(len(batch))
        apply(batch, rows)

    monkeypatch.setattr(workshop.projection, "apply", counted)
    workshop.say(one, "a", *["light"] * 20, *["heavy" * 100] * 40, *["light"] * 20)
    runner = workshop.runner(one, options={"batch": 16})

    runner.catch_up()

    assert sizes[:5] == [16, 16, 8, 4, 2]
    assert sizes[-1] > 2
    assert workshop.counts(runner.rows(workshop.projection)) == {"a": 80}
