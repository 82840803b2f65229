"""How messages and events are told: in lines for people, in JSON for programs."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from .._session.names import NameLookup
from ..domain.codec import encode
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.instant import Instant
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.recorded_event import RecordedEvent
from .showing import Part, Showing, role_style
from .visible import quoted, visible

EXCERPT = 100
"""Characters of what an event says, on its line."""


def clock_time(at: datetime | None) -> str:
    """A time for people: UTC, to the second."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%SZ}"


def iso(time: int) -> str:
    """A time for programs, of microseconds since 1970."""
    return Instant.at(time).isoformat()


def excerpt(text: str, most: int = EXCERPT) -> str:
    """The beginning of a text on one line."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


# Messages


def show_message(showing: Showing, message: Message) -> None:
    """A message: its role, sender, position and time, and then its text, indented."""
    role = message.role.value
    sender = f" {quoted(message.sender)}" if message.sender else ""
    recipient = f" to {quoted(message.recipient)}" if message.recipient else ""
    origin = "" if message.origin.value == "authored" else f", {message.origin.value}"
    place = f"  [{message.position}] {clock_time(message.created_at)}{origin}"
    showing.line((f"{role}{sender}{recipient}", f"bold {role_style(role)}"), (place, "dim"))
    showing.text(message.text or "(nothing)")


def message_told(message: Message, names: NameLookup) -> dict[str, Json]:
    """A message for programs; its sender and recipient are those on the record, its branch has its name."""
    told = message.to_dict()
    return {
        "position": message.position,
        "id": message.id,
        "role": message.role.value,
        "text": message.text,
        "sender": message.sender,
        "recipient": message.recipient,
        "branch": None if message.branch is None else names.branch(message.branch),
        "branch_number": message.branch,
        "created_at": told["created_at"],
        "origin": message.origin.value,
        "metadata": told["metadata"],
        "content": told["content"],
    }


# Events


def event_line(showing: Showing, recorded: RecordedEvent, names: NameLookup, *, place: str) -> None:
    """An event on one line: where, when, by whom, its name and what it says."""
    branch = "" if recorded.branch is None else quoted(names.branch(recorded.branch))
    by = f" by {quoted(recorded.actor)}" if recorded.actor else ""
    said = event_summary(recorded.event, names)
    parts: list[Part] = [
        (f"{place}  ", "bold"),
        (f"{clock_time(recorded.recorded_at)}  ", "dim"),
        (quoted(recorded.name), _style(recorded.event)),
        f"{f' {quoted(branch)}' if branch else ''}{by}{f': {said}' if said else ''}",
    ]
    showing.line(*parts)


def event_told(recorded: RecordedEvent, names: NameLookup) -> dict[str, Json]:
    """An event for programs: its columns, and what it says as it is stored."""
    return {
        "session": recorded.session,
        "position": recorded.position,
        "global_position": recorded.global_position,
        "time": iso(recorded.time),
        "name": recorded.name,
        "branch": None if recorded.branch is None else names.branch(recorded.branch),
        "branch_number": recorded.branch,
        "actor": recorded.actor,
        "correlation": recorded.correlation,
        "cause": recorded.cause,
        "command_id": recorded.command_id,
        "digest": recorded.digest.hex(),
        "event": _stored(recorded.event),
    }


def event_summary(event: Event, names: NameLookup) -> str:
    """What an event says, in one line."""
    if isinstance(event, MessageAppended) or (isinstance(event, SystemSet) and event.content is not None):
        content = event.content
        assert content is not None
        return f"{content.role.value}: {excerpt(content.text)}"
    return excerpt(", ".join(_fields(event, names)))


def _stored(event: Event) -> dict[str, Json]:
    """The fields of an event as its payload has them."""
    fields: dict[str, Json] = msgspec.json.decode(encode(event))
    return fields


def _style(event: Event) -> str:
    return role_style(event.content.role.value) if isinstance(event, MessageAppended) else "blue"


def _fields(event: Event, names: NameLookup) -> Iterator[str]:
    for field, stored in _stored(event).items():
        value = names.field(field, stored)
        if field not in ("branch", "id") and value not in (None, {}, []):
            yield f"{field} {value if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()}"
