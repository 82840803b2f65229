"""Decisions on messages: append, retract, redact."""

from collections.abc import Sequence
from typing import cast

from ..branch_lookup import get_branch
from ..content import Content, SystemContent
from ..errors import InvalidValueError
from ..errors.base import message_not_found
from ..events import Event, EventRedacted, MessageAppended, MessageRedacted, MessageRetracted, SystemSet
from ..immutable import NO_KEYS
from ..json_values import Json, to_json_value
from ..message import Message
from ..ranges import index_of
from ..redaction import CONTENT_FIELDS
from ..state import BranchState, State
from .session import require_active, require_started


def append(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Adds messages to the end of a branch; a system message that an empty branch begins with is set in front."""
    require_active(state)
    get_branch(state, branch)
    return message_events(state, branch, messages)


def retract(state: State, branch: int, message: int) -> list[Event]:
    """Takes a message out of what a branch shows; other branches go on showing it."""
    require_active(state)
    place = get_branch(state, branch)
    if index_of(state.showing(branch).ranges, message, state.written) is not None:
        return [MessageRetracted(branch, message)]
    if _was_shown(state, place, message):
        return []
    raise message_not_found(state.session, str(message), f"branch {place.name!r} of ")


def redact(state: State, position: int, name: str, left: str, reason: str | None = None) -> list[Event]:
    """Remove the content of the event at a position, whatever the status of the session; `left` is what stays of it."""
    require_started(state)
    if name not in CONTENT_FIELDS:
        raise InvalidValueError(
            f"the event at position {position}", f"is {name}, which holds no content: expected an event that does"
        )
    is_message = state.owner(position) is not None or state.is_system_message(position)
    return [MessageRedacted(position, left, reason) if is_message else EventRedacted(position, left, reason)]


def message_events(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Return what adding messages to a branch records, one event each."""
    if begins_with_system(messages) and state.showing(branch).length == 0:
        return first_message_events(branch, messages)
    return [message_event(branch, message) for message in messages]


def first_message_events(branch: int, messages: Sequence[Message]) -> list[Event]:
    """Return what adding messages to an empty branch records: a leading system message is set in front."""
    if not begins_with_system(messages):
        return [message_event(branch, message) for message in messages]
    return [system_event(branch, messages[0]), *(message_event(branch, message) for message in messages[1:])]


def message_event(branch: int, message: Message) -> MessageAppended:
    """Return the event of a message at the end of a branch, whatever its role."""
    content = cast(Content, message.content)  # or one of an application's own
    metadata = _metadata(message)
    return MessageAppended(
        branch, content, message.sender, message.recipient, metadata, message.origin, message.lineage
    )


def system_event(branch: int, message: Message) -> SystemSet:
    """Return the event of a system message in front of a branch."""
    content = cast(SystemContent, message.content)
    return SystemSet(branch, content, message.sender, _metadata(message), message.lineage)


def begins_with_system(messages: Sequence[Message]) -> bool:
    """Whether the first of the messages is a system message."""
    return len(messages) > 0 and isinstance(messages[0].content, SystemContent)


def _metadata(message: Message) -> dict[str, Json]:
    return to_json_value(message.metadata, "metadata") if message.metadata else NO_KEYS


def _was_shown(state: State, branch: BranchState, message: int) -> bool:
    if any(message == retracted for _, retracted in branch.retracted):
        return True
    ends = [showing.since - 1 for showing in branch.showings[1:]]
    return any(index_of(branch.showing(end, state.written).ranges, message, state.written) is not None for end in ends)
