"""Words that are taken off the record are gone from the store, and the record says so and still proves itself."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from turnlog import Message, Session, SessionManager, Store, open_store
from turnlog.content import ActionResponseContent, MessageContent, MessageRole, SystemContent, content_type
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import (
    AccessDenied,
    BranchCreated,
    Event,
    EventRedacted,
    LogRecorded,
    MailSent,
    MessageAppended,
    MessageRedacted,
    MetadataUpdated,
    ModelCalled,
    ModelSet,
    OperationCompleted,
    OperationFailed,
    OperationStarted,
    SessionArchived,
    SessionRenamed,
    StateSet,
    ToolRegistered,
)
from turnlog.domain.events.work import LogType
from turnlog.domain.redaction import CONTENT_FIELDS
from turnlog.errors import (
    InheritedHistoryError,
    InvalidEventError,
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
)

SECRET = "her number is 555-0199"
ANSWER_LEFT = '{"branch":0,"content":{"type":"assistant_response"}}'


@content_type("redaction.shown")
class Shown(MessageContent, frozen=True, kw_only=True):
    """A content of an application's own."""

    role: ClassVar[MessageRole] = MessageRole.TOOL

    who: str

    @property
    def body(self) -> str:
        return self.who


@pytest.fixture
def session(store: Store) -> Session:
    """Positions: 1 started, 2 branch, 3 system, 4 to 6 messages."""
    session = Session("Be brief.", store=store)
    session.default_branch.add("one")
    session.default_branch.add(SECRET, sender="ada", recipient="bot", metadata={"phone": SECRET})
    session.default_branch.add({"assistant_response": "three"})
    return session


def told(session: Session, position: int) -> Message:
    (found,) = [message for message in session.messages if message.position == position]
    return found


def payloads(store: Store, session: Session) -> list[bytes]:
    return [row.payload or b"" for row in store.recorder.read(session.id)]


def test_the_words_of_a_redacted_message_are_gone_and_the_record_still_verifies(
    stores: Any, store: Store, session: Session
) -> None:
    session.redact(told(session, 5), "asked for by the customer")

    again = Session.open(session.id, store=stores.reopened(store))
    left = told(again, 5)
    assert (left.text, left.role, left.sender, left.recipient, left.metadata) == ("", "user", None, None, {})
    assert [message.position for message in again.messages] == [3, 4, 5, 6]
    assert not any(b"555-0199" in payload for payload in payloads(again._stream.store, again))
    assert [event.name for event in again.events(after=6)] == ["message.redacted"]
    assert again._stream.store.verify().faults == ()
    assert [message.text for message in again.at(6).messages] == ["Be brief.", "one", "", "three"]


def test_a_system_message_is_redacted_too(store: Store, session: Session) -> None:
    session.redact(told(session, 3))

    assert told(session, 3).content == SystemContent()
    assert store.verify().ok


def test_redacting_again_writes_nothing(store: Store, session: Session) -> None:
    said = told(session, 5)

    assert [session.redact(said), session.redact(said, "again"), session.redact(5)] == [7, 7, 7]

    assert session.position == 7
    assert store.verify().ok


def test_the_event_of_a_redaction_erases_what_it_names(store: Store, session: Session) -> None:
    left = '{"branch":0,"content":{"type":"instruction"}}'
    with pytest.raises(InvalidValueError, match="does not leave what a redaction leaves"):
        store.append(session.id, [MessageRedacted(5, '{"branch":0}')])
    session.default_branch.rewind(4)
    with pytest.raises(InvalidValueError, match="which holds no content"):
        store.append(session.id, [EventRedacted(7, "{}")])

    store.append(session.id, [MessageRedacted(5, left)])

    assert payloads(store, session)[4] == left.encode()
    assert store.verify().ok


def test_every_branch_and_session_that_shows_it_shows_it_without_words(store: Store, session: Session) -> None:
    fork = session.fork(name="retry")
    other = session.fork_session(at=6)
    said = told(other, -1)

    with pytest.raises(InheritedHistoryError, match=f"was recorded by session {session.id}; redact it there"):
        other.redact(said)
    session.redact(told(session, 5))

    assert [message.text for message in fork.messages] == ["Be brief.", "one", "", "three"]
    assert [message.text for message in other.messages] == ["Be brief.", "one", "", "three"]
    assert store.verify().ok


def test_a_call_that_failed_stays_a_failure_and_a_content_of_ones_own_keeps_its_role(
    stores: Any, store: Store, session: Session
) -> None:
    main = session.default_branch
    for given in ({"error": SECRET, "request_id": "1"}, {"result": {"success": False}}, Shown(who=SECRET)):
        session.redact(main.add(given))

    failed, succeeded, shown = Session.open(session.id, store=stores.reopened(store)).messages[-3:]
    assert isinstance(failed.content, ActionResponseContent)
    assert isinstance(succeeded.content, ActionResponseContent)
    assert (failed.content.success, failed.content.error, failed.role) == (False, None, "tool")
    assert (succeeded.content.success, succeeded.content.result) == (True, None)
    assert (shown.role, shown.text) == ("tool", "")


def test_what_is_put_away_can_be_redacted(store: Store, session: Session) -> None:
    said = told(session, 5)
    session.archive()
    session.redact(said)

    assert told(session, 5).text == ""


def test_what_is_no_message_of_the_session_is_not_redacted(store: Store, session: Session) -> None:
    other = Session(store=store).default_branch.add(SECRET)
    with pytest.raises(ItemNotFoundError):
        session.redact(other)
    with pytest.raises(ItemNotFoundError):
        session.redact(Message("never added"))

    assert session.position == 6
    assert other.text == SECRET


def test_what_was_redacted_stays_so_in_a_copy(stores: Any, store: Store, session: Session) -> None:
    session.redact(told(session, 5))
    copy = stores.new()
    store.copy_to(copy)

    assert not any(b"555-0199" in payload for payload in payloads(copy, session))
    assert copy.verify().ok


def test_a_file_holds_the_words_no_longer(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        session = Session(store=store)
        said = session.default_branch.add(SECRET * 1000)
        session.redact(said)

        held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"555-0199" not in held


EVERYWHERE: list[Event] = [
    MetadataUpdated({"phone": SECRET}),
    StateSet("phone", {"told": SECRET}),
    SessionRenamed(SECRET),
    BranchCreated(1, "branch-1", SECRET, parent=0, at=6, user=SECRET, metadata={"phone": SECRET}),
    MailSent("m-1", "branch-1", content=SECRET),
    MailSent("m-2", "branch-1", message={"type": "instruction", "instruction": SECRET}, author=SECRET),
    ToolRegistered("search", 0, {"description": SECRET}),
    ModelSet("chat", "small", settings={"user": SECRET}),
    OperationStarted("o-1", "chat", 0, {"instruction": SECRET}),
    ModelCalled("small", request=[SECRET], response=SECRET, error=SECRET, operation="o-1"),
    OperationCompleted("o-1", SECRET),
    OperationStarted("o-2", "chat", 0),
    OperationFailed("o-2", "TimeoutError", SECRET),
    AccessDenied("tool", [SECRET], 0, [SECRET]),
    LogRecorded(LogType.INFO, SECRET, SECRET, SECRET, request=SECRET, response=SECRET, error=SECRET),
    SessionArchived(SECRET),
]


def test_the_name_of_a_redacted_branch_is_reserved(store: Store, session: Session) -> None:
    with pytest.raises(NameTakenError):
        session.create_branch(name="redacted-1")
    secret = session.create_branch(name="secret")
    fork = session.fork_session()
    session.redact(7)

    assert Session.open(session.id, store=store).branches[secret.number].name == "redacted-1"
    assert [branch.name for branch in Session.open(fork.id, store=store).branches] == ["main", "redacted-1"]
    with pytest.raises(NameTakenError):
        fork.create_branch(name="redacted-2")
    assert store.verify().faults == ()


def test_a_redaction_of_what_is_not_there_is_not_recorded(store: Store, session: Session) -> None:
    left = '{"branch":0,"content":{"type":"instruction"}}'
    for events in (
        [EventRedacted(0, "{}")],
        [EventRedacted(9, "{}")],
        [MessageRedacted(-1, left)],
        [MessageAppended(0, InstructionContent(instruction=SECRET)), MessageRedacted(7, left)],
    ):
        with pytest.raises((InvalidValueError, InvalidEventError)):
            store.append(session.id, events)

    assert session.position == 6
    assert store.verify().faults == ()


def test_a_second_redaction_leaves_what_the_first_has_left(store: Store, session: Session) -> None:
    session.redact(5)
    before = store.record_of()
    left = '{"branch":0,"content":{"type":"instruction"}}'

    for other in (left.replace("instruction", "system"), "not JSON", f"{left} and more"):
        with pytest.raises(InvalidValueError, match="does not leave what an earlier one has left"):
            store.append(session.id, [MessageRedacted(5, other)])
    assert store.record_of() == before
    with pytest.raises(InvalidValueError, match="does not leave"):
        store.append(session.id, [MessageRedacted(6, ANSWER_LEFT), MessageRedacted(6, "{}")])
    assert store.record_of() == before

    store.append(session.id, [MessageRedacted(5, left)])
    assert store.verify().ok


def test_an_import_brings_labels_and_redactions_that_follow_each_other(clock: Any, store: Store) -> None:
    source = Session(SECRET, name=SECRET, session_id="s", metadata={"phone": SECRET}, store=store)
    with open_store("memory://") as copy:
        copy.import_record(store.record_of())
        clock.now += 1
        source.rename("known")
        clock.now += 1
        source.redact(1)
        source.redact(3)

        copy.import_record(store.record_of())

        assert copy.get_session("s") == store.get_session("s")
        assert copy.verify().faults == ()
        assert copy.record_of() == store.record_of()
    assert store.get_session("s").name == "known"


def test_every_event_with_content_can_be_redacted(store: Store) -> None:
    session = Session(SECRET, name=SECRET, user=SECRET, metadata={"phone": SECRET}, store=store)
    main = session.default_branch
    main.add(SECRET, sender=SECRET)
    main.add("stays")
    store.append(session.id, EVERYWHERE)
    elsewhere = Session.open(session.id, store=store)
    names = {event.position: event.name for event in session.events()}

    redactions = [
        session.redact(position, SECRET)
        for position, name in names.items()
        if name in CONTENT_FIELDS and position != 5  # "stays"
    ]
    for redaction in redactions:
        session.redact(redaction, "the reason held content, too")

    everything = b"".join(payloads(store, session))
    assert b"555-0199" not in everything
    assert b"stays" in everything
    assert store.verify().faults == ()
    entry = store.get_session(session.id)
    assert (entry.name, entry.user, entry.metadata) == (None, None, {"phone": None})
    for handle in (session, elsewhere, Session.open(session.id, store=store)):
        assert (handle.state, handle.metadata) == ({"phone": None}, {"phone": None})
        assert (handle.name, handle.user) == (None, None)  # as last read
        assert [branch.name for branch in handle.branches] == ["redacted-0", "redacted-1"]
        assert [message.text for message in handle.branches[0].messages] == ["", "", "stays"]


def test_a_redacted_message_is_told_from_an_empty_one(session: Session) -> None:
    main = session.default_branch
    empty = main.add("")
    session.redact(5, reason="personal data")
    session.redact(3)

    shown = list(main.messages)
    assert [message.redacted for message in shown] == [True, False, True, False, False]
    assert [message.text for message in shown[2:]] == ["", "three", ""]
    assert (empty.redacted, main.system is not None and main.system.redacted) == (False, True)
    assert [message.redacted for message in session.at(6).messages] == [True, False, True, False]
    fork = session.fork_session()
    assert [message.redacted for message in fork.messages.last(3)] == [True, False, False]
    assert Message.from_json(shown[2].to_json()).redacted
    assert [event.position for event in session.events() if event.redacted] == [3, 5]


def test_a_redacted_message_is_marked_in_exports_and_notebooks(store: Store, session: Session, tmp_path: Path) -> None:
    session.redact(5)

    with SessionManager(store=store) as manager:
        for name in ("talk.md", "talk.html", "talk.json"):
            manager.export_sessions(tmp_path / name, session.id)
        again = manager.import_sessions(tmp_path / "talk.json", name="again")
    assert [(tmp_path / name).read_text().count("[redacted]") for name in ("talk.md", "talk.html")] == [1, 1]
    messages = json.loads((tmp_path / "talk.json").read_text())["messages"]
    assert [message.get("turnlog") for message in messages] == [None, None, {"redacted": True}, None]
    assert [message.text for message in again[0].messages] == ["Be brief.", "one", "", "three"]
    assert session.messages._repr_html_().count("[redacted]") == 1
