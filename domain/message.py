"""A message as a value: what was said and by whom, and, once it is on the record, where it stands."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from .content import Content, MessageContent, MessageRole, content_from
from .errors import InvalidValue
from .plain import Json
from .ranges import Origin

ContentGiven: TypeAlias = Content | str | Mapping[str, Json]
"""What a message can be made of: a content, text for an instruction, or a dict whose keys name the content."""


class Message(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """One message; `session`, `position`, `branch` and `created_at` are None until it is on the record.

    `branch` is the number of the branch it was written on, `origin` how it came to the branch it is read from. One
    that the session inherited has its position there, at or before 0, and was `recorded_as` a message of another one.
    """

    content: Content
    sender: str | None = None
    recipient: str | None = None
    metadata: dict[str, Json] = {}
    session: str | None = None
    position: int | None = None
    branch: int | None = None
    created_at: datetime | None = None
    origin: Origin = Origin.AUTHORED
    recorded_as: str | None = None

    if TYPE_CHECKING:  # the content may be given in every form that __post_init__ understands

        def __init__(
            self,
            content: ContentGiven,
            sender: str | None = None,
            recipient: str | None = None,
            metadata: dict[str, Json] = {},  # noqa: B006 (msgspec copies it)
            session: str | None = None,
            position: int | None = None,
            branch: int | None = None,
            created_at: datetime | None = None,
            origin: Origin = Origin.AUTHORED,
            recorded_as: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        given: object = self.content
        if not isinstance(given, MessageContent):
            force_setattr(self, "content", content_from(given))

    def __hash__(self) -> int:
        return hash((self.id, self.content.text))

    @property
    def id(self) -> str | None:
        """The id on the record, unique among all sessions; None until the message is there."""
        if self.recorded_as is not None or self.position is None:
            return self.recorded_as
        return f"{self.session}/{self.position}"

    @property
    def role(self) -> MessageRole:
        """Who speaks; it follows from the type of the content."""
        return self.content.role

    @property
    def text(self) -> str:
        """The plain text of the content, whatever its kind."""
        return self.content.text


def message_from(
    given: Message | ContentGiven,
    *,
    sender: str | None = None,
    recipient: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> Message:
    """A new message of what a caller gave; of one that is on the record, the words and who said them to whom."""
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidValue("metadata", f"cannot be a {type(metadata).__name__}: expected a dict")
    origin = Origin.AUTHORED
    if isinstance(given, Message):
        origin = given.origin if given.position is None else Origin.CLONED
        sender = given.sender if sender is None else sender
        recipient = given.recipient if recipient is None else recipient
        metadata = {**given.metadata, **(metadata or {})}
        given = given.content
    for participant in (sender, recipient):
        if participant is not None and not isinstance(participant, str):
            raise InvalidValue("a sender or recipient", f"cannot be a {type(participant).__name__}: expected a str")
    return Message(content_from(given), sender, recipient, dict(metadata or {}), origin=origin)
