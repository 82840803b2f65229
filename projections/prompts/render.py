"""A prompt from messages: which of them, and in whose words."""

from collections.abc import Callable, Iterable, Reversible, Sequence
from typing import TypeAlias, TypeVar

from msgspec.json import encode

from ...domain.content import InstructionContent, MessageRole
from ...domain.errors import InvalidValueError
from ...domain.errors.base import suggestion
from ...domain.json_values import Json
from ...domain.message import Message
from ..messages import Messages
from .anthropic import AnthropicPrompt, anthropic_prompt
from .message_parts import ANTHROPIC, OPENAI, RESPONSES
from .openai import openai_messages
from .plain import plain_messages
from .responses import responses_items
from .tokens import Counter, messages_tokens
from .tools import anthropic_tools, openai_tools, responses_tools
from .truncate import newest_turns

A = TypeVar("A")

Prompt: TypeAlias = list[dict[str, Json]] | list[dict[str, str]] | AnthropicPrompt

FORMATS: dict[str, Callable[[Sequence[Message]], Prompt]] = {
    OPENAI: openai_messages,
    ANTHROPIC: anthropic_prompt,
    RESPONSES: responses_items,
    "plain": plain_messages,
}

TOOL_FORMATS: dict[str, Callable[[Message | None], list[Json]]] = {
    OPENAI: openai_tools,
    ANTHROPIC: anthropic_tools,
    RESPONSES: responses_tools,
}


def render_prompt(messages: Sequence[Message], format: str) -> Prompt:
    """The messages in the words of a provider."""
    return _of(FORMATS, format)(messages)


def render_tools(messages: Reversible[Message], new: Message | None, format: str) -> list[Json]:
    """The tools that the newest instruction offers, in the words of a provider."""
    render = _of(TOOL_FORMATS, format)
    newest = (each for each in _backwards(messages, new) if isinstance(each.content, InstructionContent))
    return render(next(newest, None))


def offered_tools(messages: Reversible[Message], format: str) -> list[Json]:
    """All tools that instructions offer, each once, as the newest of them has it."""
    render = _of(TOOL_FORMATS, format)
    schemas = [schema for each in messages for schema in render(each)]
    return list({encode(_name(schema)): schema for schema in schemas}.values())


def select_messages(
    messages: Sequence[Message] | Messages,
    new: Message | None,
    last: int | None,
    max_tokens: int | None,
    counter: Counter,
) -> list[Message]:
    """The messages of a prompt: the system message in front, the newest turns there is room for, what is new."""
    for what, bound in (("last", last), ("max_tokens", max_tokens)):
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool) or bound < 0):
            raise InvalidValueError(what, f"is {bound!r}: expected a whole number, 0 or more")
    if last is None and max_tokens is None:
        return [*messages] if new is None else [*messages, new]
    system = [first for first in messages[:1] if first.role is MessageRole.SYSTEM]
    spent = 0 if max_tokens is None else messages_tokens(system, counter)
    turns = _backwards(messages[len(system) :], new)
    return [*system, *newest_turns(turns, last, max_tokens, counter, spent)]


def _backwards(messages: Reversible[Message], new: Message | None) -> Iterable[Message]:
    if new is not None:
        yield new
    yield from reversed(messages)


def _name(schema: Json) -> Json:
    """What a tool is called; of one in a shape that is not known, the whole of it."""
    match schema:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return schema


def _of(formats: dict[str, A], format: str) -> A:
    if format not in formats:
        raise InvalidValueError("format", f"is {format!r}; {suggestion(str(format), formats)}")
    return formats[format]
