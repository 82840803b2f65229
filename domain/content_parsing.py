"""What a caller gives for a message, as content: text, a dict whose keys name the kind, a chat dict, a pair."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from .chat import ROLES, build_content, content_from_chat
from .content import KINDS, InstructionContent, MessageContent, ResponseFormat, Usage
from .content_types import is_registered, parse_registered_content, validate_custom_content
from .errors import InvalidContentError
from .json_values import AGAIN, Json, to_json_value
from .provider_messages import (
    content_from_parts,
    content_from_provider,
    dump_client_objects,
    is_client_object,
    is_parts,
)
from .response_format import response_format_from, usage_from

# Keys that only accompany another key: alone they say nothing.
COMPANIONS = frozenset(
    {
        "developer",
        "extra",
        "guidance",
        "image_detail",
        "model",
        "raw",
        "request_id",
        "response_format",
        "success",
        "usage",
    }
)

ACCEPTED = (*sorted({key for kind in KINDS for key in kind.__struct_fields__} - {"extra"}), "role and content")


def parse_content(given: object) -> MessageContent:
    """The content of text, a dict, a pair, a content, or an object of a provider's client; refused if it names none."""
    if isinstance(given, str):
        return InstructionContent(instruction=to_json_value(given, "a message"))
    if isinstance(given, MessageContent):
        return validate_content(given)
    if is_pair(given):
        role, body = given
        return content_from_chat(
            {"role": to_json_value(role, "a message"), "content": to_json_value(dump_client_objects(body), "a message")}
        )
    form = dump_client_objects(given)
    if isinstance(form, Mapping):
        return _from_dict(to_json_value(_parse_response_format(form), "a message"))
    if is_parts(form):
        assert isinstance(given, list)
        return content_from_parts(to_json_value(form, "a message"), objects=any(map(is_client_object, given)))
    raise InvalidContentError(
        f"a {type(given).__name__} is no message: expected a str, a dict or a content, or a role and what it says"
    )


def validate_content(content: MessageContent) -> MessageContent:
    """The same content, its values plain; checked, since a Struct made in Python is not."""
    kind = next((kind for kind in KINDS if kind is type(content)), None)
    if kind is None:
        return validate_custom_content(content)
    fields = {name: getattr(content, name) for name in kind.__struct_fields__}
    return build_content(kind, to_json_value(_parse_response_format(fields), "a message", AGAIN))


def is_pair(given: object) -> TypeGuard[tuple[str, Json]]:
    """Whether it is a tuple of a role and what it says."""
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str) and given[0] in ROLES


def _parse_response_format(given: Mapping[str, Any]) -> Mapping[str, Json]:
    """The same, with what stands for a response format or a usage said in plain values."""
    shaped = {}
    if isinstance(given.get("response_format"), type | ResponseFormat) or _has_response_format(given):
        shaped["response_format"] = msgspec.to_builtins(response_format_from(given["response_format"]))
    if isinstance(given.get("usage"), Usage) or ("usage" in given and "assistant_response" in given):
        usage = given["usage"]
        shaped["usage"] = None if usage is None else msgspec.to_builtins(usage_from(usage))
    return {**given, **shaped} if shaped else given


def _has_response_format(given: Mapping[str, Json]) -> bool:
    return given.get("response_format") is not None and not ("role" in given and "content" in given)


def _from_dict(given: dict[str, Json]) -> MessageContent:
    if is_registered(given.get("type")):
        return parse_registered_content(given)
    found = content_from_provider(given)
    if found is not None:
        return found
    keys = given.keys()
    for kind in KINDS:
        if keys <= set(kind.__struct_fields__) and keys - COMPANIONS:
            return build_content(kind, given)
    raise InvalidContentError(_problem_of(given), ACCEPTED)


def _problem_of(given: dict[str, Json]) -> str:
    if not given:
        return "an empty dict says nothing"
    if "content" in given:
        return "a dict with the key content has no role"
    unknown = sorted(given.keys() - set(ACCEPTED))
    if unknown:
        return f"unknown keys {', '.join(unknown)}"
    return f"the keys {', '.join(sorted(given))} do not name one kind of content"
