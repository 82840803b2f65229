"""The record in process, for tests: the same contract, gone when the process is."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Condition

from msgspec.structs import replace

from ...domain.errors import (
    InvalidOperationError,
    InvalidValueError,
    KeyTakenError,
    PositionConflictError,
    ProjectionError,
    StoreClosedError,
)
from ...domain.expected_position import matches
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ...projections.message_pages import Body
from ..recorder import Recorder, message_body
from ..stored_event import (
    MESSAGE_APPENDED,
    AppendRequest,
    AppendResult,
    Outcome,
    Row,
    count_recorded,
    expectation_text,
    size_error,
    stamp,
)
from .row_store import MemoryRowStore


class MemoryRecorder(Recorder):
    """Rows in lists, under one lock."""

    def __init__(self) -> None:
        self.name = "memory://"
        self._lock = Condition()
        self._all: list[Row] = []
        self._sessions: dict[str, _StoredSession] = {}
        self._keys: dict[str, str] = {}
        self._closed = False
        self.target = MemoryRowStore(lock=self._lock)
        """Where rows of projections are kept, for as long as this lives."""
        self._forget: list[Callable[[], None]] = []

    def forget_with_redactions(self, forget: Callable[[], None]) -> None:
        """Has states that were folded before forgotten whenever something is redacted."""
        self._forget.append(forget)

    def append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        with self._open():
            outcomes = [self._append_with_projections(append) for append in appends]
            self._lock.notify_all()
        return outcomes

    def append_together(self, appends: Iterable[AppendRequest]) -> list[AppendResult]:
        appends = list(appends)
        with self._open():
            rehearsal = MemoryRecorder()
            rehearsal._all = list(self._all)
            rehearsal._keys = dict(self._keys)
            for append in appends:
                kept = self._sessions.get(append.session)
                if kept is not None:
                    rehearsal._sessions.setdefault(append.session, kept.copy())
            for outcome in rehearsal.append(appends):
                if isinstance(outcome, InvalidOperationError):
                    raise outcome
            with self._undone_if_it_fails(appends):
                appended = [self._append(append) for append in appends]
                self._keep_inline(count_recorded(appended))
            self._lock.notify_all()
        return [outcome for outcome in appended if isinstance(outcome, AppendResult)]

    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        with self._open():
            if self._all:
                raise InvalidValueError(f"the store {self.name}", "is not empty; copy into an empty store")
            for row in rows:
                self._session(row.session).add(row)
                self._all.append(row)
            for entry in entries:
                self._session(entry.session).entry = entry
                if entry.key is not None:
                    self._keys[entry.key] = entry.session
            self._lock.notify_all()

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        with self._open():
            found = self._stream(session).between(after, until)
        return reversed(found) if backwards else iter(found)

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        with self._open():
            kept = self._stream(session)
            found = kept.at(_within(kept.written.get(branch, _NONE), first - 1, last))
        return reversed(found) if backwards else iter(found)

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        with self._open():
            rows = self._stream(session).find(positions)
        return list(map(message_body, rows))

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        with self._open():
            kept = self._stream(session)
            return iter(kept.at(_within(kept.structure, after, until)))

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        with self._open():
            written = self._stream(session).written.items()
            found = {branch: _within(places, after, until) for branch, places in written}
        return {branch: places for branch, places in found.items() if places}

    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        with self._open():
            start = bisect_right(self._all, after, key=_global_position)
            stop = len(self._all) if until is None else bisect_right(self._all, until, key=_global_position)
            rows = islice(self._all, start, stop)
            return list(islice((row for row in rows if not names or row.name in names), limit))

    def last_global_position(self) -> int:
        with self._open():
            return self._last()

    def wait(self, after: int, timeout: float) -> bool:
        with self._open():
            self._lock.wait_for(lambda: self._closed or self._last() > after, timeout)
            return self._last() > after

    def find_entry(self, session: str) -> CatalogueEntry | None:
        with self._open():
            kept = self._sessions.get(session)
            return None if kept is None else kept.entry

    def find_key(self, key: str) -> CatalogueEntry | None:
        with self._open():
            session = self._keys.get(key)
            return None if session is None else self._sessions[session].entry

    def read_entries(self) -> Iterator[CatalogueEntry]:
        with self._open():
            return iter([kept.entry for kept in self._sessions.values()])

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        with self._open():
            return self._stream(session).command(command_id)

    def find_flaws(self) -> list[str]:
        return []

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise StoreClosedError(self.name)
            yield

    def _append_with_projections(self, append: AppendRequest) -> Outcome:
        if self.inline is None:
            return self._append(append)
        try:
            with self._undone_if_it_fails([append]):
                outcome = self._append(append)
                self._keep_inline(count_recorded([outcome]))
        except ProjectionError as reason:
            return reason
        return outcome

    def _keep_inline(self, appended: int) -> None:
        """Takes what was appended into the rows of projections, or fails with all of it undone."""
        if self.inline is not None:
            with self.target.writing() as transaction:
                self.inline.keep(transaction, self._between, self._last(), appended)

    def _between(self, after: int, until: int) -> list[Row]:
        return self.read_all(after=after, until=until, limit=len(self._all))

    @contextmanager
    def _undone_if_it_fails(self, appends: Sequence[AppendRequest]) -> Iterator[None]:
        """Around appends whose rows must not stay if something beside them fails."""
        count, keys = len(self._all), None if self.inline is None else dict(self._keys)
        before = {append.session: self._sessions.get(append.session) for append in appends}
        erased = [row for append in appends for left in append.erase for row in self._at(left)]
        entries = {session: kept.entry for session, kept in before.items() if kept is not None}
        try:
            yield
        except BaseException:
            for row in reversed(self._all[count:]):
                self._sessions[row.session].take_back()
            del self._all[count:]
            for row in erased:
                self._replace(row)
            self._keys = self._keys if keys is None else keys
            for session, kept in before.items():
                if kept is None:
                    self._sessions.pop(session, None)
                else:
                    kept.entry = entries[session]
            raise

    def _append(self, append: AppendRequest) -> AppendResult | InvalidOperationError:
        kept = self._stream(append.session, append.start)
        repeated = None if append.command_id is None else kept.command(append.command_id)
        if repeated is not None:
            return repeated
        if not matches(append.expected, kept.entry.position):
            return PositionConflictError(append.session, expectation_text(append.expected), kept.entry.position)
        first = self._last() + 1
        rows, entry = stamp(append, kept.entry, first)
        too_large = size_error(append, kept.entry, entry)
        if too_large is not None:
            return too_large
        if entry.key is not None and self._keys.setdefault(entry.key, append.session) != append.session:
            return KeyTakenError(append.session, entry.key)
        if kept.entry.key is not None and kept.entry.key != entry.key:
            del self._keys[kept.entry.key]
        appended = AppendResult(append.session, entry.position - len(rows) + 1, entry.position, first, entry.time)
        if rows:
            self._sessions[append.session] = kept
            kept.entry = entry
            for row in rows:
                kept.add(row)
            self._all.extend(rows)
            for left in append.erase:
                self._replace(left)
            if append.erase:
                for forget in self._forget:
                    forget()
        return appended

    def _replace(self, row: Row) -> None:
        """Puts another form of a row in its place."""
        kept = self._stream(row.session)
        kept.rows[bisect_left(kept.rows, row.position, key=_position)] = row
        self._all[bisect_left(self._all, row.global_position, key=_global_position)] = row

    def _at(self, row: Row) -> list[Row]:
        """The stored form of a row."""
        return self._stream(row.session).find([row.position])

    def _stream(self, session: str, start: int = 1) -> "_StoredSession":
        return self._sessions.get(session) or _StoredSession(CatalogueEntry(session, start - 1))

    def _session(self, session: str) -> "_StoredSession":
        return self._sessions.setdefault(session, _StoredSession(CatalogueEntry(session)))

    def _last(self) -> int:
        return self._all[-1].global_position if self._all else 0


class _StoredSession:
    """One session: its rows, and where among them its messages are."""

    def __init__(self, entry: CatalogueEntry) -> None:
        self.entry = entry
        self.rows: list[Row] = []
        self.written: dict[int, Positions] = {}
        self.structure: Positions = array("q")
        self.commands: dict[str, AppendResult] = {}

    def copy(self) -> "_StoredSession":
        own = _StoredSession(self.entry)
        own.rows, own.commands = list(self.rows), dict(self.commands)
        return own

    def command(self, command_id: str) -> AppendResult | None:
        appended = self.commands.get(command_id)
        return None if appended is None else replace(appended, repeated=True)

    def add(self, row: Row) -> None:
        if row.name == MESSAGE_APPENDED and row.branch is not None:
            self.written.setdefault(row.branch, array("q")).append(row.position)
        else:
            self.structure.append(row.position)
        if row.command_id is not None:
            first = self.commands.get(row.command_id)
            place = (row.position, row.global_position) if first is None else (first.first, first.global_position)
            self.commands[row.command_id] = AppendResult(row.session, place[0], row.position, place[1], row.time)
        self.rows.append(row)

    def take_back(self) -> None:
        """Takes away the last row, as if it had not been added."""
        row = self.rows.pop()
        if row.name == MESSAGE_APPENDED and row.branch is not None:
            self.written[row.branch].pop()
        else:
            self.structure.pop()
        if row.command_id is not None:
            self.commands.pop(row.command_id, None)

    def between(self, after: int, until: int | None) -> list[Row]:
        start = bisect_right(self.rows, after, key=_position)
        stop = len(self.rows) if until is None else bisect_right(self.rows, until, key=_position)
        return self.rows[start:stop]

    def find(self, positions: Iterable[int]) -> list[Row]:
        """The rows at those of the positions that there are."""
        there = range(self.rows[0].position, self.rows[-1].position + 1) if self.rows else range(0)
        return self.at(place for place in positions if place in there)

    def at(self, positions: Iterable[int]) -> list[Row]:
        ahead = self.rows[0].position if self.rows else 0
        return [self.rows[position - ahead] for position in positions]


_NONE: Positions = array("q")


def _within(places: Positions, after: int, until: int) -> Positions:
    """The positions after one and up to another."""
    return places[bisect_right(places, after) : bisect_right(places, until)]


def _position(row: Row) -> int:
    return row.position


def _global_position(row: Row) -> int:
    return row.global_position
