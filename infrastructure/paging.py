"""Rows of one session in pages: each is one short statement, so that no reader holds up the others for long."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from .rows import Row

Page: TypeAlias = Callable[[int, int], Sequence[tuple[Any, ...]]]
"""The columns of the rows between two positions, from the end that is read from, as many as a page has room for."""


def in_pages(page: Page, size: int, first: int, last: int, *, backwards: bool) -> Iterator[Row]:
    """The rows between two positions, from either end; a page that is not full is the last one."""
    while first <= last:
        found = page(first, last)
        yield from map(Row._make, found)
        if len(found) < size:
            return
        reached = found[-1][1]
        first, last = (first, reached - 1) if backwards else (reached + 1, last)
