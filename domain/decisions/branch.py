"""Decisions on branches: create, fork, name, remove, and what a branch may use."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Final, Literal, TypeAlias

from ..branch_lookup import ancestor_at, free_name, get_branch, is_taken, position_in
from ..content import SystemContent
from ..errors import InvalidValueError, NameTakenError
from ..events import (
    AccessChanged,
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    DefaultBranchChanged,
    Event,
    SystemSet,
)
from ..json_values import Json, to_json_value
from ..ranges import Origin
from ..state import State
from ..validation import MAX_NAME_LENGTH, validate_name
from .mail import park_all_of
from .session import require_active

LONGEST_STEM = MAX_NAME_LENGTH - 20
"""What a fork of a fork of a fork keeps of its parent's name, so that its own does not grow without end."""


class Unchanged(Enum):
    """An access set that is not named stays as it is, or comes from the parent."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

Access: TypeAlias = Collection[str] | None
"""What a branch may use: None is everything, an empty collection nothing."""

AccessGiven: TypeAlias = Access | Literal[Unchanged.UNCHANGED]


def create(
    state: State,
    *,
    id: str,
    name: str | None = None,
    user: str | None = None,
    capabilities: Access = None,
    resources: Access = None,
    metadata: Mapping[str, Json] | None = None,
) -> list[Event]:
    """Creates an empty branch; without a name it gets one that is free."""
    require_active(state)
    return [
        BranchCreated(
            branch=len(state.branches),
            id=_new_id(state, id),
            name=_new_name(state, name, "branch" if state.branches else "main"),
            user=None if user is None else validate_name(user, "a user"),
            capabilities=_members(capabilities, "capabilities"),
            resources=_members(resources, "resources"),
            metadata=to_json_value(metadata or {}, "metadata"),
        )
    ]


def fork(
    state: State,
    source: int,
    *,
    id: str,
    at: int | None = None,
    name: str | None = None,
    user: str | None = None,
    capabilities: AccessGiven = UNCHANGED,
    resources: AccessGiven = UNCHANGED,
    origin: Origin = Origin.INHERITED,
) -> list[Event]:
    """Creates a branch that shows what `source` showed at a position; nothing is copied.

    What it may use is what the source may use now, so that nobody gets around a restriction by forking before it.
    """
    require_active(state)
    point = state.position if at is None else position_in(state, at)
    parent = ancestor_at(state, source, point)
    return [
        BranchCreated(
            branch=len(state.branches),
            id=_new_id(state, id),
            name=_new_name(state, name, f"{parent.name[:LONGEST_STEM]}-fork"),
            parent=source,
            at=point,
            origin=origin,
            user=parent.user if user is None else validate_name(user, "a user"),
            capabilities=_access_members(capabilities, parent.capabilities, "capabilities"),
            resources=_access_members(resources, parent.resources, "resources"),
        )
    ]


def rename(state: State, branch: int, name: str) -> list[Event]:
    """Gives the branch another name; the old one is free again."""
    require_active(state)
    if get_branch(state, branch).name == name:
        return []
    return [BranchRenamed(branch, _new_name(state, name, ""))]


def remove(state: State, branch: int) -> list[Event]:
    """Removes the branch from here on and parks its mail; if it was the default, the oldest left becomes it."""
    require_active(state)
    gone = get_branch(state, branch)
    removed = [*park_all_of(state, gone.id, f"branch {gone.name!r} was removed"), BranchRemoved(branch)]
    if state.default == branch:
        left = next((other.number for other in state.live if other.number != branch), None)
        removed.append(DefaultBranchChanged(left))
    return removed


def change_default(state: State, branch: int) -> list[Event]:
    """Makes the branch the one that is meant when none is named."""
    require_active(state)
    get_branch(state, branch)
    return [] if state.default == branch else [DefaultBranchChanged(branch)]


def change_access(
    state: State, branch: int, *, capabilities: AccessGiven = UNCHANGED, resources: AccessGiven = UNCHANGED
) -> list[Event]:
    """Sets what the branch may use from here on; a set that is not named stays as it is."""
    require_active(state)
    now = get_branch(state, branch)
    allowed = _access_members(capabilities, now.capabilities, "capabilities")
    services = _access_members(resources, now.resources, "resources")
    if allowed == _sort_members(now.capabilities) and services == _sort_members(now.resources):
        return []
    return [AccessChanged(branch, allowed, services)]


def set_system(
    state: State,
    branch: int,
    content: SystemContent | None,
    *,
    sender: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> list[Event]:
    """Sets the system message of the branch, of which there is always one at most, in front of all others."""
    require_active(state)
    get_branch(state, branch)
    if content is None and state.showing(branch).system is None:
        return []
    return [SystemSet(branch, content, sender, to_json_value(metadata or {}, "metadata"))]


def _new_id(state: State, id: str) -> str:
    if is_taken(state, validate_name(id, "a branch id")):
        raise InvalidValueError("a branch id", f"{id!r} is in use in session {state.session}: expected a new one")
    return id


def _new_name(state: State, name: str | None, stem: str) -> str:
    if name is None:
        return free_name(state, stem)
    if is_taken(state, validate_name(name, "a branch name")):
        raise NameTakenError(state.session, name)
    return name


def _access_members(access: AccessGiven, otherwise: frozenset[str] | None, what: str) -> list[str] | None:
    return _sort_members(otherwise) if access is UNCHANGED else _members(access, what)


def _members(access: Access, what: str) -> list[str] | None:
    if access is None:
        return None
    if isinstance(access, str) or not all(isinstance(member, str) for member in access):
        raise InvalidValueError(what, "are no collection of names: expected a set of str, or None for everything")
    return _sort_members(access)


def _sort_members(members: Access) -> list[str] | None:
    return None if members is None else sorted(set(members))
