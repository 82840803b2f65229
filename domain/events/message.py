"""Events of messages, and redactions."""

from ..content import Content
from ..immutable import NO_KEYS
from ..json_values import Json
from ..ranges import Origin
from .base import BranchEvent, Event


class MessageAppended(BranchEvent, frozen=True):
    """A message at its place, in any role; of a copy, `lineage` has the ids of what it was made of, up to the first."""

    content: Content  # or one of an application's own, see codec
    sender: str | None = None
    recipient: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    origin: Origin = Origin.AUTHORED
    lineage: tuple[str, ...] = ()
    mail: int | None = None  # the position of the mail that brought it


class MessageRetracted(BranchEvent, frozen=True):
    """The branch shows the message no longer; other branches do as before."""

    message: int


class MessageRedacted(Event, frozen=True):
    """The content of a message was removed from the record; `left` is the payload that the message has since."""

    message: int
    left: str
    reason: str | None = None


class EventRedacted(Event, frozen=True):
    """The content of an event that is no message was removed; `left` is the payload that the event has since."""

    event: int
    left: str
    reason: str | None = None
