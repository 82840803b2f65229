"""The record in process, for tests: the same contract, gone when the process is."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from msgspec.structs import replace

from ..domain.errors import KeyTaken, PositionConflict, Refused, StoreClosed
from ..domain.expectation import holds
from ..domain.ranges import Positions
from ..projections.catalogue import Entry
from .recorder import Recorder
from .rows import MESSAGE_APPENDED, Append, Appended, Row, expectation_text, stamped


class MemoryRecorder(Recorder):
    """Rows in lists; a lock is held while rows are added, readers see whole appends only."""

    def __init__(self) -> None:
        self.name = "memory://"
        self._lock = Lock()
        self._all: list[Row] = []
        self._rows: dict[str, list[Row]] = {}
        self._entries: dict[str, Entry] = {}
        self._written: dict[tuple[str, int], Positions] = {}
        self._structure: dict[str, Positions] = {}
        self._commands: dict[tuple[str, str], Appended] = {}
        self._keys: dict[str, str] = {}
        self._closed = False

    def append(self, appends: Sequence[Append]) -> list[Appended | Refused]:
        with self._open():
            return [self._append(append) for append in appends]

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        with self._open():
            rows = self._rows.get(session, [])
            found = rows[after : len(rows) if until is None else max(after, until)]
        return reversed(found) if backwards else iter(found)

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        with self._open():
            places = _within(self._written.get((session, branch)), first - 1, last)
            found = [self._rows[session][place - 1] for place in places]
        return reversed(found) if backwards else iter(found)

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        with self._open():
            places = _within(self._structure.get(session), after, until)
            return iter([self._rows[session][place - 1] for place in places])

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        with self._open():
            found = {
                branch: _within(places, after, until)
                for (owner, branch), places in self._written.items()
                if owner == session
            }
        return {branch: places for branch, places in found.items() if places}

    def read_all(self, *, after: int = 0, limit: int) -> list[Row]:
        with self._open():
            return self._all[after : after + limit]

    def find_entry(self, session: str) -> Entry | None:
        with self._open():
            return self._entries.get(session)

    def read_entries(self) -> Iterator[Entry]:
        with self._open():
            return iter(list(self._entries.values()))

    def find_command(self, session: str, command_id: str) -> Appended | None:
        with self._open():
            first = self._commands.get((session, command_id))
        return None if first is None else replace(first, repeated=True)

    def find_flaws(self) -> list[str]:
        return []

    def close(self) -> None:
        self._closed = True

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise StoreClosed(self.name)
            yield

    def _append(self, append: Append) -> Appended | Refused:
        head = self._entries.get(append.session, Entry(append.session))
        first = self._commands.get((append.session, append.command_id or ""))
        if first is not None:
            return replace(first, repeated=True)
        if not holds(append.expected, head.position):
            return PositionConflict(append.session, expectation_text(append.expected), head.position)
        rows, entry = stamped(append, head, len(self._all) + 1)
        if entry.key is not None and self._keys.setdefault(entry.key, append.session) != append.session:
            return KeyTaken(append.session, entry.key)
        return self._commit(append, rows, entry)

    def _commit(self, append: Append, rows: list[Row], entry: Entry) -> Appended:
        for row in rows:
            if row.name == MESSAGE_APPENDED and row.branch is not None:
                self._written.setdefault((row.session, row.branch), array("q")).append(row.position)
            else:
                self._structure.setdefault(row.session, array("q")).append(row.position)
        self._rows.setdefault(append.session, []).extend(rows)
        self._all.extend(rows)
        self._entries[append.session] = entry
        appended = Appended(append.session, entry.position - len(rows) + 1, entry.position, entry.time)
        if append.command_id is not None:
            self._commands[append.session, append.command_id] = appended
        return appended


def _within(places: Positions | None, after: int, until: int) -> Positions:
    """The positions after one and up to another."""
    if places is None:
        return array("q")
    return places[bisect_right(places, after) : bisect_right(places, until)]
