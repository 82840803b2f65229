"""The record in one SQLite file: appends in one transaction each, reads in short pages beside them."""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import Any

import msgspec

from ...domain.errors import DatabaseError, InvalidOperationError, InvalidValueError, StoreNotFoundError
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ...projections.message_pages import Body, FeedBody
from ...projections.selection import Place, Selection
from ..after_fork import register
from ..catalogue_query import SQLITE, build_query, select_in_memory
from ..paging import Page, in_pages, whole_pages
from ..payload_compression import payload_encoding
from ..recorder import AppendHook, OpenMode, Recorder
from ..stored_event import (
    LAST,
    AppendRequest,
    AppendResult,
    Outcome,
    Row,
    count_recorded,
)
from .appends import add_events, append_events, entry_from_row, event_columns, find_command, restore_entry
from .backup import write_backup
from .connections import SQLiteConnections
from .queries import SQL, select_entries
from .row_store import SQLiteRowTransaction
from .schema import check, prepare
from .scrubbing import compact, find_pending, scrub
from .verification import flaws

PAGE = 1000
"""Rows per read: a page is read in one statement, so that no reader keeps the file from being tidied for long."""

POLL = 0.02
"""Seconds between two looks for what other processes have written; one look costs some microseconds."""


class SQLiteRecorder(Recorder):
    """Rows in a file that several processes may share."""

    def __init__(
        self,
        path: Path,
        durability: str = "full",
        readers: int | None = None,
        *,
        compress: bool = False,
        opening: OpenMode = OpenMode.MAKING,
    ) -> None:
        self._encoding = payload_encoding(compress)
        self._durability = durability
        self.name = name = f"sqlite:///{path.absolute()}"
        if path.is_dir():
            raise DatabaseError(name, "it is a directory; pass a file in it, such as turnlog.db")
        making = opening is OpenMode.MAKING
        if not (making or path.exists()):
            raise StoreNotFoundError(self.name)
        self._connections = SQLiteConnections(
            path,
            self.name,
            lambda connection: (prepare if making else check)(connection, name),
            synchronous={"full": "FULL", "normal": "NORMAL"}[durability],
            readers=readers,
            making=making,
        )
        with self._connections.alone():
            pass  # whatever is wrong with the file is said now
        register(self)
        self.after_fork()

    def after_fork(self) -> None:
        """Takes a lock that no thread of the parent process holds."""
        self._news = Condition()
        self._waiting = 0

    def append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        if self.inline is not None:
            return self.inline.around(lambda: self._append(appends))
        return self._append(appends)

    def append_together(self, appends: Iterable[AppendRequest]) -> list[AppendResult]:
        if self.inline is not None:
            return self.inline.around(lambda: self._append_together(appends))
        return self._append_together(appends)

    @property
    def connections(self) -> SQLiteConnections:
        """The way to the file, for what stands beside the record."""
        return self._connections

    @contextmanager
    def appending(self, appends: Iterable[AppendRequest]) -> Iterator[tuple[sqlite3.Connection, list[AppendResult]]]:
        """Appends together, in a transaction that takes other rows beside them."""
        with self._connections.writing() as connection:
            appended = [_raise_or_return(append_events(connection, append, self._encoding)) for append in appends]
            yield connection, appended
            if self.inline is not None:
                self._keep_inline(self.inline, connection, appended)
        self._wake()

    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        with self._connections.writing() as connection:
            if connection.execute(SQL["last_global_position"]).fetchone() is not None:
                raise InvalidValueError(f"the store {self.name}", "is not empty; copy into an empty store")
            numbers = {entry.session: restore_entry(connection, entry) for entry in entries}
            add_events(connection, (event_columns(numbers[row.session], row, self._encoding) for row in rows))
        self._wake()

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        bounds = after + 1, LAST if until is None else until
        yield from self._pages(SQL["read_backwards"] if backwards else SQL["read"], (session,), bounds, backwards)

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        query = SQL["read_messages_backwards"] if backwards else SQL["read_messages"]
        yield from self._pages(query, (session, branch), (first, last), backwards)

    def read_bodies(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[list[Body]]:
        query = SQL["read_bodies_backwards"] if backwards else SQL["read_bodies"]
        return whole_pages(self._page(query, (session, branch)), PAGE, first, last, backwards=backwards)

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        places = msgspec.json.encode(positions).decode()
        with self._connections.reading() as connection:
            return connection.execute(SQL["read_bodies_at"], (session, places)).fetchall()

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        yield from self._pages(SQL["read_structure"], (session,), (after + 1, until), backwards=False)

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        with self._connections.reading() as connection:
            rows = connection.execute(SQL["read_written"], (session, after, until)).fetchall()
        return {branch: array("q", sorted(msgspec.json.decode(places))) for branch, places in rows}

    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        query, named = (SQL["read_named"], (_as_list(names),)) if names else (SQL["read_all"], ())
        with self._connections.reading() as connection:
            found = connection.execute(query, (after, LAST if until is None else until, *named, limit))
            return list(map(Row._make, found))

    def read_all_bodies(
        self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int
    ) -> list[FeedBody]:
        query, named = (SQL["read_named_bodies"], (_as_list(names),)) if names else (SQL["read_all_bodies"], ())
        with self._connections.reading() as connection:
            return connection.execute(query, (after, LAST if until is None else until, *named, limit)).fetchall()

    def last_global_position(self) -> int:
        with self._connections.reading() as connection:
            (last,) = connection.execute(SQL["newest_global_position"]).fetchone()
        return int(last)

    def wait(self, after: int, timeout: float) -> bool:
        deadline = monotonic() + timeout
        while self.last_global_position() <= after:
            left = deadline - monotonic()
            if left <= 0:
                return False
            with self._news:
                self._waiting += 1
                self._news.wait(min(left, POLL))
                self._waiting -= 1
        return True

    def find_entry(self, session: str) -> CatalogueEntry | None:
        with self._connections.reading() as connection:
            row = connection.execute(SQL["find_entry"], (session,)).fetchone()
        return None if row is None else entry_from_row(row)

    def read_entries(self) -> Iterator[CatalogueEntry]:
        number = 0
        while True:
            with self._connections.reading() as connection:
                page = connection.execute(SQL["read_entries"], (number, PAGE)).fetchall()
            if not page:
                return
            yield from map(entry_from_row, page)
            number = page[-1][0]

    def find_key(self, key: str) -> CatalogueEntry | None:
        with self._connections.reading() as connection:
            row = connection.execute(SQL["find_entry_by_key"], (key,)).fetchone()
        return None if row is None else entry_from_row(row)

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]:
        def read(after: Place | None, limit: int) -> list[CatalogueEntry]:
            text, parameters = build_query(selection, after, limit, SQLITE)
            with self._connections.reading() as connection:
                return [entry_from_row(row) for row in connection.execute(select_entries(text), parameters)]

        return select_in_memory(selection, after, limit, read)

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        with self._connections.reading() as connection:
            return find_command(connection, session, command_id)

    def scrub(self) -> None:
        with self._connections.alone() as connection:
            scrub(connection, self.name)

    def needs_scrub(self) -> bool:
        with self._connections.reading() as connection:
            return bool(find_pending(connection))

    def redaction_marks(self) -> list[str]:
        with self._connections.reading() as connection:
            return find_pending(connection)

    def find_flaws(self) -> list[str]:
        with self._connections.reading() as connection:
            return list(flaws(connection))

    def durability(self) -> str:
        return self._durability

    def schema(self) -> int:
        with self._connections.reading() as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def backup(self, path: Path, marks: Sequence[str] = ()) -> None:
        with self._connections.reading() as connection:
            write_backup(connection, self.name, path, marks)

    def vacuum(self) -> None:
        with self._connections.alone() as connection:
            scrub(connection, self.name) if find_pending(connection) else compact(connection)
            connection.execute("PRAGMA optimize")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connections.close()
        self._wake()

    def _append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        with self._connections.writing() as connection:
            outcomes: list[Outcome] = [append_events(connection, append, self._encoding) for append in appends]
            if self.inline is not None:
                self._keep_inline(self.inline, connection, outcomes)
        self._wake()
        return outcomes

    def _append_together(self, appends: Iterable[AppendRequest]) -> list[AppendResult]:
        with self.appending(appends) as (_, appended):
            return appended

    def _keep_inline(self, inline: AppendHook, connection: sqlite3.Connection, outcomes: Sequence[Outcome]) -> None:
        """Takes what was appended into the rows of projections, in the same transaction."""

        def read(after: int, until: int) -> list[Row]:
            return list(map(Row._make, connection.execute(SQL["read_all"], (after, until, -1))))

        last = connection.execute(SQL["newest_global_position"]).fetchone()[0]
        inline.keep(SQLiteRowTransaction(connection), read, last, count_recorded(outcomes))

    def _wake(self) -> None:
        if self._waiting:  # who comes just now looks again after a moment
            with self._news:
                self._news.notify_all()

    def _pages(self, query: str, which: tuple[Any, ...], bounds: tuple[int, int], backwards: bool) -> Iterator[Row]:
        return in_pages(self._page(query, which), PAGE, *bounds, backwards=backwards)

    def _page(self, query: str, which: tuple[Any, ...]) -> Page:
        def page(first: int, last: int) -> list[Any]:
            with self._connections.reading() as connection:
                return connection.execute(query, (*which, first, last, PAGE)).fetchall()

        return page


def _raise_or_return(outcome: AppendResult | InvalidOperationError) -> AppendResult:
    if isinstance(outcome, InvalidOperationError):
        raise outcome
    return outcome


def _as_list(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()
