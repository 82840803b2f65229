"""A redaction that is appended as an event removes content as `redact` does, by whichever way it is appended."""

from __future__ import annotations

from typing import Any

import pytest
from eventsourcing.persistence import DataError, StoredEvent, Tracking
from eventsourcing.utils import Environment

from turnlog import Session, Store
from turnlog.domain.events import EventRedacted, MessageRedacted, StateSet
from turnlog.errors import RedactionPendingError
from turnlog.infrastructure.eventsourcing_adapter.factory import RecorderFactory
from turnlog.infrastructure.eventsourcing_adapter.mapper import DomainEvent, EventMapper
from turnlog.infrastructure.read_models.catch_up import finish_redactions
from turnlog.infrastructure.sqlite import scrubbing
from turnlog.projections import Transcript

LEFT = '{"branch":0,"content":{"type":"instruction"}}'

SQLITE = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)


@pytest.fixture
def session(store: Store, marked: Any) -> Session:
    """Positions: 1 started, 2 branch, 3 a message with a marker."""
    session = Session(store=store, session_id="s")
    session.default_branch.add(marked.marker(1))
    return session


def append(store: Store, *events: Any) -> None:
    store.append("s", events)


def append_together(store: Store, *events: Any) -> None:
    store.append_together([("s", events, 3, None)])


def save(store: Store, *events: Any) -> None:
    store.application.save(*(DomainEvent.new("s", position, event) for position, event in enumerate(events, 4)))


def stored(position: int, event: Any) -> StoredEvent:
    return EventMapper().to_stored_event(DomainEvent.new("s", position, event))


def insert(store: Store, *events: Any) -> None:
    """What the library's own applications do."""
    store.recorder.insert_events([stored(position, event) for position, event in enumerate(events, 4)])


def process(store: Store, *events: Any) -> None:
    """What a process application of the library's does."""
    recorder = RecorderFactory(Environment("turnlog"), store.recorder).process_recorder()
    tracking = {} if store.address.startswith("unix") else {"tracking": Tracking("other", 1)}
    recorder.insert_events([stored(4, events[0])], **tracking)


@pytest.mark.parametrize("way", [append, append_together, save, insert, process])
def test_an_appended_redaction_erases_the_content(store: Store, session: Session, marked: Any, way: Any) -> None:
    way(store, MessageRedacted(3, LEFT))

    assert [row.payload for row in store.recorder.read("s", after=2, until=3)] == [LEFT.encode()]
    assert store.verify().faults == ()
    assert Session.open("s", store=store).messages[0].text == ""


@SQLITE
@pytest.mark.parametrize("way", [append, append_together, save])
def test_an_appended_redaction_leaves_nothing_in_the_files(
    store: Store, stores: Any, session: Session, marked: Any, tmp_path: Any, way: Any
) -> None:
    stores.beside(store).attach(Transcript())  # the rows are of another process
    way(store, MessageRedacted(3, LEFT))

    assert marked.found([marked.marker(1)], tmp_path) == {}
    assert not store.verify().unscrubbed


@SQLITE
@pytest.mark.parametrize("way", [insert, process])
def test_what_a_recorder_redacts_is_pending_until_the_next_scrub(
    store: Store, stores: Any, session: Session, marked: Any, tmp_path: Any, way: Any
) -> None:
    stores.beside(store).attach(Transcript())
    way(store, MessageRedacted(3, LEFT))

    assert store.verify().unscrubbed
    finish_redactions(store.recorder)
    assert marked.found([marked.marker(1)], tmp_path) == {}
    assert not store.verify().unscrubbed


@SQLITE
@pytest.mark.parametrize("way", [append, append_together])
def test_an_appended_redaction_that_is_pending_says_so(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    monkeypatch.setattr(scrubbing, "TRIES", 1)
    monkeypatch.setattr(scrubbing, "_empties_log", lambda connection: False)
    with pytest.raises(RedactionPendingError, match="recorded at position 5 of session s, but"):
        way(store, StateSet("k", 1), MessageRedacted(3, LEFT))

    assert store.verify().unscrubbed
    assert session.position == 5
    with pytest.raises(RedactionPendingError, match="recorded at position 6 of session s, but"):
        session.redact(4)
    assert session.default_branch.add("goes on").position == 7
    assert session.state == {"k": None}


def test_a_redaction_of_nothing_is_not_recorded_by_the_library(store: Store, session: Session) -> None:
    redaction = stored(4, EventRedacted(2, "{}"))
    with pytest.raises(DataError, match="does not leave what a redaction leaves"):
        store.recorder.insert_events([redaction])
    assert store.get_session("s").position == 3
