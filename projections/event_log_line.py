"""A recorded event as a line for people who watch: flat, with where it stands and whose it is."""

from msgspec.structs import asdict

from ..domain.events.work import LogType
from ..domain.json_values import Json
from ..domain.log import Log
from ..domain.recorded_event import RecordedEvent
from .call_log import find_log

SUMMARY_FIELDS = (
    *("type", "source", "message", "model", "provider", "duration_ms", "input_tokens", "output_tokens"),
    *("total_tokens", "error"),
)
"""What of a log is on its line; requests, responses and data are not."""


def event_log_line(recorded: RecordedEvent) -> dict[str, Json]:
    """Where an event stands, when and whose it is, and what the account tells of it; no words of messages."""
    log = find_log(recorded)
    branch = recorded.branch if log is None else log.branch
    line = {
        "event": recorded.name,
        "timestamp": recorded.created_at.isoformat(),
        "session": recorded.session,
        "branch": branch,
        "position": recorded.position,
        "global_position": recorded.global_position,
        "actor": recorded.actor,
        "correlation_id": recorded.correlation_id,
        "causation": recorded.causation,
        **({} if log is None else _summary_fields(log)),
    }
    return {key: value for key, value in line.items() if value is not None}


def level_of(recorded: RecordedEvent) -> str:
    """How loud the line is: error, warning or info."""
    log = find_log(recorded)
    if log is None:
        return "info"
    return "error" if log.failed else "warning" if log.type is LogType.WARNING else "info"


def _summary_fields(log: Log) -> dict[str, Json]:
    fields = asdict(log)
    return {key: str(fields[key]) if key == "type" else fields[key] for key in SUMMARY_FIELDS}
