"""A prompt as Anthropic's messages take it: leading system messages apart, user and assistant in turns, no empty text.

Only some models accept a system message behind others, and the rest refuse the request: it is text of the user's turn.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...domain.content import MessageRole
from ...domain.content_parts import compact
from ...domain.json_values import Json, parse_json
from ...domain.message import Message
from .message_parts import (
    ANTHROPIC,
    MISSING,
    Image,
    NativePart,
    Part,
    TextItem,
    ToolResultItem,
    for_provider,
    part_text,
    plain_text,
)
from .tool_turns import AnsweredCall, Turn, build_turns, leading_system, tool_name, without_system_role

BEFORE = "(the conversation begins before what is shown here)"
"""Opens a prompt whose first turn is the assistant's; the first turn has to be the user's."""

_IMAGE = re.compile(r"data:(image/(?:jpeg|png|gif|webp));base64,(.+)", re.DOTALL)


@dataclass(frozen=True)
class AnthropicPrompt(Mapping[str, Json]):
    """The system text and the messages; also a mapping of what there is, for `create(..., **prompt)`."""

    system: str | None
    messages: list[dict[str, Json]]

    def __getitem__(self, key: str) -> Json:
        return self._provider_arguments[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._provider_arguments)

    def __len__(self) -> int:
        return len(self._provider_arguments)

    @property
    def _provider_arguments(self) -> dict[str, Json]:
        system = {} if self.system is None else {"system": self.system}
        return {**system, "messages": self.messages}


def anthropic_prompt(messages: Sequence[Message]) -> AnthropicPrompt:
    """The messages as parameters of a request."""
    every = build_turns(messages)
    leading = leading_system(every)
    system = "\n\n".join(text for turn in leading if (text := plain_text(turn.parts)))
    turns: list[dict[str, Json]] = []
    for turn in every[len(leading) :]:
        for role, blocks in _blocks(without_system_role(turn)):
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"].extend(blocks)
            else:
                turns.append({"role": role, "content": blocks})
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [_text(BEFORE)]})
    if turns and turns[-1]["role"] == "assistant":
        last = turns[-1]["content"][-1]
        if "text" in last:
            turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}  # refused at the very end
    return AnthropicPrompt(system if system.strip() else None, turns)


def _blocks(turn: Turn) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    if isinstance(turn, TextItem):
        role = "assistant" if turn.role is MessageRole.ASSISTANT else "user"
        parts = for_provider(turn.parts, ANTHROPIC)
        if parts or not turn.parts:  # else only reasoning of another provider
            yield role, _text_blocks(parts, role) or [_text(MISSING)]
        return
    parts_and_calls: list[dict[str, Json]] = []
    for part in turn.parts:
        if isinstance(part, AnsweredCall):
            parts_and_calls.append(_tool_use(part))
        else:
            parts_and_calls += _text_blocks(for_provider((part,), ANTHROPIC), "assistant")
    yield "assistant", parts_and_calls
    yield "user", [_result(each.id, each.result) for each in turn.calls]


def _tool_use(answered: AnsweredCall) -> dict[str, Json]:
    call = answered.call
    given = call.given if call.given is not None and call.given.get("type") == "tool_use" else {}
    arguments = {"input": call.arguments} if call.custom else _arguments(call.arguments)
    return {**given, "type": "tool_use", "id": answered.id, "name": tool_name(call.name), "input": arguments}


def _text_blocks(parts: tuple[Part, ...], role: str) -> list[dict[str, Json]]:
    blocks = [
        _part(part) if role == "user" or isinstance(part, NativePart) else _text(part_text(part)) for part in parts
    ]
    return [block for block in blocks if block.get("type") != "text" or block["text"].strip()]


def _text(text: str) -> dict[str, Json]:
    return {"type": "text", "text": text}


def _part(part: Part) -> dict[str, Json]:
    match part:
        case Image(url) if held := _IMAGE.fullmatch(url):
            source = {"type": "base64", "media_type": held[1], "data": held[2]}
            return {"type": "image", "source": source}
        case Image(url) if url.startswith(("https://", "http://")):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case NativePart(value=value):
            return value
        case _:
            return _text(part_text(part))


def _result(id: str, result: ToolResultItem) -> dict[str, Json]:
    if result.given is not None and result.given.get("type") == "tool_result":
        return {**result.given, "tool_use_id": id}
    text = result.text if result.text.strip() else compact(result.text)  # an empty one shows as ""
    failed = {"is_error": True} if result.failed else {}
    return {"type": "tool_result", "tool_use_id": id, "content": text, **failed}


def _arguments(given: dict[str, Json] | str) -> dict[str, Json]:
    """The arguments as an object; text that is none goes under the key `arguments`."""
    if not isinstance(given, str):
        return given
    try:
        decoded = parse_json(given)
    except ValueError:
        decoded = None
    return decoded if isinstance(decoded, dict) else {"arguments": given}
