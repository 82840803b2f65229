"""Chat dicts, as model providers have them: a role, a content and whatever else; to contents and back."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import fields as struct_fields

from .content import (
    BODIES,
    KINDS,
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    SystemContent,
)
from .content_types import content_to_stored
from .errors import InvalidContentError
from .immutable import NO_ITEMS, NO_KEYS
from .json_values import Json
from .response_format import response_format_from, usage_from

DEVELOPER = "developer"
"""What OpenAI calls the role of a system message for its newer models."""

ROLES: dict[str, type[MessageContent]] = {
    "system": SystemContent,
    DEVELOPER: SystemContent,
    "user": InstructionContent,
    "assistant": AssistantResponseContent,
    "tool": ActionResponseContent,
    "function": ActionResponseContent,
}

_DEFAULTS: dict[type[MessageContent], dict[str, Any]] = {
    kind: {field.name: field.default for field in struct_fields(kind)} for kind in KINDS
}

_TYPES: dict[type[MessageContent], dict[str, Any]] = {
    kind: {field.name: field.type for field in struct_fields(kind)} for kind in KINDS
}

_FIELDS = {kind: [name for name in types if name not in ("extra", BODIES.get(kind))] for kind, types in _TYPES.items()}
"""What a chat dict can say by the name of a field."""

_CALL_IDS = ("tool_call_id", "call_id")
"""What providers call the id of the call that a result belongs to."""

_ONCE = frozenset({"tool_calls", "refusal"})
"""What is stored as a field alone, and not among the extra as well."""


def content_from_chat(given: dict[str, Json]) -> MessageContent:
    """The content that a chat dict stands for; every key beside role and content is kept as it is among the extra.

    A key that is the name of a field, and whose value fits, becomes that field as well.
    """
    role = given["role"]
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidContentError(f"the role {role!r} is unknown, expected one of {', '.join(ROLES)}")
    kind, body = ROLES[role], given["content"]
    extra = {name: value for name, value in given.items() if name not in ("role", "content")}
    if kind is AssistantResponseContent and _is_request(body, extra):
        kind = ActionRequestContent
    values = {name: value for name in _FIELDS[kind] if name in extra for value in _fitting(kind, name, extra[name])}
    if kind is ActionRequestContent:
        extra = {name: value for name, value in extra.items() if name not in values}
    elif kind is AssistantResponseContent:
        if not isinstance(extra.get("tool_calls"), list | None):
            raise InvalidContentError(f"tool_calls must be a list of calls, not {type(extra['tool_calls']).__name__!r}")
        values[BODIES[kind]] = "" if body is None else body
        extra = {name: value for name, value in extra.items() if name not in _ONCE or not values.get(name)}
    elif kind is ActionResponseContent:
        values["result"] = extra.get("result") if body is not None and body == values.get("error") else body
        values.setdefault("request_id", next(_fitting(kind, "request_id", _call_id(extra)), None))
    else:
        values[BODIES[kind]] = "" if body is None else body
    if role == DEVELOPER:
        values["developer"] = True
    return build_content(kind, {**values, "extra": extra})


def chat_from_content(content: MessageContent) -> dict[str, Json]:
    """The chat dict that stands for a content; what its role and body do not say has a key of its own."""
    role = role_in_chat(content)
    chat: dict[str, Json] = {"role": role, "content": content.body, **content.extra}
    chat["role"], chat["content"] = role, content.body
    if type(content) not in KINDS:
        return {**chat, **content_to_stored(content)}
    for name, default in _DEFAULTS[type(content)].items():
        value = getattr(content, name)
        if value != default and name not in chat and not _is_present(content, name):
            chat[name] = msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
    return chat


def role_in_chat(content: MessageContent) -> str:
    """The role of a content as its chat dict has it, which tells developer from system."""
    return DEVELOPER if isinstance(content, SystemContent) and content.developer else content.role.value


def build_content(kind: type[MessageContent], values: dict[str, Json]) -> MessageContent:
    """A content of a kind with these values, each of the type that its field has."""
    values = {name: value for name, value in values.items() if not _is_none_given(kind, name, value)}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as reason:
        raise InvalidContentError(f"this is no {kind.__name__}: {reason}") from None


def _is_none_given(kind: type[MessageContent], name: str, value: Json) -> bool:
    """Whether it is an empty list or dict where one that was not given is the same."""
    return value in (NO_ITEMS, NO_KEYS) and value == _DEFAULTS[kind].get(name)


def _is_present(content: MessageContent, name: str) -> bool:
    """Whether role, content and what came along say the field already."""
    if name in ("extra", "developer"):
        return True
    if not isinstance(content, ActionResponseContent):
        return name == BODIES.get(type(content))
    if name == "result":
        return content.error is None
    return (
        bool(content.success)
        if name == "success"
        else name == "request_id" and not content.extra.keys().isdisjoint(_CALL_IDS)
    )


def _call_id(extra: dict[str, Json]) -> Json:
    return next((extra[name] for name in _CALL_IDS if name in extra), None)


def _is_request(body: Json, extra: dict[str, Json]) -> bool:
    """Whether it is the dict of a tool that is to be called, as `chat_of` makes it."""
    return "function" in extra and body == {"function": extra["function"], "arguments": extra.get("arguments", {})}


def _fitting(kind: type[MessageContent], name: str, value: Json) -> Iterator[Json]:
    """The value as the field takes it, if it does."""
    try:
        if name == "usage":
            value = msgspec.to_builtins(usage_from(value))
        elif name == "response_format":
            value = msgspec.to_builtins(response_format_from(value))
        elif name == "images" and isinstance(value, list) and not any(":" in str(each) for each in value):
            return  # not where they are, but what they are: only a provider knows how to read that
        msgspec.convert(value, _TYPES[kind][name])
    except (msgspec.ValidationError, InvalidContentError):
        return
    yield value
