"""The ways to write a log, the same for a session's account and for a store of logs."""

from abc import ABC, abstractmethod

from ...domain.errors import InvalidValueError
from ...domain.events.work import LogType
from ...domain.json_values import Json
from ...domain.log import PLACE, Log, LogGiven, to_log
from ...domain.message import Message
from ..async_methods import awaited

FIELDS = frozenset(Log.__struct_fields__) - {"type", *PLACE}


class LogWriting(ABC):
    """Writes logs; what else a log has (source, model, request, data, ...) is given by keyword."""

    @abstractmethod
    def _write(self, log: Log) -> Log:
        """Keeps a log, and answers with it as it is kept."""

    def log(self, /, given: LogGiven, type: LogType | str | None = None, **fields: Json) -> Log:
        """Writes text, a dict of values, an exception, a message or a log."""
        return self._write(to_log(given, type, **_validate_fields(fields)))

    def log_api_call(self, /, model: str | None = None, **fields: Json) -> Log:
        """Writes that a model was called: `provider`, `request`, `response`, `duration_ms`, tokens, `error`."""
        return self._write(Log(LogType.API_CALL, model=model, **_validate_fields(fields)))

    def log_message(self, /, message: Message | str, **fields: Json) -> Log:
        """Writes a message."""
        return self._write(to_log(message, LogType.MESSAGE, **_validate_fields(fields)))

    def log_operation(self, /, message: str, **fields: Json) -> Log:
        """Writes that something was done."""
        return self._write(Log(LogType.OPERATION, message, **_validate_fields(fields)))

    def log_error(self, /, error: BaseException | str, **fields: Json) -> Log:
        """Writes that something went wrong."""
        given = Log(LogType.ERROR, error=error) if isinstance(error, str) else error
        return self._write(to_log(given, LogType.ERROR, **_validate_fields(fields)))

    def log_warning(self, /, message: str, **fields: Json) -> Log:
        """Writes a warning."""
        return self._write(Log(LogType.WARNING, message, **_validate_fields(fields)))

    def log_info(self, /, message: str, **fields: Json) -> Log:
        """Writes that something is so."""
        return self._write(Log(LogType.INFO, message, **_validate_fields(fields)))

    alog = awaited(log)
    alog_api_call = awaited(log_api_call)
    alog_message = awaited(log_message)
    alog_operation = awaited(log_operation)
    alog_error = awaited(log_error)
    alog_warning = awaited(log_warning)
    alog_info = awaited(log_info)


def _validate_fields(fields: dict[str, Json]) -> dict[str, Json]:
    unknown = sorted(fields.keys() - FIELDS)
    if unknown:
        raise InvalidValueError(
            "a log", f"has no {', '.join(unknown)}: expected fields among {', '.join(sorted(FIELDS))}"
        )
    return fields
