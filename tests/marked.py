"""A session with a marker in everything that can hold content, and a search for the markers in bytes.

Loaded by tests/conftest.py, which passes the fixture on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from secrets import token_hex

import pytest

from turnlog import Session, Store
from turnlog._session.redact import redact
from turnlog.domain.codec import stored_name
from turnlog.domain.content import AssistantResponseContent, InstructionContent, SystemContent
from turnlog.domain.events import (
    AccessDenied,
    BranchCreated,
    BranchRenamed,
    Event,
    LogRecorded,
    MailCollected,
    MailParked,
    MailSent,
    MessageAppended,
    MetadataUpdated,
    ModelCalled,
    ModelSet,
    OperationCompleted,
    OperationFailed,
    OperationStarted,
    SessionArchived,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateSet,
    SystemSet,
    ToolRegistered,
)
from turnlog.domain.events.work import LogType
from turnlog.domain.redaction import CONTENT_FIELDS

PADDING = " ".join(f"word{n}" for n in range(400))
"""Makes texts so long that they are compressed, and do not fit on one page."""


_test = ""


def marker(number: int) -> str:
    """The word that only the event at this position has, and no other test: servers keep what others have written."""
    return f"qzx{_test}{number:03}marker"


def life() -> list[Event]:
    """One event of each kind that holds content, and more; each holds its marker in all of its fields."""
    events: list[Event] = []

    def add(make: Callable[[str], Event]) -> None:
        events.append(make(marker(len(events) + 1)))

    add(lambda m: SessionStarted(name=m, user=m, metadata={"a": m}))
    add(lambda m: BranchCreated(0, "b0", m, user=m, metadata={"a": m}))
    add(SessionRenamed)
    add(lambda m: MetadataUpdated({"b": m}))
    add(lambda m: StateSet("key", [m, PADDING]))
    add(lambda m: SystemSet(0, SystemContent(system_message=m), m, {"a": m}))
    add(lambda m: MessageAppended(0, InstructionContent(instruction=m), m, m, {"a": m}))
    add(lambda m: MessageAppended(0, AssistantResponseContent(assistant_response=f"{m} {PADDING}", model=m)))
    add(lambda m: MessageAppended(0, InstructionContent(instruction=f"{PADDING} {m}")))
    add(lambda m: BranchCreated(1, "b1", m, parent=0, at=8))
    add(lambda m: BranchRenamed(1, m))
    add(lambda m: MailSent("m1", "b0", "b1", content=[m, PADDING], metadata={"a": m}))
    add(lambda m: MailSent("m2", "b0", "b1", message={"type": "instruction", "instruction": m}, author=m))
    add(lambda m: MailCollected("b0", [12, 13]))
    add(lambda m: MailParked("b1", [12], m))
    add(lambda m: ToolRegistered("tool", 0, {"description": m}))
    add(lambda m: ModelSet("generate", "model", settings={"a": m}))
    add(lambda m: OperationStarted("o1", "chat", 0, {"a": m}))
    add(lambda m: ModelCalled("model", operation="o1", request=[m, PADDING], response=m, error=m))
    add(lambda m: OperationCompleted("o1", m))
    add(lambda m: OperationStarted("o2", "chat", 0, [m, PADDING]))
    add(lambda m: OperationFailed("o2", "ValueError", m))
    add(lambda m: AccessDenied("tool", [m], 0, [m]))
    add(lambda m: LogRecorded(LogType.ERROR, m, m, [m, PADDING], request=m, response=m, error=m))
    add(SessionArchived)
    add(SessionRestored)
    add(SessionDeleted)
    return events


class Marked:
    """A session whose every event with content has a marker, among others that stay as they are."""

    def __init__(self, store: Store, noise: int = 40) -> None:
        self.store = store
        self.id = "marked"
        others = [Session(store=store, session_id=f"other-{number}", user=f"user-{number}") for number in range(3)]
        events = life()
        for number, event in enumerate(events):
            store.append(self.id, [event])
            others[number % 3].default_branch.add(f"kept {number} {PADDING[: 50 * number]}")
        for number in range(noise):
            others[number % 3].default_branch.add(f"kept {number} later")
        self.positions = [at for at, event in enumerate(events, 1) if stored_name(event) in CONTENT_FIELDS]
        self.markers = [marker(at) for at in self.positions]

    @property
    def session(self) -> Session:
        """The session, opened anew."""
        return Session.open(self.id, store=self.store)

    def redact(self) -> None:
        """Redact every event, each for a reason that has a marker too, and then the reasons."""
        live = self.session._stream
        places = redact(live, self.positions, marker(500))
        redact(live, places, None)
        self.markers.append(marker(500))

    def names(self) -> set[str]:
        """The stored names of what was redacted."""
        return {row.name for row in self.store.recorder.read(self.id) if row.payload_hash is not None}


def found(markers: Iterable[str], *places: Path) -> dict[str, list[str]]:
    """The files under these places that have a marker in their bytes, and which."""
    wanted = [each.encode() for each in markers]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    held = {}
    for file in files:
        try:
            content = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:  # a server has removed it
            continue
        if some := [each.decode() for each in wanted if each in content]:
            held[str(file)] = some
    return held


class MarkedSessions:
    """What tests of erasing need."""

    Marked = Marked
    found = staticmethod(found)
    marker = staticmethod(marker)
    everything = frozenset(CONTENT_FIELDS)


@pytest.fixture
def marked() -> type[MarkedSessions]:
    """Sessions with a marker in everything that can hold content."""
    global _test
    _test = token_hex(4)
    return MarkedSessions
