"""TOML files that people write: read with a limit, and with one error for all that may be wrong with them."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any


class UnreadableTomlError(Exception):
    """Why a file cannot be read; the caller says which file it is."""


def read_toml(path: Path, limit: int) -> dict[str, Any]:
    """The tables of a file of at most so many bytes; the parser's time grows with the square of them."""
    try:
        text = _content(path, limit).decode("utf-8")
        return tomllib.loads(text)
    except OSError as reason:
        raise UnreadableTomlError(reason.strerror or str(reason)) from reason
    except UnicodeDecodeError as reason:
        raise UnreadableTomlError(f"it is not UTF-8 at byte {reason.start}") from reason
    except tomllib.TOMLDecodeError as reason:
        raise UnreadableTomlError(str(reason)) from reason
    except RecursionError:
        raise UnreadableTomlError("its values are nested too deeply") from None


def _content(path: Path, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would block
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableTomlError("it is not a regular file")
        content = os.read(descriptor, limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise UnreadableTomlError(f"it has more than {limit} bytes")
    return content
