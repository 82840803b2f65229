"""Projections kept in the transaction that appends: what one kind of store does and another does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from turnlog import open_store
from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidValueError, NotSupportedError
from turnlog.domain.events import MessageAppended
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, encode_events
from turnlog.projections.projection import Projection
from turnlog.projections.rows import Rows
from turnlog.projections.table_schema import INTEGER, TEXT, Table

if TYPE_CHECKING:
    from tests.contract.conftest import Stores

COUNTS = Table("counts", {"session": TEXT, "messages": INTEGER, "last": INTEGER}, key=("session",))


class Counts(Projection):
    """Counts messages of sessions, and cannot take the word "bad"."""

    name = "counts"
    names = ("message.appended",)
    tables = (COUNTS,)

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows[COUNTS].find(event.session) or {"session": event.session, "messages": 0}
            rows[COUNTS].put({**row, "messages": row["messages"] + self.version, "last": event.position})
            if event.event.content.text == "bad":  # type: ignore[attr-defined]  # it reads appended messages only
                raise ValueError("cannot take this")


@pytest.fixture
def able(stores: Stores) -> Store:
    """An empty store of every kind that can keep rows beside its events."""
    return stores.new()


def say(store: Store, session: str, *texts: str) -> None:
    store.append(session, [MessageAppended(1, InstructionContent(text)) for text in texts])


def counts(store: Store, version: int = 1) -> dict[str, int]:
    return {row["session"]: row["messages"] for row in store.rows(Counts(version))[COUNTS].under()}


def message(text: str) -> MessageAppended:
    return MessageAppended(1, InstructionContent(text))


@pytest.mark.parametrize("stores", ["memory", "postgres"], indirect=True)  # in SQLite the group commit does it
def test_of_appends_sent_at_once_the_failing_one_fails_alone(able: Store) -> None:
    able.attach(Counts())
    appends = [
        AppendRequest(session, encode_events([message(text)]))
        for session, text in [("a", "one"), ("b", "bad"), ("c", "two")]
    ]
    outcomes = able.recorder.append(appends)

    assert [type(outcome).__name__ for outcome in outcomes] == ["AppendResult", "ProjectionError", "AppendResult"]
    assert counts(able) == {"a": 1, "c": 1}


@pytest.mark.parametrize("stores", ["redis"], indirect=True)
def test_a_store_that_cannot_keep_rows_says_so(stores: Stores) -> None:
    with pytest.raises(NotSupportedError, match="give the address of a SQLite file"):
        stores.new().attach(Counts())


def test_a_store_is_opened_with_what_is_attached() -> None:
    with open_store("memory://", inline=[Counts()]) as store:
        say(store, "a", "one")
        assert counts(store) == {"a": 1}
    with pytest.raises(InvalidValueError):
        open_store("memory://", inline=[Counts(), Counts()])
