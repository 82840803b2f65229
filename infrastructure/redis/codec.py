"""Rows and entries as they lie in Redis, and back. Pure.

A row is in two hashes, under its position: its columns as a JSON array, its payload as it is. Its place is a string of
17 bytes in a sorted set, and orders it among the messages of its branch, or among all that is no message.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from struct import pack, unpack
from sys import byteorder
from typing import TypeAlias

import msgspec

from ...domain.json_values import Json
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ..payload_compression import decompress_payload
from ..stored_event import MESSAGE_APPENDED, AppendResult, Row

Argument: TypeAlias = str | bytes | int

UNSTARTED = CatalogueEntry("").digest
"""The digest of a session that is not on the record."""


class Columns(msgspec.Struct, frozen=True, array_like=True):
    """A row without its session, position and payload; `token` names the call that wrote it.

    `encoding` says how the payload lies there; None: as it is.
    """

    global_position: int
    time: int
    name: str
    branch: int | None
    actor: str | None
    correlation: str | None
    cause: int | None
    command_id: str | None
    payload_hash: bytes | None
    digest: bytes
    encoding: str | None
    token: str


_SPOILT = Columns(0, 0, "(columns that cannot be read)", None, None, None, None, None, None, b"", None, "")


class Labels(msgspec.Struct, frozen=True):
    """What of an entry seldom changes, and is not looked for."""

    name: str | None
    forked_at: int | None
    metadata: dict[str, Json]


def columns_of(row: Row, token: str = "", encoding: str | None = None) -> bytes:
    """The columns of a row as JSON."""
    _, _, global_position, time, name, branch, actor, correlation, cause, command_id, _, payload_hash, digest = row
    who = actor, correlation, cause, command_id
    return _encode(Columns(global_position, time, name, branch, *who, payload_hash, digest, encoding, token))


def columns_behind_global_position(row: Row, token: str, encoding: str | None) -> bytes:
    """The columns of a row whose global position the server gives and puts in front."""
    return columns_of(row, token, encoding).partition(b",")[2]


def columns_before_token(row: Row) -> bytes:
    """The columns of a row that is redacted; the server adds the token of the call that wrote it, and the end."""
    return columns_of(row).removesuffix(b'""]')


def readable_columns(columns: bytes) -> Columns | None:
    """The columns of a row; None if they cannot be read."""
    try:
        return _decode_columns(columns)
    except msgspec.MsgspecError:
        return None


def row_of(session: str, position: bytes, columns: bytes, payload: bytes | None) -> Row:
    """The row that lies under a position.

    One whose columns somebody has spoilt has a name that no event has, so whoever reads it is told, and so is verify.
    """
    found = readable_columns(columns) or _SPOILT
    return Row(
        session,
        int(position),
        found.global_position,
        found.time,
        found.name,
        found.branch,
        found.actor,
        found.correlation,
        found.cause,
        found.command_id,
        payload if found.encoding is None else decompress_payload(found.encoding, payload),
        found.payload_hash,
        found.digest,
    )


def rows_of(session: str, parts: Sequence[bytes]) -> Iterator[Row]:
    """The rows of a page of one session."""
    for at in range(0, len(parts), 3):
        yield row_of(session, *parts[at : at + 3])


# Places


def place_of(row: Row) -> bytes:
    """Where a row stands among the messages of its branch, or among what is no message."""
    return place_at(row.position, row.name, row.branch)


def place_at(position: int, name: str, branch: int | None) -> bytes:
    """Where a row of this name stands."""
    return structure_place(position) if name != MESSAGE_APPENDED or branch is None else message_place(branch, position)


def position_in(place: bytes) -> int:
    """The position of the row that stands at a place."""
    return int.from_bytes(place[-8:], "big")


def message_place(branch: int, position: int) -> bytes:
    """The place of a message; within a branch, places are in the order of positions."""
    return pack(">cqQ", b"m", branch, max(position, 0))


def structure_place(position: int) -> bytes:
    """The place of what is no message."""
    return pack(">cqQ", b"s", 0, max(position, 0))


ALL_MESSAGES = (b"[m", b"(n")
"""The bounds of the places of all messages of a session."""


def parse_written(parts: Sequence[bytes]) -> Iterator[tuple[int, Positions]]:
    """The branches of a page of places, each with the positions of its messages."""
    for at in range(0, len(parts), 2):
        positions = array("q", parts[at + 1])
        if byteorder == "little":
            positions.byteswap()
        yield unpack(">q", parts[at])[0], positions


# Entries


def entry_of(session: str, parts: Sequence[bytes]) -> CatalogueEntry:
    """The entry whose fields and values these are; of one that somebody has spoilt, nothing is known."""
    try:
        return _entry(session, dict(zip(parts[::2], parts[1::2], strict=True)))
    except (KeyError, ValueError, msgspec.MsgspecError):
        return CatalogueEntry(session)


def _entry(session: str, fields: Mapping[bytes, bytes]) -> CatalogueEntry:
    labels = _decode_labels(fields[b"labels"])
    return CatalogueEntry(
        session=session,
        position=int(fields[b"position"]),
        time=int(fields[b"time"]),
        digest=bytes.fromhex(fields[b"digest"].decode()),
        status=fields[b"status"].decode(),
        key=_text(fields.get(b"key")),
        name=labels.name,
        user=_text(fields.get(b"user")),
        forked_from=_text(fields.get(b"forked_from")),
        forked_at=labels.forked_at,
        messages=int(fields[b"messages"]),
        bytes=int(fields[b"bytes"]),
        created=int(fields[b"created"]),
        updated=int(fields[b"updated"]),
        metadata=labels.metadata,
    )


def place_in_stream(entry: CatalogueEntry) -> tuple[Argument, ...]:
    """The fields of an entry that say where it stands, in its stream and in the lists of sessions."""
    stands = entry.position, digest_of(entry), entry.time, entry.messages, entry.bytes, entry.updated
    return (*stands, entry.created, entry.status)


def digest_of(entry: CatalogueEntry) -> str:
    """The digest of an entry; nothing if its session is not on the record."""
    return "" if entry.digest == UNSTARTED else entry.digest.hex()


def labels_of(entry: CatalogueEntry) -> bytes:
    """The labels of an entry as JSON."""
    return _encode(Labels(entry.name, entry.forked_at, entry.metadata))


def encode_label_changes(head: CatalogueEntry, entry: CatalogueEntry) -> bytes:
    """The labels of an entry, or nothing if they are those of the head it was made from."""
    if head.digest == UNSTARTED or entry.metadata is not head.metadata or _with_labels(entry) != _with_labels(head):
        return labels_of(entry)
    return b""


def as_arguments(value: str | None) -> str:
    """An argument that may be missing."""
    return "" if value is None else f"={value}"


def parse_result(session: str, recorded: bytes) -> AppendResult:
    """What a command recorded."""
    first, last, global_position, time = msgspec.json.decode(recorded, type=tuple[int, int, int, int])
    return AppendResult(session, first, last, global_position, time, repeated=True)


def _with_labels(entry: CatalogueEntry) -> tuple[Json, ...]:
    fixed = entry.key, entry.user, entry.forked_from, entry.forked_at
    return (*fixed, entry.status, entry.name, entry.created)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


_encode = msgspec.json.Encoder().encode
_decode_columns = msgspec.json.Decoder(Columns).decode
_decode_labels = msgspec.json.Decoder(Labels).decode
