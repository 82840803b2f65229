"""The logs of a session or a branch, read from its events and written to them."""

from ..domain.decisions import log as logging
from ..domain.log import Log
from ..infrastructure.async_methods import awaited
from ..infrastructure.logs.writing import LogWriting
from ..projections.call_log import find_log
from .logs_view import SessionLogsView
from .redact import redact_log
from .stream import SessionStream


class SessionLogs(SessionLogsView, LogWriting):
    """The logs of a session or a branch; each log that is written to them is one event."""

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
