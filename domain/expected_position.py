"""What a writer believes of a session's position; a closed type, so that nothing else can pass for it."""

from enum import Enum
from typing import Final, Literal, TypeAlias

from .errors import InvalidValueError


class ExpectedConstant(Enum):
    """The two expectations that are not a position."""

    NO_STREAM = "no stream"
    ANY = "any"

    def __repr__(self) -> str:
        return self.name


NO_STREAM: Final = ExpectedConstant.NO_STREAM
"""The session has no event yet."""

ANY: Final = ExpectedConstant.ANY
"""Wherever the session is."""

Expected: TypeAlias = int | Literal[ExpectedConstant.NO_STREAM, ExpectedConstant.ANY]


def check_expected(expected: Expected) -> Expected:
    """The expectation, if it is one."""
    if isinstance(expected, ExpectedConstant):
        return expected
    if not isinstance(expected, int) or isinstance(expected, bool) or expected < 0:
        raise InvalidValueError("expected", f"is {expected!r}: expected a position, NO_STREAM or ANY")
    return expected


def matches(expected: Expected, actual: int) -> bool:
    """Whether a session at position `actual` (0: no event yet) is where it was expected."""
    if expected is ANY:
        return True
    return actual == (0 if expected is NO_STREAM else expected)
