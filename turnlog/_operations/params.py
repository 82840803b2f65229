"""The parameters of operations, and their result. What is recorded of them is plain JSON; classes are not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, TypeAlias

from .._models.imodel import LanguageModel
from ..domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    InstructionContent,
    MessageContent,
    ResponseFormat,
)
from ..domain.content_parsing import parse_content
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.model_call import recorded_settings
from ..domain.response_format import response_format_from

ModelLike: TypeAlias = LanguageModel | str | None
"""A model, or the name of one; None is the one that the branch has."""

Validation: TypeAlias = Literal["raise", "return_value", "return_none"]
"""What to do with an answer that does not fit: raise, return it as it is, or return None."""

InstructionLike: TypeAlias = str | Message | Mapping[str, Json] | None
"""What to ask; None asks about what the branch shows already."""


@dataclass(frozen=True, kw_only=True)
class Params:
    """What every operation takes."""

    imodel: ModelLike = None
    imodel_kwargs: Mapping[str, Json] = field(default_factory=dict)

    def to_record(self) -> dict[str, Json]:
        """The parameters that say what was asked for, but for those that are messages."""
        kept: dict[str, Json] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in NOT_RECORDED or value is None or value == each.default or value == {}:
                continue
            kept[each.name] = _recordable_value(value)
        settings = kept.pop("imodel_kwargs", None)
        if isinstance(settings, dict) and recorded_settings(settings):
            kept["imodel_kwargs"] = recorded_settings(settings)
        return kept


NOT_RECORDED = frozenset({"instruction", "guidance", "context", "images", "image_detail", "heard", "requests"})
"""These are on the record as a message, or are no data."""


@dataclass(frozen=True, kw_only=True)
class GenerateParams(Params):
    """What to ask; as an operation it answers, and leaves no message."""

    instruction: InstructionLike = None
    guidance: Json = None
    context: Json = None
    images: Iterable[str] = ()
    image_detail: str | None = None
    tools: Iterable[Any] | str | bool | None = None
    request_model: object = None
    response_format: object = None
    sender: str | None = None
    recipient: str | None = None
    return_as: Literal["text", "message", "raw"] = "text"
    heard: Callable[[str], None] | None = None

    @property
    def shape(self) -> object:
        """The shape asked for, by either of its names."""
        if self.request_model is not None and self.response_format not in (None, self.request_model):
            raise InvalidValueError(
                "response_format", "and request_model are two names for one thing: expected one of them"
            )
        return self.response_format if self.request_model is None else self.request_model

    def saying(self, said: Message) -> Self:
        """The same, with this message as the instruction."""
        shape = said.content.response_format if isinstance(said.content, InstructionContent) else None
        return replace(self, instruction=said, response_format=shape, request_model=None, guidance=None, context=None)

    def message(self, schemas: list[Json]) -> Message | None:
        """The instruction as a message, with all that comes with it."""
        if self.instruction is None and self.context is None and self.guidance is None and not tuple(self.images):
            return None
        if isinstance(self.instruction, Message):
            return self.instruction
        content = parse_content({"instruction": None} if self.instruction is None else self.instruction)
        if isinstance(content, InstructionContent):
            content = self._with_more(content, schemas)
        return Message(content, self.sender, self.recipient)

    def _with_more(self, content: InstructionContent, schemas: list[Json]) -> MessageContent:
        context = self.context if isinstance(self.context, list) else [] if self.context is None else [self.context]
        shape = self.shape
        return InstructionContent(
            instruction=content.instruction,
            guidance=content.guidance if self.guidance is None else self.guidance,
            context=[*content.context, *context],
            tool_schemas=[*content.tool_schemas, *schemas],
            images=[*content.images, *self.images],
            image_detail=self.image_detail or content.image_detail,
            response_format=content.response_format if shape is None else response_format_from(shape),
            extra=content.extra,
        )


@dataclass(frozen=True, kw_only=True)
class CommunicateParams(GenerateParams):
    """What to say on the branch, and how to take the answer."""

    handle_validation: Validation = "raise"
    num_parse_retries: int = 2


@dataclass(frozen=True, kw_only=True)
class OperateParams(CommunicateParams):
    """What to do: ask, call the tools that are asked for, and answer in a shape; `generate` may hold what to ask."""

    generate: GenerateParams | None = None
    parse: "ParseParams | None" = None
    capabilities: Iterable[str] | None = None
    invoke_actions: bool = True
    max_steps: int = 10
    tool_timeout: float | None = None
    tool_concurrent: bool = True
    suppress_errors: bool = True
    """Whether the model is shown the error of a tool; if not, it is raised as ToolError."""


@dataclass(frozen=True, kw_only=True)
class ReactParams(OperateParams):
    """What to work out step by step, with tools."""

    return_trace: bool = False


@dataclass(frozen=True, kw_only=True)
class ParseParams(Params):
    """A text, and the shape that is looked for in it."""

    text: str = ""
    request_type: object = None
    response_format: object = None
    handle_validation: Validation = "return_value"
    max_retries: int = 3


@dataclass(frozen=True, kw_only=True)
class ActParams(Params):
    """Calls that are to be made."""

    requests: Iterable[ActionRequestContent | Message | Mapping[str, Json]] = ()
    tool_timeout: float | None = None
    tool_concurrent: bool = True
    suppress_errors: bool = False


@dataclass(frozen=True, kw_only=True)
class InterpretParams(Params):
    """A text that is to be said more clearly for a model."""

    text: str = ""
    domain: str = "general"
    style: str = "concise"


@dataclass(frozen=True)
class OperationResult:
    """What came of it: the text, the value in the shape that was asked for, and what the model wants to be called.

    It has the attributes of its value as well.
    """

    text: str
    value: Any = None
    action_requests: list[Message] = field(default_factory=list)
    action_responses: list[ActionResponseContent] = field(default_factory=list)
    steps: int = 1
    reason_stopped: str = "answered"

    @property
    def action_required(self) -> bool:
        """Whether there are tool calls that were not made."""
        return bool(self.action_requests)

    def __str__(self) -> str:
        return self.text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.__dict__.get("value")
        if isinstance(value, Mapping) and name in value:
            return value[name]
        return getattr(value, name)


def _recordable_value(value: object) -> Json:
    if isinstance(value, Params):
        return value.to_record()
    if isinstance(value, LanguageModel):
        return value.name
    if isinstance(value, ResponseFormat | type):
        shape = response_format_from(value)
        return {"name": shape.name, "schema": shape.schema}
    if isinstance(value, list | tuple | set | frozenset):
        return [_recordable_value(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _recordable_value(each) for key, each in value.items()}
    name = getattr(value, "name", None) or getattr(value, "__name__", None)
    return value if isinstance(value, str | int | float | bool | None) else name
