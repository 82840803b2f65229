"""Connections to one SQLite file: one that writes, and a few that read beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, RLock, local

from ...domain.errors import MissingExtra
from ...domain.store_errors import StoreClosed, StoreFailed, StoreNotFound
from ..compression import plain
from ..forking import tell
from ..recorder import Opening
from .schema import check, prepare

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

IDLE_READERS = 8


class Connections:
    """The way to a file: `writing` inside one transaction at a time, `reading` beside it."""

    def __init__(
        self, path: Path, durability: str, readers: int | None = None, opening: Opening = Opening.MAKING
    ) -> None:
        self._path = path.absolute()  # connections made later must find the same file from any working directory
        self.name = f"sqlite:///{self._path}"
        if opening is Opening.EXISTING and not self._path.exists():
            raise StoreNotFound(self.name)
        self.durability = durability
        self._synchronous = {"full": "FULL", "normal": "NORMAL"}[durability]
        self._writing = RLock()
        self._pool = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._readers = IDLE_READERS if readers is None else readers
        self._closed = False
        self._read_only = False
        self._parents: list[sqlite3.Connection] = []
        self._left_behind = False
        self._unpacked = _Unpacked()
        tell(self)
        with self.translated():
            self._writer = self._connect()
            try:
                prepare(self._writer, self.name) if opening is Opening.MAKING else check(self._writer, self.name)
            except BaseException:
                self._writer.close()
                raise

    def forked(self) -> None:
        """Refuses to go on in a child process: SQLite's locks are its parent's, and appends would be lost."""
        self._parents += [self._writer, *self._idle]
        self._writing, self._pool, self._idle = RLock(), Lock(), []
        self._left_behind = True

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """The connection that writes, outside of a transaction."""
        with self._writing, self.translated():
            self._check_open()
            if self._read_only:
                self._writer.close()
                self._writer, self._read_only = self._connect(), False
            try:
                yield self._writer
            except sqlite3.OperationalError as reason:
                # A connection made while the file cannot be written never writes; one made later may.
                self._read_only = getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection that writes, in a transaction that is committed if nothing goes wrong."""
        with self.alone() as connection:
            try:  # also around BEGIN: who is interrupted while waiting for it may have got it
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
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
            unpacked = self._unpacked
            missing, unpacked.missing = unpacked.missing, None
            raise missing or StoreFailed(self.name, str(reason)) from reason

    def close(self) -> None:
        """Closes all connections; one that is out for reading closes when it comes back."""
        with self._writing, self._pool:
            self._closed = True
            self._writer.close()
            while self._idle:
                self._idle.pop().close()

    def _check_open(self) -> None:
        if self._left_behind:
            raise StoreFailed(self.name, "it was opened before this process was forked: open it anew in the child")
        if self._closed:
            raise StoreClosed(self.name)

    def _take(self) -> sqlite3.Connection:
        with self._pool:
            self._check_open()
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._pool:
            if not self._closed and len(self._idle) < self._readers:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("turnlog_plain", 2, self._unpacked.plain, deterministic=True)
        return connection


class _Unpacked(local):
    """Compressed payloads as they were, for statements; SQLite says of an error in here only that there was one."""

    def __init__(self) -> None:
        self.missing: MissingExtra | None = None

    def plain(self, encoding: str, stored: bytes) -> bytes | None:
        """The payload; NULL if it is damaged."""
        try:
            return plain(encoding, stored)
        except MissingExtra as missing:
            self.missing = missing
            raise
