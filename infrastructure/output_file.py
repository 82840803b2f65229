"""Files that others read: written whole or not at all, through links and devices, and over nothing by accident.

Until it is complete, a file has no name where the system allows that (Linux), so that a killed process leaves nothing
behind. Elsewhere it has a part name and a lock, and the next output beside it removes parts that no process locks.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EACCES, EINVAL, EISDIR, ENOENT, EOPNOTSUPP, EPERM
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO
from uuid import uuid4

from ..domain.errors import InvalidValueError, OutputExistsError
from .paths import validate_path
from .sqlite.open_files import HEADER, database_beside, file_id, find

PART = ".part"
"""The end of the name of a file that is not complete."""

PRIVATE = 0o600
"""The mode of a new file: it holds content of the record."""

_NO_UNNAMED_FILES = (EINVAL, EISDIR, EOPNOTSUPP)
_NO_LINKS = (EACCES, ENOENT, EOPNOTSUPP, EPERM)
"""How a link is refused by a file system without links, or without /proc."""


@contextmanager
def output_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a path for writing; a regular file is there when the block ends without an error.

    A link is followed and stays. A FIFO or a character device is written to as it is.
    """
    path = validate_path(path)
    try:
        found = os.stat(path)  # noqa: PTH116 (follows /proc/self/fd, which resolving by text does not)
    except FileNotFoundError:
        found = None
    if found is not None and not stat.S_ISREG(found.st_mode):
        with _device(path, found) as device:
            yield device
        return
    if found is not None and not overwrite:
        raise OutputExistsError(str(path))
    target = Path(os.path.realpath(path))
    if found is not None and not os.path.samestat(found, target.stat()):
        raise InvalidValueError("the file", f"{path} has no name of its own: name a path in a folder")
    _check_free(path, target, exists=found is not None)
    remove_parts(target)
    with whole_file(target, overwrite=overwrite) as file:
        yield file


@contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a regular file for writing, without its name until the block ends without an error."""
    with closing(_Folder(path.parent)) as folder, closing(_Part(folder, path.name)) as part:
        with os.fdopen(os.dup(part.descriptor), "wb") as file:
            yield file
        try:
            part.put(overwrite)
        except FileExistsError:
            raise OutputExistsError(str(path)) from None


def _check_free(path: Path, target: Path, *, exists: bool) -> None:
    """Raise InvalidValueError if a file is a database, or would be deleted as a part of one or of another output."""
    database = database_beside(target)
    if find(file_id(database or target)) is not None:  # and must not be read, which would end SQLite's locks
        raise InvalidValueError("the file", f"{path} belongs to a store that is open: name another one")
    if database is not None:
        raise InvalidValueError("the file", f"{path}: SQLite takes it for a part of {database.name}; name another one")
    if target.name.startswith(".") and target.name.endswith(PART):
        raise InvalidValueError("the file", f"{path} is named like a file that is not complete: name another one")
    if exists and _is_database(target):
        raise InvalidValueError("the file", f"{path} is a SQLite database: remove it first, or name another one")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER


def remove_parts(path: Path) -> None:
    """Remove what killed processes left of outputs to this path; parts that a process still writes stay."""
    with os.scandir(path.parent) as entries:
        parts = [entry.path for entry in entries if _is_part_of(entry.name, path.name)]
    for part in parts:
        with suppress(OSError):  # locked by its writer, gone meanwhile, or not ours
            descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(part)  # noqa: PTH108 (a name from scandir)
            finally:
                os.close(descriptor)


def create_private(path: Path) -> None:
    """Create an empty file for its owner alone; one that is there stays as it is."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


def _is_part_of(entry: str, name: str) -> bool:
    return re.fullmatch(rf"\.{re.escape(name)}\.[0-9a-f]{{12}}{re.escape(PART)}", entry) is not None


@contextmanager
def _device(path: Path, found: os.stat_result) -> Iterator[BinaryIO]:
    if not (stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode)):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "neither a file nor a stream"
        raise InvalidValueError(
            "the file", f"{path} cannot be written: it is {kind}; name a file, a FIFO or a character device"
        )
    descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    with os.fdopen(descriptor, "wb") as stream:
        if not os.path.samestat(found, os.fstat(descriptor)):
            raise InvalidValueError("the file", f"{path} was replaced by another file meanwhile: try again")
        yield stream


class _Folder:
    """An open folder: what is renamed or linked in it stays in it, even if the folder is moved."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def find(self, name: str) -> os.stat_result | None:
        """What has the name, without following it."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def create(self, name: str) -> int:
        """A descriptor of a new file."""
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE, dir_fd=self.descriptor)

    def link(self, source: str, name: str) -> None:
        """Give a file another name, which must be free."""
        os.link(source, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=True)

    def rename(self, source: str, name: str) -> None:
        """Put a file in the place of another one."""
        os.replace(source, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a file if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class _Part:
    """A file that is not complete; locked as long as it is open."""

    def __init__(self, folder: _Folder, target: str) -> None:
        self._folder, self._target = folder, target
        self._name = f".{target}.{uuid4().hex[:12]}{PART}"
        self._named = False
        unnamed = self._open_unnamed()
        self.descriptor = self._open_named() if unnamed is None else unnamed

    def put(self, overwrite: bool) -> None:
        """Give the complete file its name, also for the time after a loss of power."""
        os.fsync(self.descriptor)
        if overwrite:
            self._replace()
        else:
            self._link()
        os.fsync(self._folder.descriptor)

    def close(self) -> None:
        """Close it, and remove what is left of a file that was not put in its place."""
        if self._named:
            self._folder.unlink(self._name)
        os.close(self.descriptor)

    def _replace(self) -> None:
        earlier = self._folder.find(self._target)
        if not self._named:
            self._give_name()
        if earlier is not None:
            if not stat.S_ISREG(earlier.st_mode):
                raise InvalidValueError("the file", f"{self._target} is not a regular file any more: try again")
            with suppress(OSError):  # only root may give a file to another user
                os.fchown(self.descriptor, earlier.st_uid, earlier.st_gid)
            os.fchmod(self.descriptor, stat.S_IMODE(earlier.st_mode))
        self._folder.rename(self._name, self._target)
        self._named = False

    def _link(self) -> None:
        try:
            self._folder.link(self._name if self._named else self._path, self._target)
        except OSError as reason:
            if reason.errno not in _NO_LINKS:
                raise
            os.close(self._folder.create(self._target))
            self._replace()

    def _give_name(self) -> None:
        """Give an unnamed file its part name; where it cannot have one, copy it."""
        _lock(self.descriptor)
        try:
            self._folder.link(self._path, self._name)
            self._named = True
        except OSError as reason:
            if reason.errno not in _NO_LINKS:
                raise
            unnamed = self.descriptor
            with os.fdopen(unnamed, "rb") as source:
                source.seek(0)
                self.descriptor = self._open_named()
                with os.fdopen(os.dup(self.descriptor), "wb") as copy:
                    copyfileobj(source, copy)
            os.fsync(self.descriptor)

    @property
    def _path(self) -> str:
        """A path of the file while it has no name."""
        return f"/proc/self/fd/{self.descriptor}"

    def _open_unnamed(self) -> int | None:
        if not hasattr(os, "O_TMPFILE"):
            return None
        try:
            return os.open(".", os.O_TMPFILE | os.O_RDWR, PRIVATE, dir_fd=self._folder.descriptor)
        except OSError as reason:
            if reason.errno not in _NO_UNNAMED_FILES:
                raise
            return None

    def _open_named(self) -> int:
        self._named = True
        while True:
            descriptor = self._folder.create(self._name)
            _lock(descriptor)
            if os.fstat(descriptor).st_nlink:  # else another output removed it before it was locked
                return descriptor
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    with suppress(OSError):  # on a file system without locks, other outputs leave the part alone
        fcntl.flock(descriptor, fcntl.LOCK_EX)
