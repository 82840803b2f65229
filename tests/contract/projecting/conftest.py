"""A projection, targets and clocks for the tests of runners; tests cannot import siblings, so they are fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.events import MessageAppended
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.infrastructure.fold_check import FoldCheck
from turnlog.infrastructure.memory.row_store import MemoryRowStore
from turnlog.infrastructure.postgres.row_store import PostgresRowStore
from turnlog.infrastructure.read_models.lease import RunnerOptions
from turnlog.infrastructure.read_models.row_store import RowStore
from turnlog.infrastructure.read_models.runner import Runner
from turnlog.infrastructure.retry import RetryPolicy
from turnlog.infrastructure.sqlite.row_store import SQLiteFileRowStore
from turnlog.infrastructure.store import Store
from turnlog.projections.projection import Projection
from turnlog.projections.rows import Rows
from turnlog.projections.table_schema import BOOLEAN, INTEGER, JSON, REAL, TEXT, Row, Table


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets messages be appended without a session and a branch around them: projections make nothing of those."""
    monkeypatch.setattr(FoldCheck, "fold_appends", lambda check, appends: list(appends))
    monkeypatch.setattr(FoldCheck, "append", lambda check, append, record: record(append))


SAID = Table(
    "said",
    {"session": TEXT, "number": INTEGER, "text": TEXT, "words": JSON, "even": BOOLEAN, "length": REAL},
    key=("session", "number"),
    indexes=(("text",),),
    search=("text",),
)
COUNTS = Table("counts", {"session": TEXT, "messages": INTEGER, "last": TEXT}, key=("session",))


class Said(Projection):
    """What was said: rows that are added, found, changed and, at the word "forget", deleted."""

    name = "said"
    names: Sequence[str] = ("message.appended",)
    tables = (SAID, COUNTS)

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.poison: str | None = None

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            text = event.event.content.text  # type: ignore[attr-defined]  # it reads appended messages only
            if text == self.poison:
                raise ValueError("cannot take this")
            rows[COUNTS].add(event.session, messages=1)
            count = rows[COUNTS].find(event.session) or {}
            number = count["messages"]
            rows[COUNTS].put({**count, "last": text})
            if text == "forget":
                for row in rows[SAID].under(event.session):
                    rows[SAID].delete(row["session"], row["number"])
            else:
                row = {"number": number, "text": text, "words": text.split(), "even": number % 2 == 0}
                rows[SAID].put({"session": event.session, "length": len(text) / 3, **row})


class Ticks:
    """A clock that stands still: seconds for runners, microseconds for leases."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def lease_time(self) -> int:
        return int(self.seconds * 1_000_000)


TWICE = RetryPolicy(attempts=2, first_pause=1, longest_pause=1, jitter=lambda: 1.0)


class Workshop:
    """Everything for a test of runners on one kind of target."""

    def __init__(self, make: Callable[[Callable[[], int]], RowStore]) -> None:
        self.ticks = Ticks()
        self.target = make(self.ticks.lease_time)
        self.projection = Said()
        self._closing = ExitStack()

    def runner(self, store: Store, *projections: Projection, target: RowStore | None = None, **settings: Any) -> Runner:
        """A runner on the target, with the clocks of the test; without projections, of the one that there is."""
        options = RunnerOptions(**{"batch": 3, "retry": TWICE, **settings.pop("options", {})})
        runner = Runner(
            store,
            projections or [self.projection],
            target or self.target,
            options=options,
            clock=self.ticks,
            **settings,
        )
        if target is None:  # who dies on a target of the test's own closes nothing
            self._closing.callback(runner.close)
        return runner

    def work(self, runner: Runner) -> None:
        """Has a runner do all there is to do, while its waits pass."""
        for _ in range(10):
            runner.catch_up()
            self.ticks.seconds += 2

    def said(self, rows: Rows, session: str | None = None) -> list[tuple[int, str]]:
        """The numbers and texts that the rows hold."""
        found = rows[SAID].under() if session is None else rows[SAID].under(session)
        return [(row["number"], row["text"]) for row in found]

    def counts(self, rows: Rows) -> dict[str, int]:
        """How many messages the rows know of each session."""
        return {row["session"]: row["messages"] for row in rows[COUNTS].under()}

    def dump(self, rows: Rows) -> dict[str, list[Row]]:
        """All rows."""
        return {table.name: rows[table].under() for table in (SAID, COUNTS)}

    def say(self, store: Store, session: str, *texts: str) -> None:
        """Appends messages, each an append of its own."""
        for text in texts:
            store.append(session, [message(text)])

    def close(self) -> None:
        self._closing.close()
        self.target.close()


def message(text: str) -> MessageAppended:
    return MessageAppended(1, InstructionContent(text))


@pytest.fixture(params=["memory", "postgres", "sqlite"])
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop on an empty target; every test runs once per kind."""
    found = Workshop(_maker(request, tmp_path, request.param))
    yield found
    found.close()


def _maker(request: pytest.FixtureRequest, folder: Path, kind: str) -> Callable[[Callable[[], int]], RowStore]:
    if kind == "memory":
        return MemoryRowStore
    if kind == "sqlite":
        return lambda clock: SQLiteFileRowStore(folder / "rows.db", clock)
    server = request.getfixturevalue("postgres_server")
    schema = f"t{sha256(bytes(folder)).hexdigest()[:16]}"
    return lambda clock: PostgresRowStore.at(f"{server.address('postgres')}&schema={schema}", clock)
