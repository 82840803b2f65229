"""From the record to subscribers: each log at least once, by cursors that outlive the process, each by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from turnlog import Branch, Session, Store, open_store
from turnlog.domain.events import AccessDenied, ModelCalled
from turnlog.errors import DeliveryError, InvalidValueError, PositionNotReachedError
from turnlog.infrastructure.read_models.lease import RunnerOptions
from turnlog.infrastructure.retry import RetryPolicy
from turnlog.logs import AdapterLogSubscriber, LogBatch, LogDelivery, LogSubscriber, SQLiteWALLogAdapter

AT_ONCE = RunnerOptions(retry=RetryPolicy(attempts=1, first_pause=0, longest_pause=0), lease=0, poll=0)


class Receiver(LogSubscriber):
    """Takes batches into a list, when it does not fail."""

    def __init__(self, name: str = "receiver", batch_size: int = 100) -> None:
        self.name, self.batch_size = name, batch_size
        self.batches: list[LogBatch] = []
        self.before: Callable[[LogBatch], object] = lambda batch: None
        self.after: Callable[[LogBatch], object] = lambda batch: None

    def receive(self, batch: LogBatch) -> None:
        self.before(batch)
        self.batches.append(batch)
        self.after(batch)

    @property
    def messages(self) -> list[str | None]:
        return [log.message for batch in self.batches for log in batch.logs]


@pytest.fixture(params=["memory", "postgres", "sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that keeps cursors beside its events."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database").address())
    return {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/turnlog.db"}[request.param]


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """A store."""
    with open_store(address) as opened:
        yield opened


@pytest.fixture
def branch(store: Store) -> Branch:
    """A branch of a session in the store."""
    return Session("Be brief.", store=store, session_id="s").default_branch


def deliver(store: Store, *subscribers: LogSubscriber, **options: Any) -> None:
    """Delivers what there is, until somebody fails."""
    delivery = LogDelivery(store, subscribers, options=options.pop("options", AT_ONCE), **options)
    try:
        delivery.catch_up()
    finally:
        delivery.close()


def crash(_: object) -> None:
    raise KeyboardInterrupt


def refuse(_: object) -> None:
    raise DeliveryError("receiver", "not like this", True)


def test_what_was_called_denied_and_logged_is_delivered_and_words_of_messages_are_not(
    store: Store, branch: Branch
) -> None:
    receiver = Receiver()
    branch.add("a message")
    branch.logs.log("a note with password=hunter2")
    store.append("s", [ModelCalled("gpt", "openai", branch=0, error="timeout"), AccessDenied("resources", ["x"], 0)])

    deliver(store, receiver)

    (batch,) = receiver.batches
    assert [(log.type.value, log.id, log.branch) for log in batch.logs] == [
        ("info", "s/5", 0),
        ("api_call", "s/6", 0),
        ("warning", "s/7", 0),
    ]
    assert batch.logs[0].message == "a note with password=[REDACTED]"
    assert list(branch.logs)[1:] == list(batch.logs)[1:]


def test_each_subscriber_goes_on_where_it_was_in_whatever_process(store: Store, branch: Branch) -> None:
    early, late = Receiver("early"), Receiver("late")
    branch.logs.log("1")
    deliver(store, early)
    branch.logs.log("2")
    deliver(store, early, late)
    deliver(store, early, late)

    assert early.messages == late.messages == ["1", "2"]
    assert [len(batch.logs) for batch in early.batches] == [1, 1]


def test_batches_are_as_large_as_the_subscriber_takes(store: Store, branch: Branch) -> None:
    receiver = Receiver(batch_size=3)
    for number in range(7):
        branch.logs.log(f"{number}")

    deliver(store, receiver)

    assert [len(batch.logs) for batch in receiver.batches] == [3, 3, 1]
    assert receiver.messages == [f"{number}" for number in range(7)]


def test_one_that_fails_neither_holds_up_nor_repeats_the_other(store: Store, branch: Branch) -> None:
    well, ill = Receiver("well"), Receiver("ill")
    tries = []

    def fail_twice(batch: LogBatch) -> None:
        tries.append(batch.key)
        if len(tries) < 3:
            raise OSError("down")

    ill.before = fail_twice
    branch.logs.log("1")
    delivery = LogDelivery(store, [ill, well], options=AT_ONCE)
    delivery.catch_up()
    branch.logs.log("2")
    delivery.catch_up()
    delivery.close()

    assert well.messages == ill.messages == ["1", "2"]
    assert len(set(tries[:3])) == 1, "the same batch under the same key"


def test_a_batch_that_was_under_way_in_a_crash_comes_again_the_same_though_more_was_logged(
    store: Store, branch: Branch
) -> None:
    receiver = Receiver()
    branch.logs.log("1")
    branch.logs.log("2")
    receiver.after = crash
    delivery = LogDelivery(store, [receiver], options=AT_ONCE)
    with pytest.raises(KeyboardInterrupt):
        delivery.catch_up()
    delivery.close()

    receiver.after = lambda _: None
    branch.logs.log("3")
    deliver(store, receiver)

    assert [[log.message for log in batch.logs] for batch in receiver.batches] == [["1", "2"], ["1", "2"], ["3"]]
    assert receiver.batches[0].key == receiver.batches[1].key


def test_of_a_batch_that_is_refused_only_the_log_that_is_refused_alone_is_parked(store: Store, branch: Branch) -> None:
    receiver = Receiver()
    receiver.before = lambda batch: refuse(batch) if any(log.message == "poison" for log in batch.logs) else None
    for text in ("1", "2", "poison", "3"):
        branch.logs.log(text)

    delivery = LogDelivery(store, [receiver], options=AT_ONCE)
    delivery.catch_up()

    assert receiver.messages == ["1", "2", "3"]
    (letter,) = delivery.dead_letters("receiver")
    assert (letter.session, letter.position, letter.error) == (
        "s",
        6,
        "DeliveryError: receiver did not accept the logs: not like this",
    )
    assert delivery.status("receiver").parked == 1

    branch.logs.log("4")
    delivery.catch_up()
    assert receiver.messages == ["1", "2", "3", "4"]

    receiver.before = lambda _: None
    assert delivery.retry("receiver") == 1
    delivery.catch_up()
    assert receiver.messages == ["1", "2", "3", "4", "poison"]
    assert delivery.dead_letters("receiver") == []
    delivery.close()


def test_a_dead_letter_can_be_let_go(store: Store, branch: Branch) -> None:
    receiver = Receiver()
    receiver.before = refuse
    branch.logs.log("1")
    delivery = LogDelivery(store, [receiver], options=AT_ONCE)
    delivery.catch_up()

    assert delivery.skip("receiver") == 1
    delivery.catch_up()

    assert (receiver.messages, delivery.dead_letters("receiver")) == ([], [])
    delivery.close()


def test_errors_of_a_subscriber_are_on_no_record_with_their_words(store: Store, branch: Branch) -> None:
    receiver = Receiver()

    def fail(batch: LogBatch) -> None:
        raise ValueError("https://ada:hunter2@host failed")

    receiver.before = fail
    branch.logs.log("1")
    delivery = LogDelivery(store, [receiver], options=AT_ONCE)
    for _ in range(3):
        delivery._runners["receiver"][1].step()

    assert receiver.batches == []
    assert delivery.dead_letters("receiver") == []
    receiver.before = lambda _: None
    delivery.catch_up()
    assert receiver.messages == ["1"]
    delivery.close()


def test_a_receiver_that_asks_for_time_is_given_it(store: Store, branch: Branch) -> None:
    receiver = Receiver()

    def busy(batch: LogBatch) -> None:
        raise DeliveryError("receiver", "busy", False, 70.0)

    receiver.before = busy
    branch.logs.log("1")
    delivery = LogDelivery(store, [receiver], options=AT_ONCE)
    runner: Any = delivery._runners["receiver"][1]
    now = [1000.0]
    (shard,) = runner._shards
    runner._clock = shard._clock = lambda: now[0]
    shard.due = 0.0

    runner.step()
    runner.step()
    assert shard.due == 1070.0
    receiver.before = lambda _: None
    now[0] = 1069.0
    assert not runner.step()
    now[0] = 1070.0
    assert runner.step()
    assert receiver.messages == ["1"]
    delivery.close()


def test_logs_before_a_time_are_passed_over(store: Store, branch: Branch) -> None:
    receiver = Receiver()
    branch.logs.log("1")
    middle = branch.logs[0].created_at
    branch.logs.log("2")

    deliver(store, receiver, since=datetime(2999, 1, 1, tzinfo=UTC))
    assert receiver.messages == []
    other = Receiver("other")
    deliver(store, other, since=middle)
    assert other.messages == ["1", "2"]


def test_what_is_logged_while_subscribers_are_served_arrives(store: Store, branch: Branch) -> None:
    one, other = Receiver("one"), Receiver("other")
    stalled, resume = threading.Event(), threading.Event()

    def stall(batch: LogBatch) -> None:
        stalled.set()
        resume.wait()

    other.before = stall
    with LogDelivery(store, [one, other], options=RunnerOptions(retry=RetryPolicy.NEVER, poll=0.05)) as delivery:
        for number in range(5):
            branch.logs.log(f"{number}")
        delivery.await_delivery("one", store.last_global_position())
        stalled.wait()
        with pytest.raises(PositionNotReachedError):
            delivery.await_delivery("other", store.last_global_position(), timeout=0)
        resume.set()
        delivery.await_delivery("other", store.last_global_position())

    assert sorted(map(str, one.messages)) == sorted(map(str, other.messages)) == [f"{number}" for number in range(5)]


def test_two_that_serve_the_same_subscriber_deliver_once(store: Store, branch: Branch) -> None:
    receiver = Receiver(batch_size=2)
    options = RunnerOptions(retry=RetryPolicy.NEVER, poll=0.02)
    with LogDelivery(store, [receiver], options=options) as one, LogDelivery(store, [receiver], options=options):
        for number in range(20):
            branch.logs.log(f"{number}")
        one.await_delivery("receiver", store.last_global_position())

    assert receiver.messages == [f"{number}" for number in range(20)]


def test_an_adapter_can_be_served(store: Store, branch: Branch, tmp_path: Path) -> None:
    with AdapterLogSubscriber(SQLiteWALLogAdapter(tmp_path / "logs.db")) as subscriber:
        branch.logs.log("1")
        deliver(store, subscriber)

        with SQLiteWALLogAdapter(tmp_path / "logs.db") as adapter:
            assert [(log.id, log.message) for log in adapter.read()] == [("s/4", "1")]


def test_cursors_may_be_kept_in_another_database(tmp_path: Path) -> None:
    receiver = Receiver()
    with open_store("memory://") as store:
        Session(store=store).logs.log("1")
        for _ in range(2):
            deliver(store, receiver, target=f"sqlite:///{tmp_path}/cursors.db")

    assert receiver.messages == ["1"]


def test_a_subscriber_that_is_not_served_is_named(store: Store) -> None:
    with pytest.raises(InvalidValueError, match="expected one of receiver"):
        LogDelivery(store, [Receiver()]).status("somebody")


def test_two_subscribers_of_one_name_are_refused(store: Store) -> None:
    with pytest.raises(InvalidValueError, match="comes twice"):
        LogDelivery(store, [Receiver(), Receiver()])


def test_a_delivery_that_is_under_way_is_not_done_by_hand_too(store: Store) -> None:
    with LogDelivery(store, [Receiver()]) as delivery, pytest.raises(InvalidValueError, match="is under way"):
        delivery.catch_up()
