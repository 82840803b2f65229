"""Making calls that somebody asks for, on the record."""

from collections.abc import Iterable, Mapping

from ..domain.content import ActionRequestContent, ActionResponseContent
from ..domain.content_parsing import parse_content
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from .params import ActParams
from .run_context import RunContext


async def act(work: RunContext, params: ActParams) -> list[ActionResponseContent]:
    """The results of the calls, in their order; a call that fails raises, unless errors are to be suppressed."""
    given = [_request(each) for each in params.requests]
    if not given:
        raise InvalidValueError("the requests", "are none: expected a call, or several")
    work.access.allow_tools([content.function for content, _ in given])
    new = [Message(content) for content, message in given if message is None]
    said = iter(
        await work.begin(params.to_record() | {"made": [each.position for _, each in given if each is not None]}, new)
    )
    requests = [next(said) if message is None else message for _, message in given]
    return await work.act(
        requests,
        timeout=params.tool_timeout,
        concurrent=params.tool_concurrent,
        suppress_errors=params.suppress_errors,
    )


def requests_from(given: object) -> list[ActionRequestContent | Message | Mapping[str, Json]]:
    """One call, or several."""
    if isinstance(given, ActionRequestContent | Message | Mapping):
        return [given]
    if isinstance(given, Iterable) and not isinstance(given, str):
        return list(given)
    return [{"function": getattr(given, "function", None), "arguments": getattr(given, "arguments", {})}]


def _request(given: ActionRequestContent | Message | Mapping[str, Json]) -> tuple[ActionRequestContent, Message | None]:
    """A call, and the message it stands on the record as, if it does."""
    if isinstance(given, Message):
        content, message = given.content, given if given.position is not None else None
    else:
        content, message = given if isinstance(given, ActionRequestContent) else parse_content(given), None
    if not isinstance(content, ActionRequestContent):
        raise InvalidValueError(
            "a call", f"cannot be a {type(content).__name__}: expected a function and its arguments"
        )
    return content, message
