"""The proof: walks the digests of a session and names the first position that does not fit."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from ..domain.errors import (
    DatabaseError,
    InvalidEventError,
    InvalidOperationError,
    InvalidValueError,
    LedgerDamagedError,
    NotSupportedError,
    SessionNotFoundError,
    StoreError,
    UnreadableEventError,
)
from ..domain.events import EventRedacted, MessageRedacted, SessionStarted
from ..domain.redaction import REDACTIONS
from ..domain.validation import is_valid_name
from ..projections.built_in import BUILT_IN
from ..projections.catalogue import CatalogueEntry
from ..projections.projection import Projection
from .progress import Progress, ProgressCounter
from .read_models.ledger_verification import examine_ledger
from .read_models.open_row_store import row_store_of
from .read_models.verification import RowFindings, examine_rows
from .recorder import Recorder
from .replay_check import RecordReplay, decode_checked
from .stored_event import LAST, Row, chain_digest, entry_after, event_of, header_of, is_redacted

BEGINNING = "session.started"


class VerificationFault(msgspec.Struct, frozen=True):
    """Something that does not fit; without a session it concerns the store as a whole."""

    session: str | None
    position: int | None
    reason: str


class Verification(msgspec.Struct, frozen=True):
    """What was walked, and what was found: the first fault of each session, and those of the store.

    What could not be examined is in `unchecked`. If it is `unscrubbed`, the record is as it should be, and content that
    was redacted may still be in the files of the database: a vacuum removes it.
    """

    ok: bool
    sessions: int
    events: int
    faults: tuple[VerificationFault, ...] = ()
    unscrubbed: bool = False
    unchecked: tuple[str, ...] = ()


def verify(
    recorder: Recorder,
    session: str | None = None,
    progress: Progress | None = None,
    projections: Sequence[Projection] | None = None,
) -> Verification:
    """Walks one session, or all of them and what holds the store together; with projections, their rows too."""
    if session is not None and projections is not None:
        raise InvalidValueError("projections", "hold the events of all sessions: expected no session beside them")
    if session is not None and (not is_valid_name(session) or recorder.find_entry(session) is None):
        raise SessionNotFoundError(session)
    faults, unchecked, events = list[VerificationFault](), list[str](), 0
    positions: dict[str, int] = {}
    try:
        entries = (
            recorder.read_entries() if session is None else [recorder.find_entry(session) or CatalogueEntry(session)]
        )
        positions = {entry.session: entry.position for entry in entries}
    except DatabaseError as reason:
        faults.append(VerificationFault(None, None, f"the catalogue cannot be read: {reason}"))
    named = list(positions)
    counted = ProgressCounter(progress, sum(positions.values()))
    for name in named:
        walk = _SessionCheck(recorder, name, counted)
        fault = next(walk.faults(), None)
        events += walk.entry.position
        if fault is not None:
            faults.append(fault)
    counted.end()
    if session is None:
        whole = examine_store(recorder, projections)
        faults += whole.faults
        unchecked += whole.unchecked
    return Verification(not faults, len(named), events, tuple(faults), recorder.needs_scrub(), tuple(unchecked))


def examine_store(recorder: Recorder, projections: Sequence[Projection] | None = None) -> Verification:
    """What holds the store together, without its sessions; with projections, their rows too."""
    flaws, unchecked = recorder.find_flaws(), recorder.find_unchecked()
    rows = _projections_examined(recorder, projections)
    flaws, unchecked = flaws + rows.flaws, unchecked + rows.unchecked
    faults = tuple(VerificationFault(None, None, flaw) for flaw in flaws)
    return Verification(not faults, 0, 0, faults, recorder.needs_scrub(), tuple(unchecked))


def _projections_examined(recorder: Recorder, projections: Sequence[Projection] | None) -> RowFindings:
    """The tables of projections and the entries about them; if these are as they should be, the rows too."""
    try:
        target = row_store_of(recorder)
    except NotSupportedError:  # then it keeps no rows
        return RowFindings([], [])
    flaws = examine_ledger(recorder, target)
    if projections is None:
        return RowFindings(flaws, [])
    attached = recorder.inline.attached if recorder.inline is not None else []
    try:
        rows = examine_rows(recorder, target, [*(kind() for kind in BUILT_IN), *attached, *projections])
    except (LedgerDamagedError, DatabaseError):
        if not flaws:
            raise
        return RowFindings(flaws, ["the rows of projections: their tables, or the entries about them, are damaged"])
    return RowFindings(flaws + rows.flaws, rows.unchecked)


class _SessionCheck:
    """One session, from its first event on, beside the entry that the catalogue should have of it."""

    def __init__(self, recorder: Recorder, session: str, counted: ProgressCounter) -> None:
        self.entry = CatalogueEntry(session)
        self._counted = counted
        self._recorder = recorder
        self._session = session
        self._global_position = 0
        self._redacted: dict[int, bytes] = {}
        self._named: set[int] = set()
        self._replay = RecordReplay(recorder)

    def faults(self) -> Iterator[VerificationFault]:
        """What does not fit; after the first, the rest cannot be trusted either."""
        kept = self._recorder.find_entry(self._session) or CatalogueEntry(self._session)
        while True:
            before = self.entry.position
            try:
                for row in self._counted.count(self._recorder.read(self._session, after=before or -LAST)):
                    yield from self._steps(row)
            except (DatabaseError, UnicodeDecodeError) as reason:
                yield VerificationFault(
                    self._session, self.entry.position + 1, f"from here on it cannot be read: {reason}"
                )
                return
            kept = self._recorder.find_entry(self._session) or kept
            if kept.position <= self.entry.position or self.entry.position == before:
                break
        yield from self._ends(kept)

    def _steps(self, row: Row) -> Iterator[VerificationFault]:
        if self._global_position == 0 and row.position == 0:  # streams of the eventsourcing library may start at 0
            self.entry = replace(self.entry, position=-1)
        position = self.entry.position + 1
        if row.position != position:
            yield VerificationFault(self._session, min(position, row.position), "the event at this position is missing")
        if row.time < self.entry.time:
            yield VerificationFault(self._session, position, "its time is before that of the event in front of it")
        if row.global_position <= self._global_position:
            yield VerificationFault(
                self._session, position, "its global position is before that of the event in front of it"
            )
        if row.payload_hash is not None and not is_redacted(row):
            yield VerificationFault(
                self._session, position, "its content was redacted, and other content put in its place"
            )
        if row.payload is None:
            yield VerificationFault(
                self._session, position, "its payload is missing, damaged, or in an encoding that is not known"
            )
        digest = chain_digest(self.entry.digest, header_of(row), _payload_hash(row))
        if digest != row.digest:
            yield VerificationFault(self._session, position, "its digest does not fit its content and what came before")
        yield from self._takes(row)

    def _takes(self, row: Row) -> Iterator[VerificationFault]:
        self._global_position = row.global_position
        if row.payload_hash is not None and row.payload is not None:
            self._redacted[row.position] = row.payload
        try:
            match event_of(row) if row.name == BEGINNING or row.name in REDACTIONS else None:
                case MessageRedacted(position, left) | EventRedacted(position, left):
                    yield from self._redacts(position, left)
                case SessionStarted(forked_from=str(source), forked_at=int(point), forked_digest=digest):
                    yield from self._goes_on(source, point, digest)
            self._fold(row)
            self.entry = entry_after(self.entry, row)
        except (UnreadableEventError, InvalidEventError) as reason:
            yield VerificationFault(self._session, row.position, reason.reason)
        except (InvalidOperationError, StoreError) as reason:
            yield VerificationFault(self._session, row.position, f"it could not be recorded today: {reason}")

    def _fold(self, row: Row) -> None:
        """Whether the session can be opened: the event is folded as it would be then."""
        if self.entry.position in (0, -1):
            self._replay.begin(row.session, row.position)
        self._replay.take(row, decode_checked(row))

    def _redacts(self, position: int, left: str) -> Iterator[VerificationFault]:
        """Whether the event that a redaction names has what the redaction left, and no more."""
        self._named.add(position)
        payload = self._redacted.get(position)
        if payload is None:
            yield VerificationFault(self._session, position, "it was redacted, and its content is still in the store")
        elif payload != left.encode():
            yield VerificationFault(self._session, position, "it is not what its redaction has left")

    def _goes_on(self, source: str, point: int, digest: str | None) -> Iterator[VerificationFault]:
        """Whether the session it goes on from is, up to that position, what it was then."""
        found = [row.digest.hex() for row in self._recorder.read(source, after=point - 1, until=point)]
        if found != [digest]:
            yield VerificationFault(
                self._session, 1, f"what it goes on from, session {source} at {point}, is not what it was"
            )

    def _ends(self, kept: CatalogueEntry) -> Iterator[VerificationFault]:
        last = self.entry.position
        if kept.position > last:
            yield VerificationFault(self._session, last + 1, "the event at this position is missing")
        if kept.position < last:
            yield VerificationFault(
                self._session, kept.position + 1, "the catalogue knows of no event at this position"
            )
        for position in sorted(self._redacted.keys() - self._named):
            yield VerificationFault(
                self._session, position, "its content was removed, and no redaction is on the record"
            )
        if kept != self.entry:
            yield VerificationFault(self._session, last, "the catalogue's entry does not fit the events")


def _payload_hash(row: Row) -> bytes:
    return sha256(row.payload or b"").digest() if row.payload_hash is None else row.payload_hash
