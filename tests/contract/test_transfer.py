"""The exact record as a file: out of one kind of store and into another, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eventsourcing.persistence import StoredEvent

from turnlog import Session, acting
from turnlog.domain.errors import (
    KeyTakenError,
    PositionConflictError,
    RecordFileError,
    SessionExistsError,
    SessionNotFoundError,
)
from turnlog.domain.events import SessionDeleted, SessionRenamed, SessionStarted, StateSet
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.record_file.format import SessionFooter, file_footer, line_of, session_header
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder
from turnlog.infrastructure.store import Store

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores


def lived(store: Store, clock: Clock) -> tuple[Session, Session]:
    """A session with a bit of everything, and another that goes on from it."""
    session = Session("Be terse.", name="talk", user="ada", metadata={"ä": [1, 2.5, None]}, store=store)
    clock.now += 5
    with acting(actor="ada", correlation_id="run 7"):
        first = session.default_branch.add("emoji \U0001f600, rtl \u05d0, line\u2028 and \x00", command_id="once")
    clock.now += 5
    session.default_branch.add_many(["two", {"role": "assistant", "content": "three", "model": "m"}])
    fork = session.fork(at=first, name="other")
    fork.add({"result": None, "request_id": "r"})
    session.set_state("k", {"deep": {"er": 2**70}})
    session.default_branch.retract(first)
    clock.now += 7
    later = session.fork_session(name="later")
    later.add("drei")
    even_later = later.fork_session(name="even later")
    even_later.add("vier")
    return session, even_later


def test_a_record_comes_out_as_it_went_in(stores: Stores, clock: Clock, tmp_path: Path) -> None:
    one, other = stores.new(), Store(SQLiteRecorder(tmp_path / "other.db"))
    session, later = lived(one, clock)

    events = one.export_record(tmp_path / "all.jsonl")
    taken = other.import_record(tmp_path / "all.jsonl")
    assert taken.events == events == sum(entry.position for entry in one.sessions())
    assert other.record_of() == (tmp_path / "all.jsonl").read_bytes() == one.record_of()
    assert other.verify() == one.verify()

    back = stores.new()
    assert back.import_record(other.record_of()).events == events
    assert back.record_of() == one.record_of()
    assert [entry.messages for entry in back.sessions()] == [entry.messages for entry in one.sessions()]
    assert back.verify() == one.verify()
    there = Session.open(later.id, store=back)
    assert [message.text for message in there.messages] == [message.text for message in later.messages]
    again = Session.open(session.id, store=back).default_branch
    assert again.add(session.at(4).messages[-1].text, command_id="once").position == 4
    other.close()


def test_one_session_takes_along_those_it_goes_on_from(stores: Stores, clock: Clock) -> None:
    one, other = stores.new(), Store(MemoryRecorder())
    session, later = lived(one, clock)
    taken = other.import_record(one.record_of(later.id))

    assert len(taken.sessions) == 3
    assert taken.sessions[0] == session.id
    assert taken.sessions[-1] == later.id
    assert len(one.record_of(session.id).splitlines()) == session.position + 2


def test_the_same_record_again_writes_nothing_and_a_longer_one_what_is_lacking(stores: Stores, clock: Clock) -> None:
    one, other = Store(MemoryRecorder(), clock), stores.new()
    session, _ = lived(one, clock)
    early = one.record_of()
    other.import_record(early)
    again = other.import_record(early)
    assert (again.sessions, again.events, len(again.unchanged)) == ((), 0, 3)

    session.add("five", command_id="later")
    longer = other.import_record(one.record_of())
    assert (longer.sessions, longer.events, len(longer.unchanged)) == ((session.id,), 1, 2)
    assert other.import_record(early).unchanged == again.unchanged
    assert other.record_of() == one.record_of()


def test_a_session_that_differs_is_refused_and_nothing_is_taken_over(stores: Stores, clock: Clock) -> None:
    one, other = Store(MemoryRecorder(), clock), stores.new()
    one.append("s", [SessionStarted(), StateSet("same", 1)])
    other.import_record(one.record_of())
    for store, word in ((one, "here"), (other, "there")):
        for number in range(5):
            store.append("s", [StateSet(word, number)])
    one.append("new", [SessionStarted()])

    before = other.record_of()
    with pytest.raises(SessionExistsError) as refused:
        other.import_record(one.record_of())
    assert (refused.value.session, refused.value.position) == ("s", 3)
    assert other.record_of() == before


def test_keys_come_along_unless_another_session_has_them_now(stores: Stores, clock: Clock) -> None:
    one, other = Store(MemoryRecorder(), clock), stores.new()
    one.append("first", [SessionStarted(key="desk"), SessionRenamed("x", key="other"), SessionDeleted()])
    one.append("second", [SessionStarted(key="desk")])
    other.append("mine", [SessionStarted(key="other")])
    other.import_record(one.record_of())

    assert (found := other.find_key("desk")) is not None
    assert found.session == "second"
    assert (found := other.find_key("other")) is not None
    assert found.session == "mine"
    assert other.verify().ok

    one.append("third", [SessionStarted(key="other")])
    before = other.record_of()
    with pytest.raises(KeyTakenError):
        other.import_record(one.record_of())
    assert other.record_of() == before


def test_erased_words_stay_erased_and_the_record_of_that_comes_along(stores: Stores, clock: Clock) -> None:
    one, other = Store(MemoryRecorder(), clock), stores.new()
    session = Session("Be terse.", store=one)
    secret = session.default_branch.add("her number is 555-0199")
    early = one.record_of()
    session.redact(secret)
    record = one.record_of()

    assert b"555-0199" not in record
    other.import_record(record)
    assert other.record_of() == record
    assert other.verify().ok
    assert [message.text for message in Session.open(session.id, store=other).messages] == ["Be terse.", ""]
    assert other.import_record(early).events == 0
    assert other.record_of() == record


def test_words_that_are_gone_without_a_redaction_are_damage(stores: Stores, clock: Clock) -> None:
    one = Store(MemoryRecorder(), clock)
    session = Session("Be terse.", store=one)
    secret = session.default_branch.add("her number is 555-0199")
    session.redact(secret)
    rows = [row for row in one.recorder.read(session.id) if row.name != "message.redacted"]
    lines = [
        session_header(),
        *map(line_of, rows),
        file_footer([SessionFooter(session.id, len(rows), rows[-1].digest.hex())]),
    ]

    with pytest.raises(RecordFileError, match="line 5 is not valid: its content was removed, and no redaction"):
        stores.new().import_record(b"".join(lines))


def test_a_session_that_is_not_there_cannot_be_exported(stores: Stores) -> None:
    with pytest.raises(SessionNotFoundError):
        stores.new().record_of("nobody")


def test_an_append_between_reading_and_writing_is_noticed(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Store(MemoryRecorder(), clock), stores.new()
    one.append("s", [SessionStarted()])
    other.import_record(one.record_of())
    one.append("s", [StateSet("k", 1)])
    together = other.recorder.append_together

    def late(appends: object) -> object:
        monkeypatch.undo()
        other.append("s", [StateSet("k", 2)])
        return together(appends)  # type: ignore[arg-type]  # passed on as it is

    monkeypatch.setattr(other.recorder, "append_together", late)
    with pytest.raises(PositionConflictError):
        other.import_record(one.record_of())
    assert other.get_session("s").position == 2


def test_streams_of_the_library_come_along_whatever_is_in_them(stores: Stores, clock: Clock) -> None:
    one, other = stores.new(), Store(MemoryRecorder(), clock)
    states = [b"\xff\n{", b'{"a": 1}', b' {"a": 1}', b""]
    one.recorder.insert_events([StoredEvent("lib", place, "app:Thing", state) for place, state in enumerate(states)])
    one.append("s", [SessionStarted()])
    record = one.record_of()

    assert other.import_record(record).events == 5
    assert other.record_of() == record
    assert [row.payload for row in other.recorder.read("lib", after=-1)] == states
    back = stores.new()
    back.import_record(record)
    assert back.record_of() == record
    assert back.verify().ok
