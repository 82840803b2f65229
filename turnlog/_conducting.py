"""Conducting operations: from what a caller gave to what is done, recorded and answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields, replace
from typing import Any
from uuid import uuid4

from ._equipment import OperationFunction
from ._live import Live
from .domain.content_types import content_in
from .domain.errors import InvalidValueError, ItemNotFoundError, TurnlogError
from .domain.message import Message
from .domain.plain import Json, plain
from .imodel import PROVIDERS, SETTINGS, LanguageModel
from .operations.operate import Operated
from .operations.params import ActParams, GenerateParams, Params, ParseParams
from .operations.registry import OPERATIONS
from .operations.work import Left, Work

OTHER_NAMES = {"model": "imodel", "chat_model": "imodel", "parse_model": "imodel", "request": "requests"}


async def conduct(
    live: Live,
    operation: str,
    branch: int,
    params: object = None,
    *,
    model: LanguageModel | None = None,
    replayed: Any = None,
    left: Left | None = None,
    id: str | None = None,
) -> Any:
    """Does an operation on a branch: it is on the record whether it ends well or not, and what it raises is raised."""
    function = find_operation(live, operation)
    work = Work(live, branch, id or str(uuid4()), operation, model=model, replayed=replayed, left=left)
    try:
        if operation in live.equipment.operations:
            await work.begin(_recorded(params))
        result = await function(work, params)
        await work.complete(_told(result, work))
    except BaseException as error:
        if work.began:
            work.fail(error)
        raise
    return result


def find_operation(live: Live, name: str) -> OperationFunction:
    """The operation of a name: one of the session's own, or of the house."""
    own = live.equipment.operations.get(name)
    if own is not None:
        return own
    if name not in OPERATIONS:
        raise ItemNotFoundError("operation", repr(name), known=(*OPERATIONS, *live.equipment.operations))
    return OPERATIONS[name][0]


def params_of(live: Live, operation: str, given: object, more: Mapping[str, Any]) -> object:
    """The parameters of an operation, out of what a caller gave: as such, as a dict, or by name."""
    if operation in live.equipment.operations or operation not in OPERATIONS:
        return given if given is not None else dict(more)
    kind = OPERATIONS[operation][1]
    if given is None or isinstance(given, Mapping):
        return _made(kind, {**(given or {}), **more})
    if isinstance(given, kind):
        return replace(given, **_named(kind, more)) if more else given
    if isinstance(given, Params) and not isinstance(given, kind):
        names = {each.name for each in fields(kind)}
        return kind(**{each.name: getattr(given, each.name) for each in fields(given) if each.name in names})
    raise InvalidValueError("params", f"are a {type(given).__name__}: expected {kind.__name__}, or its fields by name")


def _made(kind: type[Params], given: Mapping[str, Any]) -> Params:
    return kind(**_named(kind, given))


def _named(kind: type[Params], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the parameters among what was given by name, settings of the model together."""
    names = {each.name for each in fields(kind)}
    known: dict[str, Any] = {}
    settings: dict[str, Any] = dict(given.get("imodel_kwargs") or {})
    for key, value in given.items():
        name = key if key in names else OTHER_NAMES.get(key, key)
        if name == "imodel_kwargs":
            continue
        if name in names:
            if value is not None or name not in known:
                known[name] = value
        elif key in SETTINGS or key.partition("_")[0] in PROVIDERS:
            settings[key] = value
        else:
            raise InvalidValueError(f"{kind.__name__}", f"has no {key!r}: expected one of {', '.join(sorted(names))}")
    return known | ({"imodel_kwargs": settings} if settings else {})


def rebuilt(operation: str, recorded: Json, requests: list[Message]) -> object:
    """The parameters of an operation as they were recorded; what it said is on the record as messages."""
    if operation not in OPERATIONS:
        return recorded
    kind = OPERATIONS[operation][1]
    names = {each.name for each in fields(kind)}
    known = {key: value for key, value in (recorded or {}).items() if key in names}
    if isinstance(known.get("generate"), dict) or isinstance(known.get("parse"), dict):
        known = _rebuilt_within(known)
    said = (recorded or {}).get("said")
    if said is not None:
        known["instruction"] = Message(content_in(said))
    return kind(**known, requests=requests) if issubclass(kind, ActParams) else kind(**known)


def _rebuilt_within(known: dict[str, Any]) -> dict[str, Any]:
    if isinstance(known.get("generate"), dict):
        known["generate"] = GenerateParams(**known["generate"])
    if isinstance(known.get("parse"), dict):
        known["parse"] = ParseParams(**known["parse"])
    return known


async def streamed(start: Callable[[Callable[[str], None]], Any]) -> AsyncIterator[str]:
    """The text of an operation as it comes; whoever stops listening stops the operation."""
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    doing = asyncio.ensure_future(start(pieces.put_nowait))
    doing.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await doing
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)


def _recorded(params: object) -> Json:
    if isinstance(params, Params):
        return params.recorded()
    return _plain_or_type(params)


def _told(result: object, work: Work) -> Json:
    """What of a result is not on the record already."""
    if isinstance(result, Operated):
        return {"message": work.last_said, "steps": result.steps, "reason_stopped": result.reason_stopped}
    if work.name in OPERATIONS and work.name not in work.equipment.operations:
        return None if work.last_said is None else {"message": work.last_said}
    return _plain_or_type(result)


def _plain_or_type(value: object) -> Json:
    try:
        return plain(value, "a result")
    except TurnlogError:
        return {"type": type(value).__name__}
