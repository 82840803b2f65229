"""Events of a session as a whole."""

from ..json_values import Json
from .base import Event


class SessionStarted(Event, frozen=True):
    """The first event of a session; if it goes on from another one, it says from which position of it."""

    name: str | None = None
    user: str | None = None
    key: str | None = None
    metadata: dict[str, Json] = {}
    forked_from: str | None = None
    forked_at: int | None = None
    forked_digest: str | None = None
    inherited_messages: int = 0


class SessionForked(Event, frozen=True):
    """Another session goes on from this one at a position, and reads what was recorded up to there from here."""

    fork: str
    at: int


class ForkEnded(Event, frozen=True):
    """A session that went on from this one was deleted, and needs it no longer."""

    fork: str


class SessionRenamed(Event, frozen=True):
    """Another label, or none; with a key, the session is found by that one from here on."""

    name: str | None
    key: str | None = None


class MetadataUpdated(Event, frozen=True):
    """These keys of the metadata have these values from here on; other keys stay as they are."""

    changes: dict[str, Json]


class StateSet(Event, frozen=True):
    """A key of the session's own state has this value from here on."""

    key: str
    value: Json


class StateRemoved(Event, frozen=True):
    """The session's own state has this key no longer."""

    key: str


class SessionArchived(Event, frozen=True):
    """The session is put away: it can be read and restored, and not changed."""

    reason: str | None = None


class SessionRestored(Event, frozen=True):
    """The session can be changed again."""

    reason: str | None = None


class SessionDeleted(Event, frozen=True):
    """A tombstone: the session takes no more changes and gives back its key; what was recorded stays."""

    reason: str | None = None
