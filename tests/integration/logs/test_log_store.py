"""Logs in memory: every one is accounted for, whoever flushes, dumps or fails meanwhile."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from turnlog.errors import DatabaseError, DeliveryError, InvalidValueError
from turnlog.logs import (
    Log,
    LogAdapter,
    LogBatch,
    LogBroadcaster,
    LogStore,
    LogSubscriber,
    RetryPolicy,
    SQLiteWALLogAdapter,
)

ONCE = RetryPolicy(attempts=1)


class Receiver(LogSubscriber):
    """Takes batches into a list, when it does not fail."""

    def __init__(self, name: str = "receiver", batch_size: int = 100) -> None:
        self.name, self.batch_size = name, batch_size
        self.batches: list[LogBatch] = []
        self.failing: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def receive(self, batch: LogBatch) -> None:
        self.meanwhile()
        if self.failing is not None:
            raise self.failing
        self.batches.append(batch)

    @property
    def messages(self) -> list[str | None]:
        return [log.message for batch in self.batches for log in batch.logs]


def held(store: LogStore) -> list[str | None]:
    return [log.message for log in store]


def to(*receivers: LogSubscriber, retry: RetryPolicy = ONCE) -> LogBroadcaster:
    return LogBroadcaster(receivers, retry=retry)


# --- Writing and reading -----------------------------------------------------------------------------------


def test_logs_are_written_by_type_and_found_by_type_source_model_and_time() -> None:
    times = iter(range(0, 9_000_000, 1_000_000))
    store = LogStore(clock=lambda: next(times), fresh_id=iter("abcdefg").__next__)

    store.log("a text")
    store.log_api_call(
        "gpt-4o-mini", provider="openai", input_tokens=3, output_tokens=4, duration_ms=10, source="agent"
    )
    store.log_api_call("gpt-4o", error="timeout", duration_ms=5)
    store.log_operation("parsed", source="agent.parser")
    store.log_error(ValueError("bad"))
    store.log_warning("slow")
    store.log_info("done", data={"n": 1})

    assert [log.id for log in store] == ["a", "b", "c", "d", "e", "f", "g"]
    assert [log.id for log in store.filter("api_call")] == ["b", "c"]
    assert [log.id for log in store.filter(source="agent")] == ["b", "d"]
    assert [log.id for log in store.filter(model="4o-mini")] == ["b"]
    assert [log.id for log in store.filter(since="1970-01-01T00:00:02Z", until="1970-01-01T01:00:04+01:00")] == [
        "c",
        "d",
        "e",
    ]
    assert [log.id for log in store.errors()] == ["c", "e"]
    assert [log.id for log in store.last(2)] == ["f", "g"]
    assert store["d"].message == store[3].message == "parsed"
    assert store.summary().total == 7
    assert store.summary().by_type == {"info": 2, "api_call": 2, "operation": 1, "error": 1, "warning": 1}
    assert (store.summary().failed, store.summary().total_tokens, store.summary().duration_ms) == (2, 7, 15.0)
    assert store.summary().models == ["gpt-4o", "gpt-4o-mini"]


@pytest.mark.parametrize("capacity", [0, -1, True, 1.5, "2"])
def test_a_capacity_of_nothing_is_refused(capacity: int) -> None:
    with pytest.raises(InvalidValueError, match="the capacity"):
        LogStore(capacity=capacity)


def test_the_extension_says_the_format_and_no_other_is_taken() -> None:
    with pytest.raises(InvalidValueError, match=r"expected .json or .jsonl"):
        LogStore(extension="txt")
    with pytest.raises(InvalidValueError, match="has nowhere to save to"):
        LogStore(save_at_exit=True)
    with pytest.raises(InvalidValueError, match="the prefix"):
        LogStore(prefix="../logs")


def test_without_anywhere_to_save_to_the_oldest_make_way_and_are_counted() -> None:
    store = LogStore(capacity=2)

    for number in range(7):
        store.log(f"{number}")

    assert held(store) == ["5", "6"]
    assert store.dropped == 5


# --- Dumps --------------------------------------------------------------------------------------------------


def test_seven_logs_at_capacity_two_are_all_in_the_folder_and_in_memory(tmp_path: Path) -> None:
    store = LogStore(capacity=2, folder=tmp_path, clock=lambda: 0)

    for number in range(7):
        store.log(f"{number}")

    dumped = [json.loads(line)["message"] for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert sorted([*dumped, *held(store)]) == ["0", "1", "2", "3", "4", "5", "6"]
    assert len(list(tmp_path.iterdir())) == 3


def test_two_dumps_in_the_same_instant_are_two_files(tmp_path: Path) -> None:
    store = LogStore(folder=tmp_path, clock=lambda: 0)
    store.log("a")

    one, other = store.dump(), store.dump()

    assert one != other
    assert one.read_text() == other.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([one.name, other.name])


def test_each_format_is_what_it_is_called(tmp_path: Path) -> None:
    store = LogStore(clock=lambda: 0, fresh_id=iter("ab").__next__)
    store.log("x")
    store.log("y\n\N{SNOWMAN}")

    lines = store.dump(tmp_path / "deep" / "x.jsonl").read_text("utf-8").splitlines()
    array = json.loads(store.dump(tmp_path / "x.json").read_text("utf-8"))

    assert [json.loads(line) for line in lines] == array
    assert array == [
        {"type": "info", "message": "x", "id": "a", "created_at": "1970-01-01T00:00:00Z"},
        {"type": "info", "message": "y\n\N{SNOWMAN}", "id": "b", "created_at": "1970-01-01T00:00:00Z"},
    ]
    assert json.loads(LogStore().dump(tmp_path / "none.json").read_text()) == []
    assert LogStore().dump(tmp_path / "none.jsonl").read_text() == ""


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("mine")

    with pytest.raises(InvalidValueError, match="is taken: expected one where nothing is"):
        LogStore().dump(tmp_path / "x.json")

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x.json", "mine")]


def test_without_links_a_file_that_is_there_is_not_written_over_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refused)
    store = LogStore()
    store.log("a")
    assert len(store.dump(tmp_path / "new.jsonl").read_text().splitlines()) == 1
    (tmp_path / "x.json").write_text("mine")

    with pytest.raises(InvalidValueError, match="is taken"):
        store.dump(tmp_path / "x.json")

    assert (tmp_path / "x.json").read_text() == "mine"


@pytest.mark.parametrize("name", ["x.txt", "x", "x.csv"])
def test_a_dump_in_no_known_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValueError, match=r"expected .json or .jsonl"):
        LogStore().dump(tmp_path / name)

    assert list(tmp_path.iterdir()) == []


def test_a_dump_lets_go_of_what_it_wrote_only_on_request_and_only_if_nobody_waits_for_it(tmp_path: Path) -> None:
    receiver = Receiver()
    alone, shared = LogStore(), LogStore(broadcaster=to(receiver))
    for store in (alone, shared):
        store.log("a")

    alone.dump(tmp_path / "1.json")
    assert held(alone) == ["a"]
    alone.dump(tmp_path / "2.json", clear=True)
    assert held(alone) == []
    shared.dump(tmp_path / "3.json", clear=True)
    assert held(shared) == ["a"]
    shared.flush()
    assert (held(shared), receiver.messages) == ([], ["a"])


def test_a_dump_that_fails_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LogStore(capacity=2, folder=tmp_path / "file")
    store.log("a")
    store.log("b")

    with pytest.raises(DeliveryError, match="could not be saved"):
        store.log("c")
    with pytest.raises(DatabaseError):
        store.dump(clear=True)

    assert held(store) == ["a", "b"]
    (tmp_path / "file").unlink()
    store.log("c")
    assert held(store) == ["c"]


# --- Flushes ------------------------------------------------------------------------------------------------


def test_five_flushes_at_once_deliver_each_log_once() -> None:
    receiver = Receiver(batch_size=2)
    store = LogStore(broadcaster=to(receiver))
    for number in range(25):
        store.log(f"{number}")

    async def flush_five_times() -> list[int]:
        flushed = await asyncio.gather(*(store.aflush() for _ in range(5)))
        return sorted(sum(each.taken.values()) for each in flushed)

    assert asyncio.run(flush_five_times()) == [0, 0, 0, 0, 25]
    assert receiver.messages == [f"{number}" for number in range(25)]
    assert held(store) == []


def test_what_is_written_while_a_flush_is_under_way_is_kept_for_the_next() -> None:
    receiver = Receiver()
    store = LogStore(broadcaster=to(receiver))
    store.log("before")
    writer = threading.Thread(target=lambda: store.log("meanwhile"))

    def meanwhile() -> None:
        if not writer.is_alive() and writer.ident is None:
            writer.start()
            writer.join()

    receiver.meanwhile = meanwhile

    assert store.flush().taken == {"subscriber receiver": 1}
    assert held(store) == ["meanwhile"]
    store.flush()
    assert receiver.messages == ["before", "meanwhile"]


def test_a_subscriber_that_writes_logs_while_it_takes_some_is_not_waited_for() -> None:
    one, other = Receiver("one"), Receiver("other")
    store = LogStore(capacity=2, broadcaster=to(one, other))
    one.meanwhile = lambda: store.log("taking")
    store.log("a")
    store.log("b")

    store.log("c")

    assert one.messages[:2] == other.messages[:2] == ["a", "b"]
    assert held(store) == ["taking", "c"]


def test_nobody_subscribes_and_nothing_is_let_go() -> None:
    store = LogStore(capacity=2, broadcaster=LogBroadcaster())
    store.log("a")

    assert store.flush().taken == {}
    assert held(store) == ["a"]
    store.log("b")
    with pytest.raises(DeliveryError, match="there is nobody to take them"):
        store.log("c")
    assert held(store) == ["a", "b"]


def test_of_two_subscribers_one_fails_and_is_given_the_same_again_and_the_other_not() -> None:
    well, ill = Receiver("well"), Receiver("ill")
    store = LogStore(broadcaster=to(well, ill))
    ill.failing = OSError("postgresql://ada:s3cret@host is down")
    store.log("a")

    flushed = store.flush()
    assert flushed.taken == {"subscriber well": 1, "subscriber ill": 0}
    assert flushed.failed == {"subscriber ill": "ill did not accept the logs: OSError"}
    assert (flushed.ok, flushed.held) == (False, 1)

    ill.failing = None
    store.log("b")
    assert store.flush().ok
    assert well.messages == ill.messages == ["a", "b"]
    assert held(store) == []


def test_a_subscriber_that_fails_halfway_is_not_given_what_it_took() -> None:
    receiver = Receiver(batch_size=2)
    store = LogStore(broadcaster=to(receiver))
    for number in range(5):
        store.log(f"{number}")

    def fail_at_the_second() -> None:
        receiver.failing = OSError() if receiver.batches else None

    receiver.meanwhile = fail_at_the_second
    assert store.flush().taken == {"subscriber receiver": 2}
    assert held(store) == ["2", "3", "4"]
    receiver.meanwhile, receiver.failing = (lambda: None), None
    store.flush()
    assert receiver.messages == ["0", "1", "2", "3", "4"]


def test_a_full_store_that_cannot_be_saved_says_so_and_grows_no_further() -> None:
    receiver = Receiver()
    receiver.failing = DeliveryError("receiver", "it is closed")
    store = LogStore(capacity=2, broadcaster=to(receiver))
    store.log("a")
    store.log("b")

    for _ in range(3):
        with pytest.raises(DeliveryError, match="receiver did not accept the logs: it is closed"):
            store.log("c")
    assert held(store) == ["a", "b"]

    receiver.failing = None
    store.log("c")
    assert receiver.messages == ["a", "b"]
    assert held(store) == ["c"]


def test_who_subscribes_later_is_given_all_that_is_held_and_who_left_is_not_waited_for() -> None:
    ill, late = Receiver("ill"), Receiver("late")
    broadcaster = to(ill)
    store = LogStore(broadcaster=broadcaster)
    ill.failing = OSError()
    store.log("a")
    store.flush()

    broadcaster.add(late)
    assert broadcaster.remove("ill")
    assert not broadcaster.remove("ill")
    store.flush()

    assert (late.messages, held(store)) == (["a"], [])


def test_many_threads_write_and_flush_and_every_log_arrives_once(tmp_path: Path) -> None:
    receiver = Receiver(batch_size=7)
    adapter = SQLiteWALLogAdapter(tmp_path / "logs.db")
    store = LogStore(capacity=10, broadcaster=to(receiver), adapters=[adapter], folder=tmp_path / "dumps")

    def write(name: str) -> None:
        for number in range(50):
            store.log(f"{name}{number}")
            if number % 20 == 0:
                store.flush()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()

    expected = sorted(f"{name}{number}" for name in "abcd" for number in range(50))
    dumped = [
        json.loads(line)["message"] for path in (tmp_path / "dumps").iterdir() for line in path.read_text().splitlines()
    ]
    assert sorted(message or "" for message in receiver.messages) == expected
    assert sorted(log.message or "" for log in adapter.read(1000)) == expected
    assert sorted(dumped) == expected
    assert held(store) == []
    adapter.close()


# --- At exit ------------------------------------------------------------------------------------------------

AT_EXIT = """
import sys
from turnlog.logs import LogBroadcaster, LogStore, S3LogSubscriber, SQLiteWALLogAdapter

folder = sys.argv[1]
store = LogStore(
    folder=f"{folder}/dumps",
    adapters=[SQLiteWALLogAdapter(f"{folder}/logs.db")],
    broadcaster=LogBroadcaster([S3LogSubscriber(f"{folder}/objects", format="jsonl")]),
    save_at_exit=True,
)
store.log("the last words")
"""


def test_what_is_held_at_exit_is_saved_everywhere(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", AT_EXIT, str(tmp_path)], check=True)

    (dump,), (entry,) = (tmp_path / "dumps").iterdir(), (path for path in tmp_path.rglob("objects/**/*.jsonl"))
    with SQLiteWALLogAdapter(tmp_path / "logs.db") as adapter:
        assert [log.message for log in adapter.read()] == ["the last words"]
    assert json.loads(dump.read_text())["message"] == json.loads(entry.read_text())["message"] == "the last words"


def test_a_store_that_holds_nothing_is_not_kept_alive_for_the_exit(tmp_path: Path) -> None:
    store = LogStore(folder=tmp_path, save_at_exit=True)
    store.log("a")
    store.save()
    there = weakref.ref(store)

    del store
    gc.collect()

    assert there() is None


def test_a_forked_child_does_not_save_what_its_parent_holds(tmp_path: Path) -> None:
    receiver = Receiver()
    store = LogStore(broadcaster=to(receiver))
    store.log("the parent's")

    store.after_fork()

    assert held(store) == []
    store.log("the child's")
    store.flush()
    assert receiver.messages == ["the child's"]


# --- Adapters and subscribers of one's own -------------------------------------------------------------------


def test_adapters_and_subscribers_of_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="have a name in common"):
        LogStore(adapters=[SQLiteWALLogAdapter(tmp_path / "a.db"), SQLiteWALLogAdapter(tmp_path / "a.db")])
    with pytest.raises(InvalidValueError, match="is there already"):
        LogBroadcaster([Receiver("a"), Receiver("a")])


def test_an_adapter_of_ones_own_is_given_logs_without_secrets() -> None:
    written: list[Log] = []

    class Own(LogAdapter):
        name = "own"

        def _insert(self, logs: Sequence[Log]) -> int:
            written.extend(logs)
            return len(logs)

        def _select(self, wanted: object, limit: int, offset: int) -> list[Log]:
            return written

        def _prune(self, before: int, now: int) -> int:
            return 0

        def close(self) -> None:
            pass

    with LogStore(adapters=[Own()]) as store:
        store.log("password=hunter2", data={"token": "x"})

    assert [(log.message, log.data) for log in written] == [("password=[REDACTED]", {"token": "[REDACTED]"})]


# --- Trying again -------------------------------------------------------------------------------------------


def test_a_delivery_is_tried_again_after_growing_pauses_until_it_succeeds() -> None:
    pauses: list[float] = []
    retry = RetryPolicy(attempts=4, first_pause=1.0, longest_pause=3.0, jitter=lambda: 1.0)
    receiver = Receiver()
    receiver.failing = OSError()
    receiver.meanwhile = lambda: setattr(receiver, "failing", None) if len(pauses) == 3 else None
    broadcaster = LogBroadcaster([receiver], retry=retry, sleep=pauses.append)

    broadcaster.deliver("receiver", [Log("info", "a")])

    assert pauses == [1.0, 2.0, 3.0]
    assert receiver.messages == ["a"]


def test_what_the_receiver_asks_for_is_waited_within_bounds() -> None:
    pauses: list[float] = []
    receiver = Receiver()
    asked = iter([7.0, 10_000.0, None])
    receiver.meanwhile = lambda: setattr(receiver, "failing", DeliveryError("receiver", "busy", False, next(asked)))
    retry = RetryPolicy(attempts=3, longest_requested=900.0)
    broadcaster = LogBroadcaster([receiver], retry=retry, sleep=pauses.append)

    with pytest.raises(DeliveryError, match="busy"):
        broadcaster.deliver("receiver", [Log("info", "a")])

    assert pauses == [7.0, 900.0]


def test_what_will_never_be_taken_is_not_tried_again() -> None:
    pauses: list[float] = []
    receiver = Receiver()
    receiver.failing = DeliveryError("receiver", "not like this", True)

    with pytest.raises(DeliveryError, match="not like this"):
        LogBroadcaster([receiver], sleep=pauses.append).deliver("receiver", [Log("info", "a")])

    assert pauses == []


def test_logs_are_broadcast_to_all_and_each_says_how_it_went() -> None:
    well, ill = Receiver("well"), Receiver("ill")
    ill.failing = OSError()
    broadcaster = to(well, ill)

    outcome = asyncio.run(broadcaster.abroadcast([Log("info", "a")]))

    assert {name: failed and failed.reason for name, failed in outcome.items()} == {"well": None, "ill": "OSError"}
    assert well.messages == ["a"]
    assert LogBroadcaster().broadcast([Log("info", "a")]) == {}


def test_the_same_logs_have_the_same_key_and_others_another() -> None:
    a, b = Log("info", "x", id="a"), Log("info", "x", id="b")

    assert LogBatch((a, b)).key == LogBatch((a, b)).key
    assert len({LogBatch(logs).key for logs in [(a,), (b,), (a, b), (b, a), ()]}) == 5
