"""A selection of the catalogue as a query: what a database can decide goes into it, the words are looked at here."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from ..projections.catalogue import CatalogueEntry
from ..projections.selection import (
    Order,
    Page,
    Place,
    Selection,
    page_mark,
    parse_page_mark,
    prefix_end,
    validate_limit,
    validate_selection,
)
from .stored_event import LAST

CANDIDATES = 500
"""Entries per query at least, if words decide which of them are taken."""


class EntrySource(Protocol):
    """The part of a recorder that selects from the catalogue."""

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]: ...


def select_page(source: EntrySource, selection: Selection, after: str | None, limit: int) -> Page:
    """Return a page of the selected sessions behind a mark, with the mark of its end if there are more."""
    most = validate_limit(limit)
    found = source.select_entries(validate_selection(selection), parse_page_mark(selection, after), most + 1)
    return Page(tuple(found[:most]), page_mark(selection, found[most - 1]) if len(found) > most else None)


class Dialect(NamedTuple):
    """How a database says a parameter, the column `user`, and that text is compared by its code points."""

    parameter: str
    user: str
    by_code_point: str


SQLITE = Dialect("?", "user", "")
POSTGRES = Dialect("%s", '"user"', ' COLLATE "C"')


class CatalogueQuery(NamedTuple):
    """What stands behind WHERE, and its parameters."""

    text: str
    parameters: tuple[object, ...]


def build_query(selection: Selection, after: Place | None, limit: int, dialect: Dialect) -> CatalogueQuery:
    """The conditions, the order and the limit of a page."""
    conditions: list[str] = []
    parameters: list[object] = []
    for text, values in _conditions(selection, after, dialect):
        conditions.append(text.replace("?", dialect.parameter))
        parameters += values
    way = " DESC" if selection.descending else ""
    order = f"{_value(selection, dialect)}{way}, session{dialect.by_code_point}{way}"
    text = f"{' AND '.join(conditions)} ORDER BY {order} LIMIT {dialect.parameter}"
    return CatalogueQuery(text, (*parameters, limit))


def select_in_memory(
    selection: Selection, after: Place | None, limit: int, read: Callable[[Place | None, int], list[CatalogueEntry]]
) -> list[CatalogueEntry]:
    """The first entries that a selection takes, where `read` answers with those that its query takes."""
    if selection.contains is None and not selection.metadata:
        return read(after, limit)
    found: list[CatalogueEntry] = []
    size = max(limit, CANDIDATES)
    while True:
        page = read(after, size)
        found += [entry for entry in page if selection.takes_words(entry)]
        if len(found) >= limit or len(page) < size:
            return found[:limit]
        after = selection.place(page[-1])


def _conditions(
    selection: Selection, after: Place | None, dialect: Dialect
) -> Iterator[tuple[str, tuple[object, ...]]]:
    yield f"status IN ({', '.join('?' * len(selection.statuses))})", selection.statuses
    for column, wanted in (
        (dialect.user, selection.user),
        ("name", selection.name),
        ("forked_from", selection.forked_from),
    ):
        if wanted is not None:
            yield f"{column} = ?", (wanted,)
    for column, prefix in (("key", selection.key_prefix), ("name", selection.name_prefix)):
        if prefix is not None:
            yield f"{column}{dialect.by_code_point} >= ?", (prefix,)
            end = prefix_end(prefix)
            if end is not None:
                yield f"{column}{dialect.by_code_point} < ?", (end,)
    if selection.keyed is not None:
        yield f"key IS {'NOT ' if selection.keyed else ''}NULL", ()
    for column, since, until in (
        ("created", selection.created_since, selection.created_until),
        ("updated", selection.updated_since, selection.updated_until),
    ):
        if since is not None:
            yield f"{column} >= ?", (max(since, -LAST),)
        if until is not None:
            yield f"{column} <= ?", (min(until, LAST),)
    if after is not None:
        sign = "<" if selection.descending else ">"
        yield f"({_value(selection, dialect)}, session{dialect.by_code_point}) {sign} (?, ?)", after


def _value(selection: Selection, dialect: Dialect) -> str:
    if selection.order is Order.NAME:
        return f"coalesce(name, ''){dialect.by_code_point}"
    return selection.order.value
