"""Databases of logs: written once and for good, read by time and type, pruned by age; on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from turnlog.errors import DatabaseError, InvalidValueError
from turnlog.logs import Log, LogAdapter, PostgresLogAdapter, SQLiteWALLogAdapter

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


class Place:
    """A database, the ways to adapters on it, and the way around them."""

    def __init__(self, kind: str, folder: Path, database: Any, closing: ExitStack) -> None:
        self.kind = kind
        self._folder, self._database, self._closing = folder, database, closing
        self.clock = lambda: int(NOON.timestamp()) * 1_000_000

    def adapter(self, **options: Any) -> LogAdapter:
        kept: LogAdapter
        if self.kind == "sqlite":
            kept = SQLiteWALLogAdapter(self._folder / "deep" / "logs.db", clock=self.clock, **options)
        else:
            kept = PostgresLogAdapter(self._database.address(tcp=True), clock=self.clock, **options)
        return self._closing.enter_context(kept)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Behind the adapter's back."""
        if self.kind == "sqlite":
            connection = sqlite3.connect(self._folder / "deep" / "logs.db")
        else:
            connection = self._database.connect()
        try:
            found = connection.execute(statement)
            rows = found.fetchall() if found.description else []
            connection.commit()
            return list(rows)
        finally:
            connection.close()


@pytest.fixture(params=["postgres", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database without logs."""
    database = request.getfixturevalue("postgres_database") if request.param == "postgres" else None
    with ExitStack() as closing:
        yield Place(request.param, tmp_path, database, closing)


def log(id: str, hours: float = 0, type: str = "info", **fields: Any) -> Log:
    return Log(type, id=id, created_at=NOON + timedelta(hours=hours), **fields)


def ids(found: list[Log]) -> list[str | None]:
    return [each.id for each in found]


def test_logs_come_back_as_they_were_newest_first(place: Place) -> None:
    adapter = place.adapter()
    full = log("a", 1, "api_call", message="\0 \N{SNOWMAN}", model="m\0", request={"a": [1, None]}, input_tokens=2**70)

    assert adapter.write([log("b", 2), full, log("c", 1)]) == 3

    assert adapter.read() == [log("b", 2), log("c", 1), full]


def test_a_log_that_comes_again_changes_nothing(place: Place) -> None:
    adapter = place.adapter()
    adapter.write(log("a", message="first"))

    assert adapter.write([log("a", message="second"), log("b"), log("b")]) == 1

    assert [(each.id, each.message) for each in adapter.read()] == [("b", None), ("a", "first")]


def test_a_batch_is_written_whole_or_not_at_all(place: Place) -> None:
    adapter = place.adapter()
    adapter.write(log("a"))
    if place.kind == "sqlite":
        place.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON logs WHEN NEW.id = 'c' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    else:
        place.execute("ALTER TABLE logs ADD CHECK (id <> 'c')")

    with pytest.raises(DatabaseError):
        adapter.write([log("b"), log("c")])
    adapter.write(log("d"))

    assert sorted(map(str, ids(adapter.read()))) == ["a", "d"]


@pytest.mark.parametrize("statement", ["UPDATE logs SET log = '{}'", "DELETE FROM logs"])
def test_the_database_refuses_to_alter_or_remove_logs(place: Place, statement: str) -> None:
    adapter = place.adapter()
    adapter.write(log("a"))

    with pytest.raises(Exception, match="logs are n"):
        place.execute(statement)

    assert adapter.read() == [log("a")]


def test_the_database_passes_over_what_would_replace_a_log(tmp_path: Path) -> None:
    with SQLiteWALLogAdapter(tmp_path / "logs.db") as adapter:
        adapter.write(log("a", message="first"))
        with sqlite3.connect(tmp_path / "logs.db") as other:
            for number, id in ((1, "b"), (2, "a")):
                other.execute(
                    "INSERT OR REPLACE INTO logs (number, id, created_at, type, log) VALUES (?, ?, 0, 'info', '{}')",
                    (number, id),
                )
        other.close()

        assert adapter.read() == [log("a", message="first")]


def test_postgres_refuses_to_empty_the_table(postgres_database: Any) -> None:
    with PostgresLogAdapter(postgres_database.address()) as adapter:
        adapter.write(log("a"))
        with postgres_database.connect() as other, pytest.raises(Exception, match="logs are neither"):
            other.execute("TRUNCATE logs")

        assert adapter.read() == [log("a")]


def test_logs_are_read_by_type_time_limit_and_offset(place: Place) -> None:
    adapter = place.adapter()
    adapter.write([log(f"{hour}", hour, "error" if hour % 2 else "info") for hour in range(6)])

    assert ids(adapter.read(2)) == ["5", "4"]
    assert ids(adapter.read(2, 3)) == ["2", "1"]
    assert ids(adapter.read(0)) == []
    assert ids(adapter.read(type="error")) == ["5", "3", "1"]
    assert ids(adapter.read(since=NOON + timedelta(hours=4))) == ["5", "4"]
    assert ids(adapter.read(until="2025-03-01T13:00:00Z")) == ["1", "0"]
    assert ids(adapter.read(since="2025-03-01T18:00:00+05:00", until="2025-03-01T08:00:00-06:00")) == ["2", "1"]


@pytest.mark.parametrize(
    "which",
    [{"limit": -1}, {"offset": -1}, {"limit": True}, {"limit": 2**40}, {"type": "fatal"}, {"since": "yesterday"}],
)
def test_what_cannot_be_asked_is_refused(place: Place, which: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        place.adapter().read(**which)


def test_a_row_that_is_no_log_is_a_named_error(place: Place) -> None:
    adapter = place.adapter()
    adapter.write(log("a"))
    place.execute("INSERT INTO logs (id, created_at, type, log) SELECT 'b', created_at, type, '{}' FROM logs")

    with pytest.raises(DatabaseError, match="a log that cannot be read"):
        adapter.read()


def test_what_is_old_is_pruned_and_the_pruning_is_on_record(place: Place) -> None:
    adapter = place.adapter()
    adapter.write([log("old", -50), log("on the edge", -24), log("new")])

    assert adapter.prune(older_than=timedelta(hours=24)) == 1
    assert adapter.prune(before=NOON) == 1
    assert adapter.prune(before=NOON) == 0

    assert ids(adapter.read()) == ["new"]
    assert place.execute("SELECT removed FROM logs_prunings ORDER BY number") == [(1,), (1,), (0,)]
    with pytest.raises(Exception, match="logs are n"):
        place.execute("DELETE FROM logs")


@pytest.mark.parametrize("bounds", [{}, {"before": NOON, "older_than": timedelta(1)}])
def test_pruning_without_one_bound_is_refused(place: Place, bounds: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="one bound"):
        place.adapter().prune(**bounds)


def test_logs_without_an_id_get_one_and_a_time(place: Place) -> None:
    adapter = place.adapter()

    assert adapter.write([Log("info", "x"), Log("info", "x")]) == 2

    found = adapter.read()
    assert len({each.id for each in found}) == 2
    assert [each.created_at for each in found] == [NOON, NOON]


def test_tables_of_their_own_keep_logs_apart(place: Place) -> None:
    one, other = place.adapter(), place.adapter(table="calls")
    one.write(log("a"))
    other.write(log("b"))

    assert (ids(one.read()), ids(other.read())) == (["a"], ["b"])
    assert one.name != other.name


@pytest.mark.parametrize("table", ["", "Logs", "a b", "a;--", "x" * 31, 'a"b', None])
def test_a_table_that_has_no_plain_name_is_refused(place: Place, table: Any) -> None:
    with pytest.raises(InvalidValueError, match="the table"):
        place.adapter(table=table)


def test_an_adapter_that_was_closed_opens_again(place: Place) -> None:
    adapter = place.adapter()
    adapter.write(log("a"))
    adapter.close()
    adapter.close()

    assert adapter.write(log("b")) == 1
    assert sorted(map(str, ids(adapter.read()))) == ["a", "b"]


def test_many_adapters_and_threads_that_come_at_once_each_write_their_own(place: Place) -> None:
    adapters = [place.adapter() for _ in range(3)]
    threads = [
        threading.Thread(target=adapter.write, args=([log(f"{name}{number}{each}") for each in range(20)],))
        for name, adapter in enumerate(adapters)
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(adapters[0].read(1000)) == 240


def test_what_the_adapter_does_can_be_awaited(place: Place) -> None:
    async def life() -> tuple[int, list[Log], int]:
        adapter = place.adapter()
        written = await adapter.awrite([log("a")])
        found = await adapter.aread()
        pruned = await adapter.aprune(before=NOON + timedelta(1))
        await adapter.aclose()
        return written, found, pruned

    assert asyncio.run(life()) == (1, [log("a")], 1)


def test_secrets_do_not_come_into_the_database(place: Place) -> None:
    adapter = place.adapter()
    adapter.write(log("a", message="api_key=hunter2", request={"headers": {"authorization": "hunter2"}}))

    assert "hunter2" not in str(place.execute("SELECT * FROM logs"))


def test_names_of_adapters_hold_no_secrets_and_tell_hosts_apart() -> None:
    one = PostgresLogAdapter("postgresql://ada:hunter2@one.example/logs")
    other = PostgresLogAdapter("postgres://ada:hunter2@other.example/logs")

    assert one.name == "postgresql://ada@one.example/logs"
    assert other.name == "postgresql://ada@other.example/logs"
    assert "hunter2" not in repr(one)


def test_a_connection_that_was_cut_is_made_anew(postgres_database: Any) -> None:
    with PostgresLogAdapter(postgres_database.address()) as adapter:
        adapter.write(log("a"))
        with postgres_database.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

        assert adapter.write(log("b")) == 1
        assert len(adapter.read()) == 2


@pytest.mark.parametrize("make", [lambda: SQLiteWALLogAdapter(":memory:"), lambda: SQLiteWALLogAdapter("")])
def test_a_path_that_is_no_file_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValueError, match="the path"):
        make()


def test_a_database_that_is_not_there_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()

    with pytest.raises(DatabaseError), SQLiteWALLogAdapter(tmp_path / "folder.db") as adapter:
        adapter.write(log("a"))
    with pytest.raises(DatabaseError), PostgresLogAdapter("postgresql://127.0.0.1:1/x?connect_timeout=1") as there:
        there.write(log("a"))
