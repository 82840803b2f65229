"""The tools that an instruction offers, in the words of a provider; they belong beside the messages of a request."""

from copy import deepcopy

from ...domain.content import InstructionContent
from ...domain.json_values import Json
from ...domain.message import Message
from .tool_turns import tool_name


def openai_tools(instruction: Message | None) -> list[Json]:
    """The tools of an instruction as parameters of a chat completion."""
    return [_openai(schema) for schema in _schemas(instruction)]


def anthropic_tools(instruction: Message | None) -> list[Json]:
    """The tools of an instruction as parameters of a request."""
    return [_anthropic(schema) for schema in _schemas(instruction)]


def responses_tools(instruction: Message | None) -> list[Json]:
    """The tools of an instruction as parameters of a response."""
    return [
        {"type": "function", **tool["function"]} if isinstance(tool, dict) and "function" in tool else tool
        for tool in openai_tools(instruction)
    ]


def _schemas(instruction: Message | None) -> list[Json]:
    content = None if instruction is None else instruction.content
    return deepcopy(content.tool_schemas) if isinstance(content, InstructionContent) else []


def _openai(schema: Json) -> Json:
    match schema:
        case {"type": "function", "function": {"name": str(name)} as function}:
            return {**schema, "function": {**function, "name": tool_name(name)}}
        case {"name": str(name), "input_schema": parameters}:
            rest = {key: value for key, value in schema.items() if key in ("description", "strict")}
            return {"type": "function", "function": {"name": tool_name(name), **rest, "parameters": parameters}}
        case {"name": str(name), "parameters": _}:
            rest = {key: value for key, value in schema.items() if key != "type"}
            return {"type": "function", "function": {**rest, "name": tool_name(name)}}
        case _:
            return schema


def _anthropic(schema: Json) -> Json:
    match schema:
        case {"type": "function", "function": {"name": str(_)} as function}:
            return _from_function(function)
        case {"name": str(name), "input_schema": _}:
            return {**schema, "name": tool_name(name)}
        case {"name": str(_), "parameters": _}:
            return _from_function(schema)
        case _:
            return schema


def _from_function(function: dict[str, Json]) -> Json:
    rest = {key: function[key] for key in ("description", "strict") if function.get(key) is not None}
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return {"name": tool_name(function["name"]), **rest, "input_schema": parameters}
