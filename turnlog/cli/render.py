"""Messages and events: as lines for people, as JSON documents for programs."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from .._session.names import NameLookup
from ..domain.codec import encode
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.instant import Instant
from ..domain.json_values import Json
from ..domain.message import REDACTED, Message
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.store import Store
from .escape import escape, quote
from .output import Output, Part, role_style

EXCERPT = 100
"""Characters of an event's content on its line."""

NOT_PRINTED = ("branch", "id", "ranges", "left", "lineage", "forked_digest")
"""Fields of events that the line of an event has elsewhere, or that only a program can use; JSON has them."""


class SessionTitles:
    """The names of sessions for people: the name, or the key, or else the id; read once each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._titles: dict[str, str] = {}

    def __getitem__(self, session: str) -> str:
        if session not in self._titles:
            entry = self._store.find_session(session)
            self._titles[session] = session if entry is None else entry.name or entry.key or session
        return self._titles[session]


def clock_time(at: datetime | None) -> str:
    """Return a time for people: UTC, to the second."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%SZ}"


def iso_time(time: int) -> str:
    """Return a time for programs, from microseconds since 1970."""
    return Instant.at(time).isoformat()


def excerpt(text: str, most: int = EXCERPT) -> str:
    """Return the beginning of a text on one line."""
    line = escape(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


# Messages


def displayed_text(message: Message) -> str:
    """Return the text of a message to display: that it was redacted, or has none, in place of an empty one."""
    return REDACTED if message.redacted else message.text or "(no text)"


def print_message(output: Output, message: Message, text: str | None = None) -> None:
    """Print a message: role, sender, position and time, then its text or another one, indented."""
    role = message.role.value
    sender = f" {quote(message.sender)}" if message.sender else ""
    recipient = f" to {quote(message.recipient)}" if message.recipient else ""
    origin = "" if message.origin.value == "authored" else f", {message.origin.value}"
    place = f"  [{message.position}] {clock_time(message.created_at)}{origin}"
    output.line((f"{role}{sender}{recipient}", f"bold {role_style(role)}"), (place, "dim"))
    output.text(displayed_text(message) if text is None else text)


def message_document(message: Message, names: NameLookup) -> dict[str, Json]:
    """Return a message for programs: sender and recipient as recorded, the branch by name and number."""
    fields = message.to_dict()
    return {
        "position": message.position,
        "id": message.id,
        "role": message.role.value,
        "text": message.text,
        "sender": message.sender,
        "recipient": message.recipient,
        "branch": None if message.branch is None else names.branch(message.branch),
        "branch_number": message.branch,
        "created_at": fields["created_at"],
        "origin": message.origin.value,
        "metadata": fields["metadata"],
        "redacted": message.redacted,
        "content": fields["content"],
    }


# Events


def print_event(output: Output, recorded: RecordedEvent, names: NameLookup, *, place: str) -> None:
    """Print an event on one line: position, time, actor, name and content."""
    branch = "" if recorded.branch is None else quote(names.branch(recorded.branch))
    by = f" by {quote(recorded.actor)}" if recorded.actor else ""
    summary = event_summary(recorded, names)
    parts: list[Part] = [
        (f"{place}  ", "bold"),
        (f"{clock_time(recorded.created_at)}  ", "dim"),
        (quote(recorded.name), _style(recorded.event)),
        f"{f' {quote(branch)}' if branch else ''}{by}{f': {summary}' if summary else ''}",
    ]
    output.line(*parts)


def event_document(recorded: RecordedEvent, names: NameLookup) -> dict[str, Json]:
    """Return an event for programs: its columns and its stored fields."""
    return {
        "session": recorded.session,
        "position": recorded.position,
        "global_position": recorded.global_position,
        "time": iso_time(recorded.time),
        "name": recorded.name,
        "branch": None if recorded.branch is None else names.branch(recorded.branch),
        "branch_number": recorded.branch,
        "actor": recorded.actor,
        "correlation_id": recorded.correlation_id,
        "causation": recorded.causation,
        "command_id": recorded.command_id,
        "digest": recorded.digest.hex(),
        "redacted": recorded.redacted,
        "event": _stored_fields(recorded.event),
    }


def event_summary(recorded: RecordedEvent, names: NameLookup) -> str:
    """Return the content of an event on one line."""
    event, redacted = recorded.event, [REDACTED] if recorded.redacted else []
    if isinstance(event, MessageAppended) or (isinstance(event, SystemSet) and event.content is not None):
        content = event.content
        assert content is not None
        return f"{content.role.value}: {REDACTED if redacted else excerpt(content.text)}"
    return excerpt(", ".join([*redacted, *_fields(event, names)]))


def _stored_fields(event: Event) -> dict[str, Json]:
    """The fields of an event as they are in its payload."""
    fields: dict[str, Json] = msgspec.json.decode(encode(event))
    return fields


def _style(event: Event) -> str:
    return role_style(event.content.role.value) if isinstance(event, MessageAppended) else "blue"


def _fields(event: Event, names: NameLookup) -> Iterator[str]:
    for field, stored in _stored_fields(event).items():
        value = names.field(field, stored)
        if field not in NOT_PRINTED and value not in (None, {}, []):
            yield f"{field} {value if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()}"
