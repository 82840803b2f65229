"""The files of an open database: whether they are still the same, and a lock that no other descriptor releases.

POSIX locks belong to the process and the file. Closing any descriptor of the file in this process (after reading its
bytes, for example) releases SQLite's lock too; the next process that closes the database then concludes that it is the
last one, and deletes the WAL. A lock of an open file description does not end so. The check at every commit is not
enough: the other process copies the WAL into the database, and then deletes it, and a commit in between is lost (31 of
197 in a race; none with the lock). It is all there is where there are no such locks (outside of Linux).
"""

import errno
import fcntl
import os
import sqlite3
import struct
import sys
from pathlib import Path
from threading import RLock
from typing import TypeAlias

from ...domain.errors import DatabaseError

FileId: TypeAlias = tuple[int, int]
"""Device and inode."""

REPLACED = (
    "its file, or the -wal or -shm beside it, was moved, replaced or deleted while it was open, "
    "or its locks were lost: open the store again"
)

SHARED_FIRST = 0x40000002
"""Where SQLite's shared lock begins; who deletes the WAL has locked this for writing."""


COMPANIONS = ("-wal", "-shm", "-journal")
"""The ends of the names of the files that SQLite makes, empties and deletes beside a database."""

HEADER = b"SQLite format 3\0"
"""How every database begins."""


def database_beside(path: Path) -> Path | None:
    """The file whose companion SQLite takes a path for, if there is one."""
    for end in COMPANIONS:
        database = path.with_name(path.name.removesuffix(end) or path.name)
        if database != path and database.exists():
            return database
    return None


def file_id(path: str | Path) -> FileId | None:
    """What a file is, whatever it is called; None if it is not there."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def descriptors() -> dict[FileId, int]:
    """How many descriptors of this process each file has."""
    counts: dict[FileId, int] = {}
    try:
        numbers = [int(entry.name) for entry in Path("/dev/fd").iterdir()]
    except OSError:
        return counts
    for number in numbers:
        try:
            found = os.fstat(number)
        except OSError:  # it listed the folder
            continue
        key = found.st_dev, found.st_ino
        counts[key] = counts.get(key, 0) + 1
    return counts


def create(path: Path) -> None:
    """Makes an empty file that only its owner may read, if there is none; SQLite's error says why it cannot."""
    with _lock:  # also those who find it wait until it is closed, which would end their locks
        try:
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            return


class Connection(sqlite3.Connection):
    """A connection that knows what it has open, and by which path."""

    file: "OpenFile"
    path: str

    def is_at_path(self) -> bool:
        """Whether its path still leads to its file; `OpenFile.unchanged` covers the path without links."""
        return self.path == self.file.real or file_id(self.path) == self.file.id


class OpenFile:
    """A database that this process has open: one object for all connections to it."""

    def __init__(self, name: str, path: Path, file: FileId) -> None:
        self.name = name
        self.id = file
        self.real = os.path.realpath(path)
        self.wal, self.shared = file_id(f"{self.real}-wal"), file_id(f"{self.real}-shm")
        self.replaced = False
        self.connections = 0
        parts = [(self.real, file), (f"{self.real}-wal", self.wal), (f"{self.real}-shm", self.shared)]
        self._parts = [(part, known) for part, known in parts if known is not None]
        self._held = None if self.wal is None else _hold(name, path, file)

    def is_at(self, path: Path) -> bool:
        """Whether a connection made by this path would have the same WAL; by another hard link it would not."""
        return self.wal == file_id(f"{os.path.realpath(path)}-wal")

    def is_unchanged(self) -> bool:
        """Whether the files at the real path, where SQLite has them open, are those that were there."""
        if not self.replaced:
            try:
                for path, known in self._parts:
                    found = os.stat(path)  # noqa: PTH116 (half the time, and this runs twice in every append)
                    if (found.st_dev, found.st_ino) != known:
                        self.replaced = True
            except OSError:
                self.replaced = True
        return not self.replaced

    def close(self, connection: Connection) -> bool:
        """Closes a connection; False if it had to be left open, so as not to harm files that others use now."""
        with _lock:
            self.connections -= 1
            last = self.connections == 0
            unchanged = self.is_unchanged()
            if last and unchanged and self._held is not None:
                _set_lock(self._held, fcntl.F_UNLCK)  # SQLite may empty and delete the WAL
            closable = unchanged or self._held is not None or _without_checkpoint(connection)
            if closable:
                connection.close()
            if last:
                del _open[self.id]
                if self._held is not None:
                    _parked[self.id] = self._held
                    _close_parked()
            return closable


_lock = RLock()
_open: dict[FileId, OpenFile] = {}
_parked: dict[FileId, int] = {}
"""Descriptors that may be closed when no other is left: closing one ends the locks of all."""


def find(file: FileId | None) -> OpenFile | None:
    """A file that this process has open, if it has."""
    return None if file is None else _open.get(file)


def add(connection: Connection, name: str, path: Path) -> None:
    """Counts a connection that has just been made and has read, so that its WAL is open."""
    with _lock:
        file = file_id(path)
        if file is None:
            raise DatabaseError(name, REPLACED)
        known = _open.get(file)
        if known is None:
            known = _open[file] = OpenFile(name, path, file)
        elif not known.is_unchanged():
            raise DatabaseError(name, REPLACED)
        known.connections += 1
        connection.file, connection.path = known, str(path)


def forget_open_files() -> None:
    """Begins anew in a child process; descriptors stay open, and with them the locks that keep the parent's WAL."""
    global _lock
    _lock = RLock()
    _open.clear()


def _hold(name: str, path: Path, file: FileId) -> int | None:
    """Locks a file for reading beside SQLite; the descriptor, if there are such locks."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    descriptor = _parked.pop(file, None)
    if descriptor is None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_lock(descriptor, fcntl.F_RDLCK)
    except OSError as reason:
        _parked[file] = descriptor
        if reason.errno in (errno.EAGAIN, errno.EACCES):
            raise DatabaseError(name, REPLACED) from reason  # another process believes to be alone
        return None  # a file system without such locks
    return descriptor


def _set_lock(descriptor: int, kind: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, SHARED_FIRST, 1, 0))


def _close_parked() -> None:
    counts = descriptors()
    for file in list(_parked):
        if counts.get(file, 1) == 1:
            os.close(_parked.pop(file))


def _without_checkpoint(connection: Connection) -> bool:
    """Has SQLite leave the WAL alone when the connection is closed, where Python can say so (from 3.12 on)."""
    configure = getattr(connection, "setconfig", None)
    if configure is not None:
        configure(1006, True)  # SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE
    return configure is not None
