"""How a branch comes to show other messages."""

from ..ranges import Ranges
from ..state import State, Visibility


def show(state: State, branch: int, ranges: Ranges, *, undoable: bool = False) -> None:
    """Let a branch show these messages from here on, with the system message it has."""
    shown = state.showing(branch)
    state.branches[branch].showings.append(Visibility(state.position, ranges, shown.system))
    if undoable:
        state.branches[branch].undoable.append(state.position)
