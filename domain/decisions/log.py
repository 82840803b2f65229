"""Decisions on the account of calls: a line is written into it."""

from ..branch_lookup import get_branch
from ..errors import InvalidValueError
from ..events import Event, LogRecorded
from ..log import Log
from ..state import State
from .session import require_active

SAID = (
    *("source", "message", "data", "model", "provider", "request", "response", "duration_ms"),
    *("input_tokens", "output_tokens", "total_tokens", "error"),
)
"""What a log says and the record keeps in the event; when, where and by whom are columns of it."""


def record(state: State, branch: int | None, log: Log) -> list[Event]:
    """Writes a log into the account of a session, on one of its branches or on none."""
    require_active(state)
    if log.id is not None:
        raise InvalidValueError("the log", f"{log.id!r} is on record already: expected one that was not stored before")
    number = None if branch is None else get_branch(state, branch).number
    return [LogRecorded(log.type, branch=number, **{name: getattr(log, name) for name in SAID})]
