"""Reading on: page after page from a place to the newest event, and sleeping until there is more."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from .stored_event import Row

PAGE = 500


class FeedSource(Protocol):
    """The part of a recorder that a feed reads."""

    def wait(self, after: int, timeout: float) -> bool: ...
    def last_global_position(self) -> int: ...
    def read(self, session: str, *, after: int = 0) -> Iterable[Row]: ...
    def read_all(
        self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int
    ) -> list[Row]: ...


def all_rows(source: FeedSource, until: int, names: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of all sessions up to a global position; with stored names, only the rows under these."""
    after = 0
    while page := source.read_all(after=after, until=until, names=names, limit=2 * PAGE):
        yield from page
        after = page[-1].global_position


class Feed:
    """The rows of all sessions in the order they were committed, or of one session in the order of its positions.

    It sleeps in the recorder, which wakes it and also polls; so it misses nothing that came before it listened, nor
    what another process wrote. Events of other names are passed over once and never looked at again.
    """

    def __init__(self, source: FeedSource, after: int, names: Sequence[str] = (), session: str | None = None) -> None:
        self._source = source
        self._names = names
        self._session = session
        self._after = after
        self._looked = after if session is None else 0

    def next_page(self, timeout: float) -> list[Row]:
        """The next rows; none if there are none before the time is up."""
        if not self._source.wait(self._looked, timeout):
            return []
        newest = self._source.last_global_position()
        if self._session is not None:
            return self._next_of_session(self._session, newest)
        page = self._source.read_all(after=self._looked, until=newest, names=self._names, limit=PAGE)
        self._looked = page[-1].global_position if len(page) == PAGE else newest
        return page

    def _next_of_session(self, session: str, newest: int) -> list[Row]:
        page = list(islice(self._source.read(session, after=self._after), PAGE))
        if page:
            self._after = page[-1].position
        if len(page) < PAGE:
            self._looked = newest
        return [row for row in page if not self._names or row.name in self._names]
