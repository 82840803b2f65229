"""Lines to a file and back: a file is there when it is complete, and is read as often as needed."""

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from ...domain.errors import InvalidValue
from .importing import Lines


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Writes a file beside its place and then puts it there; answers how many lines are events."""
    count = -2  # the first and the last line
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                for line in lines:
                    file.write(line)
                    count += 1
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as reason:
        raise InvalidValue("the file", f"{path} cannot be written: {reason.strerror}") from reason
    return count


def lines_of(source: str | Path | bytes) -> Lines:
    """The lines of a file, or of what was read from one."""
    if isinstance(source, bytes):
        return lambda: source.splitlines(keepends=True)
    path = Path(source).expanduser()

    def lines() -> Iterable[bytes]:
        try:
            with path.open("rb") as file:
                yield from file
        except OSError as reason:
            raise InvalidValue("the file", f"{path} cannot be read: {reason.strerror}") from reason

    return lines
