"""Which messages somebody wants to see: checked once, then held against what is stored."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import NamedTuple, TypeAlias, TypeVar
from unicodedata import normalize

from ..domain.content import MessageRole
from ..domain.errors import InvalidValueError
from ..domain.message import Message
from ..domain.ranges import Origin, Ranges, Written, between
from ..domain.recorded_event import to_microseconds
from .message_pages import SYSTEM, MessagePage, MessageReader
from .stored_messages import StoredContent, StoredMessage, StoredOther

T = TypeVar("T")

OneOrMore: TypeAlias = T | Iterable[T]
"""One value, or several of which any will do."""

Moment: TypeAlias = int | Message | datetime
"""A position, a message for its position, or a time; a naive one is local."""


class MessageFilter(NamedTuple):
    """What a message has to be; None where nothing is asked."""

    roles: frozenset[str | None] | None
    senders: frozenset[str | None] | None
    recipients: frozenset[str | None] | None
    origins: frozenset[str | None] | None
    words: str | None

    @property
    def is_anything(self) -> bool:
        """Whether nothing is asked."""
        return all(each is None for each in self)

    def takes(self, page: MessagePage, message: StoredMessage, content: StoredContent | StoredOther) -> bool:
        """Whether a message of a page is wanted."""
        origin = message.origin if page.origin is Origin.AUTHORED else page.origin
        return (
            (self.roles is None or content.role in self.roles)
            and (self.senders is None or message.sender in self.senders)
            and (self.recipients is None or message.recipient in self.recipients)
            and (self.origins is None or origin in self.origins)
            and (self.words is None or self.words in casefolded(content.text))
        )


def message_filter(
    role: OneOrMore[str] | None,
    sender: OneOrMore[str | None] | None,
    recipient: OneOrMore[str | None] | None,
    origin: OneOrMore[str] | None,
    contains: str | None,
) -> MessageFilter:
    """What a caller asks for; what no message could be is refused."""
    if contains is not None and not isinstance(contains, str):
        raise InvalidValueError("contains", f"is a {type(contains).__name__}: expected a str")
    return MessageFilter(
        _one_of("the role", role, MessageRole),
        _participants("the sender", sender),
        _participants("the recipient", recipient),
        _one_of("the origin", origin, Origin),
        None if contains is None else casefolded(contains),
    )


def casefolded(text: str) -> str:
    """Text as it is compared: without case, and the same however its accents are written."""
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFD", text).casefold())


def of_origins(ranges: Ranges, origins: frozenset[str | None]) -> Ranges:
    """The ranges that may hold messages of these origins; what was written where it is shown says its own."""
    return tuple(piece for piece in ranges if piece.origin is Origin.AUTHORED or piece.origin in origins)


def between_positions(ranges: Ranges, written: Written, first: float, last: float) -> Ranges:
    """The messages between two positions, both included, without reading one."""
    kept: list[Ranges] = []
    for piece in ranges:
        if first <= piece.first and piece.last <= last:
            kept.append((piece,))
        elif piece.last >= first and piece.first <= last and piece.branch != SYSTEM:
            start, stop = int(max(first, piece.first)), int(min(last, piece.last))
            kept.append(between(written, piece.branch, start - 1, stop, piece.origin))
    return tuple(piece for pieces in kept for piece in pieces)


def first_position(reader: MessageReader, ranges: Ranges, since: Moment | None) -> float:
    """The position from which on messages are at or behind a moment."""
    if not isinstance(since, datetime):
        return _position(reader, "since", since, -inf)
    life = _lifetime(ranges)
    return life.start + bisect_left(life, _validate_time("since", since), key=reader.time_at)


def last_position(reader: MessageReader, ranges: Ranges, until: Moment | None) -> float:
    """The position up to which messages are at or before a moment."""
    if not isinstance(until, datetime):
        return _position(reader, "until", until, inf)
    life = _lifetime(ranges)
    return life.start + bisect_right(life, _validate_time("until", until), key=reader.time_at) - 1


def _lifetime(ranges: Ranges) -> range:
    """The positions among which the messages are; their times go with their positions."""
    if not ranges:
        return range(0)
    return range(min(piece.first for piece in ranges), max(piece.last for piece in ranges) + 1)


def _position(reader: MessageReader, what: str, when: object, without: float) -> float:
    if when is None:
        return without
    if isinstance(when, Message):
        return reader.position_of(when.id)
    if not isinstance(when, int) or isinstance(when, bool):
        raise InvalidValueError(what, f"is {when!r}: expected a position, a Message or a datetime")
    return when


def _validate_time(what: str, when: datetime) -> int:
    try:
        return to_microseconds(when)
    except (OverflowError, ValueError):
        reason = f"is {when.isoformat()}: expected a time that falls into the years 1 to 9999 in UTC"
        raise InvalidValueError(what, reason) from None


def _one_of(what: str, given: OneOrMore[str] | None, kind: type[StrEnum]) -> frozenset[str | None] | None:
    """The values of an enum that are meant."""
    if given is None:
        return None
    try:
        return frozenset(kind(each) for each in _several(given))  # type: ignore[arg-type]  # what is no str is refused
    except ValueError:
        raise InvalidValueError(what, f"is {given!r}: expected one or several of {', '.join(kind)}") from None


def _participants(what: str, given: OneOrMore[str | None] | None) -> frozenset[str | None] | None:
    if given is None:
        return None
    meant = list(_several(given))
    names = [each for each in meant if each is None or isinstance(each, str)]
    if len(names) < len(meant):
        raise InvalidValueError(what, f"is {given!r}: expected a str, or several, with None among them for nobody")
    return frozenset(names)


def _several(given: object) -> Iterable[object]:
    return given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
