"""How events of branches change the state."""

from array import array
from collections.abc import Callable, Mapping
from typing import Any

from .. import events as e
from ..ranges import Origin, join, take_first, take_last, with_origin
from ..state import BranchState, State, Visibility, inherited_visibility
from .visibility import show


def _on_created(state: State, event: e.BranchCreated) -> None:
    start = Visibility(state.position)
    if event.parent is not None and event.at is not None:
        start = inherited_visibility(state.showing(event.parent, event.at), state.position, event.origin)
    state.branches.append(
        BranchState(
            number=event.branch,
            id=event.id,
            name=event.name,
            created_at=state.position,
            showings=[start],
            parent=event.parent,
            forked_at=event.at,
            user=event.user,
            capabilities=_access(event.capabilities),
            resources=_access(event.resources),
            metadata=event.metadata,
        )
    )
    state.names[event.name] = event.branch
    state.ids[event.id] = event.branch
    state.written.setdefault(event.branch, array("q"))
    if event.parent is not None:
        _set_tools_and_models(state, event.parent, event.branch)
    if state.default is None:
        state.default = event.branch


def _set_tools_and_models(state: State, parent: int, branch: int) -> None:
    """A fork has the tools and models that its parent has."""
    for owners in state.tools.values():
        if parent in owners:
            owners.append(branch)
    for purpose, model in list(state.models.items()):
        if purpose.startswith(f"{parent}/"):
            state.models[f"{branch}/{purpose.partition('/')[2]}"] = model


def _access(members: list[str] | None) -> frozenset[str] | None:
    return None if members is None else frozenset(members)


def _on_branch_renamed(state: State, event: e.BranchRenamed) -> None:
    branch = state.branches[event.branch]
    del state.names[branch.name]
    branch.name = event.name
    state.names[event.name] = event.branch


def _on_removed(state: State, event: e.BranchRemoved) -> None:
    branch = state.branches[event.branch]
    branch.removed_at = state.position
    del state.names[branch.name]
    if state.default == event.branch:
        state.default = None


def _on_default_changed(state: State, event: e.DefaultBranchChanged) -> None:
    state.default = event.branch


def _on_access_changed(state: State, event: e.AccessChanged) -> None:
    branch = state.branches[event.branch]
    branch.capabilities, branch.resources = _access(event.capabilities), _access(event.resources)


def _on_system_set(state: State, event: e.SystemSet) -> None:
    shown = state.showing(event.branch)
    system = None if event.content is None else state.position
    state.branches[event.branch].showings.append(Visibility(state.position, shown.ranges, system))


def _on_shared(state: State, event: e.MessagesShared) -> None:
    shown = state.showing(event.branch)
    show(state, event.branch, join(shown.ranges, with_origin(event.ranges, Origin.SHARED), state.written))


def _on_rewound(state: State, event: e.BranchRewound) -> None:
    then = state.showing(event.branch, event.to)
    branch = state.branches[event.branch]
    branch.showings.append(Visibility(state.position, then.ranges, then.system))
    branch.undoable.append(state.position)


def _on_truncated(state: State, event: e.BranchTruncated) -> None:
    kept = take_last(state.showing(event.branch).ranges, event.keep_last, state.written)
    show(state, event.branch, kept, undoable=True)


def _on_cleared(state: State, event: e.BranchCleared) -> None:
    show(state, event.branch, (), undoable=True)


def _on_undone(state: State, event: e.ChangeUndone) -> None:
    branch = state.branches[event.branch]
    branch.showings.append(Visibility(state.position, event.ranges, event.system))
    branch.undoable.remove(event.undone)


def _on_merged(state: State, event: e.BranchMerged) -> None:
    kept = take_first(state.showing(event.branch).ranges, event.keep_first, state.written)
    show(state, event.branch, join(kept, event.ranges, state.written))


def _on_reordered(state: State, event: e.BranchReordered) -> None:
    show(state, event.branch, event.ranges)


HANDLERS: Mapping[type[e.Event], Callable[[State, Any], None]] = {
    e.BranchCreated: _on_created,
    e.BranchRenamed: _on_branch_renamed,
    e.BranchRemoved: _on_removed,
    e.DefaultBranchChanged: _on_default_changed,
    e.AccessChanged: _on_access_changed,
    e.SystemSet: _on_system_set,
    e.MessagesShared: _on_shared,
    e.BranchRewound: _on_rewound,
    e.BranchTruncated: _on_truncated,
    e.BranchCleared: _on_cleared,
    e.BranchMerged: _on_merged,
    e.BranchReordered: _on_reordered,
    e.ChangeUndone: _on_undone,
}
