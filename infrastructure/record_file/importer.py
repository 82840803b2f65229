"""A file of the record into a store: all of it is checked before anything is written, then a session at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

import msgspec
from msgspec.structs import replace

from ...domain.errors import KeyTakenError, RecordFileError, SessionExistsError, SessionTooLargeError
from ...domain.events import STORED_NAMES, Event, SessionRenamed, SessionStarted
from ...domain.recorded_event import Provenance
from ...projections.catalogue import CatalogueEntry
from ..erasure import Erasure
from ..progress import Progress, ProgressCounter
from ..recorder import Recorder
from ..replay_check import RecordReplay, fork_points
from ..stored_event import AppendRequest, EncodedEvent, Row, chain_digest, entry_after, event_of, header_of
from .format import MARK, decode_line, hash_of, row_of
from .validator import NOTHING, RecordValidator

Lines = Callable[[], Iterable[bytes]]
"""The lines of a file, as often as they are asked for."""


class ImportResult(msgspec.Struct, frozen=True):
    """What an import wrote: the sessions it added or went on with, and how many events; and what was there already.

    `last` is the session that stands last in the file: behind all those that it goes on from.
    """

    sessions: tuple[str, ...]
    events: int
    unchanged: tuple[str, ...]
    last: str | None = None


def import_lines(
    recorder: Recorder, lines: Lines, most_bytes: int | None = None, progress: Progress | None = None
) -> ImportResult:
    """Import a record in one transaction, or raise and write nothing; all of it is checked before.

    A session that is there already, and is the same as far as both go, gets what it lacks; one that differs is refused.
    """
    counted = ProgressCounter(progress, 0 if progress is None else 2 * _events_in(lines()))
    walk, entries, present = _examine(recorder, lines, most_bytes, counted)
    lacking = {session for session, at in present.items() if at is None or at < walk.last(session)}
    if lacking:
        keys = {session: entries[session].key for session in lacking}
        recorder.append_together(_Appends(recorder, lines, walk, counted, present, keys))
    counted.end()
    unchanged = tuple(session for session in entries if session not in lacking)
    added = tuple(session for session in entries if session in lacking)
    return ImportResult(
        added, sum(_count(walk, each, present[each]) for each in added), unchanged, next(reversed(entries), None)
    )


def check_record(recorder: Recorder, lines: Lines, most_bytes: int | None = None) -> None:
    """Raise for a record that could not be imported; nothing is written."""
    _examine(recorder, lines, most_bytes, ProgressCounter(None, 0))


def _examine(
    recorder: Recorder, lines: Lines, most_bytes: int | None, counted: ProgressCounter
) -> tuple[RecordValidator, dict[str, CatalogueEntry], dict[str, int | None]]:
    """The walk through a record that can be imported, the entries it makes, and the positions that are there."""
    walk, entries = (
        RecordValidator(lines(), recorder, RecordReplay(recorder, fork_points(lines()))),
        dict[str, CatalogueEntry](),
    )
    for row in counted.count(walk.rows()):
        entries[row.session] = entry_after(
            entries.get(row.session) or CatalogueEntry(row.session, row.position - 1), row
        )
    present = {session: _present(recorder, walk, session) for session in entries}
    _check_keys(recorder, entries, present)
    _check_sizes(entries, present, most_bytes)
    return walk, entries, present


class _Appends:
    """The appends of a file that was checked: each time they are iterated over, the file is read again.

    So a file of any size can be recorded in one transaction, and be tried again.
    """

    def __init__(
        self,
        recorder: Recorder,
        lines: Lines,
        walk: RecordValidator,
        counted: ProgressCounter,
        present: Mapping[str, int | None],
        keys: Mapping[str, str | None],
    ) -> None:
        self._recorder, self._lines, self._walk = recorder, lines, walk
        self._count, self._was_read = counted.count, False
        self._present, self._keys = present, keys

    def __iter__(self) -> Iterator[AppendRequest]:
        rows_read = self._rows() if self._was_read else self._count(self._rows())  # the progress is that of one reading
        self._was_read = True
        erasing = Erasure(self._recorder)
        for session, rows in groupby(rows_read, key=lambda row: row.session):
            if session in self._keys:
                for append in _appends(rows, self._present[session], self._keys[session]):
                    yield erasing.add_checked_rows(append)

    def _rows(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines(), 1):
            if line.startswith(MARK):  # the first line and the last
                continue
            row = row_of(decode_line(line))
            before = self._walk.digest_at(row.session, row.position - 1) or NOTHING
            digest = chain_digest(before, header_of(row), hash_of(row))
            if not digest == row.digest == self._walk.digest_at(row.session, row.position):
                raise RecordFileError(number, "the file was changed while it was read")
            yield row


def _count(walk: RecordValidator, session: str, present: int | None) -> int:
    """How many events of a session are not in the store."""
    return walk.last(session) - (walk.firsts[session] - 1 if present is None else present)


def _events_in(lines: Iterable[bytes]) -> int:
    return max(sum(1 for _ in lines) - 2, 0)  # between the first and the last line


def _present(recorder: Recorder, walk: RecordValidator, session: str) -> int | None:
    """The last position that the store has of a session, if what both have is the same."""
    entry = recorder.find_entry(session)
    if entry is None:
        return None
    first, last = walk.firsts[session], min(entry.position, walk.last(session))

    def same(position: int) -> bool:
        (row,) = recorder.read(session, after=position - 1, until=position)
        return row.digest == walk.digest_at(session, position)

    if last >= first and same(last):
        return entry.position
    low, high = first, last  # a digest vouches for all before it, so the first that differs can be searched for
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if same(middle) else (low, middle)
    raise SessionExistsError(session, low)


def _check_sizes(entries: dict[str, CatalogueEntry], present: dict[str, int | None], most: int | None) -> None:
    for session, entry in entries.items():
        if most is not None and entry.bytes > most and (present[session] or 0) < entry.position:
            raise SessionTooLargeError(session, entry.bytes, most)


def _check_keys(recorder: Recorder, entries: dict[str, CatalogueEntry], present: dict[str, int | None]) -> None:
    taken: dict[str, str] = {}
    for session, entry in entries.items():
        if entry.key is None or (present[session] or 0) >= entry.position:
            continue
        owner = recorder.find_key(entry.key)
        if taken.setdefault(entry.key, session) != session or (owner is not None and owner.session != session):
            raise KeyTakenError(session, entry.key)


def _appends(rows: Iterable[Row], present: int | None, key: str | None) -> Iterator[AppendRequest]:
    """The appends that put rows on the record as they were: the same columns and payloads make the same digests."""
    lacking = (row for row in rows if present is None or row.position > present)
    for _, group in groupby(lacking, key=_append_key):
        these = list(group)
        first = these[0]
        yield AppendRequest(
            first.session,
            [_draft(row, key) for row in these],
            first.position - 1,
            Provenance(correlation_id=first.correlation),
            first.time,
            first.command_id,
            start=first.position,
        )


def _append_key(row: Row) -> tuple[object, ...]:
    return row.time, row.correlation, row.command_id


def _draft(row: Row, key: str | None) -> EncodedEvent:
    return EncodedEvent(
        row.name, row.branch, row.payload or b"", _labelling(row, key), row.payload_hash, row.cause, row.actor
    )


def _labelling(row: Row, key: str | None) -> Event | None:
    """The event for the catalogue: of the keys that a session had in its life, only the one it has now is taken."""
    if row.name not in STORED_NAMES:
        return None
    event = event_of(row)
    if isinstance(event, SessionStarted | SessionRenamed) and event.key != key:
        return replace(event, key=None)
    return event
