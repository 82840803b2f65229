"""The kit: it passes a projection whose lives agree, on every kind of store, and finds what makes them differ."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Projection
from turnlog.domain.events import STORED_NAMES
from turnlog.projections import ColumnType, Rows, Table
from turnlog.stores import RecordedEvent
from turnlog.testing import agree, history, random_history

if TYPE_CHECKING:
    from pathlib import Path

SEEN = Table(
    "seen",
    {
        "session": ColumnType.TEXT,
        "name": ColumnType.TEXT,
        "branch": ColumnType.INTEGER,
        "count": ColumnType.INTEGER,
        "weight": ColumnType.REAL,
        "first": ColumnType.BOOLEAN,
        "last": ColumnType.JSON,
        "actor": ColumnType.TEXT,
    },
    key=("session", "name", "branch"),
    indexes=(("actor",), ("name", "count")),
    search=("actor",),
)


class Seen(Projection):
    """Everything that can happen to rows, for events of every kind."""

    name = "seen"
    tables = (SEEN,)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            key = (event.session, event.name, event.branch or 0)
            rows[SEEN].add(*key, count=1, weight=0.1)
            row = rows[SEEN].find(*key) or {}
            last = {"position": event.position, "said": repr(event.event)}
            rows[SEEN].put({**row, "first": row["count"] == 1, "last": last, "actor": event.actor})
            if event.name in ("branch.cleared", "branch.removed"):
                for old in rows[SEEN].under(event.session, "message.appended"):
                    rows[SEEN].delete(old["session"], old["name"], old["branch"])

    def react(self, event: RecordedEvent) -> None:
        raise AssertionError("nobody is told while it is tried")


def test_the_lives_of_a_sound_projection_agree() -> None:
    agree(Seen())


def test_they_agree_in_postgresql_too(postgres_server: Any, tmp_path: Path) -> None:
    schema = f"k{sha256(bytes(tmp_path)).hexdigest()[:16]}"
    address = postgres_server.address("postgres")
    events = random_history(7, changes=25)
    agree(Seen(), events, store=f"{address}&schema={schema}", target=f"{address}&schema={schema}rows")
    agree(Seen(), events, store=f"{address}&schema={schema}two")


def test_they_agree_in_redis_with_rows_elsewhere(redis_server: Any, tmp_path: Path) -> None:
    agree(Seen(), random_history(8, changes=25), store=redis_server.address(prefix="kit"), target="memory://")


def test_a_projection_that_depends_on_the_cut_into_batches_is_found() -> None:
    class Batches(Seen):
        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            rows[SEEN].add("", "", 0, count=1)

    with pytest.raises(AssertionError, match="live in batches of"):
        agree(Batches())


def test_a_projection_that_remembers_something_in_itself_is_found() -> None:
    class Mindful(Seen):
        count = 0

        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            for event in batch:
                self.count += 1
                rows[SEEN].put({"session": event.session, "name": "", "branch": 0, "count": self.count})

    with pytest.raises(AssertionError, match="history 0, seed 0, after event"):
        agree(Mindful())


def test_a_projection_that_mixes_sessions_in_order_is_found_with_shards() -> None:
    class Mixing(Seen):
        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            for event in batch:
                rows[SEEN].put({"session": "", "name": "", "branch": 0, "last": event.session})

    agree(Mixing())
    with pytest.raises(AssertionError, match="by a runner"):
        agree(Mixing(), shards=3)
    agree(Seen(), shards=3)


def test_a_projection_that_raises_is_found() -> None:
    class Failing(Seen):
        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            if any(event.position == 5 for event in batch):
                raise KeyError("five")

    with pytest.raises(KeyError, match="five"):
        agree(Failing())


def test_random_histories_are_the_same_each_time_and_have_all_sorts_of_events() -> None:
    assert random_history(3) == random_history(3)
    assert random_history(3) != random_history(4)
    names = {event.name for seed in range(20) for event in random_history(seed)}
    assert len(names) >= 20
    assert names <= STORED_NAMES.keys()


def test_histories_of_ones_own_can_be_tried() -> None:
    agree(Seen(), history(*[event.event for event in random_history(2)][:5]))
