"""What a message says, and so which role it has: one type per kind of content, each under an explicit tag.

Tags and fields are the storage format: add, never alter.
"""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any, ClassVar, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from .content_parts import as_text, assistant_text, call_text
from .errors import InvalidContentError
from .immutable import NO_ITEMS, NO_KEYS
from .json_values import Json


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
    """The root of all contents; the role follows from the type, `extra` holds what came along and has no field."""

    role: ClassVar[MessageRole] = MessageRole.UNSET

    extra: dict[str, Json] = NO_KEYS

    def __str__(self) -> str:
        return self.text

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
    details: dict[str, Json] = NO_KEYS


class SystemContent(MessageContent, frozen=True, tag="system"):
    """Instructions from the system; `developer` if they were given with the role that OpenAI calls so."""

    role: ClassVar[MessageRole] = MessageRole.SYSTEM

    system_message: str = ""
    system_datetime: str | None = None
    developer: bool = False

    @property
    def body(self) -> Json:
        return self.system_message


class InstructionContent(MessageContent, frozen=True, tag="instruction"):
    """What the user asks for, and what comes with it."""

    role: ClassVar[MessageRole] = MessageRole.USER

    instruction: Json = None
    guidance: Json = None
    context: list[Json] = NO_ITEMS
    tool_schemas: list[Json] = NO_ITEMS
    images: list[str] = NO_ITEMS
    image_detail: str | None = None
    response_format: ResponseFormat | None = None

    @property
    def body(self) -> Json:
        return self.instruction


class AssistantResponseContent(MessageContent, frozen=True, tag="assistant_response"):
    """What the model answered: text or a provider's list of parts, and the tools that it calls with it.

    `tool_calls` are as OpenAI's chat completions have them; calls of other providers are among the parts.
    """

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    assistant_response: Json = ""
    model: str | None = None
    usage: Usage | None = None
    raw: Json = None
    tool_calls: list[Json] = NO_ITEMS
    refusal: str | None = None

    @property
    def body(self) -> Json:
        return self.assistant_response

    @property
    def text(self) -> str:
        return assistant_text(self.assistant_response, self.refusal, self.tool_calls, self.extra)


class ActionRequestContent(MessageContent, frozen=True, tag="action_request"):
    """A tool that the model wants to be called."""

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    function: str = ""
    arguments: dict[str, Json] = NO_KEYS
    request_id: str | None = None

    @property
    def body(self) -> Json:
        return {"function": self.function, "arguments": self.arguments}

    @property
    def text(self) -> str:
        return call_text(self.function, self.arguments)


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
            raise InvalidContentError("a call with an error has not succeeded: expected success=False, or no error")

    @property
    def body(self) -> Json:
        return self.result if self.error is None else self.error


Content: TypeAlias = (
    SystemContent | InstructionContent | AssistantResponseContent | ActionRequestContent | ActionResponseContent
)
"""The contents of Turnlog's own, which one decoder reads; an application may add to them."""

KINDS: tuple[type[Content], ...] = (
    InstructionContent,
    AssistantResponseContent,
    ActionResponseContent,
    ActionRequestContent,
    SystemContent,
)

BODIES: dict[type[MessageContent], str] = {
    SystemContent: "system_message",
    InstructionContent: "instruction",
    AssistantResponseContent: "assistant_response",
    ActionResponseContent: "result",
}
"""The field of each kind that is said in the first place, where one field alone is."""

_NESTING: dict[type[MessageContent], tuple[str, Callable[[Any], object], object]] = {
    SystemContent: ("system_message", attrgetter("extra"), NO_KEYS),
    InstructionContent: (
        "instruction",
        attrgetter("guidance", "context", "tool_schemas", "images", "response_format", "extra"),
        (None, NO_ITEMS, NO_ITEMS, NO_ITEMS, None, NO_KEYS),
    ),
    AssistantResponseContent: (
        "assistant_response",
        attrgetter("usage", "raw", "tool_calls", "extra"),
        (None, None, NO_ITEMS, NO_KEYS),
    ),
    ActionResponseContent: ("result", attrgetter("extra"), NO_KEYS),
}
"""The body of each kind, and the other fields that can hold more than text, with what they hold if not given."""


def is_simple(content: MessageContent) -> bool:
    """Whether a content is text and nothing else, as most are: nothing in it can be changed, or points anywhere."""
    nesting = _NESTING.get(type(content))
    if nesting is None:
        return False
    body, others, none_given = nesting
    return type(getattr(content, body)) is str and others(content) == none_given
