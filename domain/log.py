"""A log as a value: one line of the account of calls made, what was asked and answered, and what went wrong."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec.structs import force_setattr, replace

from .errors import InvalidValueError
from .events.work import LogType
from .immutable import freeze
from .json_values import Json, to_json_value, to_utc
from .message import Message

PLACE = ("id", "created_at", "session", "branch", "position", "global_position", "actor", "correlation_id")
"""The fields that say which log it is, when and where; all others are what it says."""

_TEXTS = ("message", "source", "model", "provider", "error", "id", "session", "actor", "correlation_id")
_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "branch", "position", "global_position")
_VALUES = ("request", "response", "data")


class Log(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True, forbid_unknown_fields=True):
    """One entry, immutable down to the deepest value in it.

    `id` and `created_at` are None until it is put into a store of logs or on the record of a session; `session`,
    `branch` and the positions are there in those that come from a session.
    """

    type: LogType
    message: str | None = None
    source: str | None = None
    model: str | None = None
    provider: str | None = None
    request: Json = None
    response: Json = None
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    data: Json = None
    error: str | None = None
    id: str | None = None
    created_at: datetime | None = None
    session: str | None = None
    branch: int | None = None
    position: int | None = None
    global_position: int | None = None
    actor: str | None = None
    correlation_id: str | None = None

    if TYPE_CHECKING:  # the type may be given as text

        def __init__(
            self,
            type: "LogType | str",
            message: str | None = None,
            source: str | None = None,
            model: str | None = None,
            provider: str | None = None,
            request: Json = None,
            response: Json = None,
            duration_ms: float | None = None,
            input_tokens: int | None = None,
            output_tokens: int | None = None,
            total_tokens: int | None = None,
            data: Json = None,
            error: str | None = None,
            id: str | None = None,
            created_at: datetime | None = None,
            session: str | None = None,
            branch: int | None = None,
            position: int | None = None,
            global_position: int | None = None,
            actor: str | None = None,
            correlation_id: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "type", log_type(self.type))
        for name in _TEXTS:
            force_setattr(self, name, _text(name, getattr(self, name)))
        for name in _COUNTS:
            _check_count(name, getattr(self, name))
        for name in _VALUES:
            force_setattr(self, name, freeze(to_json_value(getattr(self, name), f"{name} of a log")))
        force_setattr(self, "duration_ms", _duration(self.duration_ms))
        if self.created_at is not None:
            force_setattr(self, "created_at", _time(self.created_at))
        if self.total_tokens is None and (self.input_tokens is not None or self.output_tokens is not None):
            force_setattr(self, "total_tokens", (self.input_tokens or 0) + (self.output_tokens or 0))

    def __hash__(self) -> int:
        return hash((self.id, self.type, self.message, self.error))

    @property
    def failed(self) -> bool:
        """Whether it tells of something that went wrong."""
        return self.type is LogType.ERROR or self.error is not None

    @property
    def content(self) -> dict[str, Json]:
        """What it says: all that is set, except which log it is, when and where."""
        return {name: value for name, value in self.to_dict().items() if name not in PLACE and name != "type"}

    def to_dict(self) -> dict[str, Json]:
        """All that is set, as plain values that are the caller's own."""
        written: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(self))
        return written

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> "Log":
        """The log that `to_dict` gave."""
        try:
            return msgspec.convert(dict(fields), cls)
        except msgspec.ValidationError as reason:
            raise InvalidValueError("a log", f"cannot be read: {reason}") from None


LogGiven: TypeAlias = "Log | Message | BaseException | str | Mapping[str, Json]"
"""What can be logged: text, a dict of values, an exception, a message, or a log made before."""


def to_log(given: LogGiven, type: LogType | str | None = None, **fields: Any) -> Log:
    """The log of something: text is its message, a dict its data, of an exception its class and sentence."""
    said = {name: value for name, value in fields.items() if value is not None}
    match given:
        case Log():
            changes = said if type is None else {"type": log_type(type), **said}
            return replace(given, **changes) if changes else given
        case Message():
            data = {"id": given.id, "role": given.role.value, "sender": given.sender, "recipient": given.recipient}
            return Log(type or LogType.MESSAGE, **_extra(said, message=given.text, data=data))
        case BaseException():
            return Log(type or LogType.ERROR, **_extra(said, error=error_text(given)))
        case str():
            return Log(type or LogType.INFO, **_extra(said, message=given))
        case Mapping():
            return Log(type or LogType.INFO, **_extra(said, data=dict(given)))
    raise InvalidValueError(
        "a log", f"cannot be made of a {_name(given)}: expected text, a dict, an exception, a Message or a Log"
    )


def _extra(said: dict[str, Any], **given: Any) -> dict[str, Any]:
    """What was given, and what is said beside it; nothing can be said twice."""
    twice = sorted(said.keys() & given.keys())
    if twice:
        raise InvalidValueError(
            "a log", f"is given its {', '.join(twice)} twice: expected what it is made of, or the field"
        )
    return {**given, **said}


def log_type(given: LogType | str) -> LogType:
    """The type of log that is meant."""
    try:
        return LogType(given)
    except ValueError:
        expected = f"expected one of {', '.join(LogType)}"
        raise InvalidValueError("the type of a log", f"is {given!r}: {expected}") from None


def error_text(error: BaseException) -> str:
    """An exception in one line: its class, and what it says if it says anything."""
    said = str(error)
    return f"{_name(error)}: {said}" if said else _name(error)


def _name(what: object) -> str:
    return what.__class__.__name__


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidValueError(f"{name} of a log", f"is a {_name(value)}: expected a str")
    text: str = to_json_value(value, f"{name} of a log")
    return text


def _check_count(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidValueError(f"{name} of a log", f"is {value!r}: expected a whole number")


def _duration(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise InvalidValueError("duration_ms of a log", f"is {value!r}: expected milliseconds")
    return float(value)


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise InvalidValueError("created_at of a log", f"is a {_name(value)}: expected a datetime")
    try:
        return to_utc(value)
    except (OverflowError, ValueError):
        raise InvalidValueError("created_at of a log", "is outside the years 1 to 9999 in UTC") from None
