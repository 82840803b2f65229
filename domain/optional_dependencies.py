"""The packages that not everybody needs: who asks for one that is missing is told how to get it."""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import MissingExtraError


@contextmanager
def require(package: str, extra: str) -> Iterator[None]:
    """Around an import that needs a package; an error of ours names the extra that brings it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != package:
            raise
        raise MissingExtraError(package, extra) from missing
