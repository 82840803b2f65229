"""What goes to the server and what comes back: attempts as parameters, answers as outcomes, rows as columns. Pure."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ...domain.errors import InvalidValueError, KeyTakenError
from ...projections.catalogue import CatalogueEntry
from ..server_recorder import Answer, HeadMoved, StampedAppend
from ..stored_event import AppendResult, Row

NOTHING: Final = bytes(32)
"""The digest in front of the first event of a session."""


MOST_EVENTS = 100_000
"""In one call, if there are several: they are described in JSON, of which PostgreSQL takes a quarter of a gigabyte."""


class _Labels(msgspec.Struct):
    """The part of an entry that few appends change; the names are those of the columns."""

    key: str | None
    name: str | None
    user: str | None
    forked_from: str | None
    forked_at: int | None
    status: str
    created: int
    metadata: str


class _Event(msgspec.Struct, omit_defaults=True):
    """An event and where its payload is among those of the call, from 1."""

    name: str
    digest: str
    start: int
    length: int
    text: bool
    branch: int | None = None
    payload_hash: str | None = None
    cause: int | None = None
    actor: str | None = None


class _AttemptFields(msgspec.Struct, omit_defaults=True):
    """An attempt as `append_v1.sql` describes it."""

    session: str
    position: int
    stands_on: str
    digest: str
    time: int
    messages: int
    bytes: int
    updated: int
    events: list[_Event]
    correlation: str | None = None
    command_id: str | None = None
    labels: _Labels | None = None


def parameters(attempts: Sequence[StampedAppend]) -> tuple[object, ...]:
    """The attempts as the append function takes them, all but whether it was called before."""
    sent, start = [], 1
    for attempt in attempts:
        events = []
        for row in attempt.rows:
            payload = row.payload or b""
            length, text = len(payload), payload_columns(payload)[1] is None
            gone = None if row.payload_hash is None else _hex(row.payload_hash)
            event = _Event(row.name, _hex(row.digest), start, length, text, row.branch, gone, row.cause, row.actor)
            events.append(event)
            start += length
        sent.append(_request(attempt, events))
    payloads = b"".join(row.payload or b"" for attempt in attempts for row in attempt.rows)
    return msgspec.json.encode(sent).decode(), payloads, any(map(_founds, attempts))


def first_of(attempts: Sequence[StampedAppend], most: int) -> Sequence[StampedAppend]:
    """As many of the attempts as have so many bytes of payload between them; at least one, if there is one."""
    sizes = accumulate(attempt.entry.bytes - attempt.head.bytes for attempt in attempts)
    return attempts[: max(1, sum(size <= most for size in sizes))]


def in_calls(attempts: Sequence[StampedAppend], most: int) -> Iterator[Sequence[StampedAppend]]:
    """The attempts in calls that the server takes: by their bytes, and by how many events they have."""
    start, size, events = 0, 0, 0
    for place, attempt in enumerate(attempts):
        size += attempt.entry.bytes - attempt.head.bytes
        events += len(attempt.rows)
        if place > start and (size > most or events > MOST_EVENTS):
            yield attempts[start:place]
            start, size, events = place, attempt.entry.bytes - attempt.head.bytes, len(attempt.rows)
    yield attempts[start:]


def roll_back_all(attempts: Sequence[StampedAppend], outcomes: Sequence[Answer]) -> list[Answer]:
    """The outcomes of attempts that go together, after a call in which one of them could not be recorded."""
    found = [
        HeadMoved(attempt.head) if isinstance(answer, AppendResult) and not answer.repeated else answer
        for attempt, answer in zip(attempts, outcomes, strict=False)
    ]
    return found + [HeadMoved(attempt.head) for attempt in attempts[len(found) :]]


def outcome(attempt: StampedAppend, answer: tuple[Any, ...]) -> Answer:
    """What the server's answer to an attempt means."""
    kind, first, last, global_position, time, *head = answer
    session = attempt.append.session
    match kind:
        case "recorded" | "repeated":
            return AppendResult(session, first, last, global_position, time, repeated=kind == "repeated")
        case "key taken":
            return KeyTakenError(session, attempt.entry.key or "")
        case _:
            return HeadMoved(CatalogueEntry(session, attempt.append.start - 1) if head[0] is None else entry(head))


def postpone(
    attempts: Sequence[StampedAppend], sent: Sequence[StampedAppend], outcomes: Sequence[Answer]
) -> list[Answer]:
    """Leaves attempts to the next round, each with the head that its session has, as far as is known."""
    heads: dict[str, CatalogueEntry] = {}
    for attempt, answer in zip(sent, outcomes, strict=True):
        if isinstance(answer, HeadMoved):
            heads[attempt.append.session] = answer.head
        elif isinstance(answer, AppendResult) and not answer.repeated:
            heads[attempt.append.session] = attempt.entry
    return [HeadMoved(heads.setdefault(attempt.append.session, attempt.head)) for attempt in attempts]


def entry(columns: Sequence[Any]) -> CatalogueEntry:
    """An entry of the catalogue, from its number and its columns."""
    _, *fields, metadata = columns
    return CatalogueEntry(*[*fields, msgspec.json.decode(metadata)])


def entry_columns(entry: CatalogueEntry) -> tuple[object, ...]:
    """The columns of an entry, without its number."""
    *fields, metadata = astuple(entry)
    _check([entry.session, entry.key, entry.name, entry.user, entry.forked_from])
    return (*fields, msgspec.json.encode(metadata).decode())


def row_columns(number: int, row: Row) -> tuple[object, ...]:
    """The columns of an event of the session that has this number in the catalogue."""
    _check([row.actor, row.correlation, row.command_id])
    return (number, *row[1:10], *payload_columns(row.payload), row.payload_hash, row.digest)


def payload_columns(payload: bytes | None) -> tuple[str | None, bytes | None]:
    """JSON as text, for whoever looks in; what PostgreSQL does not take for text stays bytes."""
    if payload is None:
        return None, None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None, payload
    return (text, None) if "\0" not in text else (None, payload)


def is_text(value: str) -> bool:
    """Whether PostgreSQL takes it for text."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def rejection(attempt: StampedAppend) -> InvalidValueError | None:
    """Why the server cannot keep the columns of an attempt, if it cannot."""
    append, entry = attempt.append, attempt.entry
    try:
        _check([entry.session, entry.key, entry.name, entry.user, entry.forked_from])
        _check([append.provenance.correlation_id, append.command_id, *{row.actor for row in attempt.rows}])
    except InvalidValueError as reason:
        return reason
    return None


def _check(values: Sequence[str | None]) -> None:
    for value in values:
        if value is not None and "\0" in value:
            raise InvalidValueError(repr(value), "holds a NUL character: expected text that PostgreSQL can keep")


def _founds(attempt: StampedAppend) -> bool:
    """Whether an attempt starts a session or takes a key."""
    return attempt.head.digest == NOTHING or attempt.entry.key != attempt.head.key


def _request(attempt: StampedAppend, events: list[_Event]) -> _AttemptFields:
    append, head, entry = attempt.append, attempt.head, attempt.entry
    return _AttemptFields(
        append.session,
        head.position,
        _hex(head.digest),
        _hex(entry.digest),
        entry.time,
        entry.messages,
        entry.bytes,
        entry.updated,
        events,
        append.provenance.correlation_id,
        append.command_id,
        None if _has_labels_of(entry, head) else _labels(entry),
    )


def _hex(digest: bytes) -> str:
    return "\\x" + digest.hex()


def _has_labels_of(entry: CatalogueEntry, head: CatalogueEntry) -> bool:
    same = entry.metadata is head.metadata  # as long as no event changed them, and cheaper than to compare
    return same and head.digest != NOTHING and _labels(entry, "") == _labels(head, "")


def _labels(entry: CatalogueEntry, metadata: str | None = None) -> _Labels:
    return _Labels(
        entry.key,
        entry.name,
        entry.user,
        entry.forked_from,
        entry.forked_at,
        entry.status,
        entry.created,
        msgspec.json.encode(entry.metadata).decode() if metadata is None else metadata,
    )
