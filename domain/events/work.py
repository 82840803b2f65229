"""Events of tools, models, operations and logs."""

from enum import StrEnum

from ..json_values import Json
from .base import Event


class LogType(StrEnum):
    """What a log is about."""

    API_CALL = "api_call"
    MESSAGE = "message"
    OPERATION = "operation"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ToolRegistered(Event, frozen=True):
    """A tool is in reach of a branch, or of all, from here on."""

    tool: str
    branch: int | None = None
    schema: Json = None


class ToolRemoved(Event, frozen=True):
    """A tool is out of reach of a branch, or of all, from here on."""

    tool: str
    branch: int | None = None


class ModelSet(Event, frozen=True):
    """The model used for a purpose ("generate", "parse") from here on, or None for none."""

    purpose: str
    model: str | None
    provider: str | None = None
    branch: int | None = None
    settings: dict[str, Json] = {}


class OperationStarted(Event, frozen=True):
    """Something is done with models and tools; what it says and asks goes back to this by its causes."""

    operation: str
    name: str
    branch: int | None = None
    params: Json = None


class OperationResumed(Event, frozen=True):
    """Somebody goes on with an operation that was interrupted; whoever was at it before does not any more."""

    operation: str


class OperationCompleted(Event, frozen=True):
    """An operation has come to its end, with this result."""

    operation: str
    result: Json = None


class OperationFailed(Event, frozen=True):
    """An operation has come to nothing: the class of the error, and what it said."""

    operation: str
    error: str
    reason: str


class ModelCalled(Event, frozen=True):
    """A model was asked; what it answered follows as messages whose cause this is, or is in `response`.

    `service` is the name it goes by here. Of the request there is where its messages stand, those that stand nowhere,
    and the digest of all of it.
    """

    model: str
    provider: str | None = None
    operation: str | None = None
    branch: int | None = None
    request: Json = None
    response: Json = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: float | None = None
    service: str | None = None
    attempts: int = 1


class AccessDenied(Event, frozen=True):
    """A branch asked for what it may not use."""

    kind: str
    requested: list[str]
    branch: int | None = None
    available: list[str] = []


class LogRecorded(Event, frozen=True):
    """A line was written into the account of calls."""

    type: LogType
    source: str | None = None
    message: str | None = None
    data: Json = None
    branch: int | None = None
    model: str | None = None
    provider: str | None = None
    request: Json = None
    response: Json = None
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    error: str | None = None
