"""Takes the rows of another store into one that has none.

Redis has no transaction that could take a whole record, so it goes page by page, and holds off others meanwhile. The
store has no events until the last step. Of a restoring that breaks off, the next one takes away what is left.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from secrets import token_urlsafe

from ...domain.errors import DatabaseError, InvalidValueError, StoreError
from ...projections.catalogue import CatalogueEntry
from ..payload_compression import Encoding
from ..stored_event import Row
from . import scripts
from .codec import Argument, as_arguments, columns_of, labels_of, place_in_stream, place_of
from .server import Reply, Server

PAGE = 500

LARGEST_PAGE = 8 << 20
"""Bytes per page, about."""

PAUSE = 10 * 60 * 1000
"""Milliseconds after which a restoring that does not go on is over, and others may write."""


class Restore:
    """One restoring, known to the server by a token."""

    def __init__(self, server: Server, ttl: int, encoding: Encoding) -> None:
        self._encoding = encoding
        self._server = server
        self._ttl = ttl
        self._token = token_urlsafe(9)
        self._started: dict[str, int] = {}
        self._last = 0

    def run(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        """Writes everything, or leaves the store as empty as it was."""
        self._begin()
        try:
            self._clear()
            for page in _pages(rows):
                self._send(scripts.RESTORE_ROWS, PAUSE, *self._arguments_of_rows(page))
            for some in _slices(entries):
                self._send(scripts.RESTORE_ENTRIES, self._ttl, *self._arguments_of_entries(some))
            self._send(scripts.RESTORE_END, self._last)
        except BaseException:
            with suppress(StoreError):
                self._clear()
                self._server.ask("DEL", self._server.key("restoring"))
            raise

    def _begin(self) -> None:
        name = self._server.key("restoring")
        taken = self._server.ask("SET", name, self._token, "NX", "PX", PAUSE)
        if taken is None and self._server.ask("GET", name) != self._token.encode():
            raise DatabaseError(self._server.name, "another process is restoring it")

    def _clear(self) -> None:
        left = 1
        while left:
            left = self._server.read(scripts.RESTORE_CLEAR, self._token, PAGE)
            if left == -1:
                self._server.ask("DEL", self._server.key("restoring"))
                raise InvalidValueError(f"the store {self._server.name}", "is not empty; copy into an empty store")
            self._check(left != -2)

    def _send(self, script: scripts.Script, *arguments: Argument) -> None:
        self._check(self._server.read(script, self._token, *arguments))

    def _check(self, goes_on: Reply) -> None:
        if not goes_on:
            raise DatabaseError(self._server.name, "the restoring paused for so long that it was given up")

    def _arguments_of_rows(self, rows: Iterable[Row]) -> Iterator[Argument]:
        for row in rows:
            self._started.setdefault(row.session, row.global_position)
            self._last = row.global_position
            yield from (row.session, row.position, row.global_position, as_arguments(row.command_id), row.time)
            mark, payload = self._encoding(row.name, row.payload)
            yield from (place_of(row), columns_of(row, encoding=mark), b"" if payload is None else b"=" + payload)

    def _arguments_of_entries(self, entries: Iterable[CatalogueEntry]) -> Iterator[Argument]:
        for entry in entries:
            yield from (entry.session, self._started.get(entry.session, 0), *place_in_stream(entry))
            yield from (
                as_arguments(entry.user),
                as_arguments(entry.key),
                as_arguments(entry.forked_from),
                labels_of(entry),
            )


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    weight = 0
    for row in rows:
        page.append(row)
        weight += len(row.payload or b"")
        if len(page) == PAGE or weight > LARGEST_PAGE:
            yield page
            page, weight = [], 0
    if page:
        yield page


def _slices(entries: Iterable[CatalogueEntry]) -> Iterator[list[CatalogueEntry]]:
    rest = iter(entries)
    while some := list(islice(rest, PAGE)):
        yield some
