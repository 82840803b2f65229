"""The shape an answer is asked for in and what it has used, out of the many forms that callers and providers have."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import is_typeddict

import msgspec

from .content import ResponseFormat, Usage
from .errors import InvalidContentError
from .json_values import Json, to_json_value

SPELLINGS = {
    "input_tokens": "input_tokens",
    "prompt_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "completion_tokens": "output_tokens",
}
"""How providers call the tokens that go in and those that come out, and how they are called here."""

_FORMS = "expected a pydantic model, a msgspec Struct, a dataclass, a TypedDict or a JSON schema"


def response_format_from(given: object) -> ResponseFormat:
    """The name and the JSON schema that a class or a schema stands for; nothing of a class but these is kept."""
    if isinstance(given, ResponseFormat):
        name, schema = given.name, given.schema
    elif isinstance(given, Mapping):
        name, schema = _named_schema(given)
    else:
        name, schema = _schema_of(given)
    if not isinstance(name, str) or not name or not isinstance(schema, Mapping):
        raise InvalidContentError(f"a response format is a name and a JSON schema: {_FORMS}")
    return ResponseFormat(to_json_value(name, "a response format"), to_json_value(schema, "a response format"))


def usage_from(given: object) -> Usage:
    """What an answer has used, whatever the provider calls it; what has no name here is kept among the details."""
    if isinstance(given, Usage):
        given = {"input_tokens": given.input_tokens, "output_tokens": given.output_tokens, "details": given.details}
    if not isinstance(given, Mapping):
        raise InvalidContentError(f"a usage is a dict of counts, not a {type(given).__name__}")
    counted: dict[str, int] = {}
    details: dict[str, Json] = {}
    for key, value in to_json_value(given, "a usage").items():
        name = SPELLINGS.get(key)
        if key == "details" and isinstance(value, dict):
            details |= value
        elif name is None or value is None or name in counted:
            if name is None or counted.get(name) != value:
                details |= {key: value} if value is not None or name is None else {}
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InvalidContentError(f"the {key} of a usage are no count: expected a whole number, 0 or more")
        else:
            counted[name] = value
    return Usage(**counted, details=details)


def _named_schema(given: Mapping[str, Json]) -> tuple[Json, Json]:
    """A schema with its name, as it is, as OpenAI wraps one, or as it was stored."""
    if given.get("type") == "json_schema" and isinstance(given.get("json_schema"), Mapping):
        return _named_schema(given["json_schema"])
    if given.get("type") == "json_object":
        return "json_object", {"type": "object"}
    if "schema" in given and given.keys() <= {"name", "schema", "strict", "description"}:
        return given.get("name", "response"), given["schema"]
    if not given:
        raise InvalidContentError(f"an empty dict is no response format: {_FORMS}")
    title = given.get("title")
    return title if isinstance(title, str) and title else "response", given


def _schema_of(given: object) -> tuple[str, Json]:
    if not isinstance(given, type):
        raise InvalidContentError(f"a {type(given).__name__} is no response format: {_FORMS}")
    model_json_schema = getattr(given, "model_json_schema", None)
    if callable(model_json_schema):
        return given.__name__, model_json_schema()
    if not (issubclass(given, msgspec.Struct) or is_dataclass(given) or is_typeddict(given)):
        raise InvalidContentError(f"{given.__name__} is no response format: {_FORMS}")
    try:
        return given.__name__, msgspec.json.schema(given)
    except (TypeError, NameError) as reason:
        raise InvalidContentError(f"{given.__name__} cannot be said as a JSON schema: {reason}") from None
