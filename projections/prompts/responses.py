"""A prompt as OpenAI's responses take it: a list of items, system messages among them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ...domain.content import MessageRole
from ...domain.message import Message
from ...domain.parts import compact
from ...domain.plain import Json
from ...domain.provider_messages import OUTPUTS
from .openai import DETAILS, result_of_call, system_message
from .parts import RESPONSES, UNSAID, Image, Native, Part, Said, for_provider, part_text, plain_text
from .turns import Answered, Calls, tool_name, turns_of


def responses_items(messages: Sequence[Message]) -> list[dict[str, Json]]:
    """The messages as the input of a response; system messages at their places, with their role."""
    return [each for turn in turns_of(messages) for each in _turn(turn)]


def _turn(turn: Said | Calls) -> Iterator[dict[str, Json]]:
    if isinstance(turn, Calls):
        for is_call, some in groupby(turn.parts, lambda part: isinstance(part, Answered)):
            if is_call:
                yield from (_call(part) for part in some if isinstance(part, Answered))
            else:
                yield from _said(tuple(part for part in some if not isinstance(part, Answered)))
        yield from map(_output, turn.calls)
    elif turn.role is MessageRole.SYSTEM:
        yield system_message(turn)
    elif turn.role is MessageRole.ASSISTANT:
        yield from _said(turn.parts) if turn.parts else [{"role": "assistant", "content": UNSAID}]
    else:
        yield {"role": "user", "content": _content(for_provider(turn.parts, RESPONSES))}


def _said(parts: tuple[Part, ...]) -> Iterator[dict[str, Json]]:
    """What a model said: its own items as they are, anything else as text."""
    for is_item, some in groupby(for_provider(parts, RESPONSES), lambda part: isinstance(part, Native)):
        if is_item:
            yield from (part.value for part in some if isinstance(part, Native))
        else:
            yield {"role": "assistant", "content": plain_text(tuple(some))}


def _content(parts: tuple[Part, ...]) -> Json:
    return plain_text(parts) if all(isinstance(part, str) for part in parts) else [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Json]:
    match part:
        case Image(url, detail):
            return {"type": "input_image", "image_url": url, "detail": detail if detail in DETAILS else "auto"}
        case Native(value=value):
            return value
        case _:
            return {"type": "input_text", "text": part_text(part)}


def _call(answered: Answered) -> dict[str, Json]:
    call = answered.call
    kind = "custom_tool_call" if call.custom else "function_call"
    given = call.given if call.given is not None and call.given.get("type") == kind else {}
    arguments = call.arguments if isinstance(call.arguments, str) else compact(call.arguments)
    body = {"input": arguments} if call.custom else {"arguments": arguments}
    return {**given, "type": kind, "call_id": answered.id, "name": tool_name(call.name), **body}


def _output(answered: Answered) -> dict[str, Json]:
    kind = "custom_tool_call_output" if answered.call.custom else "function_call_output"
    given = answered.result.given
    if given is not None and given.get("type") in OUTPUTS:
        return {**given, "call_id": answered.id}
    return {"type": kind, "call_id": answered.id, "output": result_of_call(answered.result)}
