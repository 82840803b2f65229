"""Custom patterns of a redactor: RE2 matches them, in time that grows no faster than the text."""

from collections.abc import Iterator
from typing import Protocol

from ....domain.errors import InvalidValueError
from ....domain.optional_dependencies import require

WINDOW = 2048
OVERLAP = 512
"""The length of a match, in bytes, that is found wherever it stands."""

PROGRAM = 1_000_000
"""Bytes of a compiled pattern at most."""


class Match(Protocol):
    """Where a pattern matches."""

    def span(self, group: int, /) -> tuple[int, int]:
        """The first byte of a group, and the one behind it."""


class Pattern(Protocol):
    """A compiled pattern, as RE2 has it."""

    @property
    def groups(self) -> int:
        """The number of its groups."""

    def finditer(self, content: bytes, start: int, end: int, /) -> Iterator[Match]:
        """The matches between two bytes."""


class CustomPattern:
    """A regular expression; what it matches is masked, or its first group if it has one.

    A long text is read in windows: patterns that look far ahead for each match would take the square of its length.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._group = 1 if pattern.groups else 0

    def mask(self, text: str, replacement: str) -> str:
        """The text with the replacement wherever the pattern matches."""
        content = text.encode("utf-8", "surrogatepass")
        parts: list[bytes] = []
        done = 0
        for start, end in merge_spans(self._spans(content)):
            parts += (content[done:start], replacement.encode())
            done = end
        return b"".join((*parts, content[done:])).decode("utf-8", "surrogatepass")

    def _spans(self, content: bytes) -> Iterator[tuple[int, int]]:
        for start in range(0, max(len(content) - OVERLAP, 1), WINDOW - OVERLAP):
            for found in self._pattern.finditer(content, start, start + WINDOW):
                first, last = found.span(self._group)
                if last > first:
                    yield _whole_characters(content, first, last)


def custom_pattern(pattern: str) -> CustomPattern:
    """The pattern, if RE2 can match it: without look-around, references to groups and possessive repetition."""
    if not isinstance(pattern, str):
        raise InvalidValueError("a pattern", f"is a {type(pattern).__name__}: expected a str in the syntax of RE2")
    with require("re2", "logs"):
        import re2
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PROGRAM
    try:
        return CustomPattern(re2.compile(pattern.encode(), options))
    except (re2.error, UnicodeEncodeError) as reason:
        said = reason.args[0].decode("utf-8", "replace") if isinstance(reason, re2.error) else "not UTF-8"
        expected = "expected the syntax of RE2, which has no look-around, references or possessive repetition"
        raise InvalidValueError("a pattern", f"{pattern!r} is not supported ({said}): {expected}") from None


def merge_spans(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in their order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _whole_characters(content: bytes, start: int, end: int) -> tuple[int, int]:
    """A span with the whole of the characters at both ends of it: a pattern may match single bytes."""
    while start > 0 and _is_inside(content[start]):
        start -= 1
    while end < len(content) and _is_inside(content[end]):
        end += 1
    return start, end


def _is_inside(byte: int) -> bool:
    """Whether a byte of UTF-8 continues a character."""
    return byte & 0b1100_0000 == 0b1000_0000
