"""Every error of mail: it cannot be sent, moved or received so."""

from .errors import ItemNotFoundError, Refused, error, one_of


class InvalidMail(Refused, ValueError):
    """The mail cannot be sent, moved or received so."""


@error
class InvalidPackage(InvalidMail):
    """A mail of this category cannot carry this."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@error
class UnknownParticipant(InvalidMail, ItemNotFoundError):
    """Nobody of this name takes part in the mail of the session."""

    session: str
    participant: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"nobody in session {self.session} is called {self.participant}: expected "
            f"{one_of(self.names)}, or a participant registered by name"
        )


@error
class UnknownCategory(InvalidMail):
    """There is no such category of mail."""

    category: str
    accepted: tuple[str, ...]

    def __str__(self) -> str:
        return f"mail has no category {self.category}: expected one of {', '.join(self.accepted)}"


@error
class OutOfTurn(InvalidMail):
    """Another task of the same event loop holds the mail, and cannot let go of it while this one waits."""

    session: str

    def __str__(self) -> str:
        return (
            f"the mail of session {self.session} is held by another task of this event loop, which would stand still: "
            f"expected the awaited form of the call"
        )
