"""Recorded events as lines of structlog, in whatever form the application has its lines."""

from typing import Protocol

import structlog

from ...domain.json_values import Json
from ...domain.recorded_event import RecordedEvent
from ...projections.event_log_line import event_log_line, level_of
from .redaction.redactor import STANDARD, LogRedactor


class LineLogger(Protocol):
    """What a line can be given to: a logger of structlog."""

    def info(self, event: str, **line: Json) -> object: ...
    def warning(self, event: str, **line: Json) -> object: ...
    def error(self, event: str, **line: Json) -> object: ...


def log_event(
    recorded: RecordedEvent, logger: LineLogger | None = None, *, redactor: LogRedactor | None = STANDARD
) -> None:
    """Writes an event as a line: its stored name, session, branch, position, global position, actor, correlation id.

    Of what the account tells there is also what it says, without secrets. Words of messages are on no line.
    """
    line = event_log_line(recorded)
    if redactor is not None:
        line = redactor.redact(line)
    name = line.pop("event")
    target: LineLogger = structlog.get_logger("turnlog.record") if logger is None else logger
    getattr(target, level_of(recorded))(name, **line)
