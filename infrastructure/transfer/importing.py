"""A file of the record into a store: all of it is checked before anything is written, then a session at a time."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec
from msgspec.structs import replace

from ...domain.decisions.session import is_name
from ...domain.errors import KeyTaken, SessionTooLarge
from ...domain.events import STORED_NAMES, Event, SessionRenamed, SessionStarted
from ...domain.record import Provenance
from ...domain.store_errors import DamagedRecord, RecordDiffers
from ...projections.catalogue import Entry
from ..progress import Counted, Progress
from ..recorder import Recorder
from ..redacting import erasing
from ..rows import Append, Draft, Row, entry_after, event_of
from .checking import Walk

Lines = Callable[[], Iterable[bytes]]
"""The lines of a file, as often as they are asked for."""


class Imported(msgspec.Struct, frozen=True):
    """What an import wrote: the sessions it added or went on with, and how many events; and what was there already.

    `last` is the session that stands last in the file: behind all those that it goes on from.
    """

    sessions: tuple[str, ...]
    events: int
    unchanged: tuple[str, ...]
    last: str | None = None


def imported(
    recorder: Recorder, lines: Lines, most_bytes: int | None = None, progress: Progress | None = None
) -> Imported:
    """Takes a record into a store, each session in one transaction, or refuses all of it and writes nothing.

    A session that is there already, and is the same as far as both go, gets what it lacks; one that differs is refused.
    """
    counted = Counted(progress, 0 if progress is None else 2 * _events_in(lines()))
    walk, entries = Walk(lines()), dict[str, Entry]()
    for row in counted.over(walk.rows()):
        entries[row.session] = entry_after(entries.get(row.session) or Entry(row.session, row.position - 1), row)
    present = {session: _present(recorder, walk, session) for session in entries}
    _check_origins(recorder, walk)
    _check_keys(recorder, entries, present)
    _check_sizes(entries, present, most_bytes)
    lacking = {session for session, at in present.items() if at is None or at < walk.last(session)}
    count = 0
    for session, rows in groupby(counted.over(Walk(lines()).rows()), key=lambda row: row.session):
        if session in lacking:
            appends = list(_appends(rows, present[session], entries[session].key))
            recorder.append_together([erasing(recorder, append) for append in appends])
            count += sum(len(append.drafts) for append in appends)
    counted.end()
    unchanged = tuple(session for session in entries if session not in lacking)
    added = tuple(session for session in entries if session in lacking)
    return Imported(added, count, unchanged, next(reversed(entries), None))


def _events_in(lines: Iterable[bytes]) -> int:
    return max(sum(1 for _ in lines) - 2, 0)  # between the first and the last line


def _present(recorder: Recorder, walk: Walk, session: str) -> int | None:
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
    raise RecordDiffers(session, low)


def _check_origins(recorder: Recorder, walk: Walk) -> None:
    """Refuses sessions that go on from others which are neither in the file nor in the store as they were."""
    for line, session, started in walk.forks:
        origin, at = started.forked_from or "", started.forked_at or 0
        digest = walk.digest_at(origin, at)
        if digest is None and is_name(origin):
            digest = next((row.digest for row in recorder.read(origin, after=at - 1, until=at)), None)
        if digest is None:
            missing = f"session {session} goes on from {origin} at {at}"
            raise DamagedRecord(line, f"{missing}, which is neither in front of it nor in the store")
        if digest.hex() != started.forked_digest:
            raise DamagedRecord(line, f"session {session} goes on from {origin} at {at}, and that is not what it was")


def _check_sizes(entries: dict[str, Entry], present: dict[str, int | None], most: int | None) -> None:
    for session, entry in entries.items():
        if most is not None and entry.bytes > most and (present[session] or 0) < entry.position:
            raise SessionTooLarge(session, entry.bytes, most)


def _check_keys(recorder: Recorder, entries: dict[str, Entry], present: dict[str, int | None]) -> None:
    taken: dict[str, str] = {}
    for session, entry in entries.items():
        if entry.key is None or (present[session] or 0) >= entry.position:
            continue
        owner = recorder.find_key(entry.key)
        if taken.setdefault(entry.key, session) != session or (owner is not None and owner.session != session):
            raise KeyTaken(session, entry.key)


def _appends(rows: Iterable[Row], present: int | None, key: str | None) -> Iterator[Append]:
    """The appends that put rows on the record as they were: the same columns and payloads make the same digests."""
    lacking = (row for row in rows if present is None or row.position > present)
    for _, group in groupby(lacking, key=_written_together):
        these = list(group)
        first = these[0]
        yield Append(
            first.session,
            [_draft(row, key) for row in these],
            first.position - 1,
            Provenance(correlation=first.correlation),
            first.time,
            first.command_id,
            start=first.position,
        )


def _written_together(row: Row) -> tuple[object, ...]:
    return row.time, row.correlation, row.command_id


def _draft(row: Row, key: str | None) -> Draft:
    return Draft(row.name, row.branch, row.payload or b"", _labelling(row, key), row.payload_hash, row.cause, row.actor)


def _labelling(row: Row, key: str | None) -> Event | None:
    """The event for the catalogue: of the keys that a session had in its life, only the one it has now is taken."""
    if row.name not in STORED_NAMES:
        return None
    event = event_of(row)
    if isinstance(event, SessionStarted | SessionRenamed) and event.key != key:
        return replace(event, key=None)
    return event
