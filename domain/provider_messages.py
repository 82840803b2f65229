"""Messages as the clients of model providers hand them out: their objects as dicts, and their shapes as contents.

An object is known by its `model_dump`, as pydantic's models have one; no provider's package is needed.
"""

from collections.abc import Mapping
from typing import Any

from .chat import build_content, content_from_chat
from .content import ActionResponseContent, AssistantResponseContent, InstructionContent, MessageContent
from .content_parts import CALLS, REASONING
from .errors import InvalidContentError
from .json_values import MAX_DEPTH, Json

OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
"""Items of OpenAI's Responses that are the result of a call."""

_ASSISTANT = (
    REASONING
    | CALLS
    | {"output_text", "refusal", "compaction", "mcp_list_tools", "mcp_approval_request", "mcp_tool_result"}
)
_USER = frozenset(
    {
        *("tool_result", "image", "document", "search_result", "image_url", "input_audio", "file"),
        *("input_text", "input_image", "input_file", "mcp_approval_response"),
    }
)

_OF_RESPONSE = ("id", "status", "created_at", "completed_at", "incomplete_details", "error", "previous_response_id")
"""What is stored of a Response beside its output, model and usage; the rest repeats the request."""

_BESIDE_CALLS = frozenset({"tool_calls", "function_call", "refusal", "audio"})
_BESIDE_NOTHING = frozenset({"role", "name", "annotations", "reasoning", "reasoning_content", "reasoning_details"})


def is_client_object(value: object) -> bool:
    """Whether it is an object of a client, such as `response.choices[0].message`."""
    return callable(getattr(value, "model_dump", None)) and not isinstance(value, type | Mapping)


def dump_client_objects(value: Any, depth: int = 0) -> Any:
    """The value with all objects of clients in it as dicts; what is nested too deep is left for `plain` to refuse."""
    if value is None or isinstance(value, str) or depth > MAX_DEPTH:
        return value
    if isinstance(value, Mapping):
        return {key: dump_client_objects(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [dump_client_objects(item, depth + 1) for item in value]
    return _dump(value) if is_client_object(value) else value


def content_from_provider(given: dict[str, Json]) -> MessageContent | None:
    """The content that a message, a response or an item of a provider stands for; None if the dict is none."""
    match given:
        case {"object": "chat.completion", "choices": list(choices)}:
            return _from_completion(given, choices)
        case {"object": "response", "output": list(output)}:
            return _from_response(given, output)
        case {"role": role}:
            _check_content(given, role)
            return content_from_chat({"content": None, **given})
        case {"type": "function_call_output" | "custom_tool_call_output", "output": output}:
            extra = {key: value for key, value in given.items() if key != "output"}
            return build_content(
                ActionResponseContent, {"result": output, "request_id": given.get("call_id"), "extra": extra}
            )
        case {"type": str(kind)} if _role(given) is not None and kind not in OUTPUTS:
            return content_from_parts([given], objects=False)
        case _:
            return None


def content_from_parts(parts: list[Json], *, objects: bool) -> MessageContent:
    """The content of a list of blocks or items without a role; objects are a response, so the model's."""
    roles = {role for role in map(_role, parts) if role is not None}
    if not roles and objects:
        roles = {"assistant"}
    if len(roles) != 1 or roles == {"tool"}:
        wrong = "does not say who speaks" if not roles else "has parts of several messages"
        raise InvalidContentError(
            f"a list of parts {wrong}: expected a role and the list, as in "
            f'{{"role": "assistant", "content": [...]}}, or one message after the other with add_many'
        )
    if roles == {"assistant"}:
        return build_content(AssistantResponseContent, {"assistant_response": parts})
    return build_content(InstructionContent, {"instruction": parts})


def is_parts(given: object) -> bool:
    """Whether it is a list of blocks or items, as a message's content or a response's output."""
    return (
        isinstance(given, list)
        and bool(given)
        and all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in given)
    )


def _from_completion(given: dict[str, Json], choices: list[Json]) -> MessageContent:
    if len(choices) != 1 or not isinstance(choices[0].get("message"), dict):
        raise InvalidContentError(
            f"a chat completion has {len(choices)} choices, and a message is one of them: expected the message of one, "
            f"response.choices[i].message"
        )
    beside = {key: value for key, value in given.items() if key not in ("choices", "object")}
    ended = {key: choices[0][key] for key in ("finish_reason",) if choices[0].get(key) is not None}
    found = content_from_provider({**beside, **ended, **choices[0]["message"]})
    assert found is not None  # it has a role, or is refused
    return found


def _from_response(given: dict[str, Json], output: list[Json]) -> MessageContent:
    kept = {key: given[key] for key in _OF_RESPONSE if given.get(key) is not None}
    said = {key: given[key] for key in ("model", "usage") if given.get(key) is not None}
    return content_from_chat({"role": "assistant", "content": output, **kept, "object": "response", **said})


def _check_content(given: dict[str, Json], role: Json) -> None:
    """Refuses a message without content, unless it is an answer that calls tools, or is empty."""
    is_answer = role == "assistant" and (given.keys() & _BESIDE_CALLS or given.keys() <= _BESIDE_NOTHING)
    if "content" in given or is_answer:
        return
    beside = sorted(given.keys() - {"role"})
    has = f", and has {', '.join(beside)}" if beside else ""
    raise InvalidContentError(f'a message of the role {role!r} needs the key "content"{has}: expected role and content')


def _role(part: Json) -> str | None:
    """Who a block or an item comes from; None if its type leaves that open."""
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return None
    kind: str = part["type"]
    if kind == "message" and isinstance(part.get("role"), str):
        return "assistant" if part["role"] == "assistant" else "user"
    if kind in OUTPUTS:
        return "tool"
    if kind in _USER or kind.endswith("_call_output"):
        return "user"
    return "assistant" if kind in _ASSISTANT or kind.endswith(("_call", "_tool_result")) else None


def _dump(value: Any) -> Any:
    """An object as a dict, as its client would send it: without what was only derived, and None where it is a part."""
    if not hasattr(type(value), "model_fields"):
        return dump_client_objects(value.model_dump())
    is_part = any(isinstance(getattr(value, name, None), str) for name in ("role", "type", "object"))
    form = value.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=is_part,
        exclude=getattr(value, "__api_exclude__", None),
        warnings=False,
    )
    if is_part:
        _take_out_parsed(form)
    return form


def _take_out_parsed(form: Any) -> None:
    """Takes out what a client parsed from text that is there as well: providers refuse it."""
    for call in form.get("tool_calls") or () if isinstance(form, dict) else ():
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            call["function"].pop("parsed_arguments", None)
