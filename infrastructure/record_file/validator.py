"""A file of the record, walked from the first line to the last: what does not fit is named by its line."""

from collections.abc import Iterable, Iterator
from typing import NoReturn

from ...domain.errors import (
    InvalidEventError,
    InvalidOperationError,
    RecordFileError,
    SessionNotFoundError,
    UnreadableEventError,
)
from ...domain.events import EventRedacted, MessageRedacted, SessionStarted
from ...domain.json_values import check_json
from ...domain.validation import is_valid_name
from ..replay_check import RecordReplay, decode_checked
from ..state_loader import StateSource
from ..stored_event import Row, chain_digest, header_of, is_redacted, parse_redaction
from .format import FORMAT, MARK, FileFooter, decode_closing, decode_line, decode_opening, hash_of, row_of

NOTHING = bytes(32)


class RecordValidator:
    """One reading of a file; `rows` gives its events as they are checked, and raises at the first that does not fit."""

    def __init__(self, lines: Iterable[bytes], store: StateSource, replay: RecordReplay) -> None:
        self._store = store
        self._replay = replay
        self._commands: set[str] = set()
        self._lines = enumerate(lines, 1)
        self._number = 0
        self.digests: dict[str, bytearray] = {}
        """By session, the digests of its events one after the other."""
        self.firsts: dict[str, int] = {}
        self._erased: dict[tuple[str, int], tuple[int, bytes | None]] = {}
        self._named: set[tuple[str, int]] = set()
        self._missing: set[str] = set()
        self._last: Row | None = None

    def rows(self) -> Iterator[Row]:
        """The events of the file."""
        self._open()
        for number, text in self._lines:
            self._number = number
            if text.startswith(MARK):
                self._close(text)
                return
            row = self._row(text)
            self._fits(row)
            self._last = row
            yield row
        self._number += 1
        self._fail("the file ends here, and its last line is missing")

    def digest_at(self, session: str, position: int) -> bytes | None:
        """The digest of an event of the file."""
        digests, place = self.digests.get(session, b""), position - self.firsts.get(session, 1)
        return bytes(digests[32 * place : 32 * place + 32]) or None if place >= 0 else None

    def last(self, session: str) -> int:
        """The position of the last event of a session."""
        return self.firsts[session] + len(self.digests[session]) // 32 - 1

    def _open(self) -> None:
        self._number, text = next(self._lines, (1, b""))
        try:
            found = decode_opening(text)
            check_json(text)
        except (ValueError, RecursionError):
            self._fail('it is no first line of a record: expected {"turnlog":"record","format":1}')
        if found.format != FORMAT:
            self._fail(f"it is of format {found.format}: expected {FORMAT}, or a newer Turnlog")

    def _row(self, text: bytes) -> Row:
        if not text.endswith(b"\n"):
            self._fail("it breaks off")
        try:
            check_json(text)
            return row_of(decode_line(text))
        except (ValueError, RecursionError) as reason:
            self._fail(f"it is no event: {reason}")

    def _fits(self, row: Row) -> None:
        before = self._last if self._last is not None and self._last.session == row.session else None
        if before is None:
            self._begins(row)
        elif row.position != before.position + 1:
            self._fail(
                f"it has position {row.position} of session {row.session}: expected position {before.position + 1}"
            )
        elif row.time < before.time:
            self._fail("its time is before that of the event in front of it")
        if row.payload_hash is not None and not is_redacted(row):
            self._fail("its content was redacted, and other content put in its place")
        previous = NOTHING if before is None else before.digest
        if chain_digest(previous, header_of(row), hash_of(row)) != row.digest:
            self._fail("its digest does not fit its content and what comes before it")
        self._takes(row)
        if row.payload_hash is not None:
            self._erased[row.session, row.position] = self._number, row.payload
        self.digests[row.session] += row.digest

    def _begins(self, row: Row) -> None:
        if row.session in self.digests:
            self._fail(f"it is of session {row.session}, whose events ended before")
        if row.session in self._missing:
            self._fail(f"it is the first of session {row.session}, and one in front of it goes on from that")
        if row.position not in (0, 1):  # streams of the eventsourcing library may start at 0
            self._fail(f"it is the first of session {row.session} and has position {row.position}: expected 1")
        self.digests[row.session] = bytearray()
        self.firsts[row.session] = row.position
        self._commands = set()
        self._replay.begin(row.session, row.position)

    def _takes(self, row: Row) -> None:
        """Checks what an event means: what the public API would not record is not taken from a file either."""
        try:
            self._check_command(row)
            event = decode_checked(row)
            if isinstance(event, MessageRedacted | EventRedacted):
                self._check_redaction(row, event)
            if isinstance(event, SessionStarted):
                self._starts(row, event)
            self._replay.take(row, event)
        except RecordFileError:
            raise
        except UnreadableEventError as reason:
            self._fail(reason.reason)
        except InvalidEventError as reason:
            self._fail(f"its event {reason.name} does not follow from those before it: {reason.reason}")
        except (InvalidOperationError, SessionNotFoundError) as reason:
            self._fail(f"its event {row.name} cannot be recorded: {reason}")

    def _starts(self, row: Row, event: SessionStarted) -> None:
        origin, at = event.forked_from, event.forked_at
        if origin is None or at is None:
            return
        digest = self.digest_at(origin, at)
        if digest is None and is_valid_name(origin):
            digest = next((each.digest for each in self._store.read(origin, after=at - 1, until=at)), None)
        if digest is None:
            missing = f"session {row.session} goes on from {origin} at {at}"
            self._fail(f"{missing}, which is neither in front of it nor in the store")
        if digest.hex() != event.forked_digest:
            self._fail(f"session {row.session} goes on from {origin} at {at}, and that is not what it was")
        if origin not in self.digests:
            self._missing.add(origin)

    def _check_command(self, row: Row) -> None:
        before = self._last.command_id if self._last is not None and self._last.session == row.session else None
        if row.command_id is None or row.command_id == before:
            return
        if row.command_id in self._commands:
            self._fail(f"its command {row.command_id!r} has recorded other events before")
        self._commands.add(row.command_id)

    def _check_redaction(self, row: Row, redaction: MessageRedacted | EventRedacted) -> None:
        position, left = parse_redaction(redaction)
        if (row.session, position) not in self._erased:
            self._fail(f"it redacts position {position}, whose content is in the file")
        if self._erased[row.session, position][1] != left.encode():
            self._fail(f"it redacts position {position}, and what is there is not what it has left")
        self._named.add((row.session, position))

    def _close(self, text: bytes) -> None:
        try:
            found = decode_closing(text)
            check_json(text)
        except (ValueError, RecursionError) as reason:
            self._fail(f"it is no last line of a record: {reason}")
        if not text.endswith(b"\n"):
            self._fail("it breaks off")
        self._is_complete(found)
        for place, (number, _) in self._erased.items():
            if place not in self._named:
                self._number = number
                self._fail("its content was removed, and no redaction in the file says so")
        for number, _ in self._lines:
            self._number = number
            self._fail("there is something behind the last line")

    def _is_complete(self, found: FileFooter) -> None:
        there = [(session, len(digests) // 32, digests[-32:].hex()) for session, digests in self.digests.items()]
        said = [(each.session, each.events, each.digest) for each in found.sessions]
        if there != said or found.events != sum(events for _, events, _ in there):
            wrong = next((mine for mine in said if mine not in there), None) or next(
                (mine for mine in there if mine not in said), ("", 0, "")
            )
            self._fail(f"it says other sessions or events than there are, of session {wrong[0]} for one")

    def _fail(self, reason: str) -> NoReturn:
        raise RecordFileError(self._number, reason)
