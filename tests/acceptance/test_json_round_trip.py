"""Sessions exported as JSON and imported: they are what they were, as far as the format goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, SessionManager, Store, open_store
from turnlog.domain.errors import SessionExistsError
from turnlog.errors import InvalidValueError, KeyTakenError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(here: Path) -> Iterator[Store]:
    """A store with a session of each kind: with a key, with a name, with neither, archived."""
    with open_store("a.db") as opened:
        session = Session("Be terse.", name="label", key="desk", user="ada", metadata={"x": 1}, store=opened)
        session.default_branch.add("Hello!", sender="ada", recipient="bot", metadata={"q": 1})
        session.default_branch.add({"role": "assistant", "content": "Hi.", "model": "m"})
        Session(name="only a name", store=opened).add("user", "x")
        Session(store=opened).add("user", "y")
        Session(key="old", store=opened).archive()
        yield opened


def described(store: Store) -> list[Any]:
    """What the format keeps of each session."""
    sessions = [Session.open(entry.session, store=store) for entry in store.sessions()]
    return [
        (
            *(each.id, each.key, each.name, each.user, each.status),
            {key: value for key, value in each.metadata.items() if key != "imported"},
            [(message.content, message.sender, message.recipient, message.metadata) for message in each.messages],
        )
        for each in sessions
    ]


def test_sessions_are_what_they_were_after_an_export_and_import(store: Store) -> None:
    with SessionManager(store=store) as manager:
        manager.export_sessions("all.json")
    with open_store("b.db") as other, SessionManager(store=other) as manager:
        manager.import_sessions("all.json")
        first = described(other)
        manager.export_sessions("again.json")
    with open_store("c.db") as third, SessionManager(store=third) as manager:
        manager.import_sessions("again.json")
        second = described(third)

    assert first == described(store)
    assert second == first
    assert [each[4] for each in first] == ["active", "active", "active", "archived"]


def test_replacing_reaches_the_session_with_the_same_id_or_key(store: Store) -> None:
    with SessionManager(store=store) as manager:
        manager.export_sessions("all.json")
        documents = json.loads(Path("all.json").read_text("utf-8"))[:3]
        for document in documents:
            document["messages"] = [{"role": "user", "content": "new"}]
        Path("all.json").write_text(json.dumps(documents), "utf-8")
        manager.import_sessions("all.json", replace=True)
        entries = list(store.sessions())

    assert len(entries) == 4
    assert [Session.open(entry.session, store=store).get_messages() for entry in entries[:3]] == [
        [{"role": "user", "content": "new"}]
    ] * 3


def test_sessions_that_are_there_are_not_imported_twice(store: Store) -> None:
    with SessionManager(store=store) as manager:
        for number, kind in enumerate((KeyTakenError, SessionExistsError, SessionExistsError)):
            entry = list(store.sessions())[number]
            path = manager.export_sessions(f"{number}.json", entry.session)
            with pytest.raises(kind):
                manager.import_sessions(path)
        assert len(list(store.sessions())) == 4


def test_a_deleted_session_is_imported_as_a_new_one(store: Store) -> None:
    with SessionManager(store=store) as manager:
        path = manager.export_sessions("desk.json", "desk")
        before = manager.get("desk").id
        manager.delete("desk")
        (imported,) = manager.import_sessions(path)

    assert imported.id != before
    assert (imported.key, imported.name, imported.user) == ("desk", "label", "ada")


def test_a_name_makes_a_copy(store: Store) -> None:
    with SessionManager(store=store) as manager:
        path = manager.export_sessions("desk.json", "desk")
        (copied,) = manager.import_sessions(path, name="copy")

    assert (copied.key, copied.name, copied.user) == ("copy", "copy", "ada")
    assert len(list(store.sessions())) == 5


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"id": 5, "messages": []}, "session id"),
        ({"id": "", "messages": []}, "session id"),
        ({"key": 5, "messages": []}, "key"),
        ({"name": ["x"], "messages": []}, "name"),
        ({"user": 5, "messages": []}, "user"),
        ({"messages": [{"role": "user", "content": "x", "turnlog": 5}]}, "'turnlog' of a message"),
        ({"messages": [{"role": "user", "content": "x", "turnlog": {"x": 1}}]}, "'turnlog' of a message"),
        ({"messages": [{"role": "user", "content": "x", "turnlog": {"sender": 5}}]}, "sender"),
        ([{"id": "a", "messages": []}, {"id": "a", "messages": []}], "has the id 'a', as one before it"),
    ],
)
def test_a_document_that_is_wrong_is_a_named_error(here: Path, document: Any, expected: str) -> None:
    (here / "x.json").write_text(json.dumps(document), "utf-8")
    with open_store("a.db") as store, SessionManager(store=store) as manager:
        with pytest.raises(InvalidValueError, match=expected):
            manager.import_sessions("x.json")
        assert list(store.sessions()) == []


def test_replacing_needs_to_know_which_session(store: Store) -> None:
    Path("x.json").write_text('[{"messages": [{"role": "user", "content": "x"}]}]', "utf-8")
    with SessionManager(store=store) as manager:
        with pytest.raises(InvalidValueError, match="names neither an id nor a key"):
            manager.import_sessions("x.json", replace=True)
        manager.export_sessions("x.jsonl")
        for wish in ({"replace": True}, {"name": "x"}):
            with pytest.raises(InvalidValueError, match="does not apply to this file"):
                manager.import_sessions("x.jsonl", **wish)
        assert len(list(store.sessions())) == 4
