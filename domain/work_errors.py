"""What can go wrong with models, tools and operations."""

from .errors import ItemNotFoundError, Refused, SessionError, WorkFailed, error, one_of
from .plain import Json


class AccessError(Refused, PermissionError):
    """What was asked for is not allowed."""


@error
class AccessDenied(AccessError):
    """A branch asked for a service or an output type that it may not use."""

    session: str
    branch: str
    kind: str
    asked: tuple[str, ...]
    available: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"branch {self.branch!r} of session {self.session} may not use {', '.join(self.asked)}: "
            f"expected {self.kind} it has, which are {', '.join(self.available) or 'none'}"
        )


@error
class UnknownModel(ItemNotFoundError):
    """No model goes by this name, or none was given at all."""

    session: str
    model: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        known = one_of(self.names) if self.names else "one, as Session(default_generate_model=iModel(...))"
        return f"session {self.session} knows no model {self.model}: expected {known}"


@error
class UnknownTool(ItemNotFoundError):
    """No tool goes by this name."""

    tool: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no tool {self.tool!r}: expected {one_of(self.names) if self.names else 'one that is given'}"


@error
class UnknownOperation(ItemNotFoundError):
    """No operation goes by this name or id."""

    operation: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"there is no operation {self.operation!r}: expected {one_of(self.names) if self.names else 'an open one'}"
        )


@error
class OperationOver(SessionError):
    """The operation has ended, or somebody else has resumed it."""

    session: str
    operation: str

    def __str__(self) -> str:
        return (
            f"operation {self.operation} of session {self.session} has ended or was resumed by somebody else: "
            "expected one that is open, and not at work elsewhere"
        )


@error
class UnrecordedAnswer(ItemNotFoundError):
    """The record has no answer to what a model was asked."""

    session: str
    digest: str

    def __str__(self) -> str:
        return (
            f"session {self.session} has no recorded answer to this request ({self.digest[:12]}): "
            "expected a request that was made before, word for word"
        )


@error
class ModelFailed(WorkFailed):
    """The model gave no answer."""

    model: str
    reason: str
    status: int | None = None
    partial: str | None = None
    attempts: int = 1

    def __str__(self) -> str:
        status = "" if self.status is None else f" (status {self.status})"
        return f"model {self.model} gave no answer{status} after {self.attempts} attempt(s): {self.reason}"


class ModelTimedOut(ModelFailed, TimeoutError):
    """The model did not answer in time."""


@error
class ToolFailed(WorkFailed):
    """The tool raised, did not answer in time, or answered with what cannot be recorded."""

    tool: str
    reason: str

    def __str__(self) -> str:
        return f"tool {self.tool!r} failed: {self.reason}"


class ToolTimedOut(ToolFailed, TimeoutError):
    """The tool did not answer in time."""


@error
class ToolServerFailed(WorkFailed):
    """A server of tools could not be reached, or failed at what it was asked."""

    server: str
    reason: str

    def __str__(self) -> str:
        return f"the server of tools {self.server!r} failed: {self.reason}"


class InvalidArguments(ToolFailed, ValueError):
    """The arguments do not fit the tool."""


@error
class FlowFailed(WorkFailed):
    """Some nodes of a flow failed, and those that depend on them were not run; the results are those of the others."""

    failed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    results: dict[str, Json]

    def __str__(self) -> str:
        failed = "; ".join(f"{node}: {reason}" for node, reason in self.failed)
        skipped = f"; not run, since they depend on these: {', '.join(self.skipped)}" if self.skipped else ""
        return f"{len(self.failed)} node(s) of the flow failed: {failed}{skipped}"
