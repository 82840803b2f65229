"""The blocks of PyAI's document."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction, signature
from typing import Any, Optional

import psycopg

import turnlog
from tests.compat.running import NotRun, Ran, Run, Table, World
from turnlog.compat.pyai import sessions as pyai

DIAGRAM = NotRun("a diagram, not a program")
FILES = NotRun("the names of the modules, which test_pyai.py compares with the package")
HELLO = [("user", "Hello!"), ("assistant", "Hi there!")]


# What the document uses and nowhere defines


def a_session(world: World) -> Mapping[str, Any]:
    """The id of a session in the store of the block before."""
    manager = pyai.SessionManager(pyai.SQLiteSessionStore(world.folder / "sessions.db"))
    session = manager.create_session("user123")
    session.add_message("user", "Delete me.")
    return {"session_id": session.session_id}


def postgres(world: World) -> Mapping[str, Any]:
    """A function that connects to PostgreSQL, and the types of the annotations."""
    return {"connect": psycopg.connect, "Optional": Optional, "List": list}


def redis_address(world: World) -> dict[str, str]:
    """The address of the Redis server of the test."""
    port = world.request.getfixturevalue("redis_server").port
    return {"redis://localhost:6379": f"redis://127.0.0.1:{port}"}


# What is checked


def recorded(ran: Ran, file: str, session: str) -> list[tuple[str, str]]:
    """Role and text of the messages of a session, read from a file as an ordinary session."""
    with turnlog.open_store(ran.world.folder / file) as store:
        return [(each.role.value, each.text) for each in turnlog.Session.open(session, store=store).messages]


def basic_usage(ran: Ran) -> None:
    session = ran["session"]
    assert session.user_id == "user123"
    assert [(message.role, message.content) for message in session.messages] == HELLO
    assert recorded(ran, "sessions.db", session.session_id) == HELLO


def session_object(ran: Ran) -> None:
    session = ran["session"]
    lines = ran.output.splitlines()
    assert lines[:2] == ["user: What is PYAI?", "assistant: PYAI is an intelligence engine."]
    assert lines[4] == "2"
    created, updated = map(datetime.fromisoformat, lines[2:4])
    assert created <= updated <= datetime.now(UTC) <= created + timedelta(minutes=10)
    assert (session.session_id, session.user_id) == ("sess_abc123", "user123")
    assert session.metadata == {"channel": "web", "language": "en"}
    assert ran["topic"] == "PYAI"

    with pyai.SQLiteSessionStore("sessions.db") as store:
        pyai.SessionManager(store=store).save(session)
        ordinary = turnlog.Session.open("sess_abc123", store=store.turnlog)
        assert (ordinary.user, ordinary.state, ordinary.message_count) == ("user123", {"last_topic": "PYAI"}, 2)
        assert ordinary.position == session.turnlog.position == 5


def sqlite_store(ran: Ran) -> None:
    session = pyai.SessionManager(store=ran["store"]).create_session("user123")
    session.add_message("user", "Hello!")
    ran["store"].close()
    assert recorded(ran, "sessions.db", session.session_id) == [("user", "Hello!")]


def redis_store(ran: Ran) -> None:
    session = pyai.SessionManager(store=ran["store"]).create_session("user123")
    session.add_message("user", "Hello!")
    server = ran.world.request.getfixturevalue("redis_server")
    with pyai.RedisSessionStore(f"redis://127.0.0.1:{server.port}", "pyai:sessions:") as elsewhere:
        (found,) = pyai.SessionManager(store=elsewhere).get_sessions_for_user("user123")
        assert [message.content for message in found.messages] == ["Hello!"]
        assert elsewhere.turnlog.verify().faults == ()
    with server.client() as client:
        names = [name.decode() if isinstance(name, bytes) else name for name in client.scan_iter()]
        ours = [name for name in names if name.startswith("pyai:sessions:")]
        (entry,) = [name for name in ours if name.endswith(f":entry:{session.session_id}")]
        assert 86_000_000 < client.pttl(entry) <= 86_400_000
        client.delete(*ours)
    ran["store"].close()


def memory_store(ran: Ran) -> None:
    manager = pyai.SessionManager(store=ran["store"])
    session = manager.create_session("user123")
    assert manager.get_session(session.session_id) == session
    assert pyai.SessionManager(store=pyai.MemorySessionStore()).get_session(session.session_id) is None
    assert list(ran.world.folder.iterdir()) == []


def agents(ran: Ran) -> None:
    chat = ran["chat"]
    assert asyncio.run(chat("user123", "Hello!")) == "Hi there!"
    assert asyncio.run(chat("user123", "And now?")) == "Now more."
    (session,) = ran["manager"].get_sessions_for_user("user123")
    assert recorded(ran, "chat.db", session.session_id) == [
        *HELLO,
        ("user", "And now?"),
        ("assistant", "Now more."),
    ]
    first, second = ran.world.server.requests
    assert [(each["role"], each["content"]) for each in first.body["messages"]] == [
        ("system", "You are helpful."),
        ("user", "Hello!"),
    ]
    assert [(each["role"], each["content"]) for each in second.body["messages"]] == [
        ("system", "You are helpful."),
        *HELLO,
        ("user", "And now?"),
    ]


def management(ran: Ran) -> None:
    assert ran["manager"].get_session(ran["session_id"]) is None
    assert ran["manager"].get_sessions_for_user("user123") == []
    assert len(ran["sessions"]) == 2
    with turnlog.open_store(ran.world.folder / "sessions.db") as store:
        assert [entry.status for entry in store.sessions()] == ["deleted", "deleted"]


def custom_store(ran: Ran) -> None:
    database = ran.world.request.getfixturevalue("postgres_database")
    printed = ran["PostgresSessionStore"]
    store = printed(database.address())
    assert issubclass(printed, pyai.SessionStore)
    for name in pyai.SessionStore.__abstractmethods__:
        ours, theirs = getattr(pyai.SessionStore, name), getattr(printed, name)
        assert list(signature(ours).parameters) == list(signature(theirs).parameters)
        assert iscoroutinefunction(ours)
        assert iscoroutinefunction(theirs)
    assert store.db.execute("SELECT 1").fetchone() == (1,)
    with pyai.SessionManager(store=store) as manager:
        manager.save(manager.create_session("user123"))
        assert manager.get_session("missing") is None
    store.db.close()


TABLE: Table = {
    1: DIAGRAM,
    2: FILES,
    3: Run(basic_usage),
    4: Run(session_object),
    5: Run(sqlite_store),
    6: Run(redis_store, replace=redis_address, because="the test has a Redis server of its own"),
    7: Run(memory_store),
    8: DIAGRAM,
    9: Run(agents, replies=("Hi there!", "Now more.")),
    10: DIAGRAM,
    11: Run(management, after=(3,), given=a_session),
    12: Run(custom_store, given=postgres),
}
