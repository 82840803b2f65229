"""Answers taken for what was asked for: JSON found in a text, held against a shape, made into the caller's type."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ..domain.content import ResponseFormat
from ..domain.errors import ResponseFormatError
from ..domain.json_values import Json, parse_json
from ..domain.response_format import response_format_from
from ..infrastructure.json_schema import validate_response

_FENCED = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)```", re.DOTALL)


def response_schema(given: object) -> ResponseFormat | None:
    """The shape that a caller asks for."""
    return None if given is None else response_format_from(given)


def parse_response(text: str, wanted: object) -> object:
    """What a text says in the shape that is wanted; of that type, if a type is wanted."""
    shape = response_format_from(wanted)
    misfit: ResponseFormatError | None = None
    for value in _candidates(text):
        try:
            return _validated(value, shape, wanted)
        except ResponseFormatError as reason:
            misfit = misfit or reason
    raise misfit or ResponseFormatError(shape.name, "$", "expected JSON, and there is none in the text")


def _validated(value: Json, shape: ResponseFormat, wanted: object) -> object:
    validate = getattr(wanted, "model_validate", None)
    if callable(validate):
        return _pydantic_schema(value, shape, validate)
    held = validate_response(shape, value)
    if not isinstance(wanted, type):
        return held
    try:
        return msgspec.convert(held, wanted)
    except msgspec.ValidationError as reason:
        raise ResponseFormatError(shape.name, "$", str(reason)) from None


def _pydantic_schema(value: Json, shape: ResponseFormat, validate: Any) -> object:
    from pydantic import ValidationError

    try:
        return validate(value)
    except ValidationError as reason:
        first = reason.errors(include_input=False, include_url=False)[0]
        place = "$" + "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"])
        raise ResponseFormatError(shape.name, place, first["msg"]) from None


def _candidates(text: str) -> Iterator[Json]:
    """The JSON that a text is, or holds in a fence, or from its first brace to its last."""
    spans = [text, *_FENCED.findall(text)]
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            spans.append(text[start : end + 1])
    for span in dict.fromkeys(spans):
        try:
            yield parse_json(span.strip())
        except ValueError:  # no JSON, or JSON that readers would not agree on
            continue
