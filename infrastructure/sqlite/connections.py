"""Connections to one SQLite file: one that writes, and a few that read beside it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, RLock, local
from urllib.parse import quote

from ...domain.errors import DatabaseError, MissingExtraError, OutcomeUnknownError, StoreClosedError, TurnlogError
from ..payload_compression import decompress_payload
from .fork_gate import GATE, UNUSABLE, abandon, drop, lose, register, usable
from .open_files import REPLACED, Connection, FileId, OpenFile, add, create, file_id, find

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

IDLE_READERS = 8

Prepare = Callable[[Connection], None]
"""Makes what a file needs, or checks it, on the first connection."""


class SQLiteConnections:
    """The way to a file: `writing` inside one transaction at a time, `reading` beside it.

    The file is opened on the first use, and again on the first use after `rest`. It is created if it is missing, with
    `making`, and its folders too, with `folders`. A commit is acknowledged only while the files at the paths are those
    that are open.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        prepare: Prepare,
        *,
        synchronous: str = "FULL",
        readers: int | None = None,
        making: bool = True,
        folders: bool = False,
    ) -> None:
        self._path = path.absolute()  # connections made later must find the same file from any working directory
        self.name = name
        self._prepare = prepare
        self._synchronous = synchronous
        self._readers = IDLE_READERS if readers is None else readers
        self._making, self._folders = making, folders
        self._known: FileId | None = None
        self._closed = self._replaced = self._read_only = False
        self._unpacked = _Decompressor()
        self._empty()
        register(self)

    def _empty(self) -> None:
        self._writing, self._pool = RLock(), Lock()
        self._writer: Connection | None = None
        self._uses = 0  # of the writer
        self._idle: list[Connection] = []
        self._out: list[Connection] = []
        self._opening = 0

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """The connection that writes, outside of a transaction."""
        with self._exclusive() as connection:
            self._check_files(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The connection that writes, in a transaction that is committed if nothing goes wrong."""
        with self._exclusive() as connection:
            try:  # also around BEGIN: who is interrupted while waiting for it may have got it
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                self._check_files(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection is self._writer and connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            if not self._is_unchanged(connection):
                raise OutcomeUnknownError(self.name, f"{REPLACED}; whether the last append was recorded is not known")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The connection that writes, in a transaction that only reads."""
        with self.alone() as connection:
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection is self._writer and connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _exclusive(self) -> Iterator[Connection]:
        thread = GATE.enter()
        try:
            with self._writing:
                try:
                    connection = self._take_writer()
                    self._uses += 1
                    try:
                        yield connection
                    finally:
                        self._end_use(connection)
                except sqlite3.Error as reason:
                    # A connection made while the file cannot be written never writes; one made later may.
                    self._read_only = getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
                    raise self._translate_error(reason) from reason
        finally:
            GATE.leave(thread)

    def _end_use(self, connection: Connection) -> None:
        if connection is self._writer:  # else this is a child process that was forked in between
            self._uses -= 1
            if self._replaced:
                self._close_idle()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one short read."""
        thread = GATE.enter()
        try:
            connection = self._take_reader()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as reason:
            raise self._translate_error(reason) from reason
        finally:
            GATE.leave(thread)

    def _translate_error(self, reason: sqlite3.Error) -> TurnlogError:
        """The one place where the driver's errors become ours."""
        unpacked = self._unpacked
        missing, unpacked.missing = unpacked.missing, None
        return missing or DatabaseError(self.name, str(reason))

    def release(self) -> None:
        """Closes all connections; the next use opens the file anew, whichever it is then."""
        with self._shutting():
            self._known, self._replaced = None, False

    def close(self) -> None:
        """Closes all connections; one that is out for reading closes when it comes back."""
        with self._shutting():
            self._closed = True

    def rest(self) -> tuple[FileId, FileId] | None:
        """Closes all connections, unless one is in use; the next use opens the same file again."""
        if self._uses or self._out or self._opening:
            return None
        known = self._writer or (self._idle[0] if self._idle else None)
        self._close_idle()
        return None if known is None or known.file.shared is None else (known.file.id, known.file.shared)

    def drop(self, file: OpenFile) -> None:
        """Closes the connections to a file that is no longer the one at its path; they are not used again."""
        if any(each.file is file for each in self._all()):
            self._drop()

    def begin_in_child(self) -> None:
        """Begins without connections; a file that the parent process could not close is unusable here."""
        self._pool = Lock()
        if self._opening:
            lose(file_id(self._path))
        for connection in self._all():
            abandon(connection)
        self._empty()

    def __del__(self) -> None:
        if hasattr(self, "_opening"):
            self.rest()

    @contextmanager
    def _shutting(self) -> Iterator[None]:
        thread = GATE.enter()
        try:
            with self._writing:
                with self._pool:
                    yield
                self._close_idle()
        finally:
            GATE.leave(thread)

    def _take_writer(self) -> Connection:
        self._check_open()
        if self._read_only and self._writer is not None:
            self._close_one(self._writer)
            self._writer, self._read_only = None, False
        if self._writer is None:
            self._writer = self._open(self._prepare if self._known is None else None)
        return self._writer

    def _take_reader(self) -> Connection:
        if self._known is None:
            with self.alone():
                pass  # what is to be read is made first
        with self._pool:
            self._check_open()
            connection = self._idle.pop() if self._idle else None
            if connection is not None:
                self._out.append(connection)
        if connection is None:
            connection = self._open(None)
            connection.execute("PRAGMA query_only = ON")
            with self._pool:
                self._out.append(connection)
        elif not self._is_unchanged(connection):
            self._give_back(connection)
            raise DatabaseError(self.name, REPLACED)
        return connection

    def _give_back(self, connection: Connection) -> None:
        with self._pool:
            if connection not in self._out:
                return  # in a child process that was forked in between
            self._out.remove(connection)
            if not (self._closed or self._replaced) and len(self._idle) < self._readers:
                self._idle.append(connection)
                return
        self._close_one(connection)

    def _open(self, prepare: Prepare | None) -> Connection:
        with self._pool:
            self._opening += 1
        try:
            connection = self._connect()
            try:
                self._set_up(connection)
                if prepare is not None:
                    prepare(connection)
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # opens the WAL
                add(connection, self.name, self._path)
            except BaseException:
                connection.close()
                raise
        finally:
            with self._pool:
                self._opening -= 1
        self._known = connection.file.id
        return connection

    def _connect(self) -> Connection:
        found = file_id(self._path)
        if self._known is not None and found != self._known:
            self._replaced = True
            raise DatabaseError(self.name, REPLACED)
        if not usable(found):
            raise DatabaseError(self.name, UNUSABLE)
        self._check_open_file(found)
        if found is None and self._making:
            if self._folders:
                self._make_folder()
            create(self._path)
        return sqlite3.connect(
            f"file:{quote(bytes(self._path))}?mode=rw",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=Connection,
        )

    def _make_folder(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise DatabaseError(self.name, str(reason)) from reason

    def _check_open_file(self, found: FileId | None) -> None:
        """Keeps a new connection from sharing, inside SQLite, what belongs to files that are not at the path now."""
        known = find(found)
        if known is None:
            return
        if not known.is_unchanged():
            drop(known)
            if self._replaced or find(found) is known:
                raise DatabaseError(self.name, REPLACED)
        elif not known.is_at(self._path):
            raise DatabaseError(self.name, f"it is open as {known.real}: under this name its WAL would be another one")

    def _set_up(self, connection: Connection) -> None:
        """What every connection has: the one place for it."""
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a redaction overwrites in the file what it removes
        connection.create_function("turnlog_plain", 2, self._unpacked.plain, deterministic=True)

    def _all(self) -> list[Connection]:
        with self._pool:
            return [*filter(None, [self._writer]), *self._idle, *self._out]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(self.name)
        if self._replaced:
            raise DatabaseError(self.name, REPLACED)

    def _check_files(self, connection: Connection) -> None:
        if connection is not self._writer:  # this is a child process that was forked in between
            raise DatabaseError(self.name, UNUSABLE)
        if not self._is_unchanged(connection):
            raise DatabaseError(self.name, REPLACED)

    def _is_unchanged(self, connection: Connection) -> bool:
        if not connection.file.is_unchanged():
            drop(connection.file)
            return False
        if not connection.is_at_path():
            self._drop()  # those that have the file open by another path go on
            return False
        return True

    def _drop(self) -> None:
        self._replaced = True
        if self._writing.acquire(blocking=False):
            try:
                self._close_idle()
            finally:
                self._writing.release()

    def _close_idle(self) -> None:
        """Closes what is not in use."""
        with self._pool:
            idle, self._idle = self._idle, []
            if not self._uses and self._writer is not None:
                idle.append(self._writer)
                self._writer = None
        for connection in idle:
            self._close_one(connection)

    def _close_one(self, connection: Connection) -> None:
        if not connection.file.close(connection):
            abandon(connection)


class _Decompressor(local):
    """Compressed payloads as they were, for statements; SQLite says of an error in here only that there was one."""

    def __init__(self) -> None:
        self.missing: MissingExtraError | None = None

    def plain(self, encoding: str, stored: bytes) -> bytes | None:
        """The payload; NULL if it is damaged."""
        try:
            return decompress_payload(encoding, stored)
        except MissingExtraError as missing:
            self.missing = missing
            raise
