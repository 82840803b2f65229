"""How a branch comes to show other messages."""

from ..ranges import Ranges, from_positions, join, message_origins, positions
from ..state import State, Visibility


def show(state: State, branch: int, ranges: Ranges, *, undoable: bool = False) -> None:
    """Let a branch show these messages from here on, with the system message it has."""
    shown = state.showing(branch)
    state.branches[branch].showings.append(Visibility(state.position, ranges, shown.system))
    if undoable:
        state.branches[branch].undoable.append(state.position)


def before_last_change(state: State, branch: int) -> Visibility:
    """Return what an undo makes visible: what the branch showed before its last change, then what was added since."""
    changed = state.branches[branch].undoable[-1]
    before, then, now = (state.showing(branch, at) for at in (changed - 1, changed, state.position))
    there = {*positions(before.ranges, state.written), *positions(then.ranges, state.written)}
    added = [shown for shown in message_origins(now.ranges, state.written) if shown[1] not in there]
    ranges = join(before.ranges, from_positions(added, state.written), state.written)
    return Visibility(state.position, ranges, before.system if now.system == then.system else now.system)
