"""A real server, a prefix of its own for each test, and looks at what lies under it.

Tests cannot import their siblings, so the kit comes as fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.infrastructure.fold_check import FoldCheck
from turnlog.infrastructure.redis.address import parse_address
from turnlog.infrastructure.redis.recorder import RedisRecorder
from turnlog.infrastructure.store import Store

if TYPE_CHECKING:
    import redis

    from tests.redis_server import RedisServer

_prefixes = count()


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets events be appended that do not follow from those before them: how they are stored depends on none of it."""
    monkeypatch.setattr(FoldCheck, "fold_appends", lambda check, appends: list(appends))
    monkeypatch.setattr(FoldCheck, "append", lambda check, append, record: record(append))


class Clock:
    """A clock that says what it was set to, in microseconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


class Place:
    """The part of the server that a test has to itself."""

    def __init__(self, server: RedisServer, client: redis.Redis) -> None:
        self.server = server
        self.client = client
        self.prefix = f"test-{next(_prefixes)}"
        self.clock = Clock()
        self._closing = ExitStack()

    def address(self, *, tcp: bool = False, **options: object) -> str:
        """The address of the store here."""
        return self.server.address(tcp=tcp, **{"prefix": self.prefix, **options})

    def recorder(self, **options: Any) -> RedisRecorder:
        """A recorder of the store here; closed at the end of the test."""
        return self.recorder_at(self.address(**options))

    def recorder_at(self, address: str) -> RedisRecorder:
        """A recorder of a store; closed at the end of the test."""
        recorder = RedisRecorder(parse_address(address))
        self._closing.callback(recorder.close)
        return recorder

    def store(self, **options: Any) -> Store:
        """The store here, as one process has it; closed at the end of the test."""
        store = Store(self.recorder(**options), self.clock)
        self._closing.callback(store.close)
        return store

    def key(self, *parts: str) -> str:
        """The name of a key."""
        return f"{{{self.prefix}}}:{':'.join(parts)}"

    def names(self) -> set[str]:
        """The names of all keys, behind the prefix."""
        found = self.client.scan_iter(match=self.key("*"), count=1000)
        return {name.decode().partition("}:")[2] for name in found}

    def names_of(self, session: str) -> set[str]:
        """The names of the keys of a session, but for that of its natural key."""
        return {name for name in self.names() if name.partition(":")[2] == session}

    def members(self, index: str) -> list[str]:
        """The members of a sorted set, in order."""
        found: Any = self.client.zrange(self.key(index), 0, -1)
        return [member.decode() for member in found]

    def expire(self, session: str) -> None:
        """Makes the time of a session come, as if nobody had appended to it for as long as it may live."""
        for name in self.names():
            owner: Any = self.client.get(self.key(name)) if name.startswith("key:") else None
            if name.partition(":")[2] == session or owner == session.encode():
                assert self.client.pttl(self.key(name)) > 0
                self.client.pexpireat(self.key(name), 1)
        (member,) = (name for name in self.members("expiries") if name.endswith(session))
        self.client.zadd(self.key("expiries"), {member: 1})

    def clear(self) -> None:
        """Takes away what was written."""
        for name in self.names():
            self.client.delete(self.key(name))

    def close(self) -> None:
        """Closes what was opened, and takes away what was written."""
        self._closing.close()
        self.clear()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """The driver, to look behind the store's back."""
    with redis_server.client() as connected:
        yield connected


@pytest.fixture
def place(redis_server: RedisServer, client: redis.Redis) -> Iterator[Place]:
    """The part of the server that a test has to itself."""
    own = Place(redis_server, client)
    yield own
    own.close()


@pytest.fixture
def store(place: Place) -> Store:
    """An empty store without a time to live."""
    return place.store()
