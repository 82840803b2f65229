"""Finding a branch or a position in a state; what is not there is refused, with what is there."""

from .errors import BranchNotFoundError, InvalidValueError
from .errors.base import position_not_found
from .redaction import is_reserved
from .state import BranchState, State


def find_branch(state: State, reference: str | int) -> BranchState | None:
    """The branch that a name, an id or a number means, removed or not."""
    if isinstance(reference, bool):
        return None
    if isinstance(reference, int):
        return state.branches[reference] if 0 <= reference < len(state.branches) else None
    number = state.names.get(reference, state.ids.get(reference))
    if number is not None:
        return state.branches[number]
    return next((branch for branch in reversed(state.branches) if branch.name == reference), None)


def get_branch(state: State, reference: str | int) -> BranchState:
    """The branch that a name, an id or a number means; one that was removed is refused."""
    branch = find_branch(state, reference)
    if branch is None:
        raise BranchNotFoundError(state.session, repr(reference), tuple(state.names))
    if branch.removed_at is not None:
        raise _removal_error(state, branch, branch.removed_at)
    return branch


def get_default_branch(state: State) -> BranchState:
    """The default branch; a session without one raises BranchNotFoundError."""
    if state.default is None:
        raise BranchNotFoundError(state.session, "default", tuple(state.names))
    return state.branches[state.default]


def branch_at(state: State, reference: str | int, at: int) -> BranchState:
    """The branch as one that existed at a position, wherever it is now."""
    branch = find_branch(state, reference)
    if branch is None:
        raise BranchNotFoundError(state.session, repr(reference), tuple(state.names))
    if at < branch.created_at:
        raise BranchNotFoundError(state.session, repr(branch.name), tuple(state.names), created_at=branch.created_at)
    if branch.removed_at is not None and at >= branch.removed_at:
        raise _removal_error(state, branch, branch.removed_at)
    return branch


def ancestor_at(state: State, reference: str | int, at: int) -> BranchState:
    """The branch at a position where it existed, or at an earlier one where those existed that it goes on from."""
    branch = find_branch(state, reference)
    if branch is not None and at < branch.created_at:
        number, point = state.visible_source(branch.number, at)
        if point >= state.branches[number].created_at:
            return branch
    return branch_at(state, reference, at)


def position_in(state: State, position: int) -> int:
    """The position, if the session has it."""
    if not state.first <= position <= state.position:
        raise position_not_found(state.session, position, state.first, state.position)
    return position


def require_shown(state: State, branch: int, message: int) -> None:
    """Raise InvalidValueError unless the branch shows a message, or showed it before."""
    if state.has_shown(branch, message):
        return
    shown, home = state.branches[branch], next(each for each in state.branches if state.has_shown(each.number, message))
    raise InvalidValueError(
        "the message",
        f"at position {message} is on branch {home.name!r} and was never on {shown.name!r}; pass a message of "
        f"{shown.name!r}, or a position",
    )


def is_taken(state: State, name: str) -> bool:
    """Whether a branch or another participant answers to a name, or a branch did to it as its id."""
    return name in state.names or name in state.ids or name in state.participants or is_reserved(name)


def free_name(state: State, stem: str) -> str:
    """The stem, or the stem with a number if somebody answers to that name."""
    name, number = stem, len(state.branches)
    while is_taken(state, name):
        name, number = f"{stem}-{number}", number + 1
    return name


def _removal_error(state: State, branch: BranchState, removed_at: int) -> BranchNotFoundError:
    return BranchNotFoundError(state.session, repr(branch.name), tuple(state.names), removed_at)
