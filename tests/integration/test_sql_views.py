"""The views for whoever asks in SQL say what Python says: in SQLite, and in PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, Store, open_store
from turnlog.projections.messages import recorded_message

Asked = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Asked]]:
    """A store, and a way to ask its database in SQL."""
    if request.param == "sqlite":
        with (
            open_store(f"sqlite:///{tmp_path}/turnlog.db") as store,
            closing(sqlite3.connect(tmp_path / "turnlog.db")) as connection,
        ):
            yield store, lambda statement: connection.execute(statement).fetchall()
        return
    database = request.getfixturevalue("postgres_database")
    with open_store(database.address()) as store, database.connect() as connection:
        yield store, lambda statement: connection.execute(_prefixed(statement)).fetchall()


def _prefixed(statement: str) -> str:
    for view in ("sessions", "branches", "messages"):
        statement = statement.replace(f"FROM {view}", f"FROM turnlog_{view}")
    return statement


def test_sessions_and_branches_are_as_they_are_now(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session(name="help", user="ada", metadata={"topic": "sql"}, store=store)
    session.default_branch.add_many(["one", "two"])
    session.fork(at=3, name="retry").add("zwei")
    session.branches["retry"].rename("second")
    session.fork(name="third")
    session.remove_branch("third")

    found = asked('SELECT session, name, "user", status, position, messages FROM sessions')
    assert found == [(session.id, "help", "ada", "active", 9, 3)]
    assert asked(
        "SELECT branch, name, parent, forked_at, messages, removed_position FROM branches ORDER BY branch"
    ) == [
        (0, "main", None, None, 2, None),
        (1, "second", 0, 3, 1, None),
        (2, "third", 0, 7, 0, 9),
    ]
    assert [id for (id,) in asked("SELECT id FROM branches ORDER BY branch")][:2] == [
        session.branches["main"].id,
        session.branches["second"].id,
    ]


def test_system_messages_are_counted_wherever_they_stand(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session("Be terse.", store=store)
    session.default_branch.add_many(["one", {"role": "developer", "content": "In French."}, "two"])
    session.fork(name="retry").set_system("Be kind.")
    session.default_branch.set_system(None)

    assert asked("SELECT messages FROM sessions") == [(5,)]
    assert asked("SELECT name, messages FROM branches ORDER BY branch") == [("main", 4), ("retry", 1)]
    assert asked("SELECT role, text FROM messages WHERE role = 'system' ORDER BY position") == [
        ("system", "Be terse."),
        ("system", "In French."),
        ("system", "Be kind."),
    ]


def test_messages_are_as_python_reads_them(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session("Be terse.", store=store)
    main = session.default_branch
    main.add("hello 🙂", sender="ada", recipient="bot", metadata={"a": [1, {"b": None}]})
    main.add_many([{"assistant_response": "hi"}, {"function": "f", "arguments": {"x": [1, "y"]}}])
    main.add_many([{"result": True}, {"result": 1.5}, {"result": None}, {"error": ""}, {"result": {"a": [False]}}])
    main.add_many([{"instruction": 'backslash \\u0000, quote " and\nline'}, {"assistant_response": ""}])

    told = [
        (message.position, message.role, message.text, message.sender, message.recipient, message.metadata)
        for message in map(recorded_message, session.events(names=["message.appended", "branch.system_set"]))
    ]
    asked_for = asked("SELECT position, role, text, sender, recipient, metadata FROM messages ORDER BY position")
    assert [(*row[:2], _text(row[2]), *row[3:5], _plain(row[5])) for row in asked_for] == [
        (*each[:2], _text(each[2]), *each[3:]) for each in told
    ]


def test_times_are_those_of_the_record(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session(store=store)
    message = session.default_branch.add("hello")

    ((created,),) = asked("SELECT created_at FROM messages")
    at = datetime.fromisoformat(created) if isinstance(created, str) else created
    assert message.created_at is not None
    assert abs((at - message.created_at).total_seconds()) < 0.001


def test_a_nul_character_hides_nothing_else(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session(store=store)
    session.default_branch.add_many(["before", "a\0b", "behind"])

    found = [text for (text,) in asked("SELECT text FROM messages ORDER BY position")]
    assert len(found) == 3
    assert (found[0], found[2]) == ("before", "behind")
    assert found[1].replace("\0", "\ufffd") == "a\ufffdb"


def _plain(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _text(text: str | None) -> object:
    """What a text says, whatever spaces its JSON has; nothing said is no text."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
