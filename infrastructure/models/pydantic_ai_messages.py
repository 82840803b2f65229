"""Between our messages and pydantic-ai's: what is shown to a model, and what it answered."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...domain import model_call
from ...domain.content import ActionRequestContent, InstructionContent, MessageRole, Usage
from ...domain.json_values import Json, parse_json, to_json_value
from ...domain.message import Message
from ...projections.prompts.message_parts import Image, Part, TextItem, ToolCallItem, part_text, plain_text
from ...projections.prompts.tool_turns import ToolTurn, build_turns, leading_system, tool_name, without_system_role
from ...projections.prompts.tools import openai_tools

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, UserContent
    from pydantic_ai.models import ModelRequestParameters


def to_pydantic_ai(asked: model_call.ModelRequest, *, inline_system: bool) -> "list[ModelMessage]":
    """The messages of a request as pydantic-ai has them.

    Where a model does not accept a system message behind others, which `inline_system` says, pydantic-ai would move it
    to the front; so it is text of the user there.
    """
    from pydantic_ai.messages import ModelRequest

    found: list[Any] = []
    turns = build_turns(asked.messages)
    leading = len(leading_system(turns))
    for place, turn in enumerate(turns):
        for message in _turn(turn if inline_system or place < leading else without_system_role(turn)):
            last = found[-1] if found else None
            if isinstance(message, ModelRequest) and isinstance(last, ModelRequest):
                found[-1] = ModelRequest(parts=[*last.parts, *message.parts])
            else:
                found.append(message)
    return found


def _turn(turn: TextItem | ToolTurn) -> "Iterator[ModelMessage]":
    from pydantic_ai.messages import (
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )

    if isinstance(turn, ToolTurn):
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


def _arguments(call: ToolCallItem) -> dict[str, Json] | str:
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


def to_request_parameters(asked: model_call.ModelRequest) -> "ModelRequestParameters":
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


def _schemas(asked: model_call.ModelRequest) -> list[Json]:

    return openai_tools(Message(InstructionContent(tool_schemas=list(asked.tools)))) if asked.tools else []


def from_pydantic_ai(response: "ModelResponse", model: str, tools: Sequence[Json]) -> model_call.ModelResponse:
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
        details=to_json_value({key: value for key, value in usage.details.items() if value}, "usage"),
    )
    return model_call.ModelResponse(
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
    given = to_json_value(arguments or {}, "the arguments of a call")
    return ActionRequestContent(function=name, arguments=given, request_id=id)
