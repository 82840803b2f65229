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
from turnlog.projections.recorded_messages import message_from_recorded

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
        "SELECT branch_number, branch, parent_number, forked_at, messages, removed_position FROM branches"
        " ORDER BY branch_number"
    ) == [
        (0, "main", None, None, 2, None),
        (1, "second", 0, 3, 1, None),
        (2, "third", 0, 7, 0, 9),
    ]
    assert [id for (id,) in asked("SELECT branch_id FROM branches ORDER BY branch_number")][:2] == [
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
    assert asked("SELECT branch, messages FROM branches ORDER BY branch_number") == [("main", 4), ("retry", 1)]
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
        for message in map(message_from_recorded, session.events(names=["message.appended", "branch.system_set"]))
    ]
    asked_for = asked("SELECT position, role, text, sender, recipient, metadata FROM messages ORDER BY position")
    assert [(*row[:2], _text(row[2]), *row[3:5], _plain(row[5])) for row in asked_for] == [
        (*each[:2], _text(each[2]), *each[3:]) for each in told
    ]


CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
PARTS: tuple[Any, ...] = (
    {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
    {"role": "assistant", "content": "One moment.", "tool_calls": [CALL]},
    {"role": "assistant", "content": None, "refusal": "No."},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c3", "custom": {"name": "run", "input": "print(1)"}}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [1, "a", None, True, {"a": [1]}, [2], {"function": {"name": 1}}],
    },
    {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": None}},
    {"role": "assistant", "content": None, "function_call": {"name": 7}, "tool_calls": [CALL]},
    {"role": "assistant", "content": None, "audio": {"id": "a", "transcript": "Good morning."}},
    {"role": "assistant", "content": []},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "?"}, {"type": "redacted_thinking", "data": ""}],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "?", "signature": "c2ln"},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": [1, "é"], "b": None}},
            {"type": "server_tool_use", "id": "t2", "name": "search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "t2", "content": []},
            {"type": "of_tomorrow", "a": 1},
            {"type": "tool_use", "id": "t3"},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "reasoning", "id": "rs", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}, {"type": "x"}]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No."}, "a", 1, {"b": 2}],
            },
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x":1}'},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "text"},
            {"type": "mcp_call", "name": "h", "arguments": True},
            {"type": "mcp_call", "name": "h"},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "https://a.org/b"}}],
    },
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.org/b"}}]},
    {"role": "user", "content": ["a", "", "b"]},
    {"role": "user", "content": ["a", 1]},
    {"role": "user", "content": [{"kind": "bar", "name": "x"}]},
    {"role": "user", "content": [{"type": "bar", "name": "x"}]},
    {"role": "user", "content": [{"text": "without a type"}, {"type": "text", "text": ""}]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "21"},
            {"type": "tool_result", "tool_use_id": "t1"},
            {"type": "tool_result", "tool_use_id": "t1", "content": []},
            {
                "type": "tool_result",
                "tool_use_id": "t1",
                "content": [{"type": "text", "text": "22"}, {"type": "image"}],
            },
            {"type": "tool_result", "tool_use_id": "t1", "content": {"a": 1}},
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "23"}]},
    {"role": "tool", "tool_call_id": "c1", "content": [{"name": "Paris"}, {"name": "Rome"}]},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "24"}]},
    {"function": "f", "arguments": {}},
    {"function": "f", "arguments": {"x": "a\nb"}},
)


def test_parts_and_calls_have_the_text_that_python_has(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session(store=store)
    for given in PARTS:
        session.default_branch.add(given)

    told = [message.text for message in session.messages]
    assert [text for (text,) in asked("SELECT text FROM messages ORDER BY position")] == told
    assert told[:2] == [
        'get_weather({"city": "Paris"})\nget_weather({"city": "Paris"})',
        'One moment.\nget_weather({"city": "Paris"})',
    ]


def test_times_are_those_of_the_record(place: tuple[Store, Asked]) -> None:
    store, asked = place
    session = Session(store=store)
    message = session.default_branch.add("hello")

    ((created,),) = asked("SELECT created_at FROM messages")
    at = datetime.fromisoformat(created) if isinstance(created, str) else created
    assert message.created_at is not None
    assert at == message.created_at


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
