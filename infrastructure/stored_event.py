"""Events as rows: what an append asks for, how its rows are stamped, and the digest that chains them. Pure."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from ..domain.codec import SALT_LENGTH, add_salt, decode, encode, is_salted, stored_name, unknown_event
from ..domain.errors import InvalidValueError, SessionTooLargeError, TurnlogError, UnreadableEventError
from ..domain.events import STORED_NAMES, BranchEvent, Event, EventRedacted, MessageRedacted, UnknownEvent
from ..domain.expected_position import ANY, Expected, ExpectedConstant
from ..domain.expected_position import check_expected as checked_expectation
from ..domain.images import ImagePolicy
from ..domain.json_values import check_json
from ..domain.recorded_event import NO_PROVENANCE, Provenance, RecordedEvent
from ..domain.redaction import CONTENT_FIELDS, redacted_payload
from ..domain.validation import check_columns, check_event, check_payload, check_time
from ..projections.catalogue import HOUSEKEEPING, LABELS, CatalogueEntry, updated_entry

LAST = 2**62
"""Behind every position and global position, and as far as any database counts."""

MESSAGE_APPENDED = "message.appended"
"""The one stored name that stores index by branch."""


EVENT_REDACTED = "event.redacted"
"""The stored name after which a state that was folded before has to be folded again."""


class EncodedEvent(NamedTuple):
    """An event made ready for storage before anybody waits for it.

    One whose words are gone brings their hash. A cause or an actor of its own takes the place of that of its append.
    """

    name: str
    branch: int | None
    payload: bytes
    event: Event | None
    payload_hash: bytes | None = None
    cause: int | None = None
    actor: str | None = None


class AppendRequest(msgspec.Struct, frozen=True):
    """What one writer asks for: these events, all or none, if the session is where it is expected.

    `start` is the position of the first event of a session that is not on the record yet. `created` is when the session
    was started, if it may have vanished since: another one that has its id by now is not meant. `most_bytes` is what
    the session may weigh with it.

    A redaction brings the rows that it redacts in the form that they have afterwards, in `erase`; how many bytes that
    frees; and, if it changes them, the entry of the catalogue whose labels hold afterwards. Recorders replace the rows
    in the transaction that records the redaction.
    """

    session: str
    drafts: Sequence[EncodedEvent]
    expected: Expected = ANY
    provenance: Provenance = NO_PROVENANCE
    time: int = 0
    command_id: str | None = None
    start: int = 1
    created: int | None = None
    most_bytes: int | None = None
    erase: "tuple[Row, ...]" = ()
    freed: int = 0
    entry: CatalogueEntry | None = None


class AppendResult(msgspec.Struct, frozen=True):
    """The positions that an append got, and its first global position; those after it follow without a gap.

    It is `repeated` if its command had been recorded before.
    """

    session: str
    first: int
    last: int
    global_position: int
    time: int
    repeated: bool = False


Outcome: TypeAlias = AppendResult | TurnlogError
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


def new_salt() -> str:
    """Random text for the end of a payload."""
    return next(_new_salts(1))


def encode_events(
    events: Iterable[Event], salt: Callable[[], str] | None = None, images: ImagePolicy | None = None
) -> list[EncodedEvent]:
    """The events as they will be stored, salted where they hold content; raises if one may not be recorded."""
    events = list(require_list(events))
    salt = _new_salts(len(events)).__next__ if salt is None else salt
    return [_encode_event(event, salt, images) for event in events]


def _encode_event(event: Event, salt: Callable[[], str], images: ImagePolicy | None) -> EncodedEvent:
    name = stored_name(event)
    check_event(event, images)
    payload = encode(event)
    check_payload(payload)
    return EncodedEvent(name, branch_of(event), with_salt(name, payload, salt), event)


def _new_salts(count: int) -> Iterator[str]:
    """So many salts, from one call for random bytes."""
    text = urlsafe_b64encode(token_bytes(SALT_LENGTH * 3 // 4 * count)).decode()
    return iter([text[start : start + SALT_LENGTH] for start in range(0, len(text), SALT_LENGTH)])


def with_salt(name: str, payload: bytes, salt: Callable[[], str] = new_salt) -> bytes:
    """The payload of an event, with a salt if events of this name hold content."""
    return add_salt(payload, salt()) if name in CONTENT_FIELDS else payload


def check_salt(name: str, payload: bytes) -> None:
    """Reject content without a salt: the hash that its redaction leaves would give away what can be guessed."""
    if name in CONTENT_FIELDS and not is_salted(payload):
        raise InvalidValueError(
            f"the payload of {name}", f"has no salt: expected {SALT_LENGTH} characters as its last member"
        )


def require_list(events: Iterable[Event]) -> Iterable[Event]:
    """The events; raises for what is not a list of them, such as one event alone."""
    if isinstance(events, list) or (
        isinstance(events, Iterable) and not isinstance(events, str | bytes | Mapping | type)
    ):
        return events
    raise InvalidValueError("the events", f"must be a list of events, not {type(events).__name__!r}")


def check_changes(changes: object) -> None:
    """Raise for what is not a list of a session, its events, an expectation and a time of creation each."""
    if not isinstance(changes, list | tuple) or not all(isinstance(each, tuple) and len(each) == 4 for each in changes):
        raise InvalidValueError("the changes", "must be a list of tuples (session, events, expected, created)")


def branch_of(event: Event) -> int | None:
    """The number of the branch that is a column of the row of an event."""
    return event.branch if isinstance(event, BranchEvent) else None


def validate_encoded(name: str, payload: bytes, session: str, position: int) -> EncodedEvent:
    """The same for a payload that comes from elsewhere."""
    check_payload(payload)
    event = decode(name, payload, session, position)
    check_json(payload)
    check_event(event)
    return EncodedEvent(name, branch_of(event), payload, event)


def validate_append(append: AppendRequest) -> AppendRequest:
    """The append; raises if its columns may not enter the record. Its events were checked as they became drafts."""
    check_columns(append.session, append.provenance, append.command_id)
    check_time(append.time)
    checked_expectation(append.expected)
    return append


def stamp(append: AppendRequest, head: CatalogueEntry, global_position: int) -> tuple[list[Row], CatalogueEntry]:
    """The rows of an append behind the head of its session, and the head they make.

    The rows take global positions from the one given on. Time never runs backwards within a session.
    """
    if append.entry is not None:
        labels = append.entry
        head = replace(head, name=labels.name, user=labels.user, metadata=labels.metadata)
    who, session, command_id = append.provenance, append.session, append.command_id
    digest, position, weight = head.digest, head.position, 0
    time = max(append.time, head.time)
    correlation = who.correlation_id
    rows = []
    for name, branch, payload, _, erased, own_cause, own_actor in append.drafts:
        position += 1
        weight += len(payload)
        actor = who.actor if own_actor is None else own_actor
        cause = who.causation if own_cause is None else own_cause
        columns = (session, position, global_position, time, name, branch, actor, correlation, cause, command_id)
        digest = chain_digest(digest, header_of(columns), sha256(payload).digest() if erased is None else erased)
        rows.append(Row(*columns, payload, erased, digest))
        global_position += 1
    entry = updated_entry(head, time, [each.event for each in append.drafts])
    return rows, replace(entry, position=position, digest=digest, bytes=head.bytes + weight - append.freed)


def count_recorded(outcomes: Iterable[object]) -> int:
    """How many events appends have recorded."""
    return sum(each.last - each.first + 1 for each in outcomes if isinstance(each, AppendResult) and not each.repeated)


def size_error(append: AppendRequest, head: CatalogueEntry, entry: CatalogueEntry) -> SessionTooLargeError | None:
    """The refusal of an append that makes its session larger than it may be; to put one away is always allowed."""
    if append.most_bytes is None or not head.bytes < entry.bytes > append.most_bytes:
        return None
    if all(isinstance(each.event, HOUSEKEEPING) for each in append.drafts):
        return None
    return SessionTooLargeError(append.session if head.position else None, entry.bytes, append.most_bytes)


def header_of(columns: tuple[object, ...]) -> bytes:
    """What the digest of a row covers beside the payload: a JSON array without spaces, in UTF-8.

    These are its columns from the session to the command id, but for the global position.
    """
    return _encode(columns[:2] + columns[3:10])


def chain_digest(previous: bytes, header: bytes, payload_hash: bytes) -> bytes:
    """The digest of an event, which vouches for all before it in its session."""
    return sha256(previous + header + payload_hash).digest()


def entry_after(entry: CatalogueEntry, row: Row) -> CatalogueEntry:
    """The catalogue's entry of a session after one more of its rows."""
    event = event_of(row) if row.name in _DESCRIBING else None
    after = updated_entry(entry, row.time, [event])
    messages = after.messages + (row.name == MESSAGE_APPENDED)
    weight = entry.bytes + len(row.payload or b"")
    return replace(after, position=row.position, digest=row.digest, messages=messages, bytes=weight)


def redact_row(row: Row) -> Row:
    """The row without its content; the hash of the payload takes its place in the proof."""
    if row.payload is None or row.payload_hash is not None:
        return row
    left = redacted_payload(row.name, row.payload)
    return row._replace(payload=left, payload_hash=sha256(row.payload).digest())


def parse_redaction(event: Event) -> tuple[int, str]:
    """The position of the event that a redaction names, and the payload that it leaves."""
    match event:
        case MessageRedacted(position, left) | EventRedacted(position, left):
            return position, left
        case _:
            raise TypeError(f"{type(event).__name__} is not a redaction")


def is_redacted(row: Row) -> bool:
    """Whether the payload of a row holds nothing but what a redaction leaves, on the branch of the row."""
    try:
        if row.payload is None or redacted_payload(row.name, row.payload) != row.payload:
            return False
        event = event_of(row)
    except (UnreadableEventError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
    return (event.branch if isinstance(event, BranchEvent) else None) == row.branch


def event_of(row: Row) -> Event:
    """The event that a row holds."""
    if row.payload is None:
        raise UnreadableEventError(
            row.session, row.position, row.name, "its payload is missing, damaged, or in an encoding that is not known"
        )
    return decode(row.name, row.payload, row.session, row.position)


def to_recorded_event(row: Row) -> RecordedEvent:
    """The event that a row holds, with its columns; one whose name this version does not know is an UnknownEvent."""
    if row.name in STORED_NAMES:
        return _to_recorded(row, event_of(row))
    return _to_recorded(row, unknown_event(row.payload, "no event has this stored name"))


def to_recorded_events(row: Row) -> RecordedEvent:
    """The same for readers of many sessions: what cannot be read of one is an UnknownEvent, and stops none of them."""
    try:
        return to_recorded_event(row)
    except UnreadableEventError as reason:
        return _to_recorded(row, unknown_event(row.payload, reason.reason))


def to_projected_event(rows: Iterable[Row]) -> Iterator[RecordedEvent]:
    """The events as projections get them: without those whose payload does not fit their name.

    `verify` reports such events. A projection that reads every name gets the events of unknown names, too.
    """
    for event in map(to_recorded_events, rows):
        if event.name not in STORED_NAMES or not isinstance(event.event, UnknownEvent):
            yield event


def decode_in_feed(row: Row) -> Event:
    """The event alone, for readers of many sessions."""
    return to_recorded_events(row).event


def _to_recorded(row: Row, event: Event) -> RecordedEvent:
    return RecordedEvent(
        row.session,
        row.position,
        row.global_position,
        row.time,
        row.name,
        event,
        row.actor,
        row.correlation,
        row.cause,
        row.command_id,
        row.digest,
        row.payload_hash is not None,
    )


def expectation_text(expected: Expected) -> int | str:
    """An expectation in the words of an error."""
    return expected.value if isinstance(expected, ExpectedConstant) else expected


_encode = msgspec.json.Encoder().encode
LABELLING = frozenset(name for name, event in STORED_NAMES.items() if event in LABELS or event in HOUSEKEEPING)
"""The stored names of the events that change the labels of the catalogue."""

_DESCRIBING = LABELLING | {"branch.system_set"}
"""The events other than appended messages that an entry of the catalogue depends on."""
