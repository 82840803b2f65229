"""Errors of message content, prompts and structured responses."""

from .base import InvalidOperationError, error


@error
class InvalidContentError(InvalidOperationError, ValueError):
    """The value cannot become a message: it is empty, or its keys name no content."""

    reason: str
    accepted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.reason}; expected keys among {', '.join(self.accepted)}" if self.accepted else self.reason


@error
class ImageNotAllowedError(InvalidOperationError, ValueError):
    """The image policy of the session does not allow the address of an image."""

    reason: str

    def __str__(self) -> str:
        return f"an image {self.reason}"


@error
class ResponseFormatError(InvalidOperationError, ValueError):
    """A response does not match the format that was requested."""

    format: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"the response does not match {self.format!r} at {self.place}: {self.reason}"


@error
class PromptTooLongError(InvalidOperationError, ValueError):
    """The system message and the newest turn alone exceed `max_tokens`."""

    needed: int
    max_tokens: int

    def __str__(self) -> str:
        return (
            f"the system message and the newest turn have {self.needed} tokens, and max_tokens is {self.max_tokens}; "
            f"allow {self.needed} or more"
        )
