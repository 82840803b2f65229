"""What no state could take in is rejected by every way to append, with a named error, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

import msgspec
import pytest
from eventsourcing.persistence import DataError, StoredEvent

from turnlog.domain.codec import add_salt, is_salted, remove_salt
from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidEventError, InvalidValueError, PositionConflictError
from turnlog.domain.events import (
    BranchCleared,
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    BranchReordered,
    BranchRewound,
    ChangeUndone,
    DefaultBranchChanged,
    Event,
    EventRedacted,
    MailDelivered,
    MailSent,
    MessageAppended,
    MessageRetracted,
    MessagesShared,
    OperationCompleted,
    OperationStarted,
    SessionDeleted,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateRemoved,
    StateSet,
    UnknownEvent,
)
from turnlog.domain.expected_position import NO_STREAM
from turnlog.domain.ranges import Range
from turnlog.domain.recorded_event import LATEST, Provenance
from turnlog.infrastructure.eventsourcing_adapter.mapper import DomainEvent, EventMapper
from turnlog.infrastructure.state_loader import load_state
from turnlog.infrastructure.stored_event import new_salt

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

MAIN = BranchCreated(0, "id-main", "main")
LEFT = '{"branch":0,"content":{"type":"instruction"}}'


def said(text: str = "hello", branch: int = 0, sender: str | None = None) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text), sender)


UNFOLDABLE: dict[str, list[Event]] = {
    "another start": [SessionStarted()],
    "a message on no branch": [said(branch=3)],
    "a message on a branch that comes later": [said(branch=1), BranchCreated(1, "b", "b")],
    "a branch that is its own parent": [BranchCreated(1, "b", "b", parent=1, at=1)],
    "a branch of another number": [BranchCreated(7, "b", "b")],
    "a branch of a name that is taken": [BranchCreated(1, "b", "main")],
    "a name for no branch": [BranchRenamed(4, "b")],
    "a rewind into the future": [BranchRewound(0, 99)],
    "an undo of nothing": [ChangeUndone(0, 3, ())],
    "a retraction of no message": [MessageRetracted(0, 1)],
    "a removal of a key that is not set": [StateRemoved("k")],
    "a removal of a key that is set and removed": [StateSet("k", 1), StateRemoved("k"), StateRemoved("k")],
    "an end of no operation": [OperationCompleted("o")],
    "a mail that was not sent": [MailDelivered("id-main", [3])],
    "a fork of the future": [SessionForked("t", 99)],
    "a redaction of a message as an event": [EventRedacted(3, LEFT)],
    "a message from a mail that is not there": [MessageAppended(0, InstructionContent(instruction="hello"), mail=99)],
    "a restoring of an active session": [SessionRestored()],
    "a name for a deleted session": [SessionDeleted(), SessionRenamed("again", key="k")],
    "a removal of a removed branch": [BranchCreated(1, "b", "b"), BranchRemoved(1), BranchRemoved(1)],
    "a removed branch as the default": [BranchCreated(1, "b", "b"), BranchRemoved(1), DefaultBranchChanged(1)],
    "a start of an open operation": [OperationStarted("o", "chat", 0), OperationStarted("o", "chat", 0)],
    "a mail from no participant": [MailSent("m", "nobody")],
    "an order with a message twice": [said(), BranchReordered(0, (Range(0, 3, 3, 1), Range(0, 3, 3, 1)))],
    "a share of a message that is shown": [MessagesShared(0, (Range(0, 3, 3, 1),))],
    "an undo that shows something else": [BranchCleared(0), ChangeUndone(0, 4, ())],
}


@pytest.fixture
def talking(store: Store) -> Store:
    """A store with a session `s` that has a branch and a message."""
    store.append("s", [SessionStarted(), MAIN, said()])
    return store


@pytest.mark.parametrize("events", UNFOLDABLE.values(), ids=UNFOLDABLE)
def test_an_append_that_cannot_be_folded_writes_nothing(talking: Store, events: list[Event]) -> None:
    before = talking.record_of()

    with pytest.raises(InvalidEventError, match=r"cannot be recorded at position . of session s"):
        talking.append("s", events)
    with pytest.raises(InvalidEventError):
        talking.append_together([("t", [SessionStarted()], NO_STREAM, None), ("s", events, 3, None)])

    assert talking.record_of() == before
    assert load_state(talking.recorder, "s").position == 3


def stored(session: str, position: int, event: Event) -> StoredEvent:
    """The event as the library stores it."""
    return EventMapper().to_stored_event(DomainEvent.new(session, position, event))


@pytest.mark.parametrize("events", UNFOLDABLE.values(), ids=UNFOLDABLE)
def test_the_library_cannot_save_what_cannot_be_folded(talking: Store, events: list[Event]) -> None:
    with pytest.raises(DataError, match="cannot be recorded at position"):
        talking.recorder.insert_events([stored("s", place, event) for place, event in enumerate(events, 4)])

    assert talking.last_global_position() == 3


def test_what_the_library_saves_is_folded_onto_what_came_before(talking: Store) -> None:
    events = [BranchCreated(1, "b", "b", parent=0, at=3), said(branch=1)]
    talking.recorder.insert_events([stored("s", place, event) for place, event in enumerate(events, 4)])

    assert load_state(talking.recorder, "s").names == {"main": 0, "b": 1}


def test_a_stream_of_the_library_takes_no_events_of_a_session(talking: Store) -> None:
    talking.recorder.insert_events([StoredEvent("other", 1, "program:Opened", b"{}")])

    for name in ("s", "other"):
        position = 4 if name == "s" else 2
        topic = "program:Opened" if name == "s" else "session.started"
        with pytest.raises(DataError):
            talking.recorder.insert_events([StoredEvent(name, position, topic, b"{}")])
    with pytest.raises(InvalidEventError):
        talking.append("other", [StateSet("k", 1)])
    assert talking.last_global_position() == 4


def test_content_of_the_library_without_a_salt_is_an_error(talking: Store) -> None:
    for name, payload in (("session.state_set", b'{"key":"k","value":"secret"}'), ("session.archived", b"{}")):
        with pytest.raises(DataError, match="has no salt"):
            talking.recorder.insert_events([StoredEvent("s", 4, name, payload)])

    assert talking.last_global_position() == 3


def test_content_that_the_library_saves_has_a_salt_of_its_own(talking: Store) -> None:
    talking.application.save(*(DomainEvent.new("s", position, said()) for position in (4, 5)))

    one, other = (row.payload or b"" for row in talking.recorder.read("s", after=3))
    assert is_salted(one)
    assert one != other
    assert remove_salt(one) == remove_salt(other)


def test_a_payload_of_the_library_has_each_key_once(talking: Store) -> None:
    payload = b'{"key":"k","value":{"a":1,"a":2}}'

    with pytest.raises(DataError, match="key 'a' twice"):
        talking.recorder.insert_events([StoredEvent("s", 4, "session.state_set", add_salt(payload, new_salt()))])


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


NO_NAMES = [
    *("a\nb", "a\x1b[2J", "a\0", "a\x9b", "a\u2028b", "\u202eb", "", "x" * 256),
    *(
        "\u200b",
        "a\u200b",
        "a\u200fb",
        "a\u200eb",
        "a\u061cb",
        "a\u2060b",
        "a\u00adb",
        "\ufeffa",
        "\u3164",
        "a\U000e0041",
    ),
    *(
        "\u200c",
        "a\u200d",
        "\u200ca",
        "a\u200d\u200db",
        "a \u200db",
        "a\ufe0f",
        "\ufe0f",
        " ",
        "\u3000\u2800",
        "\u034f",
    ),
]
NAMES = [
    *("ada", "a b", "Zo\u00eb", "Zoe\u0308", "\u65e5\u672c \u8a9e", "\u05d0\u05d1", "\u2764\ufe0f"),
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a joiner inside of a word
    "\u0915\u094d\u200d\u0937",  # Hindi
    "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam, where a joiner behind a virama ends a word
    "\U0001f469\u200d\U0001f4bb",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
]


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
@pytest.mark.parametrize(
    "events",
    [
        lambda name: [said(sender=name)],
        lambda name: [BranchCreated(1, name, "b")],
        lambda name: [BranchCreated(1, "b", name)],
        lambda name: [StateSet(name, 1)],
        lambda name: [SessionForked(name, 1)],
    ],
    ids=["sender", "id of a branch", "name of a branch", "key", "fork"],
)
def test_a_name_is_one_line_of_text(talking: Store, events: Callable[[str], list[Event]], name: str) -> None:
    with pytest.raises(InvalidValueError):
        talking.append("s", events(name))
    assert talking.last_global_position() == 3


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_may_be_in_any_language(talking: Store, name: str) -> None:
    talking.append("s", [said(sender=name), StateSet(name, 1)], provenance=Provenance(name, name), command_id=name)

    assert load_state(talking.recorder, "s").values[name] == 1


def test_columns_and_times_are_checked_where_events_enter(talking: Store, clock: Clock) -> None:
    for who in (
        Provenance("a\nb"),
        Provenance("\u200b"),
        Provenance(None, "\x1b"),
        Provenance(None, "a\u200f"),
        Provenance(None, None, 2**70),
    ):
        with pytest.raises(InvalidValueError):
            talking.append("s", [said()], provenance=who)
    for now in (-1, LATEST + 1, 2**62):
        clock.now = now
        with pytest.raises(InvalidValueError, match="a time is"):
            talking.append("s", [said()])
    clock.now = 1_700_000_000_000_000
    with pytest.raises(InvalidValueError, match="nested too deep"):
        talking.append("s", [StateSet("k", nested(120))])
    with pytest.raises(InvalidValueError, match="cannot be a UnknownEvent"):
        talking.append("s", [UnknownEvent("made up")])
    assert talking.last_global_position() == 3


def test_content_holds_any_text(talking: Store) -> None:
    text = "".join(map(chr, range(32))) + "\u2028\u202e"
    talking.append("s", [said(text), StateSet("k", [nested(90), text])])

    assert load_state(talking.recorder, "s").values["k"][1] == text
    assert talking.sql("SELECT text FROM messages ORDER BY position DESC LIMIT 1").rows() == [{"text": text}]


def test_appends_to_one_session_that_depend_on_it_are_each_folded(stores: Stores, talking: Store) -> None:
    other = stores.beside(talking)
    numbers: list[int] = []

    def create(store: Store) -> None:
        for _ in range(5):
            while True:
                number = len(load_state(store.recorder, "s").branches)
                try:
                    store.append("s", [BranchCreated(number, f"id-{number}", f"branch {number}")])
                except (InvalidEventError, PositionConflictError):
                    continue
                numbers.append(number)
                break

    threads = [Thread(target=create, args=(each,)) for each in (talking, other, talking)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(numbers) == list(range(1, 16))
    assert [branch.number for branch in load_state(talking.recorder, "s").branches] == list(range(16))
    assert talking.verify().ok


def test_verify_reports_a_session_that_cannot_be_opened(talking: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(talking.recorder.folding), "append", lambda check, append, record: record(append))
    talking.append("s", [StateRemoved("k")])

    (fault,) = talking.verify().faults
    assert (fault.session, fault.position) == ("s", 4)
    assert "does not follow from those before it" in fault.reason
    assert msgspec.json.encode(fault.reason)
