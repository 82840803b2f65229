"""How a reference to a session fails that is not its whole id: a beginning of it, a key, a label."""

from .errors import SessionError, error, one_of


@error
class AmbiguousSession(SessionError):
    """Several sessions could be meant."""

    reference: str
    sessions: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.sessions)
        return f"{self.reference!r} may be any of {count} sessions: expected {one_of(self.sessions)}"
