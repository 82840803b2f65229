"""The catalogue: one entry per session, from which listing and info are answered without a message being read."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ..domain import events as e
from ..domain.json_values import Json
from ..domain.state import Status

HOUSEKEEPING = (e.SessionArchived, e.SessionRestored, e.SessionDeleted, e.SessionForked, e.ForkEnded)
"""A session counts as updated when it was last used, not when it was put away, taken out again or forked."""

LABELS = frozenset(
    {
        e.SessionStarted,
        e.SessionRenamed,
        e.MetadataUpdated,
        e.SessionRestored,
        e.SessionArchived,
        e.SessionDeleted,
    }
)
"""The events that change more than an entry's place in the stream."""


class CatalogueEntry(msgspec.Struct, frozen=True):
    """What the catalogue knows of a session; `messages` and `bytes` count all that was ever appended.

    A system message set in front of a branch is one of the messages; taking it away is none.
    A session that goes on from another counts the messages that it inherited, too, and only the bytes of its own.
    """

    session: str
    position: int = 0
    time: int = 0
    digest: bytes = bytes(32)
    status: str = Status.UNSTARTED.value
    key: str | None = None
    name: str | None = None
    user: str | None = None
    forked_from: str | None = None
    forked_at: int | None = None
    messages: int = 0
    bytes: int = 0
    created: int = 0
    updated: int = 0
    metadata: dict[str, Json] = {}


def updated_entry(entry: CatalogueEntry, time: int, events: Sequence[e.Event | None]) -> CatalogueEntry:
    """The entry after events of this time; position, digest and bytes are the appender's to know."""
    kinds = list(map(type, events))
    messages = kinds.count(e.MessageAppended)
    if messages < len(kinds):
        messages += sum(isinstance(event, e.SystemSet) and event.content is not None for event in events)
        for event in events:
            if event is not None and type(event) in LABELS:
                entry = _relabel(entry, time, event)
    touched = any(kind not in HOUSEKEEPING for kind in kinds)
    return replace(entry, time=time, messages=entry.messages + messages, updated=time if touched else entry.updated)


def _relabel(entry: CatalogueEntry, time: int, event: e.Event) -> CatalogueEntry:
    match event:
        case e.SessionStarted():
            return replace(
                entry,
                status=Status.ACTIVE.value,
                created=time,
                key=event.key,
                name=event.name,
                user=event.user,
                forked_from=event.forked_from,
                forked_at=event.forked_at,
                messages=event.inherited_messages,
                metadata=event.metadata,
            )
        case e.SessionRenamed():
            return replace(entry, name=event.name, key=entry.key if event.key is None else event.key)
        case e.MetadataUpdated():
            return replace(entry, metadata={**entry.metadata, **event.changes})
        case e.SessionRestored():
            return replace(entry, status=Status.ACTIVE.value)
        case e.SessionArchived():
            return replace(entry, status=Status.ARCHIVED.value)
        case e.SessionDeleted():
            return replace(entry, status=Status.DELETED.value, key=None)
        case _:
            return entry
