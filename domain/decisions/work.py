"""Decisions on work: models, tools, operations, and who may use what."""

from collections.abc import Iterable, Mapping, Sequence

from ..branch_lookup import get_branch
from ..errors import InvalidValueError, OperationEndedError
from ..events import (
    AccessDenied,
    Event,
    ModelCalled,
    ModelSet,
    OperationCompleted,
    OperationFailed,
    OperationResumed,
    OperationStarted,
    ToolRegistered,
)
from ..json_values import Json, json_equal, to_json_value
from ..message import Message
from ..state import State
from ..validation import validate_name
from .message import message_events
from .session import require_active


def register_tool(state: State, tool: str, *, schema: Json = None, branch: int | None = None) -> list[Event]:
    """Puts a tool in reach of a branch, or of all; one that is there already stays as it is."""
    require_active(state)
    validate_name(tool, "a tool")
    if branch is not None:
        get_branch(state, branch)
    if branch in state.tools.get(tool, ()):
        return []
    return [ToolRegistered(tool, branch, to_json_value(schema, "a schema"))]


def set_model(
    state: State,
    purpose: str,
    model: str | None,
    *,
    provider: str | None = None,
    branch: int | None = None,
    settings: Mapping[str, Json] | None = None,
) -> list[Event]:
    """The model that a branch, or the session, uses for a purpose from here on."""
    require_active(state)
    validate_name(purpose, "a purpose")
    if branch is not None:
        get_branch(state, branch)
    given = to_json_value(settings or {}, "the settings of a model")
    now = state.models.get(purpose if branch is None else f"{branch}/{purpose}")
    if model is None:
        return [] if now is None else [ModelSet(purpose, None, branch=branch)]
    validate_name(model, "a model")
    if now is not None and (now.model, now.provider) == (model, provider) and json_equal(now.settings, given):
        return []
    return [ModelSet(purpose, model, provider, branch, given)]


def tools_of(state: State, branch: int) -> list[str]:
    """The tools in reach of a branch."""
    return [tool for tool, owners in state.tools.items() if branch in owners or None in owners]


def model_of(state: State, branch: int, purpose: str) -> str | None:
    """The name of the model that a branch uses for a purpose."""
    for key in (f"{branch}/{purpose}", purpose):
        if key in state.models:
            return state.models[key].model
    return None if purpose == "generate" else model_of(state, branch, "generate")


def find_denial(state: State, branch: int, kind: str, asked: Sequence[Iterable[str]]) -> AccessDenied | None:
    """What a branch must not use of what is asked; each thing goes by several names, and one of them will do."""
    place = get_branch(state, branch)
    allowed = place.capabilities if kind == "capabilities" else place.resources
    if allowed is None:
        return None
    refused = [next(iter(names)) for names in map(tuple, asked) if not allowed.intersection(names)]
    return AccessDenied(kind, refused, branch, sorted(allowed)) if refused else None


def deny(state: State, denial: AccessDenied) -> list[Event]:
    """Puts on the record that something was denied."""
    require_active(state)
    return [denial]


def start(state: State, id: str, name: str, branch: int, params: Json, said: Sequence[Message] = ()) -> list[Event]:
    """Opens an operation on a branch, with the messages that it begins with."""
    require_active(state)
    get_branch(state, branch)
    if id in state.operations:
        raise InvalidValueError("an operation id", f"{id!r} is in use: expected a new one")
    started = OperationStarted(id, validate_name(name, "an operation"), branch, to_json_value(params, "params"))
    return [started, *message_events(state, branch, said)]


def record_step(
    state: State, id: str, attempt: int, branch: int, called: ModelCalled | None = None, said: Sequence[Message] = ()
) -> list[Event]:
    """What an operation does on its way: a call of a model and what came of it, or messages."""
    _require_current_attempt(state, id, attempt)
    if said:
        get_branch(state, branch)
    return [*([called] if called is not None else []), *message_events(state, branch, said)]


def complete(state: State, id: str, attempt: int, result: Json) -> list[Event]:
    """Ends an operation well."""
    _require_current_attempt(state, id, attempt)
    return [OperationCompleted(id, to_json_value(result, "a result"))]


def fail(state: State, id: str, attempt: int, error: str, reason: str) -> list[Event]:
    """Ends an operation that failed."""
    _require_current_attempt(state, id, attempt)
    return [OperationFailed(id, error, reason)]


def resume(state: State, id: str) -> list[Event]:
    """Takes an open operation over; whoever was at it before can record nothing for it any more."""
    require_active(state)
    if id not in state.operations:
        raise OperationEndedError(state.session, id)
    return [OperationResumed(id)]


def abandon(state: State, id: str, reason: str | None) -> list[Event]:
    """Ends an open operation that nobody will go on with."""
    require_active(state)
    if id not in state.operations:
        raise OperationEndedError(state.session, id)
    return [OperationFailed(id, "Abandoned", reason or "nobody goes on with it")]


def _require_current_attempt(state: State, id: str, attempt: int) -> None:
    require_active(state)
    operation = state.operations.get(id)
    if operation is None or operation.attempt != attempt:
        raise OperationEndedError(state.session, id)
