"""What is decided on a branch that may have to be created first."""

from collections.abc import Callable, Sequence
from uuid import uuid4

from .domain.decisions import branch as branches
from .domain.decisions.sequence import in_turn
from .domain.events import Event
from .domain.state import State


def on_branch(branch: int | None, state: State, decide: Callable[[State, int], Sequence[Event]]) -> Sequence[Event]:
    """What is decided on a branch, or on the default one; if there is none it is created together with that."""
    number = state.default if branch is None else branch
    if number is not None:
        return decide(state, number)
    fresh, next_number = str(uuid4()), len(state.branches)
    return in_turn(
        state, lambda state: branches.create_default(state, id=fresh), lambda state: decide(state, next_number)
    )
