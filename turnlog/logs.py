"""The account of a session or a branch: what was called, denied and logged, read off the record and written to it."""

from collections.abc import Iterator
from typing import ClassVar

from ._live import Live
from ._moments import Source
from ._redacting import redact_log
from ._view import View
from .domain.decisions import log as logging
from .domain.log import Log
from .domain.record import RecordedEvent
from .infrastructure.logs.reading import LogReading
from .infrastructure.logs.writing import LogWriting
from .infrastructure.reading import SessionReader
from .infrastructure.twins import awaited
from .projections.logs import LOG_NAMES, find_log, logs_of


class LogsView(LogReading, View):
    """The account up to a moment, of a whole session or of one branch; read anew whenever it is asked."""

    _writing: ClassVar[frozenset[str]] = frozenset(name for name in vars(LogWriting) if name[0] != "_")

    def __init__(self, source: Source, branch: int | None) -> None:
        self._source = source
        self._number = branch

    def __iter__(self) -> Iterator[Log]:
        found = logs_of(self._recorded())
        return (log for log in found if self._number is None or log.branch == self._number)

    def __repr__(self) -> str:
        whose = "" if self._number is None else f"branch {self._number} of "
        return f"<{len(self)} logs of {whose}session {self._source.id}>"

    def _recorded(self) -> Iterator[RecordedEvent]:
        with self._source.current() as state:
            reader = SessionReader(self._source.store, state)
            first, last = 0 if state.position > 0 else state.first - 1, state.position
        return reader.read_structure(first, last, LOG_NAMES)


class Logs(LogsView, LogWriting):
    """The account of a session at work; each log that is written to it is one event."""

    def __init__(self, live: Live, branch: int | None) -> None:
        super().__init__(live, branch)
        self._live = live

    def redact(self, log: Log, reason: str | None = None) -> int:
        """Remove the content of a log, and of the event that it is read from, for good; the position of the redaction.

        Copies that were delivered elsewhere are out of reach.
        """
        return redact_log(self._live, log, reason)

    aredact = awaited(redact)

    def _write(self, log: Log) -> Log:
        ((position, _, _),) = self._live.change(lambda state: logging.record(state, self._number, log))
        (recorded,) = self._live.store.read(self._live.id, after=position - 1, until=position)
        written = find_log(recorded)
        assert written is not None
        return written
