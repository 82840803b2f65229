"""Errors of models, tools, operations and flows."""

from typing import Any

from .base import InvalidOperationError, NotFoundError, OperationError, SessionError, error


@error
class AccessDeniedError(InvalidOperationError, PermissionError):
    """A branch used a model, tool or output type that it has no access to."""

    session: str
    branch: str
    kind: str
    requested: tuple[str, ...]
    available: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"branch {self.branch!r} of session {self.session} has no access to {', '.join(self.requested)}; "
            f"its {self.kind} are {', '.join(self.available) or 'none'}"
        )


@error
class OperationEndedError(SessionError):
    """The operation has ended, or another process has resumed it."""

    session: str
    operation: str

    def __str__(self) -> str:
        return f"operation {self.operation} of session {self.session} has ended, or was resumed by another process"


@error
class ResponseNotRecordedError(NotFoundError):
    """The record has no response to this request to a model."""

    session: str
    digest: str

    def __str__(self) -> str:
        return (
            f"session {self.session} has no recorded response to this request ({self.digest[:12]}); "
            "only an identical request can be replayed"
        )


@error
class ModelError(OperationError):
    """The model returned no response."""

    model: str
    reason: str
    status: int | None = None
    partial: str | None = None
    attempts: int = 1

    def __str__(self) -> str:
        status = "" if self.status is None else f" (status {self.status})"
        attempts = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return f"model {self.model} failed{status} after {attempts}: {self.reason}"


class ModelTimeoutError(ModelError, TimeoutError):
    """The model did not respond in time."""


@error
class ToolError(OperationError):
    """The tool raised, got arguments it does not accept, or returned what cannot be recorded."""

    tool: str
    reason: str

    def __str__(self) -> str:
        return f"tool {self.tool!r} failed: {self.reason}"


class ToolTimeoutError(ToolError, TimeoutError):
    """The tool did not return in time."""


@error
class FlowError(OperationError):
    """Nodes of a flow failed, and the nodes that depend on them were skipped; `results` has the others."""

    failed: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    results: dict[str, Any]

    def __str__(self) -> str:
        failed = "; ".join(f"{node}: {reason}" for node, reason in self.failed)
        skipped = f"; skipped, because they depend on these: {', '.join(self.skipped)}" if self.skipped else ""
        return f"{len(self.failed)} node(s) of the flow failed: {failed}{skipped}"
