"""A database of its own for each test, ways to it that can be cut, and looks at what lies under it.

Tests cannot import their siblings, so the kit comes as fixtures.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.events import SessionRenamed, SessionStarted
from turnlog.domain.recorded_event import Provenance
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.postgres.recorder import PostgresRecorder
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, EncodedEvent, Row, encode_events
from turnlog.projections.catalogue import CatalogueEntry

if TYPE_CHECKING:
    from tests.servers import PostgresDatabase, PostgresServer


class Place:
    """A database with the tables of a store, and the stores that were opened on it."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.server: PostgresServer = database.server
        self._closing = ExitStack()

    def address(self, *, tcp: bool = False, port: int | None = None, **options: str) -> str:
        """The address of the store here: by the socket, by TCP, or by TCP through another port."""
        address = self.database.address(tcp=tcp or port is not None)
        if port is not None:
            address = address.replace(str(self.server.port), str(port))
        given = "&".join(f"{key}={value}" for key, value in options.items())
        return "&".join(filter(None, [address, given])) if "?" in address else "?".join(filter(None, [address, given]))

    def recorder(self, **where: Any) -> PostgresRecorder:
        """A recorder of the store here, as a process of its own has it; closed at the end of the test."""
        recorder = PostgresRecorder(self.address(**where))
        self._closing.callback(recorder.close)
        return recorder

    def store(self, **where: Any) -> Store:
        """The store here."""
        return Store(self.recorder(**where), lambda: 1_700_000_000_000_000)

    def store_at(self, address: str) -> Store:
        """The store at another address; closed at the end of the test."""
        recorder = PostgresRecorder(address)
        self._closing.callback(recorder.close)
        return Store(recorder)

    def connect(self) -> Any:
        """The driver, to look behind the store's back; closed at the end of the test."""
        return self._closing.enter_context(self.database.connect())

    def ask(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What lies under the store."""
        with self.database.connect() as connection:
            found: list[tuple[Any, ...]] = connection.execute(statement, parameters).fetchall()
        return found

    def until_waiting(self, backends: int) -> None:
        """Returns when so many of the server's processes wait for a lock."""
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        with self.database.connect() as connection:
            while connection.execute(waiting, [self.database.name]).fetchone()[0] < backends:
                pass

    def close(self) -> None:
        """Closes what was opened."""
        self._closing.close()


@pytest.fixture
def place(postgres_database: PostgresDatabase) -> Iterator[Place]:
    """A database with the tables of a store and nothing in them."""
    own = Place(postgres_database)
    yield own
    own.close()


@pytest.fixture
def recorder(place: Place) -> PostgresRecorder:
    """A recorder of an empty store."""
    return place.recorder()


def started(session: str = "s", key: str | None = None, **more: Any) -> AppendRequest:
    """An append that starts a session."""
    return AppendRequest(session, encode_events([SessionStarted(key=key)]), time=1_000, **more)


def renamed(name: str, session: str = "s", **more: Any) -> AppendRequest:
    """An append that can be told from others by a name."""
    return AppendRequest(session, encode_events([SessionRenamed(name)]), time=1_000, **more)


def names(rows: Sequence[Row] | Iterator[Row]) -> list[str]:
    """The names that sessions were given, in the order of the rows."""
    payloads = (json.loads(row.payload or b"") for row in rows if row.name == "session.renamed")
    return [payload["name"] for payload in payloads]


def record() -> tuple[list[CatalogueEntry], list[Row]]:
    """A record of two sessions, as it comes out of another store."""
    recorder = MemoryRecorder()
    keyed = encode_events(
        [SessionStarted(key="desk", name="n", user="ada", metadata={"a": ["\0"]}), SessionRenamed("m")]
    )
    recorder.append([AppendRequest("s", keyed, time=5, command_id="c", provenance=Provenance("ada", "run", 1))])
    recorder.append([started("t"), AppendRequest("s", [EncodedEvent("library.event", None, b"\xff\0", None)])])
    return list(recorder.read_entries()), recorder.read_all(limit=99)


class Kit:
    """Appends that can be told apart, and a record to restore."""

    record = staticmethod(record)
    started = staticmethod(started)
    renamed = staticmethod(renamed)
    names = staticmethod(names)


@pytest.fixture
def kit() -> Kit:
    """Appends that can be told apart, and a record to restore."""
    return Kit()


class Proxy:
    """A TCP port that leads to the server, and a way to cut it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cuts = 0
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._armed: Callable[[], None] | None = None
        self._on_question = False
        self._closed = Event()
        Thread(target=self._accept, daemon=True).start()

    def cut_at_answer(self, first: Callable[[], None] = lambda: None) -> None:
        """The next answer of the server is swallowed and its connection cut, after something else has been done."""
        self._armed, self._on_question = first, False

    def cut_at_question(self) -> None:
        """The next question to the server is swallowed and its connection cut."""
        self._armed, self._on_question = (lambda: None), True

    def cut_all(self) -> None:
        """All connections are cut now, at the client's end only; the server is not told."""
        with self._lock:
            for end in list(self._open):
                end.shutdown(socket.SHUT_RDWR)

    def close_door(self) -> None:
        """Nobody comes in any more; who is in stays in."""
        self._closed.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def close(self) -> None:
        """Closes everything."""
        self.close_door()
        self.cut_all()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                self._open.add(client)
            Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, question: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self._armed is not None and self._on_question == question:
                    first, self._armed = self._armed, None
                    first()
                    self.cuts += 1
                    break
                target.sendall(data)
        self._end(target if question else source, source if question else target)

    def _end(self, server: socket.socket, client: socket.socket) -> None:
        with self._lock:
            self._open.discard(client)
            for end in (server, client):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    """A TCP port that leads to the server, and a way to cut it."""
    way = Proxy(postgres_server.port)
    yield way
    way.close()


Together = Callable[[str, Sequence[Sequence[object]]], list[Any]]


@pytest.fixture
def together() -> Together:
    """Runs a program in several processes that begin together, and answers with what each printed, as JSON.

    Each gets its own arguments; it says that it is ready by printing a line, and then waits for one.
    """

    def run(program: str, arguments: Sequence[Sequence[object]]) -> list[Any]:
        processes = [
            subprocess.Popen(
                [sys.executable, "-P", "-W", "error", "-c", program, *map(str, each)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in arguments
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [(*process.communicate(), process.returncode) for process in processes]
        assert [(said, code) for _, said, code in ends] == [("", 0)] * len(processes)
        return [json.loads(printed or "null") for printed, _, _ in ends]

    return run
