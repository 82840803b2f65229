"""What an append writes inside a transaction: events, the catalogue entry of their session, erasures."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from ...domain.errors import InvalidOperationError, KeyTakenError, PositionConflictError
from ...domain.expected_position import matches
from ...projections.catalogue import CatalogueEntry
from ..payload_compression import Encoding
from ..stored_event import AppendRequest, AppendResult, Row, expectation_text, size_error, stamp
from .queries import ADD_EVENTS, GROUP, SQL
from .scrubbing import ADD_PENDING


def append_events(
    connection: sqlite3.Connection, append: AppendRequest, encoding: Encoding
) -> AppendResult | InvalidOperationError:
    number, head, first = _head(connection, append)
    if append.command_id is not None:
        earlier = find_command(connection, append.session, append.command_id)
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


def _head(connection: sqlite3.Connection, append: AppendRequest) -> tuple[int | None, CatalogueEntry, int]:
    """Return the number of a session, if it has one, its entry, and the next global position."""
    row = connection.execute(SQL["find_head"], (append.session,)).fetchone()
    if row is not None:
        return row[0], entry_from_row(row[:-1]), row[-1] + 1
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
    add_events(connection, map(event_columns, repeat(number), rows, repeat(encoding)))
    connection.execute(SQL["move_entry"], (*_place(entry), number))
    if _labels(entry) != _labels(head) or entry.metadata is not head.metadata:
        _label(connection, number, entry)


def add_events(connection: sqlite3.Connection, events: Iterator[tuple[Any, ...]]) -> None:
    while group := list(islice(events, GROUP)):
        if len(group) == GROUP:
            connection.execute(ADD_EVENTS, list(chain.from_iterable(group)))
        else:
            for event in group:
                connection.execute(SQL["add_event"], event)


def event_columns(number: int | None, row: Row, encoding: Encoding) -> tuple[Any, ...]:
    mark, payload = encoding(row.name, row.payload)
    return (number, *row[1:10], mark, payload if mark else _text(payload), *row[11:])


def _text(payload: bytes | None) -> str | bytes | None:
    """Return JSON as text, which is readable in the file; bytes that are not UTF-8 stay bytes."""
    try:
        return None if payload is None else payload.decode()
    except UnicodeDecodeError:
        return payload


def restore_entry(connection: sqlite3.Connection, entry: CatalogueEntry) -> int | None:
    number = connection.execute(SQL["add_entry"], (entry.session,)).lastrowid
    connection.execute(SQL["move_entry"], (*_place(entry), number))
    _label(connection, number, entry)
    return number


def _label(connection: sqlite3.Connection, number: int | None, entry: CatalogueEntry) -> None:
    metadata = msgspec.json.encode(entry.metadata).decode()
    connection.execute(SQL["label_entry"], (*_labels(entry), metadata, number))


_place = attrgetter("position", "time", "digest", "messages", "bytes", "updated")
_labels = attrgetter("status", "key", "name", "user", "forked_from", "forked_at", "created")


def find_command(connection: sqlite3.Connection, session: str, command_id: str) -> AppendResult | None:
    found = connection.execute(SQL["find_command"], (session, command_id)).fetchone()
    return None if found[0] is None else replace(AppendResult(session, *found), repeated=True)


def entry_from_row(row: tuple[Any, ...]) -> CatalogueEntry:
    return CatalogueEntry(*(*row[1:-1], msgspec.json.decode(row[-1])))
