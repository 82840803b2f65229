"""Sessions that nobody has used for long end by a sweep, on every kind of store, and the record says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Session, acting
from turnlog.domain.errors import InvalidValueError
from turnlog.domain.events import SessionStarted, StateSet
from turnlog.infrastructure.sweep import SweepResult
from turnlog.provenance import provenance

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

SECOND = 1_000_000


def statuses(store: Store) -> dict[str, str]:
    return {entry.session: entry.status for entry in store.sessions()}


def test_what_was_not_used_for_longer_ends_and_the_record_says_so(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    start = clock.now
    for session, age in (("old", 101), ("just", 100), ("young", 99), ("put away", 200), ("used", 300)):
        clock.now = start - age * SECOND
        store.append(session, [SessionStarted(key=f"key of {session}")])
    clock.now = start - 50 * SECOND
    store.append("used", [StateSet("k", 1)])
    Session.open("put away", store=store).archive()
    clock.now = start

    with acting(actor="the night watch"):
        swept = store.sweep(100, provenance())
    assert swept == SweepResult(("put away", "old"), ())
    assert statuses(store) == {
        "old": "deleted",
        "just": "active",
        "young": "active",
        "put away": "deleted",
        "used": "active",
    }
    (tombstone,) = [each for each in store.read("old") if each.name == "session.deleted"]
    assert (tombstone.event.reason, tombstone.actor) == ("not used for 100 seconds", "the night watch")  # type: ignore[attr-defined]  # a deletion has one
    assert store.find_key("key of old") is None
    assert store.sweep(100) == SweepResult((), ())
    assert store.verify().ok


def test_sessions_that_go_on_from_others_end_first_and_others_stay_for_them(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    grandparent = Session(session_id="grandparent", store=store)
    grandparent.add("hello")
    parent = grandparent.fork_session(session_id="parent")
    parent.add("hello")
    child = parent.fork_session(session_id="child")
    clock.now += 50 * SECOND
    child.add("still here")
    clock.now += 51 * SECOND

    assert store.sweep(100) == SweepResult((), ("grandparent", "parent"))
    clock.now += 50 * SECOND
    swept = store.sweep(100)
    assert set(swept.ended) == {"grandparent", "parent", "child"}
    assert swept.ended[-1] == "grandparent"
    assert store.verify().ok


def test_a_session_that_is_used_during_the_sweep_stays(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.new()
    store.append("s", [SessionStarted()])
    clock.now += 100 * SECOND
    together = store.recorder.append_together

    def late(appends: Any) -> Any:
        monkeypatch.undo()
        store.append("s", [StateSet("k", 1)])
        return together(appends)

    monkeypatch.setattr(store.recorder, "append_together", late)
    assert store.sweep(10) == SweepResult((), ())
    assert statuses(store) == {"s": "active"}


@pytest.mark.parametrize("ttl", [-1, True, 1.5, None, 10**30])
def test_a_time_that_is_none_is_refused(stores: Stores, ttl: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"ttl is .*: expected whole seconds"):
        stores.new().sweep(ttl)
