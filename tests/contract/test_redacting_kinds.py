"""Mail, logs and operations are redacted by themselves, and where else their content is."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from turnlog import Session, Store, open_store
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import (
    Event,
    MessageAppended,
    ModelCalled,
    OperationCompleted,
    OperationFailed,
    OperationStarted,
)
from turnlog.domain.recorded_event import Provenance
from turnlog.errors import InvalidValueError, ItemNotFoundError, SessionReferencedError
from turnlog.infrastructure.eventsourcing_adapter.factory import RecorderFactory

SECRET = "her number is 555-0199"


def held(store: Store, session: Session) -> list[int]:
    """The positions of the events that still have the secret."""
    return [row.position for row in store.recorder.read(session.id) if b"555-0199" in (row.payload or b"")]


@pytest.mark.parametrize("by", ["mail", "id", "position", "message"])
def test_a_mail_is_redacted_with_the_messages_it_brought(store: Store, by: str) -> None:
    session = Session(store=store)
    one, two, three = (session.create_branch(name) for name in ("one", "two", "three"))
    mail = session.mail.send(one, None, SECRET, category="message")
    session.mail.route()
    two.mail.receive()
    three.mail.receive()
    assert len(held(store, session)) == 3

    match by:
        case "mail":
            session.mail.redact(mail, "asked for")
        case "id":
            session.mail.redact(mail.id)
        case "position":
            session.redact(next(event for event in session.events() if event.name == "mail.sent"))
        case _:
            session.redact(two.messages[0])

    assert held(store, session) == []
    assert [message.text for message in (*two.messages, *three.messages)] == ["", ""]
    assert store.verify().ok
    assert not any("555-0199" in str(event) for event in session.events())


def test_a_mail_that_was_not_sent_here_is_not_redacted(store: Store) -> None:
    session = Session(store=store)
    with pytest.raises(InvalidValueError, match="'nothing' was not sent in session"):
        session.mail.redact("nothing")


def test_a_log_is_redacted(store: Store) -> None:
    session = Session(default_branch=None, store=store)
    log = session.logs.log_error(SECRET, data={"number": SECRET}, source=SECRET)
    other = session.logs.log_info("open")

    assert asyncio.run(session.logs.aredact(log, "asked for")) == 4

    (left, same, *_) = list(session.logs)
    assert (left.failed, left.error, left.data, left.source) == (True, "", None, None)
    assert same == other
    assert held(store, session) == []
    assert store.verify().ok
    with pytest.raises(InvalidValueError, match="is not one of session"):
        Session(store=store).logs.redact(log)


@pytest.mark.parametrize("failed", [False, True])
def test_an_operation_is_redacted_with_the_calls_it_led_to(store: Store, failed: bool) -> None:
    session = Session(store=store)
    number = session.default_branch.number
    start = store.append(session.id, [OperationStarted("o", "chat", number, {"text": SECRET})]).last
    ended: Event = OperationFailed("o", "ValueError", SECRET) if failed else OperationCompleted("o", SECRET)
    called = ModelCalled("m", operation="o", branch=number, request=SECRET, response=SECRET)
    store.append(session.id, [called, ended], provenance=Provenance(causation=start))
    assert held(store, session) == [start, start + 1, start + 2]

    assert session.operations.redact("o", "asked for") == [start + 3, start + 4, start + 5]

    assert held(store, session) == []
    (left,) = session.operations
    assert (left.status, left.params, left.result, left.reason) == (
        ("failed", None, None, "") if failed else ("completed", None, None, None)
    )
    assert store.verify().ok
    with pytest.raises(ItemNotFoundError):
        session.operations.redact("other")


def test_a_redaction_deletes_the_snapshots_that_hold_the_content(store: Store) -> None:
    session = Session(store=store)
    snapshots = RecorderFactory(None, store.recorder).aggregate_recorder("snapshots")
    snapshots.insert_events([StoredEvent(UUID(session.id), 3, "state", SECRET.encode())])
    assert len(snapshots.select_events(UUID(session.id))) == 1

    session.redact(session.default_branch.add(SECRET))

    assert list(snapshots.select_events(UUID(session.id))) == []


def test_a_message_that_names_another_event_as_its_mail_is_redacted_alone(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add("hello")
    store.append(session.id, [MessageAppended(0, InstructionContent(instruction=SECRET), mail=2)])

    session.redact(session.messages[-1])

    assert held(store, session) == []
    assert [branch.name for branch in session.branches] == ["main"]
    assert session.position == 5


def test_a_session_is_deleted_whose_forks_are_not_in_the_store(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add("hello")
    fork = session.fork_session()
    with pytest.raises(SessionReferencedError):
        session.delete()
    with open_store("memory://") as other:
        other.import_record(store.record_of(session.id))
        alone = Session.open(session.id, store=other)
        alone.delete()
        assert alone.status == "deleted"
        assert other.verify().ok
    assert fork.status == "active"
