"""Decision to show other messages instead of those that are shown."""

from collections.abc import Sequence

from ..content import SystemContent
from ..events import Event, SystemSet
from ..message import Message
from ..state import State
from .history import clear
from .message import append


def replaced(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Clears the branch and adds the messages; a system message that is not among them is taken away."""
    events = [*clear(state, branch), *append(state, branch, messages)]
    has_system = any(isinstance(message.content, SystemContent) for message in messages)
    if state.showing(branch).system is not None and not has_system:
        events.append(SystemSet(branch, None))
    return events
