"""Rows of one session in pages: each is one short statement, so that no reader holds up the others for long."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias

from .stored_event import Row

Page: TypeAlias = Callable[[int, int], list[Any]]
"""The columns of the rows between two positions, from the end that is read from, as many as a page has room for."""


def in_pages(page: Page, size: int, first: int, last: int, *, backwards: bool) -> Iterator[Row]:
    """The rows between two positions, from either end."""
    found = whole_pages(page, size, first, last, backwards=backwards, place=Row._fields.index("position"))
    return map(Row._make, chain.from_iterable(found))


def whole_pages(
    page: Page, size: int, first: int, last: int, *, backwards: bool, place: int = 0
) -> Iterator[list[Any]]:
    """The pages between two positions, from either end; one that is not full is the last one.

    `place` is the column that has the position.
    """
    while first <= last:
        found = page(first, last)
        if found:
            yield found
        if len(found) < size:
            return
        reached = found[-1][place]
        first, last = (first, reached - 1) if backwards else (reached + 1, last)
