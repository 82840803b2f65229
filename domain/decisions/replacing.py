"""Decision to show other messages instead of those that are shown."""

from collections.abc import Sequence

from ..events import Event, SystemSet
from ..message import Message
from ..state import State
from .history import clear
from .message import begins_with_system, begun


def replaced(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Clear the branch and add the messages, as to an empty one; a system message that was in front is removed."""
    events = clear(state, branch)
    if state.showing(branch).system is not None and not begins_with_system(messages):
        events.append(SystemSet(branch, None))
    return events + begun(branch, messages)
