"""Errors of mail between branches and participants."""

from .base import InvalidOperationError, error


@error
class InvalidMailError(InvalidOperationError, ValueError):
    """The mail cannot be sent, delivered or received."""

    reason: str

    def __str__(self) -> str:
        return self.reason
