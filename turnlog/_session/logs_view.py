"""The logs of a session or a branch, read from its events."""

from collections.abc import Iterator
from typing import ClassVar

from ..domain.log import Log
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.logs.reading import LogReading
from ..infrastructure.logs.writing import LogWriting
from ..infrastructure.session_reader import SessionReader
from ..projections.call_log import LOG_NAMES, logs_from_events
from .as_of import ReadOnlyView, StateSource


class SessionLogsView(LogReading, ReadOnlyView):
    """The logs of a session or a branch up to a position; read anew with each call."""

    _writing: ClassVar[frozenset[str]] = frozenset(name for name in vars(LogWriting) if name[0] != "_")

    def __init__(self, source: StateSource, branch: int | None) -> None:
        self._source = source
        self._number = branch

    def __iter__(self) -> Iterator[Log]:
        found = logs_from_events(self._read_events())
        return (log for log in found if self._number is None or log.branch == self._number)

    def __repr__(self) -> str:
        whose = "" if self._number is None else f"branch {self._number} of "
        return f"<{len(self)} logs of {whose}session {self._source.id}>"

    def _read_events(self) -> Iterator[RecordedEvent]:
        with self._source.state() as state:
            reader = SessionReader(self._source.store.recorder, state)
            first, last = 0 if state.position > 0 else state.first - 1, state.position
        return reader.read_structure(first, last, LOG_NAMES)
