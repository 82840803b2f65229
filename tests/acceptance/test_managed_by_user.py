"""Sessions of users: a manager as servers use it, over stores that are named for where they keep."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnlog import Session, SessionManager, open_store
from turnlog.errors import InvalidValueError, PositionConflictError, SessionNotActiveError, SessionNotFoundError
from turnlog.manager import AsyncSessionStorage
from turnlog.stores import MemorySessionStore, RedisSessionStore, SQLiteSessionStore


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[SessionManager]:
    with SQLiteSessionStore(tmp_path / "sessions.db") as store, SessionManager(store=store) as manager:
        yield manager


def test_a_session_of_a_user_is_created_filled_saved_and_found_by_its_id(tmp_path: Path) -> None:
    with SQLiteSessionStore(str(tmp_path / "sessions.db")) as store:
        manager = SessionManager(store=store)
        session = manager.create_session(user="user123")
        session.add("user", "Hello!")
        session.add("assistant", "Hi there!")
        manager.save(session)
        session = manager.get_session(session.id)
        assert [(message.role, message.text) for message in session.messages] == [
            ("user", "Hello!"),
            ("assistant", "Hi there!"),
        ]
        manager.close()
        assert not store.closed


def test_a_session_has_messages_metadata_and_state(tmp_path: Path) -> None:
    with MemorySessionStore() as store:
        session = Session(
            session_id="sess_abc123", user="user123", metadata={"channel": "web", "language": "en"}, store=store
        )
        session.add("user", "What is PYAI?")
        session.add("assistant", "PYAI is an intelligence engine.")
        assert [f"{msg.role}: {msg.content}" for msg in session.messages] == [
            "user: What is PYAI?",
            "assistant: PYAI is an intelligence engine.",
        ]
        session.set_state("last_topic", "PYAI")
        assert session.get_state("last_topic") == "PYAI"
        assert session.get_state("nothing") is None
        assert session.created_at <= session.updated_at
        assert session.message_count == 2
        assert (session.id, session.user) == ("sess_abc123", "user123")


def test_a_store_is_made_with_a_path_and_a_name_for_its_table(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SQLiteSessionStore(path=path, table_name="chats") as store:
        SessionManager(store=store).create_session("hello")
    with SQLiteSessionStore(path=path, table_name="sessions") as store:
        assert [entry.name for entry in store.sessions()] == ["hello"]


def test_sessions_of_many_servers_are_kept_in_redis_for_a_day_after_their_last_use(redis_server: Any) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}"
    with (
        RedisSessionStore(url=url, prefix="pyai:sessions:", ttl=86400) as store,
        RedisSessionStore(url=url, prefix="pyai:sessions:", ttl=86400) as elsewhere,
    ):
        SessionManager(store=store).create_session("chat", user="user123").add("user", "Hello!")
        (session,) = SessionManager(store=elsewhere).get_sessions_for_user("user123")
        assert session.get_messages() == [{"role": "user", "content": "Hello!"}]
        with redis_server.client() as client:
            names = list(client.scan_iter(match="{pyai:sessions:}:*"))
            assert 86_000_000 < client.pttl(f"{{pyai:sessions:}}:entry:{session.id}") <= 86_400_000
            assert names
            client.delete(*names)


@pytest.mark.parametrize("name", ["", "a b", 'x"; DROP TABLE events; --', "1st", "x" * 64, "events", "catalogue", None])
def test_a_name_for_a_table_that_cannot_be_one_is_refused(tmp_path: Path, name: Any) -> None:
    with pytest.raises(InvalidValueError, match="table_name is"):
        SQLiteSessionStore(tmp_path / "sessions.db", table_name=name)


@pytest.mark.parametrize(("field", "value"), [("prefix", "a{b}"), ("prefix", ""), ("ttl", 0), ("ttl", True)])
def test_a_prefix_or_a_time_to_live_that_cannot_be_one_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=f"{field} is"):
        RedisSessionStore(**{field: value})


def test_an_agent_goes_on_with_the_last_session_of_its_user(manager: SessionManager) -> None:
    async def run_async(agent: Any, message: str, history: list[dict[str, Any]]) -> Any:
        return SimpleNamespace(final_output=f"{len(history)} before {message!r}")

    async def chat(user_id: str, message: str) -> str:
        sessions = manager.get_sessions_for_user(user_id)
        session = sessions[0] if sessions else manager.create_session(user=user_id)
        history = [{"role": msg.role, "content": msg.content} for msg in session.messages]
        result = await run_async("agent", message, history=history)
        session.add("user", message)
        session.add("assistant", result.final_output)
        manager.save(session)
        return str(result.final_output)

    assert asyncio.run(chat("ada", "one")) == "0 before 'one'"
    assert asyncio.run(chat("ada", "two")) == "2 before 'two'"
    assert asyncio.run(chat("bob", "three")) == "0 before 'three'"
    older, newer = manager.create_session(user="ada"), manager.create_session(user="ada")
    older.add("user", "used last")
    assert [session.id for session in manager.get_sessions_for_user("ada")[:2]] == [older.id, newer.id]
    assert manager.get_sessions_for_user("nobody") == []


def test_the_life_of_a_session_from_creation_to_deletion(manager: SessionManager) -> None:
    session = manager.create_session(user="ada")
    assert session.status == "active"
    session.add("user", "hello")
    manager.save(session)
    assert manager.get_session(session.id).status == "active"
    session.archive()
    assert session.status == "archived"
    with pytest.raises(SessionNotActiveError, match="restore it first"):
        session.add("user", "too late")
    assert manager.get_sessions_for_user("ada") == []
    assert manager.get_sessions_for_user("ada", include_archived=True) == [session]
    manager.restore(session.id)
    session.add("user", "in time")
    manager.archive(session)
    manager.delete(session.id)
    with pytest.raises(SessionNotFoundError):
        manager.get_session(session.id)
    assert manager.get_sessions_for_user("ada", include_archived=True) == []


def test_inactive_sessions_are_archived_and_do_not_count_as_used_by_that(manager: SessionManager) -> None:
    session = manager.create_session("quiet", user="ada")
    before = session.updated_at
    assert manager.archive_inactive(days=30) == []
    assert manager.archive_inactive(days=0) == [session.id]

    assert (session.status, session.updated_at) == ("archived", before)
    assert manager.list_sessions(status="archived")[0].updated_at == before
    assert manager.archive_inactive(days=0) == []
    with pytest.raises(InvalidValueError, match="days is -1: expected a number from 0 to 365000"):
        manager.archive_inactive(-1)


def test_all_sessions_are_cleared_only_when_that_is_confirmed(manager: SessionManager) -> None:
    parent = manager.create_session("parent")
    parent.add("user", "hello")
    manager.create_session("child", branch_from="parent")
    manager.create_session(user="ada")

    with pytest.raises(InvalidValueError, match="expected confirm=True"):
        manager.clear_all()
    assert len(manager.list_sessions()) == 3
    assert manager.clear_all(confirm=True) == 3
    assert manager.list_sessions() == []


class Kept(AsyncSessionStorage):
    """Storage of one's own that is awaited; its tables are a dict that several managers may share."""

    def __init__(self, tables: dict[str, bytes]) -> None:
        self.tables = tables
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def save(self, session: Session) -> None:
        await self._pause()
        self.tables[session.id] = session.record()

    async def get(self, session_id: str) -> Session | None:
        await self._pause()
        record = self.tables.get(session_id)
        return None if record is None else Session.from_record(record)

    async def delete(self, session_id: str) -> None:
        await self._pause()
        del self.tables[session_id]

    async def list_for_user(self, user_id: str) -> list[Session]:
        found = [Session.from_record(record) for record in self.tables.values()]
        return [session for session in found if session.user == user_id]

    async def _pause(self) -> None:
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)


class Rebuilding(Kept):
    """Storage that makes sessions anew of their id, user and messages."""

    async def get(self, session_id: str) -> Session | None:
        if session_id not in self.tables:
            return None
        with open_store("memory://") as store:
            found = Session.from_record(self.tables[session_id], store=store)
            return Session(session_id=session_id, user=found.user, messages=list(found.messages))


def test_awaited_storage_that_rebuilds_sessions_is_read_each_time() -> None:
    tables: dict[str, bytes] = {}
    with SessionManager(store=Rebuilding(tables)) as one, SessionManager(store=Rebuilding(tables)) as two:
        session = one.create_session(user="ada")
        for text in ("one", "two"):
            session.add("user", text)
            one.save(session)
        theirs = two.get_session(session.id)
        theirs.add("user", "three")
        two.save(theirs)

        assert [message.text for message in one.get_session(session.id).messages] == ["one", "two", "three"]


def test_storage_that_is_awaited_is_called_from_inside_and_outside_of_an_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Kept({})

    async def inside() -> str:
        async with SessionManager(store=kept) as manager:
            session = manager.create_session(user="ada")
            session.add("user", "hello")
            session.set_state("k", 1)
            manager.save(session)
            other = await manager.acreate_session("named", user="ada")
            await other.aadd("user", "hello again")
            await manager.asave(other)
            return session.id

    id = asyncio.run(inside())
    assert kept.tables.keys() == {id, "named"}
    with SessionManager(store=kept) as manager:
        session = manager.get_session(id)
        assert [message.text for message in session.messages] == ["hello"]
        assert session.get_state("k") == 1
        assert session.message_count == 1
        assert manager.get_session_info(id) is not None
        assert {each.id for each in manager.get_sessions_for_user("ada")} == {id, "named"}
        manager.delete(id)
        with pytest.raises(SessionNotFoundError):
            manager.get_session(id)
    assert len(kept.loops) == 2  # one for each manager
    assert list(tmp_path.iterdir()) == []


def test_two_managers_do_not_save_over_one_another_in_storage_of_ones_own() -> None:
    tables: dict[str, bytes] = {}
    with SessionManager(store=Kept(tables)) as one, SessionManager(store=Kept(tables)) as other:
        mine = one.create_session("shared")
        mine.add("user", "first")
        one.save(mine)
        theirs = other.create_session("shared")
        theirs.add("user", "theirs")
        other.save(theirs)
        mine.add("user", "mine")
        with pytest.raises(PositionConflictError):
            one.save(mine)

        fresh = Session.from_record(tables["shared"], store=one.store)
        assert [message.text for message in fresh.messages] == ["first", "theirs"]
        one.discard(mine)
        assert [message.text for message in one.create_session("shared").messages] == ["first", "theirs"]


def test_of_many_tasks_that_create_a_name_in_storage_of_ones_own_all_get_the_same_session() -> None:
    kept = Kept({})

    async def main() -> list[str]:
        async with SessionManager(store=kept) as manager:

            async def one(number: int) -> None:
                session = await manager.acreate_session(f"s{number % 2}", user="ada")
                await session.aadd("user", str(number))
                await manager.asave(session)

            await asyncio.gather(*(one(number) for number in range(10)))
            return [message.text for message in manager.get("s0").messages]

    assert sorted(asyncio.run(main())) == ["0", "2", "4", "6", "8"]
    with MemorySessionStore() as store:
        other = Session.from_record(kept.tables["s1"], store=store)
        assert sorted(message.text for message in other.messages) == ["1", "3", "5", "7", "9"]
