"""coda's names: sessions by name, messages as plain dicts, settings, storage of one's own, providers."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import subprocess
import sys
import time
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import turnlog
from tests.compat.blocks import stored_blocks
from turnlog import Store, open_store
from turnlog.compat.coda.base import session as session_module
from turnlog.compat.coda.base.providers import ProviderFactory
from turnlog.compat.coda.base.session import (
    Session,
    SessionError,
    SessionInfo,
    SessionManager,
    SessionNotFoundError,
    SessionStorage,
)
from turnlog.errors import (
    KeyTakenError,
    ModelError,
    PositionConflictError,
    SessionReferencedError,
    SessionTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model_server import ModelServer

SYSTEM = {"role": "system", "content": "Be terse."}
HELLO = {"role": "user", "content": "Hello!"}
HI = {"role": "assistant", "content": "Hi there!", "model": "gpt-4"}


@pytest.fixture
def store() -> Iterator[Store]:
    """An open store."""
    with open_store("memory://") as store:
        yield store


@pytest.fixture
def manager(store: Store) -> Iterator[SessionManager]:
    """A manager of the sessions of the store."""
    with SessionManager(store=store) as manager:
        yield manager


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory, which is the working directory as well."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chat(manager: SessionManager, *messages: dict[str, Any], name: str = "chat") -> Session:
    session = manager.create_session(name)
    for message in messages:
        session.add_message(message)
    return session


def contents(session: Session) -> list[str]:
    return [message["content"] for message in session.messages]


# Messages


def test_messages_are_plain_dicts_with_all_their_keys(manager: SessionManager) -> None:
    call = {"id": "call-1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        SYSTEM,
        {**HELLO, "timestamp": "2026-01-01T12:00:00", "token_estimate": 1, "has_code": False},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "nothing", "tool_call_id": "call-1"},
        {"role": "user", "content": [{"type": "text", "text": "Look:"}]},
        HI,
    ]
    session = chat(manager, *messages)

    assert session.messages == session.get_messages() == messages
    assert {type(message) for message in session.messages} == {dict}
    assert session.get_messages(limit=2) == messages[-2:]
    assert session.get_messages(0) == []
    assert json.loads(json.dumps(session.messages)) == messages


def test_messages_are_copies_in_both_directions(manager: SessionManager) -> None:
    given: dict[str, Any] = {**HELLO, "tags": ["a"]}
    session = chat(manager, given)
    given["tags"].append("b")
    session.messages[0]["tags"].append("c")
    session.get_messages().clear()

    assert session.messages == [{**HELLO, "tags": ["a"]}]


def test_a_change_of_the_list_of_messages_is_recorded_or_refused(manager: SessionManager) -> None:
    session = chat(manager, SYSTEM)
    messages = session.messages
    messages.append(HELLO)
    session.messages.extend([HI, HELLO])
    assert messages == [SYSTEM, HELLO]
    assert session.messages == copy.deepcopy(session.messages) == [SYSTEM, HELLO, HI, HELLO]

    with pytest.raises(SessionError, match="assign a list to messages"):
        session.messages.pop()
    with pytest.raises(SessionError, match="assign a list to messages"):
        session.messages[0] = HELLO
    with pytest.raises(SessionError, match="would not be recorded"):
        session.messages += [HI]
    assert len(session.messages) == 4
    session.messages = session.messages[:1]
    assert session.messages == [SYSTEM]


def test_a_change_of_the_dict_of_metadata_is_recorded_or_refused(manager: SessionManager) -> None:
    session = chat(manager)
    session.metadata["topic"] = "Python"
    session.metadata.update({"model": "gpt-4"}, level=1)
    metadata, expected = session.metadata, {"topic": "Python", "model": "gpt-4", "level": 1}
    assert session.metadata == copy.deepcopy(session.metadata) == expected

    with pytest.raises(SessionError, match="can be set, but not removed"):
        del session.metadata["topic"]
    with pytest.raises(SessionError, match="would not be recorded"):
        metadata |= {"topic": "lost"}
    assert json.loads(json.dumps(session.metadata)) == expected


def test_system_messages_stay_at_their_place_in_the_list(manager: SessionManager) -> None:
    late = {"role": "system", "content": "Be kind."}
    session = chat(manager, HELLO, late, HI)
    assert session.messages == [HELLO, late, HI]

    session.messages = [SYSTEM, HELLO, late]
    assert session.messages == [SYSTEM, HELLO, late]
    session.messages = [HELLO, SYSTEM]
    assert session.messages == [HELLO, SYSTEM]


def test_truncating_leaves_exactly_so_many_messages(manager: SessionManager) -> None:
    session = chat(manager, SYSTEM, *({"role": "user", "content": f"message {number}"} for number in range(60)))
    before = session.turnlog.position

    session.truncate_messages(61)
    assert session.turnlog.position == before
    session.truncate_messages(50)
    assert contents(session) == [f"message {number}" for number in range(10, 60)]
    assert [info.message_count for info in manager.list_sessions()] == [50]
    assert len(session.turnlog.at(before).messages) == 61
    with pytest.raises(SessionError, match="keep_last is -1"):
        session.truncate_messages(-1)


def test_clearing_leaves_no_message_and_loses_none(manager: SessionManager) -> None:
    session = chat(manager, SYSTEM, HELLO)
    before = session.turnlog.position
    session.clear_messages()

    assert session.messages == []
    assert [message.text for message in session.turnlog.at(before).messages] == ["Be terse.", "Hello!"]
    session.add_message(HI)
    assert session.messages == [HI]


def test_assigned_messages_replace_and_lose_nothing(manager: SessionManager) -> None:
    session = chat(manager, HELLO)
    created, before = session.created_at, session.turnlog.position
    session.messages = [SYSTEM, HI]

    assert session.messages == [SYSTEM, HI]
    assert session.created_at == created
    assert session.turnlog.at(before).messages[0].text == "Hello!"


def test_an_invalid_message_is_refused_and_writes_nothing(manager: SessionManager) -> None:
    session = chat(manager, HELLO)
    before = session.turnlog.position

    for message in ({"role": "critic", "content": "No."}, {"content": "Who?"}, {"role": "user", "content": object()}):
        with pytest.raises(SessionError):
            session.add_message(message)
    with pytest.raises(SessionError):
        session.messages = [HELLO, {"role": "critic", "content": "No."}]
    assert session.turnlog.position == before


def test_metadata_is_merged(manager: SessionManager) -> None:
    session = chat(manager)
    session.update_metadata({"topic": "Python", "tags": ["a"]})
    session.update_metadata(metadata={"tags": ["a", "b"]})

    assert session.metadata == {"topic": "Python", "tags": ["a", "b"]}


def test_tokens_are_counted_approximately(manager: SessionManager) -> None:
    session = chat(manager, {"role": "user", "content": "four words and more " * 100})

    assert 300 < session.get_token_count() < 800


# Sessions by name


def test_a_session_is_an_ordinary_session(manager: SessionManager, store: Store) -> None:
    session = chat(manager, SYSTEM, HELLO)
    session.update_metadata({"topic": "greetings"})

    ordinary = turnlog.Session.open(session.turnlog.id, store=store)
    assert (ordinary.key, ordinary.metadata) == ("chat", {"topic": "greetings"})
    assert [message.text for message in ordinary.messages] == ["Be terse.", "Hello!"]
    ordinary.add({"role": "assistant", "content": "Still there?"})
    assert contents(session) == ["Be terse.", "Hello!", "Still there?"]
    assert store.verify().ok


def test_create_returns_the_session_that_exists(manager: SessionManager) -> None:
    session = chat(manager, HELLO)

    assert manager.create_session("chat").messages == [HELLO]
    assert manager.create_session("chat").turnlog.id == session.turnlog.id
    assert manager.load_session("chat").name == "chat"
    with pytest.raises(SessionNotFoundError):
        manager.load_session("missing")


def test_a_branch_has_the_messages_of_its_parent_and_its_own(manager: SessionManager) -> None:
    parent = chat(manager, SYSTEM, HELLO)
    parent.update_metadata({"topic": "greetings"})
    branch = manager.create_session("branch", branch_from="chat")
    branch.add_message(HI)
    parent.add_message({"role": "user", "content": "Anybody?"})

    assert branch.messages == [SYSTEM, HELLO, HI]
    assert contents(parent) == ["Be terse.", "Hello!", "Anybody?"]
    assert branch.metadata == {"topic": "greetings"}
    assert [(info.name, info.message_count) for info in manager.list_sessions()] == [("chat", 3), ("branch", 3)]


def test_a_branch_that_exists_is_loaded_and_never_overwritten(manager: SessionManager) -> None:
    chat(manager, HELLO)
    manager.create_session("branch", branch_from="chat").add_message(HI)
    chat(manager, HI, name="other")

    assert manager.create_session("branch", branch_from="chat").messages == [HELLO, HI]
    with pytest.raises(KeyTakenError, match="'other' is taken"):
        manager.create_session("other", branch_from="chat")
    with pytest.raises(SessionNotFoundError):
        manager.create_session("third", branch_from="missing")
    assert manager.load_session("other").messages == [HI]
    assert manager.get_session_info("third") is None


def test_a_deleted_session_sets_its_name_free(manager: SessionManager) -> None:
    deleted = chat(manager, HELLO)
    manager.delete_session("chat")

    assert (manager.list_sessions(), manager.get_session_info("chat")) == ([], None)
    with pytest.raises(SessionError):
        deleted.add_message(HI)
    assert manager.create_session("chat").messages == []
    with pytest.raises(SessionNotFoundError):
        manager.delete_session("missing")


def test_a_session_with_branches_cannot_be_deleted_before_them(manager: SessionManager) -> None:
    chat(manager, HELLO)
    manager.create_session("branch", branch_from="chat")

    with pytest.raises(SessionReferencedError):
        manager.delete_session("chat")
    manager.delete_session("branch")
    manager.delete_session("chat")
    assert manager.list_sessions() == []


def test_two_programs_lose_no_message_of_each_other(tmp_path: Path) -> None:
    config = {"session": {"storage_path": tmp_path}}
    with SessionManager(config) as here, SessionManager(config) as there:
        ours, theirs = chat(here, HELLO), there.create_session("chat")
        theirs.add_message(HI)
        ours.add_message({"role": "user", "content": "Both?"})
        here.save_session(ours)
        there.save_session(theirs)

        assert contents(ours) == contents(theirs) == ["Hello!", "Hi there!", "Both?"]


def test_information_has_the_fields_of_the_document(manager: SessionManager, store: Store) -> None:
    session = chat(manager, HELLO, HI)
    session.update_metadata({"topic": "greetings"})
    session.truncate_messages(1)
    turnlog.Session(name="without a key", store=store)
    (info,) = manager.list_sessions()

    names = ["name", "message_count", "created_at", "updated_at", "metadata", "size_bytes"]
    assert [field.name for field in dataclasses.fields(SessionInfo)] == names
    assert (info.name, info.message_count, info.metadata) == ("chat", 1, {"topic": "greetings"})
    assert info.size_bytes == store.get_session(session.turnlog.id).bytes > 0
    assert (info.created_at, info.updated_at) == (session.created_at, session.updated_at)
    assert manager.get_session_info("chat") == info


def test_times_are_local_and_compare_with_naive_ones(manager: SessionManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        session = chat(manager)
        (info,) = manager.list_sessions()
        for shown in (session.created_at, session.updated_at, info.created_at, info.updated_at):
            naive = datetime.now()  # noqa: DTZ005 as a program for one machine has it
            assert naive - timedelta(minutes=1) < shown <= naive
            assert shown.utcoffset() == timedelta(hours=14)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_session_without_a_manager_is_stored_when_it_is_saved(manager: SessionManager, store: Store) -> None:
    session = Session("made", [SYSTEM, HELLO], {"topic": "greetings"})
    assert manager.list_sessions() == []
    manager.save_session(session)
    session.add_message(HI)

    stored = manager.load_session("made")
    assert (stored.messages, stored.metadata) == ([SYSTEM, HELLO, HI], {"topic": "greetings"})
    assert store.verify().ok
    with pytest.raises(SessionError, match="'made'"):
        manager.save_session(Session("made", [HI]))
    assert stored.messages == [SYSTEM, HELLO, HI]


def test_the_names_of_the_document_are_in_the_session_module() -> None:
    names = ["Session", "SessionError", "SessionInfo", "SessionManager", "SessionNotFoundError", "SessionStorage"]

    assert session_module.__all__ == names
    assert issubclass(SessionNotFoundError, SessionError)


# Settings


def test_the_printed_settings_are_the_defaults(home: Path) -> None:
    (printed,) = [block.text for block in stored_blocks("coda") if block.language == "toml"]
    with SessionManager(tomllib.loads(printed)) as as_printed, SessionManager({}) as by_default:
        chat(as_printed, HELLO)
        settings = by_default.turnlog.settings
        assert by_default.load_session("chat").messages == [HELLO]
        assert by_default.turnlog.store.address == as_printed.turnlog.store.address

    assert (home / ".coda" / "sessions" / "turnlog.db").is_file()
    assert (settings.message_cache_size, settings.autosave_interval, settings.connection_pool_size) == (1000, 300, 5)
    assert (settings.compress_messages, settings.max_session_size) == (True, 100)


def test_large_messages_are_compressed_by_default(home: Path) -> None:
    for name, section in {"yes": {}, "no": {"compress_messages": False}}.items():
        with SessionManager({"session": {"storage_path": home / f"{name}.db", **section}}) as manager:
            chat(manager, {"role": "user", "content": "always the same " * 20_000})
            assert len(contents(manager.load_session("chat"))[0]) == 320_000

    assert (home / "yes.db").stat().st_size < (home / "no.db").stat().st_size / 2


def test_a_session_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with SessionManager({"session": {"storage_path": tmp_path, "max_session_size": 0.01}}) as manager:
        session = chat(manager, HELLO)
        with pytest.raises(SessionTooLargeError):
            session.add_message({"role": "user", "content": "x" * 20_000})
        assert session.messages == [HELLO]
    assert issubclass(SessionTooLargeError, SessionError)


def test_no_more_messages_than_the_cache_size_are_unsaved(tmp_path: Path) -> None:
    settings = {"storage_path": tmp_path, "deferred": True, "message_cache_size": 10, "autosave_interval": 0}
    with SessionManager({"session": settings}) as manager:
        session = manager.create_session("chat")
        for number in range(35):
            session.add_message({"role": "user", "content": f"message {number}"})
            stored = turnlog.Session.open(session.turnlog.id, store=manager.turnlog.store)
            assert number + 1 - len(stored.messages) <= 10


@pytest.mark.parametrize("fixture", ["redis_server", "postgres_database"])
def test_sessions_are_in_a_server_as_well(fixture: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(fixture).address()
    with SessionManager({"session": {"store": address}}) as manager:
        chat(manager, SYSTEM, HELLO)
    with SessionManager({}, store=address) as manager:
        assert manager.load_session("chat").messages == [SYSTEM, HELLO]
        assert [info.message_count for info in manager.list_sessions()] == [2]


def test_sessions_in_memory_are_lost_with_their_manager() -> None:
    config = {"session": {"backend": "memory"}}
    with SessionManager(config) as manager:
        chat(manager, HELLO)
        assert len(manager.list_sessions()) == 1
    with SessionManager(config) as manager:
        assert manager.list_sessions() == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"session": 1}, "must be a dict, with a dict of settings under 'session'"),
        ([], "must be a dict"),
        ({"session": {"backend": "mongo"}}, "'mongo'"),
        ({"session": {"storage_pth": "x"}}, "storage_path"),
    ],
)
def test_an_invalid_configuration_is_an_error_of_the_document(config: Any, message: str, home: Path) -> None:
    with pytest.raises(SessionError, match=message):
        SessionManager(config)
    assert list(home.iterdir()) == []


# Faults


def test_a_damaged_file_raises_a_session_error(tmp_path: Path) -> None:
    with SessionManager({"session": {"storage_path": tmp_path}}) as manager:
        chat(manager, HELLO)
    (tmp_path / "turnlog.db").write_bytes(b"no database at all " * 1000)

    with pytest.raises(SessionError):
        SessionManager({"session": {"storage_path": tmp_path}}).create_session("chat")


def test_a_closed_manager_raises_a_session_error(tmp_path: Path) -> None:
    manager = SessionManager({"session": {"storage_path": tmp_path}})
    session = chat(manager, HELLO)
    manager.close()

    with pytest.raises(SessionError):
        session.add_message(HI)
    with pytest.raises(SessionError):
        manager.create_session("chat")


KILLED = """
import os
from turnlog.compat.coda.base.session import SessionManager

session = SessionManager({"session": {"storage_path": "sessions"}}).create_session("chat")
session.add_message({"role": "user", "content": "Hello!"})
os._exit(9)
"""


def test_a_process_that_is_killed_loses_no_message(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=home, check=False)
    assert done.returncode == 9

    with SessionManager({"session": {"storage_path": "sessions"}}) as manager:
        assert manager.load_session("chat").messages == [HELLO]
        assert manager.turnlog.store.verify().ok


def test_the_command_line_shows_a_session(tmp_path: Path) -> None:
    with SessionManager({"session": {"storage_path": tmp_path}}) as manager:
        chat(manager, SYSTEM, HELLO, name="greetings")

    command = [str(Path(sys.executable).with_name("turnlog")), "show", "greetings", "--store"]
    done = subprocess.run([*command, str(tmp_path / "turnlog.db")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Hello!" in done.stdout


# Storage of one's own


class Folder(SessionStorage):
    """Keeps each session as a JSON file, as a program of coda would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, session: Session) -> None:
        document = {"messages": session.get_messages(), "metadata": session.metadata}
        (self.folder / "unfinished").write_text(json.dumps(document), "utf-8")
        (self.folder / "unfinished").replace(self.folder / f"{session.name}.json")

    def load(self, name: str) -> Session | None:
        file = self.folder / f"{name}.json"
        if not file.exists():
            return None
        document = json.loads(file.read_text("utf-8"))
        return Session(name, document["messages"], document["metadata"])

    def delete(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink(missing_ok=True)

    def list_all(self) -> list[SessionInfo]:
        return [self._info(file) for file in sorted(self.folder.glob("*.json"))]

    def _info(self, file: Path) -> SessionInfo:
        document, changed = json.loads(file.read_text("utf-8")), datetime.fromtimestamp(file.stat().st_mtime)  # noqa: DTZ006 naive, as in a program for one machine
        count, size = len(document["messages"]), file.stat().st_size
        return SessionInfo(file.stem, count, changed, changed, document["metadata"], size)


def test_sessions_in_a_storage_of_ones_own(tmp_path: Path) -> None:
    with SessionManager({}, storage=Folder(tmp_path)) as manager:
        session = chat(manager, SYSTEM, HELLO)
        session.update_metadata({"topic": "greetings"})
        manager.save_session(session)
        branch = manager.create_session("branch", branch_from="chat")
        branch.add_message(HI)
        manager.save_session(branch)
        manager.save_session(Session("made", [HI]))

    with SessionManager({}, storage=Folder(tmp_path)) as manager:
        assert manager.load_session("chat").messages == [SYSTEM, HELLO]
        assert manager.load_session("chat").metadata == {"topic": "greetings"}
        assert manager.load_session("branch").messages == [SYSTEM, HELLO, HI]
        counts = [(info.name, info.message_count) for info in manager.list_sessions()]
        assert sorted(counts) == [("branch", 3), ("chat", 2), ("made", 1)]
        manager.delete_session("branch")
        assert manager.get_session_info("branch") is None
        with pytest.raises(KeyTakenError):
            manager.create_session("made", branch_from="chat")


def test_what_others_saved_in_a_storage_is_not_overwritten(tmp_path: Path) -> None:
    here, there = (SessionManager({}, storage=Folder(tmp_path)) for _ in range(2))
    here.save_session(chat(here, HELLO))
    theirs = there.load_session("chat")
    theirs.add_message(HI)
    there.save_session(theirs)

    ours = chat(here, {"role": "user", "content": "Mine."})
    here.save_session(ours)
    assert contents(ours) == ["Hello!", "Hi there!", "Mine."]
    theirs.add_message({"role": "user", "content": "Stale."})
    with pytest.raises(PositionConflictError):
        there.save_session(theirs)
    there.turnlog.discard(theirs.turnlog)
    for manager in (here, there):
        manager.close()


def test_sessions_in_a_storage_are_saved_every_so_often(tmp_path: Path) -> None:
    with SessionManager({"session": {"autosave_interval": 0.01}}, storage=Folder(tmp_path)) as manager:
        chat(manager, HELLO)
        for _ in range(1000):
            if (tmp_path / "chat.json").exists():
                break
            time.sleep(0.01)
        assert Folder(tmp_path).list_all()[0].name == "chat"


def test_a_session_that_cannot_be_saved_stops_no_other(tmp_path: Path) -> None:
    class Failing(Folder):
        attempts = 0

        def save(self, session: Session) -> None:
            if session.name == "bad":
                self.attempts += 1
                raise OSError("the disk is full")
            super().save(session)

    storage = Failing(tmp_path)
    manager = SessionManager({"session": {"autosave_interval": 0.01}}, storage=storage)
    chat(manager, HELLO, name="bad")
    chat(manager, HELLO)
    for _ in range(1000):
        if storage.attempts > 1:
            break
        time.sleep(0.01)
    assert [info.name for info in storage.list_all()] == ["chat"]
    with pytest.raises(OSError, match="the disk is full"):
        manager.close()
    manager.delete_session("bad")
    manager.close()


def test_a_storage_has_all_but_as_many_changes_as_the_cache_size(tmp_path: Path) -> None:
    config = {"session": {"message_cache_size": 10, "autosave_interval": 0}}
    with SessionManager(config, storage=Folder(tmp_path)) as manager:
        session = manager.create_session("chat")
        for number in range(25):
            session.add_message({"role": "user", "content": f"message {number}"})
        document = json.loads((tmp_path / "chat.json").read_text("utf-8"))
        assert 15 <= len(document["messages"]) <= 25


def test_a_storage_that_returns_something_else_is_named(tmp_path: Path) -> None:
    class Wrong(Folder):
        def load(self, name: str) -> Any:
            return {"name": name}

    with SessionManager({}, storage=Wrong(tmp_path)) as manager, pytest.raises(SessionError, match="dict"):
        manager.load_session("chat")


def test_a_storage_has_the_methods_of_the_document() -> None:
    with pytest.raises(TypeError, match="abstract"):
        SessionStorage()  # type: ignore[abstract]  # what is tested
    with pytest.raises(SessionError, match="expected a SessionStorage"):
        SessionManager({}, storage=object())  # type: ignore[arg-type]  # what is tested


# Providers


def test_a_provider_is_called_synchronously_even_in_an_event_loop(server: ModelServer) -> None:
    async def program() -> str:
        provider = ProviderFactory({}).create("openai")
        return provider.chat([SYSTEM, HELLO], model="gpt-4", max_tokens=5).content

    server.will("Hi there.", "Hi again.")
    assert asyncio.run(program()) == "Hi there."
    again = ProviderFactory({}).create("openai").chat(messages=[HELLO], model="gpt-4o-mini")
    assert (again.content, again.turnlog.usage is not None) == ("Hi again.", True)
    first, second = server.requests
    assert (first.body["messages"], first.body["max_completion_tokens"]) == ([SYSTEM, HELLO], 5)
    assert second.body["model"] == "gpt-4o-mini"


def test_a_provider_has_the_settings_of_the_configuration(server: ModelServer) -> None:
    config = {"providers": {"openai": {"api_key": "sk-of-the-configuration", "max_retries": 0}}}
    provider = ProviderFactory(config).create("openai")

    server.will("Hi there.")
    assert provider.chat([HELLO], "gpt-4").content == "Hi there."
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-the-configuration"
    with pytest.raises(ModelError):
        provider.chat([HELLO], "gpt-4")
