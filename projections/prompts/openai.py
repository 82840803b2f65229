"""A prompt as OpenAI's chat completions take it: one list of messages, system messages among them."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

from ...domain.content import MessageRole
from ...domain.content_parts import compact
from ...domain.json_values import Json
from ...domain.message import Message
from .message_parts import (
    OPENAI,
    Image,
    NativePart,
    Part,
    TextItem,
    ToolResultItem,
    for_provider,
    part_text,
    plain_text,
)
from .tool_turns import AnsweredCall, ToolTurn, build_turns, tool_name

DETAILS = frozenset({"auto", "low", "high", "original"})
BESIDE = frozenset({"refusal", "audio"})
"""What a model said that goes beside the content of its message."""


def openai_messages(messages: Sequence[Message]) -> list[dict[str, Json]]:
    """The messages as parameters of a chat completion; system messages at their places, with their role."""
    return [each for turn in build_turns(messages) for each in _turn(turn)]


def _turn(turn: TextItem | ToolTurn) -> Iterator[dict[str, Json]]:
    if isinstance(turn, ToolTurn):
        yield from _calls(turn)
    elif turn.role is MessageRole.SYSTEM:
        yield system_message(turn)
    elif turn.role is not MessageRole.ASSISTANT:
        yield {"role": "user", "content": _content(for_provider(turn.parts, OPENAI))}
    elif not turn.parts or for_provider(turn.parts, OPENAI):  # else only reasoning of another provider
        yield {"role": "assistant", "content": "", **_text_message(turn.parts)}


def system_message(turn: TextItem) -> dict[str, Json]:
    """A system message, which both of OpenAI's interfaces have in this form."""
    return {"role": "developer" if turn.developer else "system", "content": plain_text(turn.parts)}


def _text_message(parts: tuple[Part, ...]) -> dict[str, Json]:
    """What a model said, as keys of its message."""
    own = for_provider(parts, OPENAI)
    text = plain_text(tuple(part for part in own if not _is_beside(part)))
    beside = {key: value for part in own if _is_beside(part) for key, value in part.value.items()}
    return {**({"content": text or None} if text or beside else {}), **beside}


def _is_beside(part: Part) -> TypeGuard[NativePart]:
    return isinstance(part, NativePart) and part.kind in BESIDE


def _content(parts: tuple[Part, ...]) -> Json:
    if all(isinstance(part, str) for part in parts):
        return plain_text(parts)
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Json]:
    match part:
        case Image(url, detail):
            detailed = {"detail": detail} if detail in DETAILS else {}
            return {"type": "image_url", "image_url": {"url": url, **detailed}}
        case NativePart(value=value):
            return value
        case _:
            return {"type": "text", "text": part_text(part)}


def _calls(turn: ToolTurn) -> Iterator[dict[str, Json]]:
    yield {"role": "assistant", **_text_message(turn.said), "tool_calls": list(map(_call, turn.calls))}
    for each in turn.calls:
        yield {"role": "tool", "tool_call_id": each.id, "content": tool_result_text(each.result)}


def _call(answered: AnsweredCall) -> dict[str, Json]:
    call = answered.call
    given = call.given if call.given is not None and call.given.keys() & {"function", "custom"} else {}
    if call.custom:
        body = {"name": tool_name(call.name), "input": _arguments(call.arguments)}
        return {**given, "id": answered.id, "type": "custom", "custom": body}
    body = {"name": tool_name(call.name), "arguments": _arguments(call.arguments)}
    return {**given, "id": answered.id, "type": "function", "function": body}


def _arguments(given: dict[str, Json] | str) -> str:
    return given if isinstance(given, str) else compact(given)


def tool_result_text(result: ToolResultItem) -> str:
    """What came of a call as text that says whether it failed."""
    return f"Error: {result.text or '(without words)'}" if result.failed else result.text
