"""A prompt as OpenAI's responses take it: a list of items, system messages among them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ...domain.content import MessageRole
from ...domain.content_parts import compact
from ...domain.json_values import Json
from ...domain.message import Message
from ...domain.provider_messages import OUTPUTS
from .message_parts import MISSING, RESPONSES, Image, NativePart, Part, TextItem, for_provider, part_text, plain_text
from .openai import DETAILS, system_message, tool_result_text
from .tool_turns import AnsweredCall, ToolTurn, build_turns, tool_name


def responses_items(messages: Sequence[Message]) -> list[dict[str, Json]]:
    """The messages as the input of a response; system messages at their places, with their role."""
    return [each for turn in build_turns(messages) for each in _turn(turn)]


def _turn(turn: TextItem | ToolTurn) -> Iterator[dict[str, Json]]:
    if isinstance(turn, ToolTurn):
        for is_call, some in groupby(turn.parts, lambda part: isinstance(part, AnsweredCall)):
            if is_call:
                yield from (_call(part) for part in some if isinstance(part, AnsweredCall))
            else:
                yield from _message_item(tuple(part for part in some if not isinstance(part, AnsweredCall)))
        yield from map(_output, turn.calls)
    elif turn.role is MessageRole.SYSTEM:
        yield system_message(turn)
    elif turn.role is MessageRole.ASSISTANT:
        yield from _message_item(turn.parts) if turn.parts else [{"role": "assistant", "content": MISSING}]
    else:
        yield {"role": "user", "content": _content(for_provider(turn.parts, RESPONSES))}


def _message_item(parts: tuple[Part, ...]) -> Iterator[dict[str, Json]]:
    """What a model said: its own items as they are, anything else as text."""
    for is_item, some in groupby(for_provider(parts, RESPONSES), lambda part: isinstance(part, NativePart)):
        if is_item:
            yield from (part.value for part in some if isinstance(part, NativePart))
        else:
            yield {"role": "assistant", "content": plain_text(tuple(some))}


def _content(parts: tuple[Part, ...]) -> Json:
    return plain_text(parts) if all(isinstance(part, str) for part in parts) else [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Json]:
    match part:
        case Image(url, detail):
            return {"type": "input_image", "image_url": url, "detail": detail if detail in DETAILS else "auto"}
        case NativePart(value=value):
            return value
        case _:
            return {"type": "input_text", "text": part_text(part)}


def _call(answered: AnsweredCall) -> dict[str, Json]:
    call = answered.call
    kind = "custom_tool_call" if call.custom else "function_call"
    given = call.given if call.given is not None and call.given.get("type") == kind else {}
    arguments = call.arguments if isinstance(call.arguments, str) else compact(call.arguments)
    body = {"input": arguments} if call.custom else {"arguments": arguments}
    return {**given, "type": kind, "call_id": answered.id, "name": tool_name(call.name), **body}


def _output(answered: AnsweredCall) -> dict[str, Json]:
    kind = "custom_tool_call_output" if answered.call.custom else "function_call_output"
    given = answered.result.given
    if given is not None and given.get("type") in OUTPUTS:
        return {**given, "call_id": answered.id}
    return {"type": kind, "call_id": answered.id, "output": tool_result_text(answered.result)}
