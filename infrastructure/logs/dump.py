"""Files of logs: written whole or not at all, and never over another file."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from ...domain.errors import DatabaseError, InvalidValueError, OutputExistsError
from ...domain.log import Log
from ..output_file import output_file

EXTENSIONS = (".json", ".jsonl")


def validate_extension(extension: str) -> str:
    """The extension with its dot, if it is one of a format that logs can be dumped in."""
    dotted = extension if extension.startswith(".") else f".{extension}"
    if dotted not in EXTENSIONS:
        raise InvalidValueError("the extension", f"is {extension!r}: expected {' or '.join(EXTENSIONS)}")
    return dotted


def free_path(folder: Path, prefix: str, extension: str, now: datetime) -> Path:
    """A path that no other dump has."""
    return folder / f"{prefix}-{now:%Y%m%dT%H%M%S%fZ}-{uuid4().hex[:12]}{extension}"


def write_dump(path: Path, logs: Sequence[Log]) -> None:
    """Writes the logs as a JSON array or as lines of JSON, as the name of the file says."""
    content = _encode(validate_extension(path.suffix), logs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with output_file(path) as file:
            file.write(content)
    except OutputExistsError:
        raise InvalidValueError(
            "the path of the dump", f"{str(path)!r} is taken: expected one where nothing is"
        ) from None
    except OSError as reason:
        raise DatabaseError(str(path), reason.strerror or type(reason).__name__) from reason


def _encode(extension: str, logs: Sequence[Log]) -> bytes:
    lines = [msgspec.json.encode(log) for log in logs]
    if extension == ".jsonl":
        return b"".join(line + b"\n" for line in lines)
    return b"[\n" + b",\n".join(lines) + b"\n]\n" if lines else b"[]\n"
