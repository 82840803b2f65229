"""The stores that the contract is held against. A store joins with a line in STORES.

Tests cannot import their siblings, so the kit comes as fixtures: `stores` makes and reopens stores of one kind,
`store` is one that is open and empty, `clock` what it takes for the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from turnlog.infrastructure.fold_check import FoldCheck
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.postgres.recorder import PostgresRecorder
from turnlog.infrastructure.redis.address import parse_address
from turnlog.infrastructure.redis.recorder import RedisRecorder
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder
from turnlog.infrastructure.store import Store


class Clock:
    """A clock that says what it was set to, in microseconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


def _on_postgres(place: Path, clock: Clock, server: Any) -> Store:
    schema = f"s{sha256(bytes(place)).hexdigest()[:16]}"
    return Store(PostgresRecorder(f"{server.address('postgres')}&schema={schema}"), clock)


def _on_redis(place: Path, clock: Clock, server: Any) -> Store:
    prefix = sha256(bytes(place)).hexdigest()[:16]
    return Store(RedisRecorder(parse_address(server.address(prefix=prefix))), clock)


Opened = Callable[[Path, Clock, Any], Store]
"""Opens the store that is kept at a place (or a new one if nothing is kept there yet), on the server it needs."""

STORES: dict[str, Opened] = {
    "memory": lambda place, clock, _: Store(MemoryRecorder(), clock),
    "postgres": _on_postgres,
    "redis": _on_redis,
    "sqlite": lambda place, clock, _: Store(SQLiteRecorder(place / "turnlog.db"), clock),
}

SERVERS = {"postgres": "postgres_server", "redis": "redis_server"}
"""The fixture that answers with the server that a kind of store needs."""

GONE_WHEN_CLOSED = frozenset({"memory"})


class Stores:
    """Stores of one kind, each in a place of its own."""

    def __init__(self, kind: str, folder: Path, clock: Clock, server: Any) -> None:
        self.kind = kind
        self.outlive_closing = kind not in GONE_WHEN_CLOSED
        self._folder = folder
        self._clock = clock
        self._server = server
        self._places: dict[Store, Path] = {}
        self._closing = ExitStack()

    def new(self) -> Store:
        """An empty store."""
        place = self._folder / str(len(self._places))
        place.mkdir()
        return self._opened(place)

    def beside(self, store: Store) -> Store:
        """The same record through another store, as another process has it; itself if it is in one process only."""
        return self._opened(self._places[store]) if self.outlive_closing else store

    def reopened(self, store: Store) -> Store:
        """The store, closed and opened again; itself if it would be gone."""
        if not self.outlive_closing:
            return store
        store.close()
        return self._opened(self._places[store])

    def close(self) -> None:
        """Closes all that were opened."""
        self._closing.close()

    def _opened(self, place: Path) -> Store:
        store = self._closing.enter_context(STORES[self.kind](place, self._clock, self._server))
        self._places[store] = place
        return store


@pytest.fixture
def clock() -> Clock:
    """What the stores take for the time."""
    return Clock()


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets any events be appended, whether a session can take them in or not, where only their reading is tested."""
    monkeypatch.setattr(FoldCheck, "fold_appends", lambda check, appends: list(appends))
    monkeypatch.setattr(FoldCheck, "append", lambda check, append, record: record(append))


@pytest.fixture(params=STORES)
def stores(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Stores]:
    """Stores of one kind; every test runs once per kind."""
    server = request.getfixturevalue(SERVERS[request.param]) if request.param in SERVERS else None
    kept = Stores(request.param, tmp_path, clock, server)
    yield kept
    kept.close()


@pytest.fixture
def store(stores: Stores) -> Store:
    """An empty store."""
    return stores.new()
