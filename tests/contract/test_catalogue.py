"""What every store's catalogue knows of a session, after each kind of event that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import asdict, replace

from turnlog.domain.codec import encode, stored_name
from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.errors import SessionNotFoundError
from turnlog.domain.events import (
    BranchCreated,
    BranchRenamed,
    Event,
    MessageAppended,
    MessageRetracted,
    MetadataUpdated,
    SessionArchived,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateSet,
    SystemSet,
)
from turnlog.domain.redaction import CONTENT_FIELDS

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

START = SessionStarted(name="support", user="ada", key="desk", metadata={"team": "red", "kept": 1})
MAIN = BranchCreated(0, "id-main", "main")


def weight_of(*events: Event) -> int:
    """The bytes of the payloads; one that holds content has a salt of 20 characters."""
    salt = len(',"salt":""') + 20
    return sum(len(encode(event)) + (salt if stored_name(event) in CONTENT_FIELDS else 0) for event in events)


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


@pytest.fixture
def store(stores: Stores, clock: Clock) -> Store:
    """A session `s` that was started at 100, beside another; the clock says 200."""
    store = stores.new()
    clock.now = 100
    store.append("s", [START, MAIN])
    store.append("t", [SessionStarted()])
    clock.now = 200
    return store


def test_a_started_session_is_known_by_what_it_was_started_with(store: Store) -> None:
    known = asdict(store.get_session("s"))

    del known["digest"]
    assert known == {
        "session": "s",
        "position": 2,
        "time": 100,
        "status": "active",
        "key": "desk",
        "name": "support",
        "user": "ada",
        "forked_from": None,
        "forked_at": None,
        "messages": 0,
        "bytes": weight_of(START, MAIN),
        "created": 100,
        "updated": 100,
        "metadata": {"team": "red", "kept": 1},
    }


def test_a_session_that_is_not_there_is_not_known(store: Store) -> None:
    assert store.find_session("nobody") is None
    with pytest.raises(SessionNotFoundError):
        store.get_session("nobody")


@pytest.mark.parametrize(
    ("events", "news"),
    [
        ([SessionRenamed("help")], {"name": "help"}),
        ([SessionRenamed(None)], {"name": None}),
        ([MetadataUpdated({"team": None, "new": [1]})], {"metadata": {"team": None, "kept": 1, "new": [1]}}),
        ([said("a")], {"messages": 1}),
        ([said("a"), said("b"), said("c")], {"messages": 3}),
        ([said("a"), MessageRetracted(0, 3)], {"messages": 1}),
        ([SystemSet(0, SystemContent(system_message="terse"))], {"messages": 1}),
        ([SystemSet(0, SystemContent(system_message="terse")), SystemSet(0, None)], {"messages": 1}),
        ([said("a"), MessageAppended(0, SystemContent(system_message="terse"))], {"messages": 2}),
        ([BranchRenamed(0, "trunk")], {}),
        ([StateSet("k", 1)], {}),
        ([SessionRenamed("a"), said("a"), SessionRenamed("b")], {"name": "b", "messages": 1}),
    ],
    ids=lambda value: ", ".join(type(one).__name__ for one in value) if isinstance(value, list) else "",
)
def test_the_catalogue_follows_what_happens(
    stores: Stores, store: Store, events: list[Event], news: dict[str, object]
) -> None:
    before = store.get_session("s")
    last = store.append("s", events).last
    weight = before.bytes + weight_of(*events)
    after = stores.reopened(store).get_session("s")

    moved = {"position": last, "time": 200, "updated": 200, "bytes": weight, "digest": after.digest}
    assert after == replace(before, **{**moved, **news})
    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([SessionArchived()], "archived"),
        ([SessionArchived("old"), SessionRestored()], "active"),
        ([SessionDeleted()], "deleted"),
    ],
)
def test_a_session_put_away_or_taken_out_again_is_not_updated_by_that(
    store: Store, events: list[Event], status: str
) -> None:
    store.append("s", events)
    after = store.get_session("s")

    assert (after.status, after.created, after.updated, after.time) == (status, 100, 100, 200)


def test_one_session_does_not_touch_the_entry_of_another(store: Store) -> None:
    before = store.get_session("t")
    store.append("s", [SessionRenamed("help"), said("a")])

    assert store.get_session("t") == before


def test_the_digest_in_the_catalogue_is_that_of_the_last_event(store: Store) -> None:
    store.append("s", [said("a"), said("b")])

    assert store.get_session("s").digest == [one.digest for one in store.read("s")][-1]
