"""Recorded events as lines of structlog, in whatever form the application has its lines."""

from typing import Protocol

import structlog

from ...domain.plain import Json
from ...domain.record import RecordedEvent
from ...projections.lines import level_of, line_of
from .redactor import STANDARD, LogRedactor


class LineLogger(Protocol):
    """What a line can be given to: a logger of structlog."""

    def info(self, event: str, **line: Json) -> object: ...
    def warning(self, event: str, **line: Json) -> object: ...
    def error(self, event: str, **line: Json) -> object: ...


def write_line(
    recorded: RecordedEvent, logger: LineLogger | None = None, *, redactor: LogRedactor | None = STANDARD
) -> None:
    """Writes an event as a line: its stored name, session, branch, position, global position, actor, correlation.

    Of what the account tells there is also what it says, without secrets. Words of messages are on no line.
    """
    line = line_of(recorded)
    if redactor is not None:
        line = redactor.redact(line)
    name = line.pop("event")
    target: LineLogger = structlog.get_logger("turnlog.record") if logger is None else logger
    getattr(target, level_of(recorded))(name, **line)
