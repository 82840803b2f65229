"""The parts that model providers make messages of (texts, tool calls, results, images), and the text of each.

The views in infrastructure/*/schema.sql compute the same text in SQL; tests/integration/test_sql_views.py compares.
"""

from collections.abc import Iterable

import msgspec

from .json_values import Json

REASONING = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Parts that a model writes for itself: stored and sent back, but no text of the message."""

CALLS = frozenset({"function_call", "custom_tool_call", "mcp_call", "tool_use", "server_tool_use", "mcp_tool_use"})
"""Parts that call a tool by its `name`, with `input` or `arguments`."""

HOLDERS = frozenset(
    {*("message", "tool_result", "mcp_tool_result", "search_result"), "function_call_output", "custom_tool_call_output"}
)
"""Parts whose text is their `content` or `output`: text again, or a list of parts."""

MEDIA = frozenset(
    {
        *("image", "image_url", "input_image", "audio", "input_audio", "file", "input_file", "document"),
        *("container_upload", "image_generation_call", "computer_call_output"),
    }
)
"""Parts that are no text: their type stands for them, in brackets."""

_KNOWN = REASONING | CALLS | HOLDERS | MEDIA


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that a model calls; the arguments are as it gave them: an object, JSON text, or text of another kind."""

    name: str
    arguments: Json = None
    id: str | None = None

    @property
    def text(self) -> str:
        """The call as it is shown everywhere."""
        return call_text(self.name, self.arguments)


def call_text(name: str, arguments: Json) -> str:
    """A call of a tool as text: `get_weather({"city":"Paris"})`."""
    if arguments is None:
        return f"{name}()"
    if not name and arguments == {}:
        return ""  # of a redacted call, nothing is left
    return f"{name}({arguments if isinstance(arguments, str) else compact(arguments)})"


def parse_tool_call(part: Json) -> ToolCall | None:
    """The call that a part or an item of `tool_calls` is; None if it is none."""
    match part:
        case {"function": {"name": str(name)} as function}:
            return ToolCall(name, function.get("arguments"), _id(part, "id"))
        case {"custom": {"name": str(name)} as custom}:
            return ToolCall(name, custom.get("input"), _id(part, "id"))
        case {"type": str(kind), "name": str(name)} if kind in CALLS:
            return ToolCall(name, part.get("input", part.get("arguments")), _id(part, "call_id") or _id(part, "id"))
        case _:
            return None


def as_text(body: Json) -> str:
    """Text for reading: itself, what the parts of a list say, or compact JSON."""
    if isinstance(body, str):
        return body
    if body is None:
        return ""
    if not is_list_of_parts(body):
        return compact(body)
    shown = [text for text in map(part_text, body) if text]
    return "\n".join(shown or [f"[{_kind(part)}]" for part in body if _kind(part) in REASONING])


def is_list_of_parts(body: Json) -> bool:
    """Whether it is a list as model providers make them, rather than a list that is data."""
    return (
        isinstance(body, list)
        and all(isinstance(part, str) or _kind(part) is not None or _text(part) is not None for part in body)
        and any(isinstance(part, str) or _kind(part) in _KNOWN or _text(part) is not None for part in body)
    )


def part_text(part: Json) -> str:
    """The text of one part; empty for reasoning, and the type in brackets for what is no text."""
    if isinstance(part, str):
        return part
    kind = _kind(part)
    if kind in REASONING:
        return ""
    if kind in CALLS and (call := parse_tool_call(part)) is not None:
        return call.text
    text = _text(part)
    if text is None and kind in HOLDERS:
        held = part.get("output") if part.get("content") is None else part["content"]
        text = held if isinstance(held, str) else _nested_text(held) if isinstance(held, list) else None
    return f"[{kind}]" if text is None else text


def assistant_text(body: Json, refusal: str | None, tool_calls: Iterable[Json], extra: dict[str, Json]) -> str:
    """What a model said, the reason why it refused, and the tools that it calls, each on a line of its own."""
    lines = ["" if body == [] else as_text(body), refusal or ""]
    match extra.get("audio"):
        case {"transcript": str(transcript)}:
            lines.append(transcript)
    older = extra.get("function_call")
    calls = [*tool_calls, *([] if older is None else [{"function": older}])]
    lines += [compact(each) if (call := parse_tool_call(each)) is None else call.text for each in calls]
    return "\n".join(line for line in lines if line)


def compact(value: Json) -> str:
    """A value as JSON text without spaces."""
    return msgspec.json.encode(value).decode()


def _nested_text(parts: list[Json]) -> str:
    """The text of the parts in a part; what is nested deeper is no text."""
    found = [
        part if isinstance(part, str) else f"[{_kind(part)}]" if _text(part) is None else _text(part)
        for part in parts
        if isinstance(part, str) or _text(part) is not None or _kind(part) is not None
    ]
    return "\n".join(text for text in found if text)


def _text(part: Json) -> str | None:
    """The text or refusal that a part has itself."""
    match part:
        case {"text": str(text)} | {"refusal": str(text)}:
            return text
        case _:
            return None


def _kind(part: Json) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else None


def _id(part: dict[str, Json], key: str) -> str | None:
    id = part.get(key)
    return id if isinstance(id, str) and id else None
