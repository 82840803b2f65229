"""A copy of an open database, in a file that is there when it is complete and not before."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ...domain.errors import InvalidValueError
from .open_files import COMPANIONS, database_beside, file_id
from .scrubbing import scrub_copy


def write_backup(source: sqlite3.Connection, store: str, path: Path, marks: Sequence[str] = ()) -> None:
    """Copies a database into a new file, through a part file beside it; nothing that is at the path is overwritten.

    If there are marks of redactions that are still to be cleaned from the files of the database, the copy is cleaned;
    if it cannot be, there is none.
    """
    for there in (path, *(path.parent / (path.name + companion) for companion in COMPANIONS)):
        if os.path.lexists(there):
            raise InvalidValueError("the backup", f"cannot be written to {path}: {there} exists; expected a new file")
    if (database := database_beside(path)) is not None:
        reason = f"cannot be written to {path}: SQLite takes it for a part of {database.name}; expected another name"
        raise InvalidValueError("the backup", reason)
    try:
        with _part_of(path) as part:
            with closing(sqlite3.connect(part, isolation_level=None)) as target:
                target.execute("PRAGMA journal_mode = OFF")  # what is not complete is deleted
                target.execute("PRAGMA synchronous = OFF")
                source.backup(target)
                if marks:
                    scrub_copy(target, store, marks)
            _flush(part)
            _publish(part, path)
            with suppress(PermissionError):
                _flush(path.parent)
    except OSError as reason:
        raise InvalidValueError("the backup", f"cannot be written to {path}: {reason.strerror}") from reason


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """A new file that is deleted at the end, and locked until then: one without a lock was left by a killed process."""
    part = path.with_name(f".{path.name}.part")
    if os.path.lexists(part):
        with _lock_part(part, path, os.O_RDONLY):
            _delete(part)
    with _lock_part(part, path, os.O_RDWR | os.O_CREAT | os.O_EXCL):
        try:
            yield part
        finally:
            _delete(part)


def _delete(part: Path) -> None:
    for companion in (*COMPANIONS, ""):  # the part last: what is left beside it when this is killed is deleted with it
        part.with_name(part.name + companion).unlink(missing_ok=True)


@contextmanager
def _lock_part(part: Path, path: Path, flags: int) -> Iterator[None]:
    busy = InvalidValueError("the backup", f"cannot be written to {path}: another process is writing it")
    try:
        descriptor = os.open(part, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise busy from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        found = os.fstat(descriptor)
        if file_id(part) != (found.st_dev, found.st_ino):
            raise busy
        yield
    finally:
        os.close(descriptor)


def _publish(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)  # which never overwrites
    except FileExistsError:
        raise InvalidValueError(
            "the backup", f"cannot be written to {path}, which exists: expected a new file"
        ) from None
    except OSError:  # a file system without hard links
        part.rename(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
