"""Between our messages and pydantic-ai's: what is shown to a model, and what it answered."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...domain import asking
from ...domain.content import ActionRequestContent, MessageRole, Usage
from ...domain.plain import Json, parse_json, plain
from ...projections.prompts.parts import Call, Image, Part, Said, part_text, plain_text
from ...projections.prompts.tools import openai_tools
from ...projections.prompts.turns import Calls, leading_system, tool_name, turns_of, without_system_role

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, UserContent
    from pydantic_ai.models import ModelRequestParameters


def messages_for(asked: asking.Asked, *, inline_system: bool) -> "list[ModelMessage]":
    """The messages of a request as pydantic-ai has them.

    Where a model does not accept a system message behind others, which `inline_system` says, pydantic-ai would move it
    to the front; so it is text of the user there.
    """
    from pydantic_ai.messages import ModelRequest

    found: list[Any] = []
    turns = turns_of(asked.messages)
    leading = len(leading_system(turns))
    for place, turn in enumerate(turns):
        for message in _turn(turn if inline_system or place < leading else without_system_role(turn)):
            last = found[-1] if found else None
            if isinstance(message, ModelRequest) and isinstance(last, ModelRequest):
                found[-1] = ModelRequest(parts=[*last.parts, *message.parts])
            else:
                found.append(message)
    return found


def _turn(turn: Said | Calls) -> "Iterator[ModelMessage]":
    from pydantic_ai.messages import (
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )

    if isinstance(turn, Calls):
        text = plain_text(turn.said)
        said = [TextPart(text)] if text else []
        calls = [ToolCallPart(tool_name(each.call.name), _arguments(each.call), each.id) for each in turn.calls]
        yield ModelResponse(parts=[*said, *calls])
        yield ModelRequest(
            parts=[
                ToolReturnPart(
                    tool_name(each.call.name),
                    each.result.text,
                    each.id,
                    outcome="failed" if each.result.failed else "success",
                )
                for each in turn.calls
            ]
        )
    elif turn.role is MessageRole.SYSTEM:
        yield ModelRequest(parts=[SystemPromptPart(plain_text(turn.parts))])
    elif turn.role is MessageRole.ASSISTANT:
        text = plain_text(turn.parts)
        if text or not turn.parts:  # else only reasoning, which is its provider's alone
            yield ModelResponse(parts=[TextPart(text)])
    else:
        yield ModelRequest(parts=[UserPromptPart(_content(turn.parts))])


def _arguments(call: Call) -> dict[str, Json] | str:
    return {"input": call.arguments} if call.custom else call.arguments


def _content(parts: tuple[Part, ...]) -> "str | Sequence[UserContent]":
    if not any(isinstance(part, Image) for part in parts):
        return plain_text(parts)
    return [_image(part) if isinstance(part, Image) else part_text(part) for part in parts]


def _image(image: Image) -> "UserContent":
    from pydantic_ai.messages import BinaryContent, ImageUrl

    detail = {} if image.detail is None else {"detail": image.detail}
    if image.url.startswith("data:"):
        found = BinaryContent.from_data_uri(image.url)
        return BinaryContent(found.data, media_type=found.media_type, vendor_metadata=detail or None)
    return ImageUrl(image.url, media_type="image/*", vendor_metadata=detail or None)


def parameters_for(asked: asking.Asked) -> "ModelRequestParameters":
    """The tools of a request as pydantic-ai has them."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

    functions = [schema["function"] for schema in _schemas(asked)]
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(
                name=each["name"],
                parameters_json_schema=each.get("parameters") or {"type": "object", "properties": {}},
                description=each.get("description"),
                strict=bool(each.get("strict")),
            )
            for each in functions
        ]
    )


def _schemas(asked: asking.Asked) -> list[Json]:
    from ...domain.content import InstructionContent
    from ...domain.message import Message

    return openai_tools(Message(InstructionContent(tool_schemas=list(asked.tools)))) if asked.tools else []


def answer_from(response: "ModelResponse", model: str, tools: Sequence[Json]) -> asking.Answer:
    """What a model answered, in our words; names of tools as we have them."""
    from pydantic_ai.messages import TextPart, ToolCallPart

    names = {tool_name(name): name for name in map(_name, tools) if name}
    texts = [part.content for part in response.parts if isinstance(part, TextPart)]
    calls = tuple(
        _call(names.get(part.tool_name, part.tool_name), part.args, part.tool_call_id)
        for part in response.parts
        if isinstance(part, ToolCallPart)
    )
    usage = response.usage
    counted = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        details=plain({key: value for key, value in usage.details.items() if value}, "usage"),
    )
    return asking.Answer(
        text="".join(texts),
        calls=calls,
        model=response.model_name or model,
        usage=counted if usage.has_values() else None,
        finish_reason=response.finish_reason,
        id=response.provider_response_id,
    )


def _name(schema: Json) -> str | None:
    match schema:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
        case _:
            return None


def _call(name: str, arguments: Json, id: str) -> ActionRequestContent:
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = parse_json(arguments)
        except ValueError:
            return ActionRequestContent(function=name, request_id=id, extra={"unreadable_arguments": arguments})
    if arguments is not None and not isinstance(arguments, dict) and arguments != "":
        return ActionRequestContent(function=name, request_id=id, extra={"unreadable_arguments": arguments})
    given = plain(arguments or {}, "the arguments of a call")
    return ActionRequestContent(function=name, arguments=given, request_id=id)
