"""How events of messages and redactions change the state."""

from collections.abc import Callable, Mapping
from typing import Any

from .. import events as e
from ..state import State
from .visibility import show

NOT_FOLDED = 64
"""Retractions of a branch that are kept beside its last visibility before they become one."""


def _on_appended(state: State, event: e.MessageAppended) -> None:
    state.written[event.branch].append(state.position)


def _on_retracted(state: State, event: e.MessageRetracted) -> None:
    branch = state.branches[event.branch]
    branch.retracted.append((state.position, event.message))
    branch.undoable.append(state.position)
    if branch.retracted_since >= NOT_FOLDED:
        show(state, event.branch, state.showing(event.branch).ranges)


def _on_redacted(state: State, event: e.MessageRedacted) -> None:
    state.redacted.add(event.message)


def _on_event_redacted(state: State, event: e.EventRedacted) -> None:
    """A state that was folded earlier still has the content: `state_loader.catch_up` folds it again."""
    state.redacted.add(event.event)


HANDLERS: Mapping[type[e.Event], Callable[[State, Any], None]] = {
    e.MessageAppended: _on_appended,
    e.MessageRetracted: _on_retracted,
    e.MessageRedacted: _on_redacted,
    e.EventRedacted: _on_event_redacted,
}
