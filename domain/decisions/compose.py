"""Several decisions as one: each is made on the state that those before it will have led to."""

from collections.abc import Callable, Sequence

from ..events import Event
from ..evolve import evolve, fork_state
from ..state import State


def sequence(state: State, *decisions: Callable[[State], Sequence[Event]]) -> list[Event]:
    """The events of all decisions, to be recorded together; a refusal of one refuses all."""
    ahead = fork_state(state)
    decided: list[Event] = []
    for decision in decisions:
        for event in decision(ahead):
            evolve(ahead, ahead.position + 1, ahead.time, event)
            decided.append(event)
    return decided
