"""Patterns of one's own: held against a text in windows, so that a slow one never meets a long text."""

import re
from collections.abc import Iterator
from re import _constants as sre  # type: ignore[attr-defined]  # the standard library has no public way to look inside
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

from ...domain.errors import InvalidValue

WINDOW = 2048
OVERLAP = 512
"""What a match may be long to be found wherever it stands."""

_UNBOUNDED = 64
"""Repetitions up to so many count as few."""


class OwnPattern:
    """A regular expression; what it matches is masked, or its first group if it has one."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._group = 1 if pattern.groups else 0

    def mask(self, text: str, replacement: str) -> str:
        """The text with the replacement wherever the pattern matches."""
        parts: list[str] = []
        done = 0
        for start, end in joined(self._spans(text)):
            parts += (text[done:start], replacement)
            done = end
        return "".join((*parts, text[done:]))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for start in range(0, max(len(text) - OVERLAP, 1), WINDOW - OVERLAP):
            for found in self._pattern.finditer(text, start, start + WINDOW):
                if found.end(self._group) > found.start(self._group):
                    yield found.span(self._group)


def own_pattern(given: str | re.Pattern[str]) -> OwnPattern:
    """The pattern, if it can be trusted with any text: repetitions without a bound do not hold others."""
    try:
        pattern = re.compile(given)
    except (re.error, TypeError) as reason:
        raise InvalidValue("a pattern", f"cannot be understood: {reason}") from None
    if not isinstance(pattern.pattern, str):
        raise InvalidValue("a pattern", "is one of bytes: expected one of text")
    if _explodes(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG), inside=False):
        expected = "expected no repetition inside of another, and no choice; make the inner one possessive, as in a++"
        raise InvalidValue("a pattern", f"{pattern.pattern!r} may take for ever on some text: {expected}")
    return OwnPattern(pattern)


def joined(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in their order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _explodes(tree: Any, inside: bool) -> bool:
    """Whether a repetition that can be given back holds another, or a choice."""
    for kind, argument in tree:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            _, most, repeated = argument
            if inside and most > 1:
                return True
            if _explodes(repeated, inside or most > _UNBOUNDED):
                return True
        elif kind is sre.BRANCH:
            if inside or any(_explodes(choice, inside) for choice in argument[1]):
                return True
        elif any(_explodes(part, inside and kind is not sre.ATOMIC_GROUP) for part in _parts(kind, argument)):
            return True
    return False


def _parts(kind: Any, argument: Any) -> Iterator[Any]:
    """The patterns that a part of a pattern is made of."""
    if kind is sre.POSSESSIVE_REPEAT:
        yield argument[2]
    elif kind is sre.ATOMIC_GROUP:
        yield argument
    elif kind is sre.SUBPATTERN:
        yield argument[-1]
    elif kind in (sre.ASSERT, sre.ASSERT_NOT):
        yield argument[1]
    elif kind is sre.GROUPREF_EXISTS:
        yield from (part for part in argument[1:] if part is not None)
