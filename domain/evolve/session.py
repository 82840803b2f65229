"""How events of a session change its state."""

from collections.abc import Callable, Mapping
from typing import Any

from .. import events as e
from ..state import State, Status


def _on_started(state: State, event: e.SessionStarted) -> None:
    state.status = Status.ACTIVE
    state.created = state.time
    state.name, state.key = event.name, event.key
    state.user = state.user if event.user is None else event.user
    state.metadata = {**state.metadata, **event.metadata}


def _on_forked(state: State, event: e.SessionForked) -> None:
    state.forks.add(event.fork)


def _on_fork_ended(state: State, event: e.ForkEnded) -> None:
    state.forks.remove(event.fork)


def _on_renamed(state: State, event: e.SessionRenamed) -> None:
    state.name = event.name
    state.key = state.key if event.key is None else event.key


def _on_metadata_updated(state: State, event: e.MetadataUpdated) -> None:
    state.metadata = {**state.metadata, **event.changes}


def _on_state_set(state: State, event: e.StateSet) -> None:
    state.values[event.key] = event.value


def _on_state_removed(state: State, event: e.StateRemoved) -> None:
    del state.values[event.key]


def _on_archived(state: State, event: e.SessionArchived) -> None:
    state.status = Status.ARCHIVED


def _on_restored(state: State, event: e.SessionRestored) -> None:
    state.status = Status.ACTIVE


def _on_deleted(state: State, event: e.SessionDeleted) -> None:
    state.status, state.key = Status.DELETED, None


HANDLERS: Mapping[type[e.Event], Callable[[State, Any], None]] = {
    e.SessionStarted: _on_started,
    e.SessionForked: _on_forked,
    e.ForkEnded: _on_fork_ended,
    e.SessionRenamed: _on_renamed,
    e.MetadataUpdated: _on_metadata_updated,
    e.StateSet: _on_state_set,
    e.StateRemoved: _on_state_removed,
    e.SessionArchived: _on_archived,
    e.SessionRestored: _on_restored,
    e.SessionDeleted: _on_deleted,
}
