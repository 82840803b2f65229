"""The families of errors, and how the record refuses; what else can go wrong is in the `*_errors` beside."""

from dataclasses import dataclass, fields

LAST_SESSION = "@last"
"""How the session is called that was used last, of those that are not deleted."""


class TurnlogError(Exception):
    """The root: catch this to catch everything Turnlog raises on purpose."""

    def __post_init__(self) -> None:
        """Keeps the fields as `args`, so that the error pickles however it was made."""
        self.args = tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]  # every error below is a dataclass


class Refused(TurnlogError):
    """The request contradicts the record, or cannot be understood; nothing was written."""


class StoreError(TurnlogError):
    """The store failed, or holds what cannot be read."""


class WorkFailed(TurnlogError):
    """A model or a tool failed at what it was asked; that it was asked is on the record."""


class ItemNotFoundError(Refused, LookupError):
    """What was asked for is not there."""


class SessionError(Refused):
    """The session cannot do what was asked of it."""


error = dataclass(eq=False, repr=False)


# Sessions


@error
class SessionNotFoundError(ItemNotFoundError, SessionError):
    """No session has this id or name."""

    session: str

    def __str__(self) -> str:
        if self.session == LAST_SESSION:
            return f"the store has no session, so {self.session} cannot be found"
        return f"there is no session {self.session!r}: expected the id of one in this store, or its name to a manager"


@error
class SessionExists(SessionError):
    """A session with this id has been started before."""

    session: str

    def __str__(self) -> str:
        return f"session {self.session!r} is on the record already: expected a new id, or open the session by this one"


@error
class KeyTaken(SessionError):
    """Another session has this key; `session` is the one that was to get it, and may not exist."""

    session: str | None
    key: str
    by: str = "another session"

    def __str__(self) -> str:
        return f"the key {self.key!r} is taken by {self.by}: expected a key that is free"


@error
class SessionNotActive(SessionError):
    """The session is archived or deleted, so it takes no changes."""

    session: str
    status: str

    def __str__(self) -> str:
        way_out = "restore it first" if self.status == "archived" else "it can only be read, at earlier positions"
        return f"session {self.session} is {self.status}: expected an active one; {way_out}"


@error
class SessionTooLarge(SessionError):
    """With this, the session would weigh more than the settings allow; None is a session that was to be started."""

    session: str | None
    bytes: int
    most: int

    def __str__(self) -> str:
        which = "the new session" if self.session is None else f"session {self.session}"
        return (
            f"{which} would weigh {self.bytes} bytes: expected {self.most} at most (max_session_size); "
            f"go on in a new session, such as a fork of this one that is self_contained"
        )


@error
class SessionReferenced(SessionError):
    """Other sessions go on from this one and read their beginning from it."""

    session: str
    forks: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"session {self.session} cannot be deleted, since others go on from it: expected none of "
            f"{', '.join(self.forks)}; delete them first"
        )


@error
class UnknownState(ItemNotFoundError):
    """The session keeps no state under this key."""

    session: str
    key: str

    def __str__(self) -> str:
        return f"session {self.session} keeps no state under {self.key!r}: expected a key that has been set"


# Branches


class InvalidBranch(Refused, ValueError):
    """The branch named cannot be used here."""


@error
class UnknownBranch(InvalidBranch, ItemNotFoundError):
    """No branch of the session answers to this name, id or number."""

    session: str
    branch: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"session {self.session} has no branch {self.branch}: expected {one_of(self.names)}"


@error
class RemovedBranch(UnknownBranch):
    """The branch was removed; it can be read at positions before that."""

    removed_at: int

    def __str__(self) -> str:
        return (
            f"branch {self.branch} of session {self.session} was removed at position {self.removed_at}: "
            f"expected {one_of(self.names)}; up to position {self.removed_at - 1} it can be read and forked"
        )


@error
class BranchNotYet(UnknownBranch):
    """The branch did not exist at that position."""

    position: int
    created_at: int

    def __str__(self) -> str:
        return (
            f"branch {self.branch} of session {self.session} did not exist at position {self.position}: "
            f"expected position {self.created_at}, where it was created, or a later one"
        )


@error
class ForeignBranch(InvalidBranch):
    """The branch belongs to another session."""

    session: str
    branch: str
    owner: str

    def __str__(self) -> str:
        return f"branch {self.branch} belongs to session {self.owner}: expected a branch of session {self.session}"


@error
class NameTaken(InvalidBranch):
    """Another branch or participant of the session has this name."""

    session: str
    name: str

    def __str__(self) -> str:
        return (
            f"somebody in session {self.session} is called {self.name!r} already: expected a name that is free, or none"
        )


@error
class InvalidMerge(InvalidBranch):
    """One branch cannot be merged into the other."""

    session: str
    branch: str
    reason: str

    def __str__(self) -> str:
        return f"branch {self.branch} of session {self.session} cannot take the merge: {self.reason}"


# Positions and messages


@error
class RecordedElsewhere(Refused):
    """What is to be changed was recorded by a session that this one goes on from."""

    session: str
    position: int
    source: str

    def __str__(self) -> str:
        return (
            f"what stands at position {self.position} of session {self.session} was recorded by session {self.source}: "
            "expected to be redacted there"
        )


@error
class UnknownPosition(ItemNotFoundError, ValueError):
    """The session has no such position."""

    session: str
    position: int
    first: int
    last: int

    def __str__(self) -> str:
        return (
            f"session {self.session} has no position {self.position}: "
            f"expected a position from {self.first} to {self.last}, its last"
        )


@error
class UnknownMessage(ItemNotFoundError, ValueError):
    """The branch or session shows no such message."""

    session: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place} of session {self.session} shows no message {self.message}: expected one that it shows"


@error
class NothingToUndo(Refused):
    """No rewind, retraction, clearing or truncation of the branch is left to take back."""

    session: str
    branch: str

    def __str__(self) -> str:
        return (
            f"branch {self.branch} of session {self.session} has nothing to undo: "
            f"expected a rewind, a retraction, a clearing or a truncation on it before"
        )


@error
class InvalidOrder(Refused, ValueError):
    """The order given is not one of the messages shown."""

    session: str
    branch: str
    shown: int
    given: int

    def __str__(self) -> str:
        return (
            f"the order given for branch {self.branch} of session {self.session} has {self.given} messages: "
            f"expected each of the {self.shown} that it shows, once"
        )


@error
class InvalidValue(Refused, ValueError):
    """An argument has a value that the record cannot take."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} {self.reason}"


@error
class ViewIsReadOnly(Refused, AttributeError):
    """A view of the past was asked to write."""

    session: str
    position: int
    method: str

    def __str__(self) -> str:
        return (
            f"{self.method} writes, and this is session {self.session} as it was at position {self.position}: "
            f"expected the session itself; fork it there to go on from it"
        )


@error
class MissingExtra(Refused, ImportError):
    """What was asked for needs a package that comes with one of Turnlog's extras."""

    package: str
    extra: str

    def __str__(self) -> str:
        return (
            f"the package {self.package} is not installed: expected Turnlog with its extra, "
            f"as by: pip install 'turnlog[{self.extra}]'"
        )


# Appending


@error
class PositionConflict(Refused):
    """The session is not where the writer believed it to be."""

    session: str
    expected: int | str
    actual: int

    def __str__(self) -> str:
        return (
            f"session {self.session} was expected at {self.expected} and is at {self.actual}: read it and decide again"
        )


@error
class CommandIdReusedError(SessionError):
    """An earlier call with this command id had other content, or content that was redacted; nothing was written."""

    session: str
    command_id: str
    position: int
    redacted: bool = False

    def __str__(self) -> str:
        used = f"the command id {self.command_id!r} was used at position {self.position} of session {self.session}"
        if self.redacted:
            return f"{used} for content that was redacted, so no call is known to repeat it: expected a new command id"
        return f"{used} for other content: expected the same content, or a new command id"


def one_of(names: tuple[str, ...], limit: int = 10) -> str:
    """The names to choose from, the first of them if they are many."""
    if not names:
        return "a branch, but the session has none"
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"one of {', '.join(map(repr, names[:limit]))}{more}"
