"""Finding what is wanted in a text, if need be with a model that puts it into shape."""

from ..domain.content import InstructionContent
from ..domain.errors import InvalidValueError, ResponseFormatError
from ..domain.message import Message
from ..domain.response_format import response_format_from
from .params import ModelLike, ParseParams, Validation
from .run_context import RunContext
from .structured_output import parse_response

MAX_REPAIR = 5
"""How often a model is asked to mend what does not fit, at most."""


async def parse(work: RunContext, params: ParseParams) -> object:
    """What the text says, in the shape that is wanted."""
    wanted = params.request_type if params.response_format is None else params.response_format
    if wanted is None:
        raise InvalidValueError("parse", "has no response_format: expected the shape that is looked for")
    validate_options(params.max_retries, params.handle_validation)
    await work.begin(params.recorded() | {"text": params.text})
    work.access.allow_shape(response_format_from(wanted))
    return await parse_or_repair(work, params.text, wanted, params.max_retries, params.handle_validation, params.imodel)


def validate_options(retries: int, handle: str) -> None:
    """Refuses what cannot be wished of an answer that does not fit, before anybody is asked."""
    if not isinstance(retries, int) or not 0 <= retries <= MAX_REPAIR:
        raise InvalidValueError("the number of tries", f"is {retries!r}: expected 0 to {MAX_REPAIR}")
    if handle not in ("raise", "return_value", "return_none"):
        raise InvalidValueError("handle_validation", f"is {handle!r}: expected raise, return_value or return_none")


async def parse_or_repair(
    work: RunContext, text: str, wanted: object, retries: int, handle: Validation, model: ModelLike
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
            text = await _repair(work, text, wanted, misfit, model)
    raise AssertionError("the last try returns or raises")


async def _repair(work: RunContext, text: str, wanted: object, misfit: ResponseFormatError, model: ModelLike) -> str:
    instruction = InstructionContent(
        instruction="Put the text into the response format. Keep what it says. Answer with the JSON alone.",
        context=[{"text": text}, {"what is wrong": str(misfit)}],
        response_format=response_format_from(wanted),
    )
    answer, _ = await work.ask(purpose="parse", model=model, new=[Message(instruction)], kept=False, alone=True)
    return answer.text
