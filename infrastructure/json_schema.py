"""Answers held against the shape they were asked for in, by the JSON schema that was stored with the question."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ..domain.content import AssistantResponseContent, InstructionContent, ResponseFormat
from ..domain.content_parts import as_text, is_list_of_parts
from ..domain.errors import InvalidValueError, ResponseFormatError
from ..domain.json_values import Json, parse_json, to_json_value
from ..domain.message import Message
from ..domain.optional_dependencies import require
from ..domain.provider_messages import is_parts
from ..domain.response_format import response_format_from

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_ELSEWHERE = "refers to a schema that it does not hold: expected references within it, as #/$defs/name"


def validate_response(asked: object, answer: Json) -> Json:
    """The answer if it has the shape asked for, which a response format says, or the message that asked with one.

    An answer that is a message is taken for the JSON that its text is. References within the schema are followed;
    nothing is ever fetched. It needs the extra `turnlog[models]`.
    """
    with require("jsonschema", "models"):
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError, best_match
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    shape = _shape(asked)
    value = _value(shape, answer)
    try:
        kind = validator_for(shape.schema, default=Draft202012Validator)
        kind.check_schema(shape.schema)
        misfit = best_match(kind(shape.schema, registry=Registry()).iter_errors(value))
    except SchemaError as reason:
        raise InvalidValueError(f"the schema of {shape.name!r}", f"is no JSON schema: {reason.message}") from None
    except (Unresolvable, RecursionError):
        raise InvalidValueError(f"the schema of {shape.name!r}", _ELSEWHERE) from None
    if misfit is not None:
        raise ResponseFormatError(shape.name, misfit.json_path, _problem(misfit))
    return value


def _shape(asked: object) -> ResponseFormat:
    content = asked.content if isinstance(asked, Message) else asked
    if isinstance(content, InstructionContent):
        if content.response_format is None:
            raise InvalidValueError("the message", "asks for no response format: expected one that does")
        content = content.response_format
    shape = response_format_from(content)
    return ResponseFormat(shape.name, to_json_value(shape.schema, "a response format"))


def _value(shape: ResponseFormat, answer: Json) -> Json:
    content = answer.content if isinstance(answer, Message) else answer
    if not isinstance(content, AssistantResponseContent):
        return to_json_value(content, "an answer")
    body = content.assistant_response
    if not isinstance(body, str) and not (is_parts(body) and is_list_of_parts(body)):
        return to_json_value(body, "an answer")
    try:
        return parse_json(as_text(body))
    except msgspec.DecodeError:
        raise ResponseFormatError(shape.name, "$", "expected JSON, and the text is none") from None
    except InvalidValueError:
        raise ResponseFormatError(shape.name, "$", "expected JSON with each key once and numbers in range") from None


def _problem(misfit: "ValidationError") -> str:
    """What the schema expects there; what the answer says instead is not repeated, errors end up in logs."""
    rule, wanted, found = str(misfit.validator), misfit.validator_value, misfit.instance
    if rule == "required" and isinstance(wanted, list) and isinstance(found, Mapping):
        wanted = [name for name in wanted if name not in found]
    text = msgspec.json.encode(to_json_value(wanted, "a schema")).decode()
    return f"expected {rule} {text if len(text) <= 200 else text[:200] + '...'}"
