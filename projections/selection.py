"""Which sessions of the catalogue are asked for, in which order, and where the next page begins."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from enum import StrEnum
from heapq import nlargest, nsmallest
from typing import TypeAlias

import msgspec

from ..domain.errors import InvalidValueError
from ..domain.json_values import Json, json_equal
from ..domain.state import Status
from .catalogue import CatalogueEntry

Place: TypeAlias = tuple[int | str, str]
"""Where an entry stands in an order: by its value, and by its session among those with the same one."""

PRESENT = (Status.ACTIVE.value, Status.ARCHIVED.value)
STATUSES = (*PRESENT, Status.DELETED.value)
"""The sessions that have not been deleted."""

MAX_PAGE = 10_000
"""Entries per page."""


class Order(StrEnum):
    """What sessions can be sorted by; those with the same value by their id."""

    CREATED = "created"
    UPDATED = "updated"
    NAME = "name"
    POSITION = "position"


class Selection(msgspec.Struct, frozen=True):
    """Which entries are asked for; what is not named does not matter. Times are microseconds, both ends included.

    `metadata` holds the values that an entry's metadata must have under these keys, `contains` what its name must
    have in it, in upper or lower case.
    """

    user: str | None = None
    statuses: tuple[str, ...] = PRESENT
    key_prefix: str | None = None
    name: str | None = None
    name_prefix: str | None = None
    contains: str | None = None
    metadata: Mapping[str, Json] = {}
    forked_from: str | None = None
    created_since: int | None = None
    created_until: int | None = None
    updated_since: int | None = None
    updated_until: int | None = None
    keyed: bool | None = None
    order: Order = Order.CREATED
    descending: bool = False

    def takes(self, entry: CatalogueEntry) -> bool:
        """Whether an entry is one of those asked for."""
        return (
            entry.status in self.statuses
            and _is(self.user, entry.user)
            and _is(self.name, entry.name)
            and _is(self.forked_from, entry.forked_from)
            and _begins(self.key_prefix, entry.key)
            and _begins(self.name_prefix, entry.name)
            and (self.keyed is None or self.keyed == (entry.key is not None))
            and _between(self.created_since, entry.created, self.created_until)
            and _between(self.updated_since, entry.updated, self.updated_until)
            and self.takes_words(entry)
        )

    def takes_words(self, entry: CatalogueEntry) -> bool:
        """The part of `takes` that no database has an index for."""
        has_it = self.contains is None or self.contains.casefold() in (entry.name or "").casefold()
        return has_it and all(
            key in entry.metadata and json_equal(entry.metadata[key], value) for key, value in self.metadata.items()
        )

    def place(self, entry: CatalogueEntry) -> Place:
        """Where an entry stands in the order asked for."""
        value = entry.name or "" if self.order is Order.NAME else getattr(entry, self.order.value)
        return value, entry.session

    def is_behind(self, entry: CatalogueEntry, place: Place | None) -> bool:
        """Whether an entry comes after a place in the order asked for."""
        if place is None:
            return True
        return self.place(entry) < place if self.descending else self.place(entry) > place

    def page(self, entries: Iterable[CatalogueEntry], after: Place | None, limit: int) -> list[CatalogueEntry]:
        """The first entries behind a place, out of all there are."""
        found = (entry for entry in entries if self.takes(entry) and self.is_behind(entry, after))
        pick = nlargest if self.descending else nsmallest
        return pick(limit, found, key=self.place)


EVERYTHING = Selection()
"""All that is not deleted, in the order it was started."""


class Page(msgspec.Struct, frozen=True):
    """Some entries, and the mark behind which the next page begins; no mark if these are the last."""

    entries: tuple[CatalogueEntry, ...]
    mark: str | None = None


def page_mark(selection: Selection, entry: CatalogueEntry) -> str:
    """The mark of a page that ends with an entry."""
    fields = [selection.order.value, selection.descending, *selection.place(entry)]
    return urlsafe_b64encode(msgspec.json.encode(fields)).decode().rstrip("=")


def parse_page_mark(selection: Selection, mark: str | None) -> Place | None:
    """The place that a mark stands for; refused if it is not one of pages in this order."""
    if mark is None:
        return None
    value_type: type[int] | type[str] = str if selection.order is Order.NAME else int
    try:
        decoded = urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
        order, descending, value, session = msgspec.json.decode(decoded, type=tuple[str, bool, value_type, str])  # type: ignore[valid-type]  # which of the two, it says above
    except (ValueError, TypeError):
        raise InvalidValueError(
            "the mark of a page", f"{mark!r} is not one: expected that of the page before"
        ) from None
    if (order, descending) != (selection.order.value, selection.descending):
        expected = f"expected one in the order {selection.order.value!r}, as the page before"
        raise InvalidValueError("the mark of a page", f"is from a page in the order {order!r}: {expected}")
    return value, session


def validate_selection(selection: Selection) -> Selection:
    """A selection that every store can look for."""
    for what in ("user", "key_prefix", "name", "name_prefix", "contains", "forked_from"):
        value = getattr(selection, what)
        if value is not None and not isinstance(value, str):
            raise InvalidValueError(f"the {what} of a selection", f"is a {type(value).__name__}: expected a str")
    if not isinstance(selection.metadata, Mapping) or not all(isinstance(key, str) for key in selection.metadata):
        raise InvalidValueError("the metadata of a selection", "are no values by their keys: expected a dict")
    if not selection.statuses:
        raise InvalidValueError("the statuses", "are none: expected one of active, archived and deleted at least")
    return selection


def validate_limit(limit: int) -> int:
    """How many entries a page may have at most."""
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise InvalidValueError("the limit", f"is {limit!r}: expected a number from 1 to {MAX_PAGE}")
    return limit


def parse_order(name: str) -> Order:
    """The order that goes by a name."""
    try:
        return Order(name)
    except ValueError:
        raise InvalidValueError("the order", f"{name!r} is unknown: expected one of {', '.join(Order)}") from None


def prefix_end(prefix: str) -> str | None:
    """The first text behind all that begin with a prefix, as code points are ordered; None if there is none.

    Surrogates are stepped over, since no database keeps them.
    """
    for place in range(len(prefix) - 1, -1, -1):
        point = ord(prefix[place])
        if point < 0x10FFFF:
            return prefix[:place] + chr(0xE000 if 0xD7FF <= point <= 0xDFFF else point + 1)
    return None


def _is(wanted: str | None, value: str | None) -> bool:
    return wanted is None or value == wanted


def _begins(prefix: str | None, value: str | None) -> bool:
    return prefix is None or (value is not None and value.startswith(prefix))


def _between(since: int | None, value: int, until: int | None) -> bool:
    return (since is None or value >= since) and (until is None or value <= until)
