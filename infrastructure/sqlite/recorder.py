"""The record in one SQLite file: appends in one transaction each, reads in short pages beside them."""

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

import msgspec

from ...domain.errors import KeyTaken, PositionConflict, Refused
from ...domain.expectation import holds
from ...domain.ranges import Positions
from ...projections.catalogue import Entry
from ..recorder import Recorder
from ..rows import Append, Appended, Row, expectation_text, stamped
from . import sql
from .connections import Connections

PAGE = 1000
"""Rows per read: a page is read in one statement, so that no reader keeps the file from being tidied for long."""

LAST = 2**62
"""A position behind all others."""


class SQLiteRecorder(Recorder):
    """Rows in a file that several processes may share."""

    def __init__(self, path: Path, durability: str = "full") -> None:
        self._connections = Connections(path, durability)
        self.name = self._connections.name

    def append(self, appends: Sequence[Append]) -> list[Appended | Refused]:
        with self._connections.writing() as connection:
            return [_append(connection, append) for append in appends]

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        bounds = after + 1, LAST if until is None else until
        yield from self._pages(sql.READ_BACKWARDS if backwards else sql.READ, (session,), bounds, backwards)

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        query = sql.READ_MESSAGES_BACKWARDS if backwards else sql.READ_MESSAGES
        yield from self._pages(query, (session, branch), (first, last), backwards)

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        yield from self._pages(sql.READ_STRUCTURE, (session,), (after + 1, until), backwards=False)

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        with self._connections.reading() as connection:
            rows = connection.execute(sql.READ_WRITTEN, (session, after, until)).fetchall()
        return {branch: array("q", sorted(msgspec.json.decode(places))) for branch, places in rows}

    def read_all(self, *, after: int = 0, limit: int) -> list[Row]:
        with self._connections.reading() as connection:
            return list(starmap(Row, connection.execute(sql.READ_ALL, (after, limit))))

    def find_entry(self, session: str) -> Entry | None:
        with self._connections.reading() as connection:
            row = connection.execute(sql.FIND_ENTRY, (session,)).fetchone()
        return None if row is None else _entry(row)

    def read_entries(self) -> Iterator[Entry]:
        number = 0
        while True:
            with self._connections.reading() as connection:
                page = connection.execute(sql.READ_ENTRIES, (number, PAGE)).fetchall()
            if not page:
                return
            yield from map(_entry, page)
            number = page[-1][0]

    def find_command(self, session: str, command_id: str) -> Appended | None:
        with self._connections.reading() as connection:
            return _found_command(connection, session, command_id)

    def find_flaws(self) -> list[str]:
        with self._connections.reading() as connection:
            return [flaw for (flaw,) in connection.execute(sql.FIND_FLAWS)]

    def close(self) -> None:
        self._connections.close()

    def _pages(self, query: str, which: tuple[Any, ...], bounds: tuple[int, int], backwards: bool) -> Iterator[Row]:
        first, last = bounds
        while first <= last:
            with self._connections.reading() as connection:
                page = connection.execute(query, (*which, first, last, PAGE)).fetchall()
            yield from map(Row._make, page)
            if len(page) < PAGE:
                return
            if backwards:
                last = page[-1][1] - 1
            else:
                first = page[-1][1] + 1


def _append(connection: sqlite3.Connection, append: Append) -> Appended | Refused:
    number, head = _head(connection, append.session)
    if append.command_id is not None:
        first = _found_command(connection, append.session, append.command_id)
        if first is not None:
            return first
    if not holds(append.expected, head.position):
        return PositionConflict(append.session, expectation_text(append.expected), head.position)
    rows, entry = stamped(append, head, _next_global_position(connection))
    if entry.key is not None and entry.key != head.key:
        taken = connection.execute(sql.FIND_KEY, (entry.key,)).fetchone()
        if taken is not None:
            return KeyTaken(append.session, entry.key)
    if rows:
        _write(connection, number, rows, head, entry)
    return Appended(append.session, head.position + 1, entry.position, entry.time)


def _head(connection: sqlite3.Connection, session: str) -> tuple[int | None, Entry]:
    row = connection.execute(sql.FIND_ENTRY, (session,)).fetchone()
    return (None, Entry(session)) if row is None else (row[0], _entry(row))


def _next_global_position(connection: sqlite3.Connection) -> int:
    row = connection.execute(sql.LAST_GLOBAL_POSITION).fetchone()
    return 1 if row is None else int(row[0]) + 1


def _write(connection: sqlite3.Connection, number: int | None, rows: list[Row], head: Entry, entry: Entry) -> None:
    if number is None:
        number = connection.execute(sql.ADD_ENTRY, (entry.session,)).lastrowid
    connection.executemany(sql.ADD_EVENT, [_columns(number, row) for row in rows])
    connection.execute(
        sql.MOVE_ENTRY,
        (entry.position, entry.time, entry.digest, entry.messages, entry.bytes, entry.updated, number),
    )
    if _labels(entry) != _labels(head):
        metadata = msgspec.json.encode(entry.metadata).decode()
        connection.execute(sql.LABEL_ENTRY, (*_labels(entry)[:-1], metadata, number))


def _columns(number: int | None, row: Row) -> tuple[Any, ...]:
    payload = None if row.payload is None else row.payload.decode()
    return (number, *row[1:10], payload, row.digest)


def _labels(entry: Entry) -> tuple[Any, ...]:
    return (entry.status, entry.key, entry.name, entry.user, entry.created, entry.metadata)


def _found_command(connection: sqlite3.Connection, session: str, command_id: str) -> Appended | None:
    first, last, time = connection.execute(sql.FIND_COMMAND, (session, command_id)).fetchone()
    return None if first is None else Appended(session, first, last, time, repeated=True)


def _entry(row: tuple[Any, ...]) -> Entry:
    _, *fields, metadata = row
    return Entry(*[*fields, msgspec.json.decode(metadata)])
