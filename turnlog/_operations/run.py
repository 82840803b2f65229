"""Conducting operations: from what a caller gave to what is done, recorded and answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields, replace
from typing import Any
from uuid import uuid4

from .._models.imodel import PROVIDERS, SETTINGS, LanguageModel
from .._session.context import SessionContext
from ..domain.content_types import content_from_stored
from ..domain.errors import InvalidValueError, TurnlogError
from ..domain.json_values import Json, to_json_value
from ..domain.message import Message
from .params import ActParams, GenerateParams, OperationResult, Params, ParseParams
from .run_context import ResumePoint, RunContext

ALIASES = {"model": "imodel", "chat_model": "imodel", "parse_model": "imodel", "request": "requests"}


async def run_operation(
    context: SessionContext,
    operation: str,
    branch: int,
    params: object = None,
    *,
    model: LanguageModel | None = None,
    replayed: Any = None,
    left: ResumePoint | None = None,
    id: str | None = None,
) -> Any:
    """Does an operation on a branch: it is on the record whether it ends well or not, and what it raises is raised."""
    function, kind = context.registry.operation(operation)
    work = RunContext(context, branch, id or str(uuid4()), operation, model=model, replayed=replayed, left=left)
    try:
        if kind is None:
            await work.begin(_recordable_value(params))
        result = await function(work, params)
        await work.complete(_recordable_result(result, work, built_in=kind is not None))
    except BaseException as error:
        if work.began:
            work.fail(error)
        raise
    return result


def parse_params(context: SessionContext, operation: str, given: object, more: Mapping[str, Any]) -> object:
    """The parameters of an operation, out of what a caller gave: as such, as a dict, or by name."""
    kind = context.registry.operation(operation).params
    if kind is None:
        return given if given is not None else dict(more)
    if given is None or isinstance(given, Mapping):
        return _build_params(kind, {**(given or {}), **more})
    if isinstance(given, kind):
        return replace(given, **_rename_aliases(kind, more)) if more else given
    if isinstance(given, Params) and not isinstance(given, kind):
        names = {each.name for each in fields(kind)}
        return kind(**{each.name: getattr(given, each.name) for each in fields(given) if each.name in names})
    raise InvalidValueError("params", f"are a {type(given).__name__}: expected {kind.__name__}, or its fields by name")


def _build_params(kind: type[Params], given: Mapping[str, Any]) -> Params:
    return kind(**_rename_aliases(kind, given))


def _rename_aliases(kind: type[Params], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the parameters among what was given by name, settings of the model together."""
    names = {each.name for each in fields(kind)}
    known: dict[str, Any] = {}
    settings: dict[str, Any] = dict(given.get("imodel_kwargs") or {})
    for key, value in given.items():
        name = key if key in names else ALIASES.get(key, key)
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


def params_from_record(context: SessionContext, operation: str, recorded: Json, requests: list[Message]) -> object:
    """The parameters of an operation as they were recorded; what it said is on the record as messages."""
    kind = context.registry.operation(operation).params
    if kind is None:
        return recorded
    names = {each.name for each in fields(kind)}
    known = {key: value for key, value in (recorded or {}).items() if key in names}
    if isinstance(known.get("generate"), dict) or isinstance(known.get("parse"), dict):
        known = _rebuild_within(known)
    said = (recorded or {}).get("said")
    if said is not None:
        known["instruction"] = Message(content_from_stored(said))
    return kind(**known, requests=requests) if issubclass(kind, ActParams) else kind(**known)


def _rebuild_within(known: dict[str, Any]) -> dict[str, Any]:
    if isinstance(known.get("generate"), dict):
        known["generate"] = GenerateParams(**known["generate"])
    if isinstance(known.get("parse"), dict):
        known["parse"] = ParseParams(**known["parse"])
    return known


async def stream_operation(start: Callable[[Callable[[str], None]], Any]) -> AsyncIterator[str]:
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


def _recordable_value(params: object) -> Json:
    if isinstance(params, Params):
        return params.to_record()
    return _plain_or_type(params)


def _recordable_result(result: object, work: RunContext, *, built_in: bool) -> Json:
    """What of a result is not on the record already."""
    if isinstance(result, OperationResult):
        return {"message": work.last_message, "steps": result.steps, "reason_stopped": result.reason_stopped}
    if built_in:
        return None if work.last_message is None else {"message": work.last_message}
    return _plain_or_type(result)


def _plain_or_type(value: object) -> Json:
    try:
        return to_json_value(value, "a result")
    except TurnlogError:
        return {"type": type(value).__name__}
