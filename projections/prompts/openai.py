"""A prompt as OpenAI's chat completions take it: one list of messages, system messages among them."""

from collections.abc import Iterator, Sequence

from ...domain.content import MessageRole
from ...domain.message import Message
from ...domain.plain import Json
from .parts import Image, Native, Part, Result, Said, compact, part_text, plain_text
from .turns import Calls, tool_name, turns_of

DETAILS = frozenset({"auto", "low", "high", "original"})
NATIVE = frozenset({"input_audio", "file"})


def openai_messages(messages: Sequence[Message]) -> list[dict[str, Json]]:
    """The messages as parameters of a chat completion; system messages at their places, with their role."""
    return [each for turn in turns_of(messages) for each in _turn(turn)]


def _turn(turn: Said | Calls) -> Iterator[dict[str, Json]]:
    if isinstance(turn, Calls):
        yield from _calls(turn)
    elif turn.role is MessageRole.SYSTEM:
        yield {"role": "developer" if turn.developer else "system", "content": plain_text(turn.parts)}
    elif turn.role is MessageRole.ASSISTANT:
        yield {"role": "assistant", "content": plain_text(turn.parts)}
    else:
        yield {"role": "user", "content": _content(turn.parts)}


def _content(parts: tuple[Part, ...]) -> Json:
    if all(isinstance(part, str) for part in parts):
        return plain_text(parts)
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Json]:
    match part:
        case Image(url, detail):
            detailed = {"detail": detail} if detail in DETAILS else {}
            return {"type": "image_url", "image_url": {"url": url, **detailed}}
        case Native(kind, value) if kind in NATIVE:
            return value
        case _:
            return {"type": "text", "text": part_text(part)}


def _calls(turn: Calls) -> Iterator[dict[str, Json]]:
    calls = [
        {
            "id": each.id,
            "type": "function",
            "function": {"name": tool_name(each.call.name), "arguments": _arguments(each.call.arguments)},
        }
        for each in turn.calls
    ]
    said = {"content": plain_text(turn.said)} if turn.said else {}
    yield {"role": "assistant", **said, "tool_calls": calls}
    for each in turn.calls:
        yield {"role": "tool", "tool_call_id": each.id, "content": _result(each.result)}


def _arguments(given: dict[str, Json] | str) -> str:
    return given if isinstance(given, str) else compact(given)


def _result(result: Result) -> str:
    return f"Error: {result.text or '(without words)'}" if result.failed else result.text
