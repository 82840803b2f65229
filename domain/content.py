"""What a message says, and so which role it has: one type per kind of content, each under an explicit tag."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from .errors import InvalidContent
from .plain import Json, plain


class MessageRole(StrEnum):
    """Who speaks, in the words of the model providers."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    UNSET = "unset"


class MessageContent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, repr_omit_defaults=True
):
    """The root of all contents; the role follows from the type."""

    role: ClassVar[MessageRole] = MessageRole.UNSET

    extra: dict[str, Json] = {}

    @property
    def text(self) -> str:
        """The plain text of the content."""
        return as_text(self.body)

    @property
    def body(self) -> Json:
        """The part that speaks, as it was given."""
        raise NotImplementedError


class ResponseFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape that an answer is asked for in: a name, and a JSON schema that outlives the type it was made from."""

    name: str
    schema: dict[str, Json]


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an answer has used, in tokens, and whatever else the provider counts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    details: dict[str, Json] = {}


class SystemContent(MessageContent, frozen=True, tag="system"):
    """Instructions from the system or developer."""

    role: ClassVar[MessageRole] = MessageRole.SYSTEM

    system_message: str = ""
    system_datetime: str | None = None

    @property
    def body(self) -> Json:
        return self.system_message


class InstructionContent(MessageContent, frozen=True, tag="instruction"):
    """What the user asks for, and what comes with it."""

    role: ClassVar[MessageRole] = MessageRole.USER

    instruction: Json = None
    guidance: Json = None
    context: list[Json] = []
    tool_schemas: list[Json] = []
    images: list[str] = []
    image_detail: str | None = None
    response_format: ResponseFormat | None = None

    @property
    def body(self) -> Json:
        return self.instruction


class AssistantResponseContent(MessageContent, frozen=True, tag="assistant_response"):
    """What the model answered."""

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    assistant_response: Json = ""
    model: str | None = None
    usage: Usage | None = None
    raw: Json = None

    @property
    def body(self) -> Json:
        return self.assistant_response


class ActionRequestContent(MessageContent, frozen=True, tag="action_request"):
    """A tool that the model wants to be called."""

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    function: str = ""
    arguments: dict[str, Json] = {}
    request_id: str | None = None

    @property
    def body(self) -> Json:
        return {"function": self.function, "arguments": self.arguments}


class ActionResponseContent(MessageContent, frozen=True, tag="action_response"):
    """What the tool gave back, or how it failed."""

    role: ClassVar[MessageRole] = MessageRole.TOOL

    result: Json = None
    error: str | None = None
    request_id: str | None = None
    success: bool | None = None  # None only until it is made: then it is what the error says, and stored as such

    def __post_init__(self) -> None:
        if self.success is None:
            force_setattr(self, "success", self.error is None)
        elif self.success and self.error is not None:
            raise ValueError("a call with an error has not succeeded")

    @property
    def body(self) -> Json:
        return self.result if self.error is None else self.error


Content: TypeAlias = (
    SystemContent | InstructionContent | AssistantResponseContent | ActionRequestContent | ActionResponseContent
)

KINDS: tuple[type[Content], ...] = (
    InstructionContent,
    AssistantResponseContent,
    ActionResponseContent,
    ActionRequestContent,
    SystemContent,
)

# Keys that only accompany another key: alone they say nothing.
COMPANIONS = frozenset(
    {"extra", "guidance", "image_detail", "model", "raw", "request_id", "response_format", "success", "usage"}
)

ROLES: dict[str, tuple[type[Content], str]] = {
    "system": (SystemContent, "system_message"),
    "developer": (SystemContent, "system_message"),
    "user": (InstructionContent, "instruction"),
    "assistant": (AssistantResponseContent, "assistant_response"),
    "tool": (ActionResponseContent, "result"),
    "function": (ActionResponseContent, "result"),
}

ACCEPTED = (*sorted({key for kind in KINDS for key in kind.__struct_fields__} - {"extra"}), "role and content")


def content_from(given: object) -> Content:
    """The content that a caller's text, dict or content stands for; refused if its keys name none."""
    if isinstance(given, str):
        return InstructionContent(given if type(given) is str else plain(given, "a message"))
    if isinstance(given, MessageContent):
        return plain_content(given)
    if isinstance(given, Mapping):
        return _from_dict(plain(given, "a message"))
    raise InvalidContent(f"a {type(given).__name__} is no message: expected a str, a dict or a content")


def plain_content(content: MessageContent) -> Content:
    """The same content, its values plain; checked, since a Struct made in Python is not."""
    kind = next((kind for kind in KINDS if kind is type(content)), None)
    if kind is None:
        names = ", ".join(kind.__name__ for kind in KINDS)
        raise InvalidContent(f"{type(content).__name__} is no kind of content: expected one of {names}")
    fields = {name: getattr(content, name) for name in kind.__struct_fields__}
    return _convert(kind, plain(fields, "a message"))


def as_text(body: Json) -> str:
    """Text for reading: itself, the text parts of a list joined, or compact JSON."""
    if isinstance(body, str):
        return body
    if body is None:
        return ""
    if isinstance(body, list) and all(isinstance(part, str | dict) for part in body):
        texts = [part["text"] if _is_text(part) else part for part in body if isinstance(part, str) or _is_text(part)]
        if texts:
            return "\n".join(texts)
    return msgspec.json.encode(body).decode()


def _is_text(part: Json) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _from_dict(given: dict[str, Json]) -> Content:
    if "role" in given and "content" in given:
        return _from_role(given)
    keys = given.keys()
    for kind in KINDS:
        if keys <= set(kind.__struct_fields__) and keys - COMPANIONS:
            return _convert(kind, given)
    raise InvalidContent(_what_is_wrong(given), ACCEPTED)


def _from_role(given: dict[str, Json]) -> Content:
    role = given["role"]
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidContent(f"the role {role!r} is unknown, expected one of {', '.join(ROLES)}")
    kind, key = ROLES[role]
    extra = {name: value for name, value in given.items() if name not in ("role", "content")}
    body = "" if given["content"] is None and kind is not ActionResponseContent else given["content"]
    return _convert(kind, {key: body, "extra": extra})


def _convert(kind: type[Content], given: dict[str, Json]) -> Content:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as reason:
        raise InvalidContent(f"this is no {kind.__name__}: {reason}") from None


def _what_is_wrong(given: dict[str, Json]) -> str:
    if not given:
        return "an empty dict says nothing"
    unknown = sorted(given.keys() - set(ACCEPTED))
    if unknown:
        return f"unknown keys {', '.join(unknown)}"
    return f"the keys {', '.join(sorted(given))} do not name one kind of content"
