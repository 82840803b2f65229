"""Connections to one SQLite file: one that writes, a few that read, and the schema they find there."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import Lock, RLock

from ...domain.errors import SchemaMismatch, StoreClosed, StoreFailed

SCHEMA = 1
"""The schema this version writes; a database counts it in `user_version`."""

APPLICATION = 0x48414E53
"""Marks a database as Hansard's, in `application_id`."""

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

IDLE_READERS = 8


class Connections:
    """The way to a file: `writing` inside one transaction at a time, `reading` beside it."""

    def __init__(self, path: Path, durability: str) -> None:
        self._path = path.absolute()  # connections made later must find the same file from any working directory
        self.name = f"sqlite:///{self._path}"
        self._synchronous = {"full": "FULL", "normal": "NORMAL"}[durability]
        self._writing = RLock()
        self._pool = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self.translated():
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection that writes, in a transaction that is committed if nothing goes wrong."""
        with self._writing, self.translated():
            if self._closed:
                raise StoreClosed(self.name)
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one short read."""
        with self.translated():
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The one place where the driver's errors become ours."""
        try:
            yield
        except sqlite3.Error as reason:
            raise StoreFailed(self.name, str(reason)) from reason

    def close(self) -> None:
        """Closes all connections; one that is out for reading closes when it comes back."""
        with self._writing, self._pool:
            self._closed = True
            self._writer.close()
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        with self._pool:
            if self._closed:
                raise StoreClosed(self.name)
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._pool:
            if not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _prepare(self) -> None:
        """Finds the schema or makes it; whoever comes second finds it made."""
        found = self._found()
        if found == (APPLICATION, SCHEMA):
            return
        self._check(found)
        self._writer.execute("PRAGMA journal_mode = WAL")
        with self.writing() as connection:
            found = self._found()
            self._check(found)
            if found != (APPLICATION, SCHEMA):
                for statement in statements(files(__package__).joinpath("schema.sql").read_text("utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def _found(self) -> tuple[int, int]:
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        return application, version

    def _check(self, found: tuple[int, int]) -> None:
        application, version = found
        if application == APPLICATION:
            if version > SCHEMA:
                raise SchemaMismatch(
                    self.name, f"schema {version}", f"schema {SCHEMA} or older; use a newer version of Hansard"
                )
            return
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            raise SchemaMismatch(self.name, "the tables of another program", "a new file, or one of Hansard's")


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one, so that they can run inside a transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
