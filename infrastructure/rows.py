"""Events as rows: what an append asks for, how its rows are stamped, and the digest that chains them. Pure."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from ..domain.codec import decode, encode, stored_name
from ..domain.content_types import is_content_name
from ..domain.errors import SessionTooLarge, TurnlogError
from ..domain.events import STORED_NAMES, BranchEvent, Event, SystemSet
from ..domain.expectation import ANY, Expectation, Expected
from ..domain.record import NOBODY, Provenance, RecordedEvent
from ..domain.store_errors import UnreadableEvent
from ..projections.catalogue import HOUSEKEEPING, LABELS, Entry, described

LAST = 2**62
"""Behind every position and global position, and as far as any database counts."""

SPEAKERS = ("user", "assistant", "tool")
"""The roles that a content of an application's own may have, and says that it has."""

MESSAGE_APPENDED = "message.appended"
"""The one stored name that stores index by branch."""


class Draft(NamedTuple):
    """An event made ready for storage before anybody waits for it.

    One whose words are gone brings their hash; one with a cause of its own has that instead of its append's.
    """

    name: str
    branch: int | None
    payload: bytes
    event: Event | None
    payload_hash: bytes | None = None
    cause: int | None = None


class Append(msgspec.Struct, frozen=True):
    """What one writer asks for: these events, all or none, if the session is where it is expected.

    `start` is the position of the first event of a session that is not on the record yet. `created` is when the session
    was started, if it may have vanished since: another one that has its id by now is not meant. `most_bytes` is what
    the session may weigh with it.
    """

    session: str
    drafts: Sequence[Draft]
    expected: Expected = ANY
    provenance: Provenance = NOBODY
    time: int = 0
    command_id: str | None = None
    start: int = 1
    created: int | None = None
    most_bytes: int | None = None


class Appended(msgspec.Struct, frozen=True):
    """The positions that an append got, and its first global position; those after it follow without a gap.

    It is `repeated` if its command had been recorded before.
    """

    session: str
    first: int
    last: int
    global_position: int
    time: int
    repeated: bool = False


Outcome: TypeAlias = Appended | TurnlogError
"""What became of an append: recorded, refused, or failed."""


class Row(NamedTuple):
    """An event as it is stored; `payload_hash` is there once the words have been taken out of the payload."""

    session: str
    position: int
    global_position: int
    time: int
    name: str
    branch: int | None
    actor: str | None
    correlation: str | None
    cause: int | None
    command_id: str | None
    payload: bytes | None
    payload_hash: bytes | None
    digest: bytes


def draft(events: Iterable[Event]) -> list[Draft]:
    """The events as they will be stored; refused if one of them cannot be."""
    return [
        Draft(stored_name(event), event.branch if isinstance(event, BranchEvent) else None, encode(event), event)
        for event in events
    ]


def stamped(append: Append, head: Entry, global_position: int) -> tuple[list[Row], Entry]:
    """The rows of an append behind the head of its session, and the head they make.

    The rows take global positions from the one given on. Time never runs backwards within a session.
    """
    who, session, command_id = append.provenance, append.session, append.command_id
    actor, correlation, cause = who.actor, who.correlation, who.cause
    digest, position, weight = head.digest, head.position, 0
    time = max(append.time, head.time)
    rows = []
    for name, branch, payload, _, erased, own in append.drafts:
        position += 1
        weight += len(payload)
        led = cause if own is None else own
        columns = (session, position, global_position, time, name, branch, actor, correlation, led, command_id)
        payload_hash = sha256(payload).digest() if erased is None else erased
        digest = chained(digest, header_of(columns), payload_hash)
        rows.append(Row(*columns, payload, erased, digest))
        global_position += 1
    entry = described(head, time, [each.event for each in append.drafts])
    return rows, replace(entry, position=position, digest=digest, bytes=head.bytes + weight)


def larger_than_allowed(append: Append, head: Entry, entry: Entry) -> SessionTooLarge | None:
    """The refusal of an append that makes its session larger than it may be; to put one away is always allowed."""
    if append.most_bytes is None or not head.bytes < entry.bytes > append.most_bytes:
        return None
    if all(isinstance(each.event, HOUSEKEEPING) for each in append.drafts):
        return None
    return SessionTooLarge(append.session, entry.bytes, append.most_bytes)


def header_of(columns: tuple[object, ...]) -> bytes:
    """What the digest of a row covers beside the payload: a JSON array without spaces, in UTF-8.

    These are its columns from the session to the command id, but for the global position.
    """
    return _encode(columns[:2] + columns[3:10])


def chained(previous: bytes, header: bytes, payload_hash: bytes) -> bytes:
    """The digest of an event, which vouches for all before it in its session."""
    return sha256(previous + header + payload_hash).digest()


def entry_after(entry: Entry, row: Row) -> Entry:
    """The catalogue's entry of a session after one more of its rows."""
    event = event_of(row) if row.name in _DESCRIBING else None
    after = described(entry, row.time, [event])
    messages = after.messages + (row.name == MESSAGE_APPENDED)
    weight = entry.bytes + len(row.payload or b"")
    return replace(after, position=row.position, digest=row.digest, messages=messages, bytes=weight)


def wordless(payload: bytes) -> bytes:
    """What is left of the payload of a message when its words are taken out: branch, kind, who speaks, and success.

    The answer is the same for what is left already, so that it can be told from words put in by hand.
    """
    fields = msgspec.json.decode(payload)
    content = fields["content"]
    left = {"type": content["type"]}
    if content.get("role") in SPEAKERS:
        left["role"] = content["role"]
    if isinstance(content.get("success"), bool):
        left["success"] = content["success"]
    return _encode({"branch": fields["branch"], "content": left})


def is_wordless(row: Row) -> bool:
    """Whether a row has nothing in its payload but what is left when the words are taken out, on its own branch."""
    try:
        if row.payload is None or wordless(row.payload) != row.payload:
            return False
        left = msgspec.json.decode(row.payload)
        return left["branch"] == row.branch and is_content_name(left["content"]["type"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def erased(row: Row) -> Row:
    """A row of a message without its words; their hash takes their place in the proof."""
    if row.payload is None or row.payload_hash is not None:
        return row
    return row._replace(payload=wordless(row.payload), payload_hash=sha256(row.payload).digest())


def event_of(row: Row) -> Event:
    """The event that a row holds."""
    if row.payload is None:
        raise UnreadableEvent(
            row.session, row.position, row.name, "its payload is missing, damaged, or in an encoding that is not known"
        )
    return decode(row.name, row.payload, row.session, row.position)


def recorded(row: Row) -> RecordedEvent:
    """The event that a row holds, with its columns."""
    return RecordedEvent(
        row.session,
        row.position,
        row.global_position,
        row.time,
        row.name,
        event_of(row),
        row.actor,
        row.correlation,
        row.cause,
        row.command_id,
        row.digest,
    )


def expectation_text(expected: Expected) -> int | str:
    """An expectation in the words of an error."""
    return expected.value if isinstance(expected, Expectation) else expected


_encode = msgspec.json.Encoder().encode
_DESCRIBING = frozenset(
    name for name, event in STORED_NAMES.items() if event in LABELS or event in HOUSEKEEPING or event is SystemSet
)
"""The events other than appended messages that an entry of the catalogue depends on."""
