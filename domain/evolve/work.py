"""How events of tools, models and operations change the state."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from .. import events as e
from ..state import ModelState, OperationState, State


def _on_tool_registered(state: State, event: e.ToolRegistered) -> None:
    state.tools.setdefault(event.tool, []).append(event.branch)


def _on_tool_removed(state: State, event: e.ToolRemoved) -> None:
    state.tools[event.tool].remove(event.branch)


def _on_model_set(state: State, event: e.ModelSet) -> None:
    purpose = event.purpose if event.branch is None else f"{event.branch}/{event.purpose}"
    state.models.pop(purpose, None)
    if event.model is not None:
        state.models[purpose] = ModelState(event.model, event.provider, event.settings)


def _on_operation_started(state: State, event: e.OperationStarted) -> None:
    state.operations[event.operation] = OperationState(event.name, event.branch, state.position)


def _on_operation_resumed(state: State, event: e.OperationResumed) -> None:
    operation = state.operations[event.operation]
    state.operations[event.operation] = replace(operation, attempt=operation.attempt + 1)


def _on_operation_ended(state: State, event: e.OperationCompleted | e.OperationFailed) -> None:
    del state.operations[event.operation]


HANDLERS: Mapping[type[e.Event], Callable[[State, Any], None]] = {
    e.ToolRegistered: _on_tool_registered,
    e.ToolRemoved: _on_tool_removed,
    e.ModelSet: _on_model_set,
    e.OperationStarted: _on_operation_started,
    e.OperationResumed: _on_operation_resumed,
    e.OperationCompleted: _on_operation_ended,
    e.OperationFailed: _on_operation_ended,
}
