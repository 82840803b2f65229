"""What a redaction removes from the payload of each event, and what it leaves. Pure."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from .content_types import is_content_name
from .json_values import Json

Blank: TypeAlias = Callable[[Json, Mapping[str, Json]], Json]
"""The value that takes the place of a field, from the value it had and all fields of the event."""

SPEAKERS = ("user", "assistant", "tool", "system", "developer")
"""The roles that a content of an application's own may have, and keeps."""


def reserved_name(branch: Json) -> str:
    """The name that a branch has when its name is redacted."""
    return f"redacted-{branch}"


def is_reserved(name: str) -> bool:
    """Whether only redaction may give a name."""
    return _RESERVED.fullmatch(name) is not None


REMOVED = None
"""In place of a `Blank`: the field is left out, and so has its default."""


def _null(value: Json, fields: Mapping[str, Json]) -> Json:
    return None


def _empty_text(value: Json, fields: Mapping[str, Json]) -> Json:
    return ""


def _empty_list(value: Json, fields: Mapping[str, Json]) -> Json:
    return []


def _keys_alone(value: Json, fields: Mapping[str, Json]) -> Json:
    """The keys stay: without them, an earlier value would seem to be in force."""
    return dict.fromkeys(value) if isinstance(value, dict) else {}


def _name(value: Json, fields: Mapping[str, Json]) -> Json:
    """A name that no other branch of the session or of its forks has: names of this form are reserved."""
    return reserved_name(fields["branch"])


def _kind_of_content(value: Json, fields: Mapping[str, Json]) -> Json:
    """The kind of a content, who speaks where the kind does not say it, and whether a call succeeded."""
    if not isinstance(value, dict):
        return None
    if not is_content_name(value["type"]):
        raise ValueError(f"{value['type']!r} is not the name of a kind of content")
    left: dict[str, Json] = {"type": value["type"]}
    if value.get("role") in SPEAKERS:
        left["role"] = value["role"]
    if isinstance(value.get("success"), bool):
        left["success"] = value["success"]
    return left


CONTENT_FIELDS: Mapping[str, Mapping[str, Blank | None]] = MappingProxyType(
    {
        "session.started": {"name": REMOVED, "user": REMOVED, "metadata": REMOVED},
        "session.renamed": {"name": _null},
        "session.metadata_updated": {"changes": _keys_alone},
        "session.state_set": {"value": _null},
        "session.archived": {"reason": REMOVED},
        "session.restored": {"reason": REMOVED},
        "session.deleted": {"reason": REMOVED},
        "branch.created": {"name": _name, "user": REMOVED, "metadata": REMOVED},
        "branch.renamed": {"name": _name},
        "branch.system_set": {"content": _kind_of_content, "sender": REMOVED, "metadata": REMOVED},
        "message.appended": {
            "content": _kind_of_content,
            "sender": REMOVED,
            "recipient": REMOVED,
            "metadata": REMOVED,
        },
        "message.redacted": {"reason": REMOVED},
        "event.redacted": {"reason": REMOVED},
        "mail.sent": {"content": REMOVED, "message": _kind_of_content, "author": REMOVED, "metadata": REMOVED},
        "mail.parked": {"reason": _empty_text},
        "work.tool_registered": {"schema": REMOVED},
        "work.model_set": {"settings": REMOVED},
        "work.operation_started": {"params": REMOVED},
        "work.operation_completed": {"result": REMOVED},
        "work.operation_failed": {"reason": _empty_text},
        "work.model_called": {"request": REMOVED, "response": REMOVED, "error": _empty_text},
        "work.access_denied": {"requested": _empty_list, "available": REMOVED},
        "log.recorded": {
            "source": REMOVED,
            "message": REMOVED,
            "data": REMOVED,
            "request": REMOVED,
            "response": REMOVED,
            "error": _empty_text,
        },
    }
)
"""By stored name, the fields that hold content, and what a redaction puts in their place.

The other fields of these events stay: positions, ids, kinds, counts, and the names that states are folded by. Events
that are not here hold no content. The payload of every event that is here ends with a salt.
"""

MESSAGES = ("message.appended", "branch.system_set")
"""The events that record a message."""

REDACTIONS: Mapping[str, str] = MappingProxyType({"message.redacted": "message", "event.redacted": "event"})
"""The events that record a redaction, each with the field that has the position of what was redacted."""


def redacted_payload(name: str, payload: bytes) -> bytes:
    """What a redaction leaves of a payload; of what is left already, the same again."""
    blanks = CONTENT_FIELDS[name]
    fields: dict[str, Json] = msgspec.json.decode(payload, type=dict[str, Json])
    fields.pop("salt", None)
    left = {}
    for field, value in fields.items():
        if field not in blanks:
            left[field] = value
        elif (blank := blanks[field]) is not REMOVED:
            left[field] = blank(value, fields)
    return _encode(left)


_RESERVED = re.compile(r"redacted-[0-9]+")
_encode = msgspec.json.Encoder().encode
