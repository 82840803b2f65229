"""Errors of sessions, their branches and positions."""

from .base import InvalidOperationError, NotFoundError, SessionError, error, suggestion

LAST_SESSION = "@last"
"""The reference to the session that was used last, of those that are not deleted."""


@error
class SessionNotFoundError(NotFoundError, SessionError):
    """No session has this id, key or name."""

    session: str

    def __str__(self) -> str:
        if self.session == LAST_SESSION:
            return f"the store has no session, so {self.session} cannot be found"
        return f"session {self.session!r} does not exist in this store"


@error
class AmbiguousSessionError(SessionError):
    """Several sessions match the reference."""

    reference: str
    sessions: tuple[str, ...]

    def __str__(self) -> str:
        matching = suggestion("", self.sessions)
        return f"{self.reference!r} matches {len(self.sessions)} sessions; {matching}"


@error
class SessionExistsError(SessionError):
    """The store has a session with this id, or one with other events from `position` on."""

    session: str
    position: int | None = None

    def __str__(self) -> str:
        if self.position is None:
            return f"session {self.session!r} exists already; use a new id, or open the session"
        return (
            f"session {self.session} exists already, with other events from position {self.position} on; "
            f"nothing is overwritten"
        )


@error
class KeyTakenError(SessionError):
    """Another session has this key; `session` is the one that was to get it, and may not exist."""

    session: str | None
    key: str
    by: str = "another session"

    def __str__(self) -> str:
        return f"the key {self.key!r} is taken by {self.by}; use another key"


@error
class SessionNotActiveError(SessionError):
    """The session is archived or deleted and cannot be changed."""

    session: str
    status: str

    def __str__(self) -> str:
        way_out = "restore it first" if self.status == "archived" else "it can only be read, at earlier positions"
        return f"session {self.session} is {self.status}; {way_out}"


@error
class SessionTooLargeError(SessionError):
    """The session would become larger than the settings allow; `session` is None if it was to be started."""

    session: str | None
    bytes: int
    most: int

    def __str__(self) -> str:
        which = "the new session" if self.session is None else f"session {self.session}"
        return (
            f"{which} would have {self.bytes} bytes, and max_session_size is {self.most}; "
            f"continue in a new session, for example a fork of this one with self_contained=True"
        )


@error
class SessionReferencedError(SessionError):
    """The session cannot be deleted, because forks read their beginning from it."""

    session: str
    forks: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"session {self.session} cannot be deleted, because these sessions are forked from it: "
            f"{', '.join(self.forks)}; delete them first"
        )


@error
class PositionConflictError(InvalidOperationError):
    """The session is not at the position that the writer expected."""

    session: str
    expected: int | str
    actual: int

    def __str__(self) -> str:
        if self.expected == "no stream":
            return (
                f"session {self.session} was expected to have no event (NO_STREAM) and is at position {self.actual}; "
                f"expect that position, or use a new session"
            )
        return (
            f"session {self.session} was expected at position {self.expected} and is at {self.actual}; "
            f"read it again and retry"
        )


@error
class CommandIdReusedError(SessionError):
    """An earlier call with this command id had other content, or its content was redacted; nothing was written."""

    session: str
    command_id: str
    position: int
    redacted: bool = False

    def __str__(self) -> str:
        used = f"the command id {self.command_id!r} was used at position {self.position} of session {self.session}"
        if self.redacted:
            return (
                f"{used} for content that was redacted since, so no call can be matched with it; use a new command id"
            )
        return f"{used} for other content; repeat the same content, or use a new command id"


@error
class InheritedHistoryError(InvalidOperationError):
    """The event belongs to the session that this one is forked from."""

    session: str
    position: int
    source: str

    def __str__(self) -> str:
        return (
            f"the event at position {self.position} of session {self.session} was recorded by session {self.source}; "
            "redact it there"
        )


# Branches


@error
class InvalidBranchError(InvalidOperationError, ValueError):
    """The branch cannot be used here, for example because it belongs to another session."""

    session: str
    branch: str
    reason: str

    def __str__(self) -> str:
        return f"branch {self.branch} cannot be used in session {self.session}: {self.reason}"


@error
class BranchNotFoundError(NotFoundError, ValueError):
    """The session has no such branch now; it may have been removed at `removed_at`, or created at `created_at`."""

    session: str
    branch: str
    names: tuple[str, ...]
    removed_at: int | None = None
    created_at: int | None = None

    def __str__(self) -> str:
        which = f"branch {self.branch}"
        if self.removed_at is not None:
            return (
                f"{which} of session {self.session} was removed at position {self.removed_at}; "
                f"it can be read and forked up to position {self.removed_at - 1}"
            )
        if self.created_at is not None:
            return f"{which} of session {self.session} was created later, at position {self.created_at}"
        advice = suggestion(self.branch, self.names) or "the session has no branch"
        return f"{which} does not exist in session {self.session}; {advice}"


@error
class NameTakenError(InvalidOperationError, ValueError):
    """Another branch or participant of the session has this name."""

    session: str
    name: str

    def __str__(self) -> str:
        return f"the name {self.name!r} is taken in session {self.session}; use another name"


@error
class NothingToUndoError(InvalidOperationError):
    """The branch has no rewind, retraction, clearing or truncation left to undo."""

    session: str
    branch: str

    def __str__(self) -> str:
        return (
            f"branch {self.branch} of session {self.session} has nothing to undo; "
            f"undo reverts a rewind, retraction, clearing or truncation"
        )
