"""Idempotency keys: whether a call that repeats a command id has the content that was recorded for it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from ..domain.codec import remove_salt
from ..domain.errors import CommandIdReusedError
from ..domain.validation import validate_name
from .stored_event import AppendRequest, AppendResult, EncodedEvent, Row


class CommandSource(Protocol):
    """What a recorder has to find what a command recorded."""

    def read(self, session: str, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """The rows of a session after one position and up to another."""
        ...

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        """What a command recorded when it first came."""
        ...


def find_command(source: CommandSource, session: str, command_id: str) -> AppendResult | None:
    """Return what a command recorded first, if it was recorded; an invalid id raises InvalidValueError."""
    return source.find_command(session, validate_name(command_id, "a command id"))


def check_repeat(
    recorder: CommandSource, appended: AppendResult, drafts: Sequence[EncodedEvent], command_id: str | None
) -> AppendResult:
    """Return what a command recorded; if an earlier call did, raise CommandIdReusedError unless its content was this.

    Content is the names, branches and payloads of the events. What was redacted since counts as different.
    """
    if appended.repeated and command_id is not None:
        rows = list(recorder.read(appended.session, after=appended.first - 1, until=appended.last))
        if len(rows) != len(drafts) or not all(map(_is_same, drafts, rows)):
            redacted = any(row.payload_hash is not None for row in rows)
            raise CommandIdReusedError(appended.session, command_id, appended.first, redacted)
    return appended


def check_repeats(recorder: CommandSource, appends: Sequence[AppendRequest], appended: Sequence[AppendResult]) -> None:
    """The same for several appends."""
    for append, each in zip(appends, appended, strict=True):
        check_repeat(recorder, each, append.drafts, append.command_id)


def is_recorded(recorder: CommandSource, append: AppendRequest) -> bool:
    """Whether the command of an append was recorded before; one with other content raises CommandIdReusedError."""
    first = None if append.command_id is None else recorder.find_command(append.session, append.command_id)
    if first is not None:
        check_repeat(recorder, first, append.drafts, append.command_id)
    return first is not None


def _is_same(draft: EncodedEvent, row: Row) -> bool:
    if (draft.name, draft.branch) != (row.name, row.branch) or row.payload_hash is not None:
        return False  # whether what was redacted was the same can no longer be known
    return _canonical(draft.payload) == _canonical(row.payload)


def _canonical(payload: bytes | None) -> bytes | None:
    """The payload without its salt and with its keys in order; one that is not JSON as it is."""
    try:
        if payload is None:
            return None
        return msgspec.json.encode(msgspec.json.decode(remove_salt(payload)), order="deterministic")
    except (msgspec.DecodeError, RecursionError):
        return payload
