"""A message as a value: what was said and by whom, and, once it is on the record, where it stands."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec
from msgspec.structs import asdict, force_setattr, replace

from .chat import chat_from_content
from .content import MessageContent, MessageRole, is_simple
from .content_parsing import parse_content
from .content_types import content_from_stored, content_to_stored
from .errors import InvalidValueError
from .immutable import NO_KEYS, freeze, freeze_struct
from .json_values import AGAIN, MAX_DEPTH, Json, parse_json, to_json_value, to_utc
from .ranges import Origin

REDACTED = "[redacted]"
"""Displayed in place of a text that was redacted."""


class ClientObject(Protocol):
    """A message, response, block or item as the client of a model provider hands it out: a pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        """The object as a dict."""
        ...


ContentGiven: TypeAlias = (
    MessageContent
    | str
    | Mapping[str, Any]
    | tuple[str, Any]
    | ClientObject
    | Sequence[ClientObject | Mapping[str, Any]]
)
"""What a message can be made of: a content, text for an instruction, a dict whose keys name the content or that has a
role and a content, a pair of a role and what it says, or what a provider's client returned."""


class Message(msgspec.Struct, frozen=True, eq=False, repr_omit_defaults=True):
    """One message; `session`, `position`, `branch` and `created_at` are None until it is on the record.

    `branch` is the number of the branch it was written on, `origin` how it came to the branch it is read from. One
    that the session inherited has its position there, at or before 0, and was `recorded_as` a message of another one.
    A copy has a `lineage`: the ids of the message it was made of, of the one that was made of, up to the first.
    `redacted` is whether its content was removed from the record: its text is empty then, as that of an empty message.

    It can be read like a chat dict as well: `message["role"]`, `message["content"]`, and what else it was given with.
    Nothing in it can be changed.
    """

    content: MessageContent
    sender: str | None = None
    recipient: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    session: str | None = None
    position: int | None = None
    branch: int | None = None
    created_at: datetime | None = None
    origin: Origin = Origin.AUTHORED
    recorded_as: str | None = None
    lineage: tuple[str, ...] = ()
    redacted: bool = False

    if TYPE_CHECKING:  # the content may be given in every form that __post_init__ understands

        def __init__(
            self,
            content: ContentGiven,
            sender: str | None = None,
            recipient: str | None = None,
            metadata: dict[str, Json] = NO_KEYS,
            session: str | None = None,
            position: int | None = None,
            branch: int | None = None,
            created_at: datetime | None = None,
            origin: Origin = Origin.AUTHORED,
            recorded_as: str | None = None,
            lineage: tuple[str, ...] = (),
            redacted: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        given: object = self.content
        try:
            content = given if isinstance(given, MessageContent) else parse_content(given)
            if content is not given or not is_simple(content):
                force_setattr(self, "content", freeze_struct(content))
            if self.metadata is not NO_KEYS:
                force_setattr(self, "metadata", freeze(self.metadata))
        except RecursionError:
            raise InvalidValueError("a message", f"is nested too deep: expected {MAX_DEPTH} levels at most") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._identity() == other._identity()

    def __hash__(self) -> int:
        body = self.content.body
        return hash((self.id, type(self.content), body if isinstance(body, str) else None))

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

    def clone(self, *, sender: str | None = None, recipient: str | None = None) -> "Message":
        """A message of the same words that is not on the record, and knows where they come from."""
        return replace(to_message(self, sender=sender, recipient=recipient), origin=Origin.CLONED)

    # As a chat dict

    def __getitem__(self, key: str) -> Json:
        return chat_from_content(self.content)[key]

    def __contains__(self, key: object) -> bool:
        return key in chat_from_content(self.content)

    def __iter__(self) -> Iterator[str]:
        return iter(chat_from_content(self.content))

    def __len__(self) -> int:
        return len(chat_from_content(self.content))

    def get(self, key: str, default: Json = None) -> Json:
        """What the message has under a key of its chat dict, or the default."""
        return chat_from_content(self.content).get(key, default)

    def keys(self) -> KeysView[str]:
        """The keys of the message as a chat dict."""
        return chat_from_content(self.content).keys()

    def values(self) -> ValuesView[Json]:
        """The values of the message as a chat dict."""
        return chat_from_content(self.content).values()

    def items(self) -> ItemsView[str, Json]:
        """The message as a chat dict, key by key."""
        return chat_from_content(self.content).items()

    # As JSON

    def to_dict(self) -> dict[str, Json]:
        """All that the message is, in plain values, to be read back by `from_dict`; role and id are told along."""
        form = {field: getattr(self, field) for field in self.__struct_fields__}
        form |= {"content": content_to_stored(self.content), "origin": self.origin.value, "lineage": list(self.lineage)}
        form["created_at"] = None if self.created_at is None else to_utc(self.created_at).isoformat()
        told: dict[str, Json] = to_json_value({"id": self.id, "role": self.role.value, **form}, "a message", AGAIN)
        return told

    @classmethod
    def from_dict(cls, given: Mapping[str, Json]) -> "Message":
        """The message that `to_dict` told."""
        if not isinstance(given, Mapping):
            raise InvalidValueError("a message", f"cannot be read from a {type(given).__name__}: expected a dict")
        form = to_json_value(given, "a message", AGAIN)
        told = {key: form.pop(key) for key in ("id", "role") if key in form}
        try:
            content = content_from_stored(form.pop("content"))
            message = cls(content, **asdict(msgspec.convert(form, _MessageFields)))
        except (msgspec.ValidationError, LookupError, TypeError) as reason:
            raise InvalidValueError("a message", f"cannot be read: {reason}; expected what to_dict told") from None
        for key, value in told.items():
            if getattr(message, key) != value:
                raise InvalidValueError("a message", f"has the {key} {value!r}: expected {getattr(message, key)!r}")
        return message

    def to_json(self) -> str:
        """All that the message is, as JSON, to be read back by `from_json`."""
        return msgspec.json.encode(self.to_dict()).decode()

    @classmethod
    def from_json(cls, given: str | bytes) -> "Message":
        """The message that `to_json` told."""
        try:
            form = parse_json(given)
        except (TypeError, ValueError) as reason:
            raise InvalidValueError(
                "a message", f"cannot be read: {reason}; expected JSON as to_json tells it"
            ) from None
        return cls.from_dict(form)

    def _identity(self) -> tuple[object, ...]:
        return self.id, self.content, self.sender, self.recipient, self.metadata


class _MessageFields(msgspec.Struct, forbid_unknown_fields=True):
    """What a message is beside its content."""

    sender: str | None = None
    recipient: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    session: str | None = None
    position: int | None = None
    branch: int | None = None
    created_at: datetime | None = None
    origin: Origin = Origin.AUTHORED
    recorded_as: str | None = None
    lineage: tuple[str, ...] = ()
    redacted: bool = False


class MessageDict(dict[str, Any]):
    """A message as a dict of one's own with role, content and what else it was given with.

    It can be changed, which changes no message; `message` is the one it was made of, whose attributes it answers with.
    """

    def __init__(self, message: Message) -> None:
        super().__init__(to_json_value(chat_from_content(message.content), "a message", AGAIN))
        self.message = message

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "message":
            raise AttributeError(name)
        return getattr(self.message, name)


def to_message(
    given: Message | ContentGiven,
    *,
    sender: str | None = None,
    recipient: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> Message:
    """A new message of what a caller gave; of another message the words, who said them to whom, and where from."""
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidValueError("metadata", f"cannot be a {type(metadata).__name__}: expected a dict")
    origin = Origin.AUTHORED
    lineage: tuple[str, ...] = ()
    if isinstance(given, Message):
        origin = given.origin if given.position is None else Origin.CLONED
        lineage = given.lineage if given.id is None else (given.id, *given.lineage)
        sender = given.sender if sender is None else sender
        recipient = given.recipient if recipient is None else recipient
        metadata = {**given.metadata, **(metadata or {})}
        given = given.content
    for participant in (sender, recipient):
        if participant is not None and not isinstance(participant, str):
            raise InvalidValueError(
                "a sender or recipient", f"cannot be a {type(participant).__name__}: expected a str"
            )
    kept = dict(metadata) if metadata else NO_KEYS
    return Message(parse_content(given), sender, recipient, kept, origin=origin, lineage=lineage)
