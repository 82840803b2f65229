"""Answers taken for what was asked for: JSON found in a text, held against a shape, made into the caller's type."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import msgspec

from ..domain.content import InstructionContent, ResponseFormat
from ..domain.errors import InvalidValueError, ResponseFormatError
from ..domain.json_values import Json, parse_json
from ..domain.message import Message
from ..domain.model_call import ModelResponse
from ..domain.response_format import response_format_from
from ..infrastructure.json_schema import validate_response
from .params import ModelLike, Validation

_FENCED = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)```", re.DOTALL)


MAX_REPAIR = 5
"""How often a model is asked to mend what does not fit, at most."""

Ask: TypeAlias = Callable[..., Awaitable[tuple[ModelResponse, list[Message]]]]
"""Asks a model, as `RunContext.ask` does."""


def response_schema(given: object) -> ResponseFormat | None:
    """The shape that a caller asks for."""
    return None if given is None else response_format_from(given)


def parse_response(text: str, wanted: object) -> object:
    """What a text says in the shape that is wanted; of that type, if a type is wanted."""
    shape = response_format_from(wanted)
    misfit: ResponseFormatError | None = None
    for value in _candidates(text):
        try:
            return _validate(value, shape, wanted)
        except ResponseFormatError as reason:
            misfit = misfit or reason
    raise misfit or ResponseFormatError(shape.name, "$", "expected JSON, and there is none in the text")


def _validate(value: Json, shape: ResponseFormat, wanted: object) -> object:
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


def validate_options(retries: int, handle: str) -> None:
    """Refuses what cannot be wished of an answer that does not fit, before anybody is asked."""
    if not isinstance(retries, int) or not 0 <= retries <= MAX_REPAIR:
        raise InvalidValueError("the number of tries", f"is {retries!r}: expected 0 to {MAX_REPAIR}")
    if handle not in ("raise", "return_value", "return_none"):
        raise InvalidValueError("handle_validation", f"is {handle!r}: expected raise, return_value or return_none")


async def parse_or_repair(
    ask: Ask, text: str, wanted: object, retries: int, handle: Validation, model: ModelLike
) -> object:
    """What a text says, after asking so many times to have it put right; if it never is, what is wanted then."""
    given = text
    for left in range(retries, -1, -1):
        try:
            return parse_response(text, wanted)
        except ResponseFormatError as misfit:
            if not left:
                if handle == "raise":
                    raise
                return given if handle == "return_value" else None
            text = await _repair(ask, text, wanted, misfit, model)
    raise AssertionError("the last try returns or raises")


async def _repair(ask: Ask, text: str, wanted: object, misfit: ResponseFormatError, model: ModelLike) -> str:
    instruction = InstructionContent(
        instruction="Put the text into the response format. Keep what it says. Answer with the JSON alone.",
        context=[{"text": text}, {"what is wrong": str(misfit)}],
        response_format=response_format_from(wanted),
    )
    answer, _ = await ask(purpose="parse", model=model, new=[Message(instruction)], kept=False, alone=True)
    return answer.text
