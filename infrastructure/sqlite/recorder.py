"""The record in one SQLite file: appends in one transaction each, reads in short pages beside them."""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice, repeat
from operator import attrgetter
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from ...domain.errors import (
    InvalidOperationError,
    InvalidValueError,
    KeyTakenError,
    PositionConflictError,
    StoreNotFoundError,
)
from ...domain.expected_position import matches
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ...projections.message_pages import Body, FeedBody
from ...projections.selection import Place, Selection
from ..after_fork import register
from ..catalogue_query import SQLITE, build_query, select_in_memory
from ..paging import Page, in_pages, whole_pages
from ..payload_compression import Encoding, payload_encoding
from ..recorder import AppendHook, OpenMode, Recorder
from ..stored_event import (
    LAST,
    AppendRequest,
    AppendResult,
    Outcome,
    Row,
    count_recorded,
    expectation_text,
    size_error,
    stamp,
)
from .backup import write_backup
from .connections import SQLiteConnections
from .queries import ADD_EVENTS, GROUP, SQL, select_entries
from .row_store import SQLiteRowTransaction
from .schema import check, prepare
from .scrubbing import ADD_PENDING, compact, find_pending, scrub
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
            appended = [_raise_or_return(_append(connection, append, self._encoding)) for append in appends]
            yield connection, appended
            if self.inline is not None:
                self._keep_inline(self.inline, connection, appended)
        self._wake()

    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        with self._connections.writing() as connection:
            if connection.execute(SQL["last_global_position"]).fetchone() is not None:
                raise InvalidValueError(f"the store {self.name}", "is not empty; copy into an empty store")
            numbers = {entry.session: _restore_entry(connection, entry) for entry in entries}
            _add_events(connection, (_columns(numbers[row.session], row, self._encoding) for row in rows))
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
                self._news.wait(min(left, POLL))
        return True

    def find_entry(self, session: str) -> CatalogueEntry | None:
        with self._connections.reading() as connection:
            row = connection.execute(SQL["find_entry"], (session,)).fetchone()
        return None if row is None else _entry(row)

    def read_entries(self) -> Iterator[CatalogueEntry]:
        number = 0
        while True:
            with self._connections.reading() as connection:
                page = connection.execute(SQL["read_entries"], (number, PAGE)).fetchall()
            if not page:
                return
            yield from map(_entry, page)
            number = page[-1][0]

    def find_key(self, key: str) -> CatalogueEntry | None:
        with self._connections.reading() as connection:
            row = connection.execute(SQL["find_entry_by_key"], (key,)).fetchone()
        return None if row is None else _entry(row)

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]:
        def read(after: Place | None, limit: int) -> list[CatalogueEntry]:
            text, parameters = build_query(selection, after, limit, SQLITE)
            with self._connections.reading() as connection:
                return [_entry(row) for row in connection.execute(select_entries(text), parameters)]

        return select_in_memory(selection, after, limit, read)

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        with self._connections.reading() as connection:
            return _find_command(connection, session, command_id)

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
            outcomes: list[Outcome] = [_append(connection, append, self._encoding) for append in appends]
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
        with self._news:
            self._news.notify_all()

    def _pages(self, query: str, which: tuple[Any, ...], bounds: tuple[int, int], backwards: bool) -> Iterator[Row]:
        return in_pages(self._page(query, which), PAGE, *bounds, backwards=backwards)

    def _page(self, query: str, which: tuple[Any, ...]) -> Page:
        def page(first: int, last: int) -> list[Any]:
            with self._connections.reading() as connection:
                return connection.execute(query, (*which, first, last, PAGE)).fetchall()

        return page


def _append(
    connection: sqlite3.Connection, append: AppendRequest, encoding: Encoding
) -> AppendResult | InvalidOperationError:
    number, head, first = _head(connection, append)
    if append.command_id is not None:
        earlier = _find_command(connection, append.session, append.command_id)
        if earlier is not None:
            return earlier
    if not matches(append.expected, head.position):
        return PositionConflictError(append.session, expectation_text(append.expected), head.position)
    rows, entry = stamp(append, head, first)
    too_large = size_error(append, head, entry)
    if too_large is not None:
        return too_large
    if entry.key is not None and entry.key != head.key:
        taken = connection.execute(SQL["find_key"], (entry.key,)).fetchone()
        if taken is not None:
            return KeyTakenError(append.session, entry.key)
    if rows:
        _write(connection, number, rows, head, entry, encoding)
        if append.erase:
            _erase(connection, append.erase)
    return AppendResult(append.session, entry.position - len(rows) + 1, entry.position, first, entry.time)


def _erase(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Replace payloads by what redactions leave of them, and delete the states that were folded of them."""
    for row in rows:
        connection.execute(SQL["erase"], (_text(row.payload), row.payload_hash, row.session, row.position))
    connection.execute(SQL["drop_snapshots"])
    connection.execute(ADD_PENDING)


def _raise_or_return(outcome: AppendResult | InvalidOperationError) -> AppendResult:
    if isinstance(outcome, InvalidOperationError):
        raise outcome
    return outcome


def _head(connection: sqlite3.Connection, append: AppendRequest) -> tuple[int | None, CatalogueEntry, int]:
    """Return the number of a session, if it has one, its entry, and the next global position."""
    row = connection.execute(SQL["find_head"], (append.session,)).fetchone()
    if row is not None:
        return row[0], _entry(row[:-1]), row[-1] + 1
    last = connection.execute(SQL["last_global_position"]).fetchone()
    return None, CatalogueEntry(append.session, append.start - 1), 1 if last is None else last[0] + 1


def _write(
    connection: sqlite3.Connection,
    number: int | None,
    rows: list[Row],
    head: CatalogueEntry,
    entry: CatalogueEntry,
    encoding: Encoding,
) -> None:
    if number is None:
        number = connection.execute(SQL["add_entry"], (entry.session,)).lastrowid
    _add_events(connection, map(_columns, repeat(number), rows, repeat(encoding)))
    connection.execute(SQL["move_entry"], (*_place(entry), number))
    if _labels(entry) != _labels(head) or entry.metadata is not head.metadata:
        metadata = msgspec.json.encode(entry.metadata).decode()
        connection.execute(SQL["label_entry"], (*_labels(entry), metadata, number))


def _add_events(connection: sqlite3.Connection, events: Iterator[tuple[Any, ...]]) -> None:
    while group := list(islice(events, GROUP)):
        if len(group) == GROUP:
            connection.execute(ADD_EVENTS, list(chain.from_iterable(group)))
        else:
            for event in group:
                connection.execute(SQL["add_event"], event)


def _columns(number: int | None, row: Row, encoding: Encoding) -> tuple[Any, ...]:
    mark, payload = encoding(row.name, row.payload)
    return (number, *row[1:10], mark, payload if mark else _text(payload), *row[11:])


def _as_list(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def _text(payload: bytes | None) -> str | bytes | None:
    """JSON as text, for whoever looks in; what is no text stays bytes."""
    try:
        return None if payload is None else payload.decode()
    except UnicodeDecodeError:
        return payload


def _restore_entry(connection: sqlite3.Connection, entry: CatalogueEntry) -> int | None:
    metadata = msgspec.json.encode(entry.metadata).decode()
    number = connection.execute(SQL["add_entry"], (entry.session,)).lastrowid
    connection.execute(SQL["move_entry"], (*_place(entry), number))
    connection.execute(SQL["label_entry"], (*_labels(entry), metadata, number))
    return number


_place = attrgetter("position", "time", "digest", "messages", "bytes", "updated")
_labels = attrgetter("status", "key", "name", "user", "forked_from", "forked_at", "created")


def _find_command(connection: sqlite3.Connection, session: str, command_id: str) -> AppendResult | None:
    found = connection.execute(SQL["find_command"], (session, command_id)).fetchone()
    return None if found[0] is None else replace(AppendResult(session, *found), repeated=True)


def _entry(row: tuple[Any, ...]) -> CatalogueEntry:
    return CatalogueEntry(*row[1:-1], msgspec.json.decode(row[-1]))
