"""PyAI: sessions of users in stores, custom stores, and agents that are run on a history."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import turnlog
from tests.compat.blocks import stored_blocks
from turnlog.compat.pyai import Agent, Runner
from turnlog.compat.pyai.sessions import (
    MemorySessionStore,
    RedisSessionStore,
    Session,
    SessionManager,
    SessionStore,
    SQLiteSessionStore,
)
from turnlog.errors import (
    InvalidValueError,
    NotSupportedError,
    PositionConflictError,
    SessionExistsError,
    SessionNotActiveError,
    SessionNotFoundError,
    TurnlogError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.model_server import ModelServer
    from tests.servers import PostgresDatabase


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteSessionStore]:
    """An open store in a file; at the end it is as it was recorded."""
    with SQLiteSessionStore(tmp_path / "sessions.db") as store:
        yield store
        assert store.turnlog.verify().faults == ()


@pytest.fixture
def manager(store: SQLiteSessionStore) -> SessionManager:
    """A manager of it."""
    return SessionManager(store=store)


def texts(session: Session) -> list[tuple[str, str]]:
    """Role and content of the messages."""
    return [(message.role, message.content) for message in session.messages]


# The package


def test_the_modules_are_those_that_the_document_lists() -> None:
    files = next(block.text for block in stored_blocks("pyai") if block.number == 2)
    names = [word.removesuffix(".py") for word in files.split() if word.endswith(".py")]

    assert names == ["__init__", "base", "manager", "sqlite", "redis", "memory"]
    for name in names:
        import_module(f"turnlog.compat.pyai.sessions.{name}")


def test_a_store_of_each_kind_is_a_session_store() -> None:
    for kind in (SQLiteSessionStore, RedisSessionStore, MemorySessionStore):
        assert issubclass(kind, SessionStore)


# Sessions


def test_a_session_is_an_ordinary_session(store: SQLiteSessionStore, manager: SessionManager, tmp_path: Path) -> None:
    session = manager.create_session("ada", {"channel": "web"})
    session.add_message("user", "Hello!")
    session.set_state("topic", {"name": "PyAI"})
    command = [str(Path(sys.executable).with_name("turnlog")), "show"]
    printed = subprocess.run(
        [*command, session.session_id, "--store", str(tmp_path / "sessions.db")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ordinary = turnlog.Session.open(session.session_id, store=store.turnlog)

    assert "Hello!" in printed
    assert (ordinary.user, ordinary.metadata, ordinary.state) == (
        "ada",
        {"channel": "web"},
        {"topic": {"name": "PyAI"}},
    )
    assert [event.name for event in ordinary.events()][-2:] == ["message.appended", "session.state_set"]
    assert Session.of(ordinary) == session


def test_messages_are_in_the_order_they_were_added_with_any_role() -> None:
    session = Session()
    for role, content in (("user", "Hi"), ("system", "Be terse."), ("assistant", "Hello."), ("tool", "4")):
        session.add_message(role, content)

    assert texts(session) == [("user", "Hi"), ("system", "Be terse."), ("assistant", "Hello."), ("tool", "4")]
    assert session.message_count == 4
    assert type(session.messages[0].role) is str
    assert session.messages[0].timestamp is not None
    with pytest.raises(TurnlogError, match="role"):
        session.add_message("nobody", "Hi")
    assert session.message_count == 4


def test_content_is_text_also_of_what_is_structured() -> None:
    session = Session()
    session.turnlog.add({"function": "square", "arguments": {"number": 3}})
    session.turnlog.add({"instruction": "Sum up.", "context": ["a"]})

    assert [type(message.content) for message in session.messages] == [str, str]
    assert session.messages[0].content == 'square({"number":3})'


def test_what_cannot_be_stored_raises_at_once_and_changes_nothing() -> None:
    session = Session()
    with pytest.raises(InvalidValueError):
        session.set_state("key", object())
    with pytest.raises(AttributeError):
        session.messages.append("Hi")  # type: ignore[attr-defined]  # a tuple has none

    assert (session.get_state("key"), session.get_state("key", 1), session.state) == (None, 1, {})


def test_the_state_and_the_metadata_are_those_of_the_record(manager: SessionManager) -> None:
    session = manager.create_session("ada", {"channel": "web"})
    session.set_state("numbers", [1])
    session.get_state("numbers").append(2)
    session.update_metadata({"language": "en"})
    again = manager.get_session(session.session_id)

    assert again is not None
    assert again.get_state("numbers") == [1]
    assert again.metadata == {"channel": "web", "language": "en"}


# Saving


def test_a_session_in_memory_is_recorded_when_it_is_saved(store: SQLiteSessionStore, manager: SessionManager) -> None:
    session = Session(session_id="s1", user_id="ada")
    session.add_message("user", "Hello!")
    assert manager.get_session("s1") is None
    manager.save(session)
    session.add_message("assistant", "Hi.")

    ordinary = turnlog.Session.open("s1", store=store.turnlog)
    assert [message.text for message in ordinary.messages] == ["Hello!", "Hi."]
    assert manager.get_sessions_for_user("ada") == [session]


def test_saving_twice_or_in_a_second_store_loses_nothing(store: SQLiteSessionStore, manager: SessionManager) -> None:
    session = manager.create_session("ada")
    session.add_message("user", "Hello!")
    manager.save(session)
    manager.save(session)
    with MemorySessionStore() as other:
        SessionManager(store=other).save(session)
        session.add_message("assistant", "Hi.")
        manager.save(session)

    found = manager.get_session(session.session_id)
    assert found is not None
    assert texts(found) == [("user", "Hello!"), ("assistant", "Hi.")]


def test_a_session_does_not_overwrite_another_with_its_id(manager: SessionManager) -> None:
    first, second = Session(session_id="s1"), Session(session_id="s1")
    first.add_message("user", "first")
    second.add_message("user", "second")
    manager.save(first)
    with pytest.raises(SessionExistsError):
        manager.save(second)

    found = manager.get_session("s1")
    assert found is not None
    assert texts(found) == [("user", "first")]
    assert texts(second) == [("user", "second")]


def test_two_processes_that_get_add_and_save_lose_no_message(tmp_path: Path, manager: SessionManager) -> None:
    session = manager.create_session("ada")
    with SQLiteSessionStore(tmp_path / "sessions.db") as store:
        other = SessionManager(store=store)
        theirs = other.get_session(session.session_id)
        assert theirs is not None
        session.add_message("user", "one")
        theirs.add_message("user", "two")
        session.set_state("a", 1)
        theirs.set_state("b", 2)
        other.save(theirs)
        manager.save(session)

    assert texts(session) == [("user", "one"), ("user", "two")]
    assert session.state == {"a": 1, "b": 2}


def test_a_process_that_is_killed_loses_no_message(tmp_path: Path, manager: SessionManager) -> None:
    program = f"""
import os, signal
from turnlog.compat.pyai.sessions import SessionManager, SQLiteSessionStore
manager = SessionManager(store=SQLiteSessionStore({str(tmp_path / "sessions.db")!r}))
manager.create_session("ada").add_message("user", "Hello!")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-P", "-c", program], check=False)

    (session,) = manager.get_sessions_for_user("ada")
    assert texts(session) == [("user", "Hello!")]


# The sessions of a manager


def test_the_session_used_last_comes_first(manager: SessionManager) -> None:
    first, second = manager.create_session("ada"), manager.create_session("ada")
    manager.create_session("bob")
    assert manager.get_sessions_for_user("ada") == [second, first]
    first.add_message("user", "Hello!")

    assert manager.get_sessions_for_user("ada") == [first, second]
    assert manager.get_sessions_for_user("eve") == []


def test_an_archived_session_is_read_only_and_can_be_deleted(manager: SessionManager) -> None:
    session, other = manager.create_session("ada"), manager.create_session("ada")
    used = session.updated_at
    session.archive()
    manager.archive(other.session_id)

    assert (session.status, other.status, session.updated_at) == ("archived", "archived", used)
    assert manager.get_session(session.session_id) == session
    assert manager.get_sessions_for_user("ada") == []
    with pytest.raises(SessionNotActiveError):
        session.add_message("user", "Hello!")
    manager.delete(session.session_id)
    assert manager.get_session(session.session_id) is None


def test_sessions_that_were_not_used_are_archived_once(manager: SessionManager) -> None:
    session = manager.create_session("ada")
    used = session.updated_at

    assert manager.archive_inactive(days=30) == []
    assert manager.archive_inactive(days=0) == [session.session_id]
    assert manager.archive_inactive(days=0) == []
    assert (session.status, session.updated_at) == ("archived", used)


def test_a_deleted_session_is_gone_and_its_record_is_not(store: SQLiteSessionStore, manager: SessionManager) -> None:
    session = manager.create_session("ada")
    session.add_message("user", "Hello!")
    manager.delete(session.session_id)

    assert manager.get_session(session.session_id) is None
    with pytest.raises(SessionNotFoundError):
        manager.delete(session.session_id)
    assert [event.name for event in store.turnlog.read(session.session_id)][-2:] == [
        "message.appended",
        "session.deleted",
    ]


def test_all_sessions_are_cleared_without_confirmation(manager: SessionManager) -> None:
    session = manager.create_session("ada")
    session.turnlog.fork_session(name="fork")
    session.archive()

    assert manager.clear_all() == 2
    assert manager.clear_all() == 0
    assert manager.get_session(session.session_id) is None


def test_a_session_goes_through_its_lifecycle(store: SQLiteSessionStore, manager: SessionManager) -> None:
    session = manager.create_session("ada")
    session.add_message("user", "Hello!")
    session.add_message("assistant", "Hi.")
    manager.save(session)
    found = manager.get_session(session.session_id)
    assert found is not None
    found.add_message("user", "More.")
    found.archive()
    manager.delete(found.session_id)

    assert session.status == "deleted"
    assert [event.name for event in store.turnlog.read(session.session_id)] == [
        *("session.started", "branch.created"),
        *("message.appended", "message.appended", "message.appended"),
        *("session.archived", "session.deleted"),
    ]


# Stores


def test_only_a_store_in_memory_is_cleared_on_restart(tmp_path: Path, redis_server: Any) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}"
    kinds: list[tuple[Callable[[], Any], int]] = [
        (lambda: SQLiteSessionStore(tmp_path / "sessions.db"), 1),
        (lambda: RedisSessionStore(url, "restart:", 60), 1),
        (MemorySessionStore, 0),
    ]
    for opened, left in kinds:
        with opened() as store:
            SessionManager(store=store).create_session("ada").add_message("user", "Hello!")
        with opened() as store:
            manager = SessionManager(store=store)
            assert [texts(each) for each in manager.get_sessions_for_user("ada")] == [[("user", "Hello!")]] * left
    with redis_server.client() as client:
        client.delete(*client.scan_iter(match="restart:*"))


def test_a_store_is_awaited_as_well(store: SQLiteSessionStore, manager: SessionManager) -> None:
    async def program() -> None:
        session = Session(session_id="s1", user_id="ada")
        session.add_message("user", "Hello!")
        await store.save(session)
        found = await store.get("s1")
        assert found is not None
        assert texts(found) == [("user", "Hello!")]
        assert await store.list_for_user("ada") == [session]
        await store.delete("s1")
        assert await store.get("s1") is None
        assert await store.list_for_user("ada") == []

    asyncio.run(program())
    assert manager.get_session("s1") is None


def test_the_name_of_the_table_is_a_view_of_the_sessions(tmp_path: Path) -> None:
    import sqlite3

    with SQLiteSessionStore(path=tmp_path / "sessions.db", table_name="chats") as store:
        session = SessionManager(store=store).create_session("ada")
    with sqlite3.connect(tmp_path / "sessions.db") as database:
        assert database.execute("SELECT session, user FROM chats").fetchall() == [(session.session_id, "ada")]
    database.close()
    with pytest.raises(InvalidValueError, match="table_name"):
        SQLiteSessionStore(tmp_path / "sessions.db", table_name='x"; DROP TABLE events; --')


def test_keys_of_different_prefixes_are_different_stores(redis_server: Any) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}"
    with RedisSessionStore(url, "one:", 60) as one, RedisSessionStore(url, "two:", 60) as two:
        session = SessionManager(store=one).create_session("ada")
        assert SessionManager(store=two).get_session(session.session_id) is None
        with redis_server.client() as client:
            names = list(client.scan_iter(match="one:*"))
            assert 0 < client.pttl(f"one:{{one:}}:entry:{session.session_id}") <= 60_000
            client.delete(*names, *client.scan_iter(match="two:*"))
    with pytest.raises(InvalidValueError, match="prefix"):
        RedisSessionStore(url, "a{b}")


def test_what_is_no_store_raises() -> None:
    with pytest.raises(InvalidValueError, match="expected a SessionStore"):
        SessionManager(store=object())  # type: ignore[arg-type]  # that is tested


def test_without_a_store_sessions_are_in_the_default_store(server: ModelServer) -> None:
    session = SessionManager().create_session("ada")
    session.add_message("user", "Hello!")

    assert [message.text for message in turnlog.Session.open(session.session_id).messages] == ["Hello!"]


# Custom stores


class PostgresSessionStore(SessionStore):
    """The custom store of the document, with its methods filled in."""

    def __init__(self, connection_string: str) -> None:
        self.db = psycopg.connect(connection_string, autocommit=True)
        self.db.execute("CREATE TABLE IF NOT EXISTS chats (id text PRIMARY KEY, user_id text, session jsonb)")
        self.loops: set[Any] = set()

    async def save(self, session: Session) -> None:
        self.loops.add(asyncio.get_running_loop())
        row = (session.session_id, session.user_id, json.dumps(session.to_dict()))
        self.db.execute(
            "INSERT INTO chats VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET session = excluded.session", row
        )

    async def get(self, session_id: str) -> Session | None:
        row = self.db.execute("SELECT session FROM chats WHERE id = %s", [session_id]).fetchone()
        return None if row is None else Session.from_dict(row[0])

    async def delete(self, session_id: str) -> None:
        self.db.execute("DELETE FROM chats WHERE id = %s", [session_id])

    async def list_for_user(self, user_id: str) -> list[Session]:
        rows = self.db.execute("SELECT session FROM chats WHERE user_id = %s", [user_id]).fetchall()
        return [Session.from_dict(session) for (session,) in rows]


@pytest.fixture
def custom(postgres_database: PostgresDatabase) -> Iterator[PostgresSessionStore]:
    """A custom store in PostgreSQL."""
    store = PostgresSessionStore(postgres_database.address())
    yield store
    store.db.close()


def test_sessions_in_a_custom_store(custom: PostgresSessionStore) -> None:
    with SessionManager(store=custom) as manager:
        session = manager.create_session("ada", {"channel": "web"})
        session.add_message("user", "Hello!")
        session.set_state("topic", "PyAI")
        manager.save(session)
    with SessionManager(store=custom) as manager:
        found = manager.get_session(session.session_id)
        assert found is not None
        assert texts(found) == [("user", "Hello!")]
        assert (found.user_id, found.metadata, found.state) == ("ada", {"channel": "web"}, {"topic": "PyAI"})
        assert found.turnlog.position == session.turnlog.position
        assert [each.session_id for each in manager.get_sessions_for_user("ada")] == [session.session_id]
        manager.archive(session.session_id)
        assert manager.get_sessions_for_user("ada") == []
    with SessionManager(store=custom) as manager:
        found = manager.get_session(session.session_id)
        assert found is not None
        assert found.status == "archived"
        manager.delete(session.session_id)
    with SessionManager(store=custom) as manager:
        assert manager.get_session(session.session_id) is None


def test_a_custom_store_is_called_where_an_event_loop_runs(custom: PostgresSessionStore) -> None:
    async def program() -> Session | None:
        with SessionManager(store=custom) as manager:
            session = manager.create_session("ada")
            session.add_message("user", "Hello!")
            manager.save(session)
            assert asyncio.get_running_loop() not in custom.loops
            return manager.get_session(session.session_id)

    found = asyncio.run(program())
    assert found is not None
    assert texts(found) == [("user", "Hello!")]


def test_a_save_in_a_custom_store_overwrites_no_other(custom: PostgresSessionStore) -> None:
    one = SessionManager(store=custom)
    session = one.create_session("ada")
    one.save(session)
    with SessionManager(store=custom) as two:
        theirs = two.get_session(session.session_id)
        assert theirs is not None
        theirs.add_message("user", "theirs")
        two.save(theirs)
    session.add_message("user", "ours")

    with pytest.raises(PositionConflictError):
        one.save(session)
    one.turnlog.discard(session.turnlog)
    again = one.get_session(session.session_id)
    assert again is not None
    assert texts(again) == [("user", "theirs")]
    one.close()


def test_a_custom_store_gets_at_the_end_what_was_not_saved(custom: PostgresSessionStore) -> None:
    with SessionManager(store=custom) as manager:
        session = manager.create_session("ada")
        session.add_message("user", "Hello!")
    found = asyncio.run(custom.get(session.session_id))

    assert found is not None
    assert texts(found) == [("user", "Hello!")]


def test_a_custom_store_that_rebuilds_sessions_from_their_fields() -> None:
    class Rows(SessionStore):
        rows: dict[str, Any] = {}  # noqa: RUF012 one store

        async def save(self, session: Session) -> None:
            self.rows[session.session_id] = json.dumps([session.user_id, session.metadata, texts(session)])

        async def get(self, session_id: str) -> Session | None:
            if session_id not in self.rows:
                return None
            user, metadata, messages = json.loads(self.rows[session_id])
            session = Session(session_id=session_id, user_id=user, metadata=metadata)
            for role, content in messages:
                session.add_message(role, content)
            return session

        async def delete(self, session_id: str) -> None:
            del self.rows[session_id]

        async def list_for_user(self, user_id: str) -> list[Session]:
            found = [await self.get(each) for each in self.rows]
            return [each for each in found if each is not None and each.user_id == user_id]

    with SessionManager(store=Rows()) as manager, SessionManager(store=Rows()) as other:
        session = manager.create_session("ada", {"channel": "web"})
        for content in ("one", "two"):
            session.add_message("user", content)
            manager.save(session)
        (found,) = other.get_sessions_for_user("ada")
        assert texts(found) == [("user", "one"), ("user", "two")]
        found.add_message("user", "three")
        other.save(found)
        again = manager.get_session(session.session_id)
        assert again is not None
        assert texts(again)[2:] == [("user", "three")]
        with pytest.raises(NotSupportedError):
            manager.clear_all()


def test_a_dict_that_is_no_session_raises() -> None:
    for given in ({}, {"record": 1}, {"record": "?"}, None):
        with pytest.raises(InvalidValueError, match="a session cannot be read"):
            Session.from_dict(given)  # type: ignore[arg-type]  # that is tested


# Agents


def test_an_agent_calls_its_tools_and_the_run_is_a_session(server: ModelServer, store: SQLiteSessionStore) -> None:
    def square(number: int) -> int:
        """Squares a number."""
        return number * number

    server.will_call(("call-1", "square", '{"number": 3}'))
    server.will("9.")
    agent = Agent(name="Assistant", instructions="You are helpful.", model="gpt-4o-mini", tools=[square])
    result = asyncio.run(Runner.run_async(agent, "3 squared?", store=store.turnlog))

    assert result.final_output == "9."
    assert server.requests[0].body["model"] == "gpt-4o-mini"
    ordinary = turnlog.Session.open(result.turnlog.id, store=store.turnlog)
    assert ordinary.name == "Assistant"
    assert [message.role.value for message in ordinary.messages] == ["system", "user", "assistant", "tool", "assistant"]


def test_a_run_leaves_nothing_behind_unless_a_store_is_named(server: ModelServer, tmp_path: Path) -> None:
    server.will("Hi.")
    result = asyncio.run(Runner.run_async(Agent("Assistant"), "Hello!"))

    assert (result.final_output, list(tmp_path.iterdir())) == ("Hi.", [])
    assert [message.text for message in result.turnlog.messages] == ["Hello!", "Hi."]


def test_a_failed_run_raises(server: ModelServer, store: SQLiteSessionStore) -> None:
    from tests.model_server import Reply

    server.will(Reply("no", status=400))
    with pytest.raises(TurnlogError):
        asyncio.run(Runner.run_async(Agent("Assistant"), "Hello!", store=store.turnlog))
    (entry,) = store.turnlog.sessions()
    assert [message.text for message in turnlog.Session.open(entry.session, store=store.turnlog).messages] == ["Hello!"]
