"""The account of a session or a branch: what was called, denied and logged, read off the record and written to it."""

from collections.abc import Iterator
from typing import ClassVar

from ..domain.decisions import log as logging
from ..domain.log import Log
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.async_methods import awaited
from ..infrastructure.logs.reading import LogReading
from ..infrastructure.logs.writing import LogWriting
from ..infrastructure.session_reader import SessionReader
from ..projections.call_log import LOG_NAMES, find_log, logs_from_events
from .as_of import ReadOnlyView, StateSource
from .redact import redact_log
from .stream import SessionStream


class SessionLogsView(LogReading, ReadOnlyView):
    """The account up to a moment, of a whole session or of one branch; read anew whenever it is asked."""

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


class SessionLogs(SessionLogsView, LogWriting):
    """The account of a session at work; each log that is written to it is one event."""

    def __init__(self, stream: SessionStream, branch: int | None) -> None:
        super().__init__(stream, branch)
        self._stream = stream

    def redact(self, log: Log, reason: str | None = None) -> int:
        """Remove the content of a log, and of the event that it is read from, for good; the position of the redaction.

        Copies that were delivered elsewhere are out of reach.
        """
        return redact_log(self._stream, log, reason)

    aredact = awaited(redact)

    def _write(self, log: Log) -> Log:
        ((position, _, _),) = self._stream.transact(lambda state: logging.record(state, self._number, log))
        (recorded,) = self._stream.store.read(self._stream.id, after=position - 1, until=position)
        written = find_log(recorded)
        assert written is not None
        return written
