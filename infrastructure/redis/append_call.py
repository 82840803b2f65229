"""A call of the appending script: what it is given, what it answers, and what to ask when the answer was lost."""

from collections.abc import Iterator, Sequence
from enum import Enum
from secrets import token_urlsafe
from typing import Final, TypeAlias

from ...domain.errors import InvalidOperationError, KeyTakenError, StoreError
from ...domain.expected_position import ANY
from ...projections.catalogue import CatalogueEntry
from ..payload_compression import Encoding
from ..server_recorder import HeadMoved, StampedAppend
from ..stored_event import AppendResult
from .codec import (
    Argument,
    as_arguments,
    columns_before_token,
    columns_behind_global_position,
    digest_of,
    encode_label_changes,
    entry_of,
    parse_result,
    place_in_stream,
    place_of,
)
from .server import Reply

LARGEST_CALL = 64 << 20
"""Bytes per call, about; what goes together, or belongs to one append, is never split."""

LARGEST_TOGETHER = 512 << 20
"""Bytes of what is recorded in one step, about; the server takes a gigabyte per call."""

MOST_EVENTS = 300_000
"""Events that are recorded in one step: the server takes a million arguments per call, and an event has three."""

UNDER_WAY = 10 * 60 * 1000
"""Milliseconds for which a call that was given up may still be on its way to the server."""

_ROW_OVERHEAD = 400


class Postponed(Enum):
    """The answer to an attempt on a session to which another may append first."""

    WAITING = "waiting"


WAITING: Final = Postponed.WAITING

AppendReply: TypeAlias = AppendResult | InvalidOperationError | HeadMoved | Postponed | StoreError


class AppendCall:
    """Some attempts, and a token that no other call has: the rows carry it, so that they can be told from others.

    The digest would not do. Two processes that write the same words at the same microsecond (or under clocks that are
    behind, when both take the time of the head) make the same digest, and only one of them is on the record.
    """

    def __init__(self, attempts: Sequence[StampedAppend], encoding: Encoding, *, together: bool) -> None:
        self._encoding = encoding
        self.together = together
        self._attempts = attempts
        self._token = token_urlsafe(9)

    def again(self) -> "AppendCall":
        """The same attempts in a new call, for when it is certain that this one never ran and never will."""
        return AppendCall(self._attempts, self._encoding, together=self.together)

    def of(self, places: Sequence[int]) -> "AppendCall":
        """Some of the attempts in a new call."""
        return AppendCall([self._attempts[place] for place in places], self._encoding, together=self.together)

    def waiting(self, answers: Sequence[AppendReply]) -> Sequence[int]:
        """The places of those attempts that another's turn was in the way of; all, if they go together."""
        places = [place for place, answer in enumerate(answers) if answer is WAITING]
        return range(len(answers)) if places and self.together else places

    def arguments(self, ttl: int, caller: str) -> Iterator[Argument]:
        """What append.lua is given; the time to live is in milliseconds."""
        yield from (self._token, ttl, int(self.together), caller)
        for attempt in self._attempts:
            append, head, rows, entry = attempt.append, attempt.head, attempt.rows, attempt.entry
            yield from (append.session, head.position, digest_of(head), int(append.expected is ANY))
            yield from (as_arguments(append.command_id), as_arguments(entry.key), *place_in_stream(entry))
            yield from (
                as_arguments(entry.user),
                as_arguments(entry.forked_from),
                encode_label_changes(head, entry),
                len(rows),
            )
            for row in rows:
                mark, payload = self._encoding(row.name, row.payload)
                yield from (place_of(row), columns_behind_global_position(row, self._token, mark), payload or b"")
            yield len(append.erase)
            for row in append.erase:
                yield from (row.position, columns_before_token(row), row.payload or b"")

    def questions(self) -> Iterator[Argument]:
        """What settle.lua is given."""
        yield from (self._token, UNDER_WAY, int(self.together))
        for attempt in self._attempts:
            append = attempt.append
            yield from (append.session, attempt.entry.position, len(attempt.rows), as_arguments(append.command_id))

    def answers(self, reply: Reply) -> list[AppendReply]:
        """What became of each attempt."""
        return [_answer(attempt, *found) for attempt, found in zip(self._attempts, reply, strict=True)]


def first_call(attempts: Sequence[StampedAppend]) -> Sequence[StampedAppend]:
    """As many attempts, from the first on, as one call should hold."""
    weight = 0
    for count, attempt in enumerate(attempts):
        weight += sum(_ROW_OVERHEAD + len(row.payload or b"") for row in attempt.rows)
        if weight > LARGEST_CALL and count > 0:
            return attempts[:count]
    return attempts


def fits_in_a_call(attempts: Sequence[StampedAppend]) -> bool:
    """Whether one call can hold attempts that are recorded together or not at all."""
    sizes = [_ROW_OVERHEAD + len(row.payload or b"") for attempt in attempts for row in attempt.rows]
    return len(sizes) <= MOST_EVENTS and sum(sizes) <= LARGEST_TOGETHER


def _answer(attempt: StampedAppend, outcome: bytes, *details: bytes) -> AppendReply:
    session, entry = attempt.append.session, attempt.entry
    if outcome == b"recorded":
        first = entry.position - len(attempt.rows) + 1
        return AppendResult(session, first, entry.position, int(details[0]), entry.time)
    if outcome == b"repeated":
        return parse_result(session, details[0])
    if outcome == b"waiting":
        return WAITING
    if outcome == b"taken":
        return KeyTakenError(session, entry.key or "")
    return HeadMoved(entry_of(session, details) if details else CatalogueEntry(session, attempt.append.start - 1))
