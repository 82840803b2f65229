"""The rows of a store a page at a time: as many as asked for, and fewer if they are heavy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ...projections.message_pages import FeedBody
from ..recorder import Recorder
from ..stored_event import Row
from .filters import FrameFilter
from .session_labels import NAMING, sessions_of

HEAVY = 16_000_000
"""Bytes of payloads from which on the next page is smaller."""

FIRST = 100
"""Rows of the first page, before anything is known of their weight."""

R = TypeVar("R", Row, FeedBody)


def filtered_rows(
    recorder: Recorder, asked: FrameFilter, names: Sequence[str], until: int, rows: int
) -> Iterator[list[Row]]:
    """The rows of the filter's sessions that have one of these names or name a branch; all rows, without names."""
    read = tuple(dict.fromkeys((*names, *NAMING))) if names else ()
    if asked.of_some:
        return rows_of_sessions(recorder, filtered_sessions(recorder, asked), read, until, rows)
    return feed_rows(recorder, read, until, rows=rows)


def filtered_sessions(recorder: Recorder, asked: FrameFilter) -> Iterator[str]:
    """The sessions of the filter: those that it names, of the users that it names."""
    if asked.users is None:
        yield from asked.sessions or ()
    else:
        for session in sessions_of(recorder, asked.users):
            if asked.sessions is None or session in asked.sessions:
                yield session


def feed_rows(
    recorder: Recorder, names: Sequence[str], until: int, *, after: int = 0, rows: int = 1000
) -> Iterator[list[Row]]:
    """The rows of all sessions that have one of the names, in the order they were committed."""

    def read(after: int, limit: int) -> list[Row]:
        return recorder.read_all(after=after, until=until, names=names, limit=limit)

    return _pages(read, after, rows, 10)


def feed_bodies(recorder: Recorder, names: Sequence[str], until: int, rows: int) -> Iterator[list[FeedBody]]:
    """The same rows, of which only what a frame of messages needs."""

    def read(after: int, limit: int) -> list[FeedBody]:
        return recorder.read_all_bodies(after=after, until=until, names=names, limit=limit)

    return _pages(read, 0, rows, 6)


def rows_of_sessions(
    recorder: Recorder, sessions: Iterable[str], names: Sequence[str], until: int, rows: int
) -> Iterator[list[Row]]:
    """The rows of some sessions, one session after the other."""
    wanted = frozenset(names)
    page: list[Row] = []
    weight = 0
    for session in sessions:
        for row in recorder.read(session):
            if row.global_position > until or (wanted and row.name not in wanted):
                continue
            page.append(row)
            weight += len(row.payload or b"")
            if len(page) >= rows or weight >= HEAVY:
                yield page
                page, weight = [], 0
    if page:
        yield page


def _pages(read: Callable[[int, int], list[R]], after: int, rows: int, payload: int) -> Iterator[list[R]]:
    limit = min(rows, FIRST)
    while page := read(after, limit):
        yield page
        after = page[-1][2]
        weight = sum([len(row[payload]) for row in page if row[payload]])  # type: ignore[arg-type, misc]  # bytes
        limit = max(limit // 2, 1) if weight > HEAVY else min(limit * 2, rows)
