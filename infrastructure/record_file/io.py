"""Lines to a file or a stream, and back."""

import os
from collections.abc import Iterable
from typing import BinaryIO, TypeAlias

from ...domain.errors import InvalidValueError
from ..output_file import output_file
from ..paths import PathLike, validate_path
from .importer import Lines

Target: TypeAlias = PathLike | BinaryIO
"""A path, or a binary stream that is open already."""


def write_record(target: Target, lines: Iterable[bytes], *, overwrite: bool = False) -> int:
    """Write an exact record; return the number of its events."""
    return write_lines(target, lines, overwrite=overwrite) - 2  # the first line and the last are no events


def write_lines(target: Target, lines: Iterable[bytes], *, overwrite: bool = False) -> int:
    """Write lines to a stream, or to a file that is there when it is complete; return how many they were."""
    if not isinstance(target, str | os.PathLike) and hasattr(target, "write"):
        count = _write(target, lines)
        target.flush()
        return count
    path = validate_path(target)
    try:
        with output_file(path, overwrite=overwrite) as file:
            return _write(file, lines)
    except OSError as reason:
        raise InvalidValueError("the file", f"{path} cannot be written: {reason.strerror}") from reason


def _write(file: BinaryIO, lines: Iterable[bytes]) -> int:
    count = 0
    for line in lines:
        left = memoryview(line)
        while left:  # an unbuffered stream, such as that of `python -u`, takes a part
            left = left[file.write(left) :]
        count += 1
    return count


def lines_of(source: PathLike | bytes) -> Lines:
    """The lines of a file, or of what was read from one."""
    if isinstance(source, bytes):
        return lambda: source.splitlines(keepends=True)
    path = validate_path(source)

    def lines() -> Iterable[bytes]:
        try:
            with path.open("rb") as file:
                yield from file
        except OSError as reason:
            raise InvalidValueError("the file", f"{path} cannot be read: {reason.strerror}") from reason

    return lines


def read_bytes(path: PathLike) -> bytes:
    """The content of a file."""
    file = validate_path(path)
    try:
        return file.read_bytes()
    except OSError as reason:
        raise InvalidValueError("the file", f"{file} cannot be read: {reason.strerror}") from reason
