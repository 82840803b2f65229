"""Paths as callers pass them, checked: what no file system can have raises a named error."""

import os
from pathlib import Path
from typing import TypeAlias

from ..domain.errors import InvalidValueError

PathLike: TypeAlias = str | os.PathLike[str]
"""The path of a file or folder."""


def validate_path(given: object, what: str = "the file") -> Path:
    """Return a path with `~` expanded; raise InvalidValueError for what cannot be one."""
    if not isinstance(given, str | os.PathLike):
        raise InvalidValueError(what, f"must be a path, not {type(given).__name__!r}")
    text = os.fspath(given)
    if not isinstance(text, str):
        raise InvalidValueError(what, f"must be a path of text, not of {type(text).__name__!r}")
    if not text:
        raise InvalidValueError(what, "'' is empty: name a path")
    if "\0" in text:
        raise InvalidValueError(what, f"{text!r} has a NUL in its path: name another one")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidValueError(
            what, f"{text!r} is in the home directory of an unknown user: name another one"
        ) from None
