"""Runners that die anywhere, and runners that fight for a shard: every event is in the rows once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from turnlog.domain.errors import DatabaseError, StoreError
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.read_models.row_store import RowStore, RowTransaction
from turnlog.infrastructure.store import Store
from turnlog.projections.full_text import Phrase
from turnlog.projections.rows import TableChange
from turnlog.projections.table_schema import Key, Stored, TableCodec

if TYPE_CHECKING:
    from tests.contract.projecting.conftest import Workshop


T = TypeVar("T")


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Deadly(RowStore):
    """A target whose user dies at a certain step: before or after anything it does, the commit included."""

    def __init__(self, target: RowStore, steps: int) -> None:
        self.name, self.prefix = target.name, target.prefix
        self._target = target
        self._steps = steps

    def step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise Killed

    @contextmanager
    def writing(self) -> Iterator[RowTransaction]:
        self.step()
        with self._target.writing() as transaction:
            yield DeadlyTransaction(self, transaction)
            self.step()
        self.step()

    @contextmanager
    def reading(self) -> Iterator[RowTransaction]:
        self.step()
        with self._target.reading() as transaction:
            yield transaction

    def scrub(self) -> None:
        self.step()
        self._target.scrub()
        self.step()

    def close(self) -> None:
        """The target stays."""


class DeadlyTransaction(RowTransaction):
    def __init__(self, target: Deadly, transaction: RowTransaction) -> None:
        self._target = target
        self._transaction = transaction

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Iterable[Stored]:
        return self._around(lambda: self._transaction.fetch(shape, keys))

    def scan(self, shape: TableCodec, prefix: Key) -> Iterable[Stored]:
        return self._around(lambda: self._transaction.scan(shape, prefix))

    def search(self, shape: TableCodec, phrases: Sequence[Phrase], order: str, **which: Any) -> list[Key]:
        return self._around(lambda: self._transaction.search(shape, phrases, order, **which))

    def write(self, changes: Iterable[TableChange]) -> None:
        for change in changes:  # so that it dies between two tables too
            self._around(lambda change=change: self._transaction.write([change]))  # type: ignore[misc]  # bound now

    def create(self, shape: TableCodec) -> None:
        self._around(lambda: self._transaction.create(shape))

    def exists(self, shape: TableCodec) -> bool:
        return self._around(lambda: self._transaction.exists(shape))

    def places(self, prefix: str) -> list[str]:
        return self._around(lambda: self._transaction.places(prefix))

    def schema_flaws(self, shapes: Sequence[TableCodec], views: Mapping[str, TableCodec]) -> list[str]:
        return self._around(lambda: self._transaction.schema_flaws(shapes, views))

    def drop(self, shape: TableCodec) -> None:
        self._around(lambda: self._transaction.drop(shape))

    def point(self, view: str, shape: TableCodec | None) -> None:
        self._around(lambda: self._transaction.point(view, shape))

    def note_redaction(self) -> None:
        self._around(self._transaction.note_redaction)

    def alone(self) -> None:
        self._around(self._transaction.alone)

    def now(self) -> int:
        return self._transaction.now()

    def _around(self, do: Callable[[], T]) -> T:
        self._target.step()
        answer = do()
        self._target.step()
        return answer


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_hundred_deaths_the_rows_are_exactly_right(workshop: Workshop, seed: int) -> None:
    chance = Random(seed)
    store = Store(MemoryRecorder())
    deaths = 0
    while deaths < 100:
        for _ in range(chance.randint(0, 6)):
            text = chance.choice(["one", "two", "three", "forget"])
            workshop.say(store, chance.choice("abc"), text)
        version = 1 if deaths < 40 else 2  # so that some die while a version is built, and while it takes over
        try:
            deadly = Deadly(workshop.target, chance.randint(0, 60))
            shards = 1 if version == 1 else 2
            runner = workshop.runner(store, type(workshop.projection)(version), target=deadly, shards=shards)
            runner.catch_up()
        except Killed:
            deaths += 1
        workshop.ticks.seconds += 11

    for version, shards in [(1, 1), (2, 2)]:
        runner = workshop.runner(store, type(workshop.projection)(version), shards=shards)
        runner.catch_up()
        runner.close()
    for version in (1, 2):
        with workshop.target.reading() as transaction:
            from turnlog.projections.rows import Rows

            rows = Rows(workshop.target.shapes(workshop.projection, version), transaction)
            assert workshop.dump(rows) == workshop.dump(store.project(workshop.projection))
    assert [status.counts for status in runner.status("said")] == [False, True]
    assert len(store.read_all(limit=10_000)) > 100


def test_runners_that_fight_for_every_shard_write_nothing_twice(workshop: Workshop) -> None:
    store = Store(MemoryRecorder())
    runners = [workshop.runner(store, shards=2, options={"lease": 0.0, "poll": 0.0}) for _ in range(3)]
    texts = ["one", "two", "forget", "three", "four"] * 20
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as reason:  # noqa: BLE001 (raised again below, where pytest sees it)
            failures.append(reason)

    def append() -> None:
        for number, text in enumerate(texts):
            workshop.say(store, f"s{number % 7}", text)

    def work(number: int) -> Callable[[], None]:
        def step() -> None:
            while min(status.global_position for status in runners[number].status()) < len(texts):
                runners[number].step()

        return step

    threads = [threading.Thread(target=run, args=(each,)) for each in [append, *map(work, range(3))]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert workshop.dump(runners[0].rows(workshop.projection)) == workshop.dump(store.project(workshop.projection))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_target_that_fails_anywhere_has_every_event_once_in_the_end(workshop: Workshop, seed: int) -> None:
    chance = Random(seed)

    class Flaky(Deadly):
        def step(self) -> None:
            if chance.random() < 0.04:
                raise chance.choice([DatabaseError(self.name, "no space"), OSError("no space")])

    store = Store(MemoryRecorder())
    runner = workshop.runner(store)
    for shard in runner._shards:
        shard._target = Flaky(workshop.target, 0)
    for number in range(200):
        workshop.say(store, f"s{number % 5}", chance.choice(["one", "two", "forget"]))
        runner.step()
        workshop.ticks.seconds += 2
    while runner.status("said")[0].global_position < 200:
        runner.step()
        workshop.ticks.seconds += 2

    for shard in runner._shards:
        shard._target = workshop.target
    assert runner.failures > 10
    assert runner.dead_letters("said") == []
    assert workshop.dump(runner.rows(workshop.projection)) == workshop.dump(store.project(workshop.projection))


def test_a_commit_whose_answer_is_lost_is_not_done_twice(workshop: Workshop) -> None:
    class Lossy(Deadly):
        """Loses the answer of every second commit."""

        def __init__(self, target: RowStore) -> None:
            super().__init__(target, 0)
            self.commits = 0

        def step(self) -> None:
            """Nobody dies here."""

        @contextmanager
        def writing(self) -> Iterator[RowTransaction]:
            with self._target.writing() as transaction:
                yield transaction
            self.commits += 1
            if self.commits % 2 == 0:
                raise StoreError

    store = Store(MemoryRecorder())
    workshop.runner(store)
    runner = workshop.runner(store, target=workshop.target)
    runner._target = lossy = Lossy(workshop.target)
    for shard in runner._shards:
        shard._target = lossy
    for text in ["one", "two", "three", "forget", "four"] * 4:
        workshop.say(store, "a", text)
        runner.step()
        workshop.ticks.seconds += 2
    for _ in range(50):
        runner.step()
        workshop.ticks.seconds += 2

    assert lossy.commits > 10
    assert workshop.dump(runner.rows(workshop.projection)) == workshop.dump(store.project(workshop.projection))
