"""What `append` takes: anything else is a named error, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from turnlog import ANY
from turnlog.domain.events import SessionRenamed
from turnlog.errors import InvalidValueError, SessionNotFoundError
from turnlog.infrastructure.store import Store
from turnlog.session import Session

RENAMED = SessionRenamed(name="x", key=None)

NO_EVENTS: list[Any] = [
    ["hello"],
    "hello",
    b"x",
    None,
    5,
    [None],
    [{}],
    {},
    [SessionRenamed],
    SessionRenamed,
    RENAMED,
    [RENAMED, 5],
]


@pytest.mark.parametrize("events", NO_EVENTS, ids=repr)
def test_what_is_not_a_list_of_events_is_not_appended(store: Store, events: Any) -> None:
    session = Session(store=store).id
    before = store.digest()
    with pytest.raises(InvalidValueError):
        store.append(session, events)
    with pytest.raises(InvalidValueError):
        store.append_together([(session, events, ANY, None)])

    assert store.digest() == before


@pytest.mark.parametrize("session", [None, 5, b"x", "", "\0", ["x"]], ids=repr)
def test_what_is_not_a_session_id_is_appended_to_nothing(store: Store, session: Any) -> None:
    for events in ([], [RENAMED]):
        with pytest.raises(InvalidValueError):
            store.append(session, events)
    with pytest.raises(InvalidValueError):
        store.append_together([(session, [RENAMED], ANY, None)])
    with pytest.raises(SessionNotFoundError):
        store.record_of(session)

    assert store.last_global_position() == 0


@pytest.mark.parametrize("changes", [None, 5, [5], ["four"], [("a", [])]], ids=repr)
def test_what_is_not_a_list_of_changes_is_not_appended(store: Store, changes: Any) -> None:
    with pytest.raises(InvalidValueError, match="the changes must be"):
        store.append_together(changes)


def test_a_provenance_of_another_type_is_not_appended(store: Store) -> None:
    session = Session(store=store).id
    with pytest.raises(InvalidValueError, match="must be a Provenance, not 'int'"):
        store.append(session, [RENAMED], provenance=5)  # type: ignore[arg-type]  # wrong on purpose
