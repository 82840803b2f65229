"""What messages are made of, before it is said in the words of a provider: text, images, calls and their results."""

from collections.abc import Mapping
from copy import deepcopy
from typing import TypeAlias

import msgspec

from ...domain import content_parts as domain_parts
from ...domain.content import MessageRole
from ...domain.content_parts import compact, is_list_of_parts
from ...domain.json_values import Json

OPENAI, ANTHROPIC, RESPONSES = "openai", "anthropic", "openai-responses"
"""The providers' forms of a prompt: OpenAI's chat completions, Anthropic's messages, OpenAI's responses."""

MISSING = "(no text)"
"""Stands for the text of a message that has none, where a provider refuses empty ones."""

_KINDS = {
    ANTHROPIC: frozenset(
        {
            *("thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "container_upload"),
            *("document", "search_result", "tool_result"),
        }
    ),
    RESPONSES: frozenset(
        {
            *("message", "reasoning", "output_text", "function_call", "custom_tool_call", "compaction"),
            *("input_image", "input_file", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"),
        }
    ),
    OPENAI: frozenset({"input_audio", "file"}),
}
_ENDINGS = {"_tool_result": ANTHROPIC, "_call": RESPONSES, "_call_output": RESPONSES}


class Image(msgspec.Struct, frozen=True):
    """An image by its URL, which may hold the image itself."""

    url: str
    detail: str | None = None


class NativePart(msgspec.Struct, frozen=True):
    """A part that only one provider understands, as it was given, and the text that stands for it elsewhere."""

    provider: str
    kind: str
    value: dict[str, Json]
    text: str


Part: TypeAlias = str | Image | NativePart


class TextItem(msgspec.Struct, frozen=True):
    """What somebody says; `developer` if a system message has the role that OpenAI calls so."""

    role: MessageRole
    parts: tuple[Part, ...]
    developer: bool = False


class ToolCallItem(msgspec.Struct, frozen=True):
    """A tool that is to be called; arguments are text only if they came as text, or if the tool is a `custom` one."""

    name: str
    arguments: dict[str, Json] | str
    id: str | None
    position: int | None = None
    custom: bool = False
    given: dict[str, Json] | None = None


class ToolResultItem(msgspec.Struct, frozen=True):
    """What came of a call; `given` is the block or item that it came as, if it came as one."""

    id: str | None
    text: str
    failed: bool = False
    given: dict[str, Json] | None = None


Item: TypeAlias = TextItem | ToolCallItem | ToolResultItem


def for_provider(parts: tuple[Part, ...], provider: str) -> tuple[Part, ...]:
    """The parts as a provider can be given them: of what only another one understands the text, if it has one."""
    told = (part.text if isinstance(part, NativePart) and part.provider != provider else part for part in parts)
    return tuple(part for part in told if part != "")


def provider_of(part: Json) -> str | None:
    """The provider that has parts of this type, if only one has."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(kind, str):
        return None
    for provider, kinds in _KINDS.items():
        if kind in kinds:
            return provider
    return next((provider for ending, provider in _ENDINGS.items() if kind.endswith(ending)), None)


def native_part(provider: str, part: dict[str, Json]) -> NativePart:
    """A part of a provider as it is."""
    return NativePart(provider, part["type"], part, domain_parts.part_text(part))


def plain_text(parts: tuple[Part, ...]) -> str:
    """The parts as text alone."""
    return "\n\n".join(text for part in parts if (text := part_text(part)))


def part_text(part: Part) -> str:
    """One part as text alone."""
    match part:
        case str():
            return part
        case Image():
            return f"(image: {shorten_url(part.url)})"
        case NativePart(text=text):
            return text


def shorten_url(url: str) -> str:
    """A URL for reading: of one that holds its data, the kind and size alone."""
    head, comma, data = url.partition(",")
    return f"{head}, {len(data)} characters" if comma and head.startswith("data:") else url


def result_text(body: Json) -> str:
    """What a tool gave back as text: itself, its text parts, or JSON."""
    if isinstance(body, str):
        return body
    if _has_parts(body):
        return plain_text(tuple(parse_part(part) for part in body))
    return compact(body)


def parse_body(body: Json) -> tuple[tuple[Part, ...], list[Item]]:
    """What was said as parts, and the results of calls that were given among them."""
    if body is None or body == "":
        return (), []
    if isinstance(body, str):
        return (body,), []
    if not _has_parts(body):
        return (compact(body),), []
    parts: list[Part] = []
    results: list[Item] = []
    for part in body:
        match part:
            case {"type": "tool_result", "tool_use_id": str(id)}:
                text = result_text(part.get("content", ""))
                results.append(ToolResultItem(id, text, bool(part.get("is_error")), deepcopy(part)))
            case _:
                parts.append(parse_part(part))
    return tuple(part for part in parts if part != ""), results


def parse_part(part: Json) -> Part:
    """One part of a list as it is said."""
    match part:
        case str():
            return part
        case {"type": "text", "text": str(text), "cache_control": dict()}:
            return NativePart(ANTHROPIC, "text", deepcopy(part), text)
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return text
        case {"type": "refusal", "refusal": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            return Image(url, text_or_none(image.get("detail")))
        case {"type": "input_image", "image_url": str(url)}:
            return Image(url, text_or_none(part.get("detail")))
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return Image(url)
        case {"type": "image", "source": {"type": "base64", "media_type": str(kind), "data": str(data)}}:
            return Image(f"data:{kind};base64,{data}")
        case {"type": str()} if (provider := provider_of(part)) is not None:
            return native_part(provider, deepcopy(part))
        case _:
            return compact(part)


def text_or_none(value: Json) -> str | None:
    """The value if it is text that is not empty."""
    return value if isinstance(value, str) and value else None


def _has_parts(body: Json) -> bool:
    return is_list_of_parts(body) and any(isinstance(part, Mapping) for part in body)
