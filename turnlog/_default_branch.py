"""What is decided on a branch that may have to be created first."""

from collections.abc import Callable, Sequence

from ._arguments import derived_id
from .domain.decisions import branch as branches
from .domain.decisions.compose import sequence
from .domain.events import Event
from .domain.state import State


def on_default_branch(
    branch: int | None,
    state: State,
    decide: Callable[[State, int], Sequence[Event]],
    command_id: str | None = None,
) -> Sequence[Event]:
    """What is decided on a branch, or on the default one; if there is none it is created together with that."""
    number = state.default if branch is None else branch
    if number is not None:
        return decide(state, number)
    id, next_number = derived_id(state.session, command_id, "default branch"), len(state.branches)
    return sequence(
        state, lambda state: branches.create_default(state, id=id), lambda state: decide(state, next_number)
    )
