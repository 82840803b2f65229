"""Events of mail."""

from enum import StrEnum

from ..errors import InvalidMailError
from ..errors.base import suggestion
from ..immutable import NO_KEYS
from ..json_values import Json
from .base import Event


class Category(StrEnum):
    """What becomes of a mail that is received."""

    MESSAGE = "message"
    """It is added to the messages of the branch."""
    TOOL = "tool"
    """Its tools are registered on the branch."""
    IMODEL = "imodel"
    """It becomes the chat model of the branch."""
    DATA = "data"
    """Nothing: it stays in the inbox until it is taken out."""


class ParticipantRegistered(Event, frozen=True):
    """Somebody who is no branch takes part in the mail from here on: a user, a tool, another system."""

    name: str


class ParticipantUnregistered(Event, frozen=True):
    """Somebody who was registered takes part in the mail no longer."""

    name: str


class MailSent(Event, frozen=True):
    """A mail lies in its sender's outbox; without a recipient it is for everybody else.

    A participant is named by the id of its branch, or by the name it was registered under. A recipient may also be a
    name that nobody has yet. What is mailed is a `message`, as contents are stored, with what comes along with it, or
    else any `content`.
    """

    mail: str
    sender: str
    recipient: str | None = None
    category: str = "message"
    channel: str | None = None
    content: Json = None
    message: dict[str, Json] | None = None
    author: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    lineage: tuple[str, ...] = ()


class MailCollected(Event, frozen=True):
    """Mails, by the positions at which they were sent, went from the outbox of their sender to the exchange."""

    sender: str
    mails: list[int]


class MailDelivered(Event, frozen=True):
    """Mails went from the exchange into an inbox; `addressed` if they were sent to a name that nobody had then."""

    recipient: str
    mails: list[int]
    addressed: str | None = None


class MailReceived(Event, frozen=True):
    """Mails have done their work, and are in the inbox no more."""

    recipient: str
    mails: list[int]


class MailParked(Event, frozen=True):
    """Mails that could not be delivered or received wait until they can."""

    recipient: str
    mails: list[int]
    reason: str


def parse_category(category: object) -> str:
    """Return the category of this name."""
    names = [str(each.value) for each in Category]
    if not isinstance(category, str) or category not in names:
        raise InvalidMailError(f"mail has no category {category!r}; {suggestion(str(category), names)}")
    return names[names.index(category)]
