"""Whoever may send commands to the server can change the record; verify finds it, and says where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionStarted, UnknownEvent
from turnlog.domain.recorded_event import Provenance
from turnlog.errors import DatabaseError

if TYPE_CHECKING:
    from tests.integration.redis.conftest import Place
    from turnlog.infrastructure.store import Store


def said(text: str) -> Event:
    return MessageAppended(0, InstructionContent(instruction=text))


def replaced(kind: str, field: str, old: str, new: str) -> Callable[[Place], None]:
    """Puts something else into a field of a hash of session `s`."""

    def change(place: Place) -> None:
        kept = place.client.hget(place.key(kind, "s"), field)
        assert isinstance(kept, bytes)
        assert old.encode() in kept
        place.client.hset(place.key(kind, "s"), field, kept.replace(old.encode(), new.encode()))

    return change


def put(kind: str, field: str, value: str) -> Callable[[Place], None]:
    return lambda place: void(place.client.hset(place.key(kind, "s"), field, value))


def taken(kind: str, field: str) -> Callable[[Place], None]:
    return lambda place: void(place.client.hdel(place.key(kind, "s"), field))


def hidden_from_the_feed(place: Place) -> None:
    """Takes the events out of the feed as if their session had expired."""
    place.client.zrem(place.key("feed"), "1:4:s")
    place.client.hset(place.key("sweep"), "forgotten", "4")


def moved_to_branch_1(place: Place) -> None:
    """Puts a message of branch 0 among those of branch 1."""
    places: Any = place.client.zrange(place.key("places", "s"), 0, 0)
    place.client.zrem(place.key("places", "s"), *places)
    place.client.zadd(place.key("places", "s"), {places[0][:8] + b"\1" + places[0][9:]: 0})


def lowered(place: Place) -> None:
    """Sets the counter of global positions back."""
    place.client.delete(place.key("positions"))
    place.client.xadd(place.key("positions"), {"at": "1"}, id="3-0")


def void(_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (replaced("payloads", "3", "one", "two"), [("s", 3, "its digest does not fit")]),
        (taken("payloads", "3"), [("s", 3, "its payload is missing")]),
        (replaced("events", "3", '"ada"', '"bob"'), [("s", 3, "its digest does not fit")]),
        (put("events", "3", "[3,"), [("s", 3, "its time is before")]),
        (
            taken("events", "4"),
            [
                ("s", 4, "the event at this position is missing"),
                (None, None, "session 's' has events that no branch shows"),
                (None, None, "global position 4 is missing"),
            ],
        ),
        (replaced("events", "4", "[4,", "[9,"), [(None, None, "global position 4 is missing")]),
        (put("entry", "position", "3"), [("s", 4, "the catalogue knows of no event at this position")]),
        (put("entry", "position", "5"), [("s", 5, "the event at this position is missing")]),
        (put("entry", "digest", "00"), [("s", 4, "the catalogue's entry does not fit the events")]),
        (put("entry", "messages", "7"), [("s", 4, "the catalogue's entry does not fit the events")]),
        (replaced("entry", "labels", "support", "helpers"), [("s", 4, "the catalogue's entry does not fit")]),
        (
            put("entry", "user", "bob"),
            [("s", 4, "the catalogue's entry does not fit the events"), (None, None, "session 's' does not stand")],
        ),
        (put("entry", "labels", "{"), [("s", 1, "the catalogue knows of no event at this position")]),
        (taken("entry", "time"), [("s", 1, "the catalogue knows of no event at this position")]),
        (
            lambda place: void(place.client.zremrangebyrank(place.key("places", "s"), 0, 0)),
            [(None, None, "session 's' has events that no branch shows")],
        ),
        *(
            (change, [(None, None, "session 's' does not stand where it belongs in the lists")])
            for change in (
                lambda place: void(place.client.zrem(place.key("created:active"), "s")),
                lambda place: void(place.client.zrem(place.key("updated:active:ada"), "s")),
                lambda place: void(place.client.zadd(place.key("updated:active"), {"s": 5})),
                lambda place: void(place.client.zadd(place.key("created:deleted"), {"s": 5})),
            )
        ),
        (
            lambda place: void(place.client.zrem(place.key("feed"), "1:4:s")),
            [
                (None, None, "session 's' has 4 events: 0 of them are in the feed"),
                (None, None, "global positions 1 to 4 are missing"),
            ],
        ),
        (hidden_from_the_feed, [(None, None, "session 's' has 4 events: 0 of them are in the feed")]),
        (moved_to_branch_1, [(None, None, "session 's' has events that no branch shows")]),
        (put("entry", "started", "9"), [(None, None, "session 's' has another first global position than its entry")]),
        (put("commands", "c", "[1,1,1,5]"), [(None, None, "session 's' does not have what its commands recorded")]),
        (put("commands", "d", "[1,1,1,5]"), [(None, None, "session 's' does not have what its commands recorded")]),
        (taken("commands", "c"), [(None, None, "session 's' does not have what its commands recorded")]),
        *(
            (change, [(None, None, "session 's' is not found by its key")])
            for change in (
                lambda place: void(place.client.delete(place.key("key", "desk"))),
                lambda place: void(place.client.set(place.key("key", "desk"), "t")),
            )
        ),
        (lowered, [(None, None, "the counter of global positions is 3: expected 5 or more; it was lowered")]),
    ],
)
def test_whatever_is_changed_by_hand_is_found(
    place: Place, store: Store, change: Callable[[Place], None], faults: list[tuple[str | None, int | None, str]]
) -> None:
    events = [
        SessionStarted(key="desk", name="support", user="ada"),
        BranchCreated(0, "id-main", "main"),
        said("one"),
        said("x"),
    ]
    store.append("s", events, provenance=Provenance("ada"), command_id="c")
    store.append("t", [SessionStarted()])
    change(place)

    found = [(fault.session, fault.position, fault.reason) for fault in store.verify().faults]
    assert [(session, position) for session, position, _ in found] == [
        (session, position) for session, position, _ in faults
    ]
    for (_, _, reason), (_, _, expected) in zip(found, faults, strict=True):
        assert reason.startswith(expected)


def test_an_event_whose_columns_cannot_be_read_is_named(place: Place, store: Store) -> None:
    store.append("s", [SessionStarted(), BranchCreated(0, "id-main", "main"), said("one")])
    place.client.hset(place.key("events", "s"), "2", "spoilt")

    spoilt = list(store.read("s"))[1]
    assert (spoilt.position, spoilt.name) == (2, "(columns that cannot be read)")
    assert isinstance(spoilt.event, UnknownEvent)
    assert ("s", 2) in {(fault.session, fault.position) for fault in store.verify().faults}


def test_a_row_in_the_wrong_place_of_the_feed_is_not_shown_there(place: Place, store: Store) -> None:
    store.append("s", [SessionStarted(), BranchCreated(0, "id-main", "main"), said("one")])
    replaced("events", "2", "[2,", "[7,")(place)

    assert [one.position for one in store.read_all()] == [1, 3]


def test_a_row_that_is_there_is_never_written_over(place: Place) -> None:
    store = place.store()
    store.append("s", [SessionStarted(), BranchCreated(0, "id-main", "main"), said("one")])
    before = list(store.read("s"))
    put("entry", "position", "2")(place)
    put("entry", "digest", before[1].digest.hex())(place)

    with pytest.raises(DatabaseError, match="session s has rows behind its head; verify says where"):
        place.store().append("s", [said("two")])
    store.append("t", [SessionStarted()])
    assert list(store.read("s")) == before
