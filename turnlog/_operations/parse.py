"""Finding a value of a response format in a text."""

from ..domain.errors import InvalidValueError
from ..domain.response_format import response_format_from
from .params import ParseParams
from .run_context import RunContext
from .structured_output import parse_or_repair, validate_options


async def parse(work: RunContext, params: ParseParams) -> object:
    """What the text says, in the shape that is wanted."""
    wanted = params.request_type if params.response_format is None else params.response_format
    if wanted is None:
        raise InvalidValueError("parse", "has no response_format: expected the shape that is looked for")
    validate_options(params.max_retries, params.handle_validation)
    await work.begin(params.to_record() | {"text": params.text})
    work.access.allow_shape(response_format_from(wanted))
    return await parse_or_repair(
        work.ask, params.text, wanted, params.max_retries, params.handle_validation, params.imodel
    )
