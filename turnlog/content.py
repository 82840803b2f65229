"""The contents of messages, and the types that callers register."""

from .domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    MessageRole,
    ResponseFormat,
    SystemContent,
    Usage,
)
from .domain.content_types import UnknownContent, content_type
from .domain.images import ImagePolicy
from .domain.message import MessageDict
from .domain.ranges import Origin
from .infrastructure.json_schema import validate_response

__all__ = [
    "ActionRequestContent",
    "ActionResponseContent",
    "AssistantResponseContent",
    "ImagePolicy",
    "InstructionContent",
    "MessageContent",
    "MessageDict",
    "MessageRole",
    "Origin",
    "ResponseFormat",
    "SystemContent",
    "UnknownContent",
    "Usage",
    "content_type",
    "validate_response",
]
