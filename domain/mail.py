"""A mail as a value, and what it carries."""

from datetime import datetime
from typing import cast

import msgspec

from .content import SystemContent
from .errors import InvalidMailError
from .events.mail import Category, parse_category
from .json_values import Json, to_json_value
from .message import ContentGiven, Message, to_message


class Package(msgspec.Struct, frozen=True):
    """What a mail carries: a category, and an item of that kind; checked when it is made.

    The item is a message (or what one is made of), the names of tools, the name of a model, or any JSON.
    """

    category: str
    item: Json = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "category", parse_category(self.category))
        msgspec.structs.force_setattr(self, "item", _check_content(self.category, self.item))


class Mail(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """One mail: who sent what to whom, and when; `recipient` is None if it is for everybody else.

    Participants are named by the ids of their branches, or by the names they were registered under. `content` is what
    was mailed: of a message its text, if that is all it has, or else its content. `sent_at` is the position, `actor`
    who really put the mail on the record. A mail that is looked at again, or by somebody else, has the same id.
    """

    id: str
    session: str
    sender: str
    recipient: str | None
    category: str
    channel: str | None
    content: Json
    sent_at: int
    created_at: datetime
    message: Message | None = None
    actor: str | None = None

    def __hash__(self) -> int:
        return hash((self.session, self.id))

    @property
    def is_broadcast(self) -> bool:
        """Whether it is for everybody but its sender."""
        return self.recipient is None

    @property
    def text(self) -> str:
        """The content as text for reading."""
        if self.message is not None:
            return self.message.text
        return self.content if isinstance(self.content, str) else msgspec.json.encode(self.content).decode()

    @property
    def package(self) -> Package:
        """What it carries: category and item."""
        return Package(self.category, self.content if self.message is None else self.message)


class ParkedMail(msgspec.Struct, frozen=True):
    """A mail that could not be delivered or received, whom it is for, and why."""

    mail: Mail
    recipient: str
    reason: str


def _check_content(category: str, item: Json) -> Json:
    match category:
        case Category.MESSAGE:
            return _message(item)
        case Category.TOOL if isinstance(item, list | tuple) and item and all(map(_is_name, item)):
            return list(item)
        case Category.TOOL:
            raise InvalidMailError("a mail of category 'tool' carries the names of tools: expected a list of them")
        case Category.IMODEL if _is_name(item):
            return item
        case Category.IMODEL:
            raise InvalidMailError("a mail of category 'imodel' carries the name of a model: expected text")
        case _:
            return to_json_value(item, "a mail")


def _message(item: object) -> Message:
    message = to_message(cast(ContentGiven, item))  # which says what can be a message
    if isinstance(message.content, SystemContent):
        raise InvalidMailError("a system message cannot be mailed, it is set on a branch: expected any other message")
    return message


def _is_name(item: object) -> bool:
    return isinstance(item, str) and bool(item)
