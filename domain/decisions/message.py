"""Decisions on messages: append, retract, redact."""

from collections.abc import Sequence
from typing import cast

from ..content import Content, SystemContent
from ..errors import UnknownMessage
from ..events import Event, MessageAppended, MessageRedacted, MessageRetracted, SystemSet
from ..frozen import NO_KEYS
from ..lookup import get_branch
from ..message import Message
from ..plain import plain
from ..ranges import index_of
from ..state import BranchState, State
from .session import active, started


def append(state: State, branch: int, messages: Sequence[Message]) -> list[Event]:
    """Adds messages to the end of a branch; a system message takes its place in front instead."""
    active(state)
    get_branch(state, branch)
    return [appended(branch, message) for message in messages]


def retract(state: State, branch: int, message: int) -> list[Event]:
    """Takes a message out of what a branch shows; other branches go on showing it."""
    active(state)
    place = get_branch(state, branch)
    if index_of(state.showing(branch).ranges, message, state.written) is not None:
        return [MessageRetracted(branch, message)]
    if _was_shown(state, place, message):
        return []
    raise UnknownMessage(state.session, f"branch {place.name!r}", str(message))


def redact(state: State, message: int, reason: str | None = None) -> list[Event]:
    """Takes the words of a message off the record, in whatever state the session is."""
    started(state)
    if state.owner(message) is None and not _was_system(state, message):
        raise UnknownMessage(state.session, "the record", str(message))
    return [] if message in state.redacted else [MessageRedacted(message, reason)]


def appended(branch: int, message: Message) -> Event:
    """What adding a message to a branch records."""
    content = message.content
    metadata = plain(message.metadata, "metadata") if message.metadata else NO_KEYS
    if isinstance(content, SystemContent):
        return SystemSet(branch, content, message.sender, metadata, message.lineage)
    said = cast(Content, content)  # or one of an application's own
    return MessageAppended(branch, said, message.sender, message.recipient, metadata, message.origin, message.lineage)


def _was_shown(state: State, branch: BranchState, message: int) -> bool:
    if any(message == retracted for _, retracted in branch.retracted):
        return True
    ends = [showing.since - 1 for showing in branch.showings[1:]]
    return any(index_of(branch.showing(end, state.written).ranges, message, state.written) is not None for end in ends)


def _was_system(state: State, message: int) -> bool:
    return any(showing.system == message for branch in state.branches for showing in branch.showings)
