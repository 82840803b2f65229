"""One event as a line of JSON, beside the first line and the last of a file. Pure.

A file is a first line that names the format, one line per event with all its columns but the global position, which is
the store's own, and a last line that says how many events of which sessions there are. The events of a session stand
together and in order; a session that goes on from another stands behind it.
"""

from base64 import b64decode, b64encode
from hashlib import sha256

import msgspec

from ...projections.catalogue import CatalogueEntry
from ..stored_event import Row

FORMAT = 1

MARK = b'{"turnlog"'
"""How the first line and the last begin, and no event does."""

NO_PAYLOAD = msgspec.Raw()


class SessionHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="turnlog", tag="record"):
    """The first line."""

    format: int


class SessionFooter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the last line says of one session."""

    session: str
    events: int
    digest: str


class FileFooter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="turnlog", tag="end"):
    """The last line."""

    events: int
    sessions: list[SessionFooter]


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An event; the payload stands in it byte for byte, since the digest covers these bytes."""

    session: str
    position: int
    time: int
    name: str
    branch: int | None = None
    actor: str | None = None
    correlation: str | None = None
    cause: int | None = None
    command_id: str | None = None
    payload: msgspec.Raw = NO_PAYLOAD
    payload_base64: str | None = None
    payload_hash: str | None = None
    digest: str = ""


def session_header() -> bytes:
    """The first line of a file."""
    return _encode(SessionHeader(FORMAT)) + b"\n"


def file_footer(endings: list[SessionFooter]) -> bytes:
    """The last line of a file."""
    return _encode(FileFooter(sum(each.events for each in endings), endings)) + b"\n"


def session_footer(entry: CatalogueEntry, events: int) -> SessionFooter:
    """What the last line says of a session."""
    return SessionFooter(entry.session, events, entry.digest.hex())


def line_of(row: Row) -> bytes:
    """The line of an event."""
    payload, encoded = NO_PAYLOAD, None
    if row.payload is not None and _stands_in_a_line(row.payload):
        payload = msgspec.Raw(row.payload)
    elif row.payload is not None:
        encoded = b64encode(row.payload).decode()
    line = EventLine(
        row.session,
        row.position,
        row.time,
        row.name,
        row.branch,
        row.actor,
        row.correlation,
        row.cause,
        row.command_id,
        payload,
        encoded,
        None if row.payload_hash is None else row.payload_hash.hex(),
        row.digest.hex(),
    )
    return _encode(line) + b"\n"


def row_of(line: EventLine) -> Row:
    """The event of a line as it is stored, without a global position."""
    payload = bytes(line.payload) or None
    if line.payload_base64 is not None:
        payload = b64decode(line.payload_base64, validate=True)
    return Row(
        line.session,
        line.position,
        0,
        line.time,
        line.name,
        line.branch,
        line.actor,
        line.correlation,
        line.cause,
        line.command_id,
        payload,
        None if line.payload_hash is None else bytes.fromhex(line.payload_hash),
        bytes.fromhex(line.digest),
    )


def hash_of(row: Row) -> bytes:
    """The hash of the payload as it was recorded."""
    return sha256(row.payload or b"").digest() if row.payload_hash is None else row.payload_hash


def _stands_in_a_line(payload: bytes) -> bool:
    if b"\n" in payload or b"\r" in payload or payload[:1].isspace() or payload[-1:].isspace():
        return False
    try:
        payload.decode()
        msgspec.json.decode(payload)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return False
    return True


_encode = msgspec.json.Encoder().encode
decode_line = msgspec.json.Decoder(EventLine).decode
decode_opening = msgspec.json.Decoder(SessionHeader).decode
decode_closing = msgspec.json.Decoder(FileFooter).decode
