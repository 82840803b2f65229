"""One set of columns: in frames, `store.sql`, Parquet files and the views of SQLite and PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from turnlog import Session, Store, acting
from turnlog.domain.events import ModelCalled
from turnlog.infrastructure.postgres.recorder import PostgresRecorder
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder

if TYPE_CHECKING:
    import pyarrow

    from tests.contract.conftest import Clock

COLUMNS = {
    "messages": {
        *("id", "session", "position", "global_position", "created_at", "user", "branch", "branch_id", "type", "role"),
        *("text", "content", "sender", "recipient", "origin", "model", "input_tokens", "output_tokens", "metadata"),
        *("actor", "correlation_id", "retracted"),
    },
    "events": {
        *("session", "position", "global_position", "created_at", "name", "branch", "branch_id", "branch_number"),
        *("user", "actor", "correlation_id", "causation", "command_id", "payload", "redacted", "digest"),
    },
    "usage": {
        *("session", "position", "global_position", "created_at", "user", "branch", "branch_id", "name", "model"),
        *("provider", "operation", "failed", "input_tokens", "output_tokens", "duration_ms", "cost"),
    },
    "sessions": {
        *("session", "key", "name", "user", "status", "position", "messages", "bytes", "forked_from", "forked_at"),
        *("created_at", "updated_at", "metadata"),
    },
}
KEYS = {"messages": "global_position", "events": "global_position", "usage": "global_position", "sessions": "session"}
ORDER = {kind: f"ORDER BY {key}" for kind, key in KEYS.items()}
VIEWS = {"messages": "messages", "events": "recorded_events", "sessions": "sessions"}
JSON = {"content", "metadata", "payload"}

Rows = list[dict[str, Any]]
Reader = Callable[[Store, Path, str], Rows]


def from_frames(store: Store, folder: Path, kind: str) -> Rows:
    return _rows(getattr(store.frames, kind)().to_arrow(), kind)


def from_sql(store: Store, folder: Path, kind: str) -> Rows:
    return _rows(store.sql(f"SELECT * FROM {kind}").to_arrow(), kind)


def from_parquet(store: Store, folder: Path, kind: str) -> Rows:
    store.export_parquet(folder)
    files = f"{folder}/sessions/*.parquet" if kind == "sessions" else f"{folder}/{kind}/*/*.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.sql(f"SELECT * FROM read_parquet('{files}', hive_partitioning = false)")
        return _rows(found.to_arrow_table(), kind)


def from_branches(store: Store, folder: Path, kind: str) -> Rows:
    return _rows(store.frames.messages(branches=["main", "trunk"]).to_arrow(), kind)


def from_views(store: Store, folder: Path, kind: str) -> Rows:
    """The rows of the view of a table, as the database's own driver returns them."""
    statement = f"SELECT * FROM {{}} {ORDER[kind]}"
    recorder = store.recorder
    if isinstance(recorder, SQLiteRecorder):
        path = recorder.name.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute(statement.format(VIEWS[kind]))
            return _named([column[0] for column in cursor.description], cursor.fetchall())
    assert isinstance(recorder, PostgresRecorder)
    name = recorder._connections.tables.with_names(f'"{{schema}}".{{prefix}}{VIEWS[kind]}')
    with recorder._connections.using() as connection:
        answer = connection.execute(statement.format(name), binary=True)
        return _named([column.name for column in answer.description or ()], answer.fetchall())


def _rows(table: pyarrow.Table, kind: str) -> Rows:
    rows: Rows = table.to_pylist()
    return [_plain(row) for row in sorted(rows, key=lambda row: row[KEYS[kind]])]


def _named(names: list[str], rows: list[Any]) -> Rows:
    return [_plain(dict(zip(names, row, strict=True))) for row in rows]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The values as Python has them: JSON is parsed, times are datetimes, SQLite's 0 and 1 of a column are bool."""
    for name, value in row.items():
        if name in JSON and isinstance(value, str):
            row[name] = json.loads(value)
        elif name.endswith("_at") and name != "forked_at":
            row[name] = datetime.fromisoformat(value) if isinstance(value, str) else value
        elif name in ("retracted", "redacted"):
            row[name] = bool(value)
    return row


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    """A store in which every column has a value somewhere."""
    session = Session("Be brief.", user="ada", name="help", metadata={"topic": "sql"}, store=store)
    main = session.default_branch
    with acting(actor="ada", correlation_id="run-1"):
        asked = main.add("What is é?", sender="ada", recipient="bot", metadata={"n": [1, None]}, command_id="c-1")
    clock.now += 1_234_567
    with acting(actor="bot", causation=asked.position):
        main.add({"assistant_response": "A letter.", "model": "m-1", "usage": {"input_tokens": 3, "output_tokens": 2}})
    store.append(session.id, [ModelCalled("m-1", provider="p", input_tokens=5, output_tokens=1, branch=0)])
    main.add({"function": "look", "arguments": {"x": [1, "y"]}})
    kept, slip = main.add("kept"), main.add("slip")
    main.retract(kept)
    main.undo()
    main.retract(slip)
    retry = session.fork(name="retry")
    retry.add("on a branch")
    main.rename("trunk")
    main.add("after the name changed")
    forked = session.fork_session(name="continued")
    forked.branches["retry"].add("on a branch of the other session")
    forked.branches["retry"].rename("again")
    forked.branches["again"].add("under its new name")
    further = forked.fork_session()
    further.default_branch.add("two sessions further")
    further.redact(further.default_branch.add("secret"))
    main.set_system(None)
    return store


def first_session(store: Store) -> Session:
    return Session.open(next(store.sessions()).session, store=store)


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_frame_has_the_columns_of_its_table(filled: Store, kind: str) -> None:
    assert set(getattr(filled.frames, kind)().schema.names) == COLUMNS[kind]


def test_every_frame_of_messages_has_the_same_columns(filled: Store) -> None:
    session = first_session(filled)
    branches = filled.frames.messages(branches="main")

    assert filled.frames.messages().schema == branches.schema
    assert session.default_branch.messages.to_arrow().schema == branches.schema
    assert session.to_df().columns.tolist() == branches.schema.names


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("read", [from_sql, from_parquet])
def test_columns_and_values_are_the_same_wherever_they_are_read(
    filled: Store, tmp_path: Path, read: Reader, kind: str
) -> None:
    require_same_rows(filled, tmp_path, read, kind)


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("stores", ["postgres", "sqlite"], indirect=True)
def test_sql_views_have_the_same_columns_and_values(filled: Store, tmp_path: Path, kind: str) -> None:
    require_same_rows(filled, tmp_path, from_views, kind)


def require_same_rows(store: Store, folder: Path, read: Reader, kind: str) -> None:
    expected = from_frames(store, folder, kind)
    absent = {"retracted"} if read is from_parquet else set()  # a file of messages is older than their retraction

    found = read(store, folder / "parquet", kind)

    assert {frozenset(row) for row in found} == {frozenset(COLUMNS[kind] - absent)}
    assert found == [{name: value for name, value in row.items() if name not in absent} for row in expected]
    assert len(found) >= (2 if kind == "usage" else 3)


def test_a_message_has_the_same_values_in_frames_of_branches(filled: Store, tmp_path: Path) -> None:
    as_written = {row["id"]: row for row in from_frames(filled, tmp_path, "messages")}
    shown = [row for row in from_branches(filled, tmp_path, "messages") if row["id"].startswith(row["session"])]
    same = COLUMNS["messages"] - {"branch"}  # the name that the branch had then, and the one that it has now

    assert len(shown) >= 5
    for row in shown:
        assert {name: row[name] for name in same} == {name: as_written[row["id"]][name] for name in same}


def test_a_frame_has_what_python_has(filled: Store, tmp_path: Path) -> None:
    session = first_session(filled)
    rows = {row["position"]: row for row in from_branches(filled, tmp_path, "messages") if row["session"] == session.id}

    for message in session.default_branch.messages:
        row = rows[message.position or 0]
        assert (row["id"], row["text"], row["created_at"]) == (message.id, message.text, message.created_at)
        assert row["content"]["type"] == message.to_dict()["content"]["type"]
        assert (row["branch"], row["branch_id"]) == (session.default_branch.name, session.default_branch.id)
    (call,) = [row for row in rows.values() if row["type"] == "action_request"]
    assert call["content"] == {"type": "action_request", "function": "look", "arguments": {"x": [1, "y"]}}
    assert call["text"] == 'look({"x":[1,"y"]})'
