"""A query that runs too long, or needs too much memory, ends with an error of its own; the store goes on working."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, Store, open_store
from turnlog.errors import InvalidValueError, QueryError, QueryLimitError
from turnlog.frames import QueryLimits
from turnlog.infrastructure.frames import query_limits, store_frames
from turnlog.infrastructure.frames.messages import message_batches
from turnlog.infrastructure.memory.recorder import MemoryRecorder

ENDLESS = "SELECT count(*) AS n FROM range(100000000) a, range(100000000) b WHERE a.range * b.range = 17"
LEAN = "SELECT count(*) AS n FROM range(100000000000) a WHERE hash(a.range) = 17"
"""A query without an end that needs next to no memory."""
ANSWERS = ["rows", "to_arrow", "to_df", "to_polars"]


LONG = "SELECT max(levenshtein(repeat({}, 400000), repeat('b', 400000))) AS n FROM messages"
"""A query of a single call of a function, which takes minutes and next to no memory."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(MemoryRecorder()) as store:
        Session(session_id="talk", store=store).default_branch.add_many(f"message {n}" for n in range(300))
        yield store


def works(store: Store) -> bool:
    return bool(store.sql("SELECT count(*) AS n FROM messages").rows() == [{"n": 300}])


@pytest.mark.parametrize("answer", [*ANSWERS, "__iter__"])
def test_a_query_without_an_end_is_stopped(store: Store, answer: str) -> None:
    query = store.sql(ENDLESS, timeout=0.2)

    with pytest.raises(QueryLimitError, match=r"ran longer than 0\.2 s: expected .* larger timeout"):
        list(getattr(query, answer)())
    assert works(store)


def test_a_query_with_parameters_is_stopped_as_well(store: Store) -> None:
    with pytest.raises(QueryLimitError, match="ran longer"):
        store.sql(ENDLESS.replace("17", "?"), [17], timeout=0.2).rows()
    assert works(store)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT list(range) AS all FROM range(1000000000)",
        "SELECT * FROM range(1000000000) ORDER BY hash(range)",
        "SELECT range, 'an answer without an end' AS text FROM range(100000000000)",
        "SELECT a.text FROM messages a, messages b, messages c, messages d ORDER BY a.text || b.text",
    ],
)
def test_a_query_that_needs_too_much_memory_is_stopped(store: Store, query: str, answer: str) -> None:
    with pytest.raises(QueryLimitError, match=r"needs more than 50 MB of memory: expected .* larger memory"):
        getattr(store.sql(query, memory=50), answer)()
    assert works(store)


@pytest.mark.parametrize("text", ["'a'", "left(text, 1)"], ids=["when it is prepared", "when it runs"])
def test_a_single_long_call_is_stopped(store: Store, text: str) -> None:
    with pytest.raises(QueryLimitError, match=r"ran longer than 0\.3 s"):
        store.sql(LONG.format(text), timeout=0.3).rows()
    assert works(store)


@pytest.mark.skipif(sys.platform != "linux", reason="the operating system does not limit memory")
@pytest.mark.parametrize(
    "query",
    [
        "SELECT length(repeat('x', 2000000000)) AS n",
        "SELECT repeat(text, 100000000) AS text FROM messages",
        "SELECT list_aggregate(list_transform(range(30000000), lambda x: repeat('x', 20)), 'max') AS n",
    ],
)
def test_a_single_call_that_needs_too_much_memory_is_stopped(store: Store, query: str) -> None:
    with pytest.raises(QueryLimitError, match=r"needs more than 50 MB of memory"):
        store.sql(query, memory=50).rows()
    assert works(store)


def test_content_that_needs_memory_is_not_written_to_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryLimitError):
        store.sql("SELECT a.* FROM messages a, messages b, messages c ORDER BY a.text || b.text", memory=50).rows()

    assert list(tmp_path.iterdir()) == []


def test_a_stopped_query_reads_the_record_no_further(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, batches = threading.Event(), message_batches

    def endless(*arguments: Any) -> Iterator[Any]:
        try:
            while True:
                yield from batches(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(store_frames, "message_batches", endless)
    with pytest.raises(QueryLimitError, match="ran longer"):
        store.sql("SELECT count(*) AS n FROM messages", timeout=0.2).rows()

    assert ended.wait(60)


def test_the_time_between_two_batches_is_not_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(query_limits, "monotonic", lambda: now[0])
    rows = 0
    for batch in store.sql("SELECT range FROM range(1000000)", timeout=100):
        rows += batch.num_rows
        now[0] += 1000

    assert rows == 1_000_000


def test_answers_in_many_parts_are_whole(store: Store) -> None:
    query = store.sql("SELECT range AS n, CASE WHEN range > 250000 THEN 'x' END AS s FROM range(300000)")
    frame = query.to_df()

    assert len(query.rows()) == query.to_arrow().num_rows == query.to_polars().height == len(frame) == 300_000
    assert (int(frame["n"].sum()), int(frame["s"].notna().sum())) == (44_999_850_000, 49_999)
    assert frame.index.tolist() == list(range(300_000))
    assert list(store.sql("SELECT 1 AS n WHERE false").to_df().columns) == ["n"]


@pytest.mark.parametrize(
    "limits",
    [{"timeout": 0}, {"memory": -1}, {"timeout": "1"}, {"memory": True}, {"timeout": 1e300}, {"memory": 10**20}],
    ids=str,
)
def test_a_limit_that_is_out_of_range_raises(store: Store, limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="expected a number above 0"):
        store.sql("SELECT 1 AS n", **limits)


def test_the_largest_limits_are_in_force(store: Store) -> None:
    assert store.sql("SELECT 1 AS n", timeout=10**9, memory=10**9).rows() == [{"n": 1}]


def test_limits_may_be_lifted(store: Store) -> None:
    assert store.sql("SELECT 1 AS n", timeout=inf, memory=inf).rows() == [{"n": 1}]


def test_the_settings_and_the_store_say_how_large_the_limits_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "turnlog.toml").write_text("[session]\nbackend = 'memory'\nsql_timeout = 0.2\nsql_memory = 60")
    with open_store() as store:
        assert store.query_limits == QueryLimits(timeout=0.2, memory=60)
        with pytest.raises(QueryLimitError, match=r"0\.2 s"):
            store.sql(LEAN).rows()
    monkeypatch.setenv("TURNLOG_SQL_MEMORY", "70")
    with open_store() as store:
        assert store.query_limits == QueryLimits(timeout=0.2, memory=70)
    with open_store("memory://") as store:
        assert store.query_limits == QueryLimits(timeout=300, memory=1000)
        store.query_limits = QueryLimits(timeout=0.1)
        with pytest.raises(QueryError, match=r"0\.1 s"):
            store.sql(ENDLESS).rows()
