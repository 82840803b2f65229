"""What every store promises of states: loaded at any position, they are the fold of the events up to there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from turnlog import Session
from turnlog.domain.errors import SessionNotFoundError, UnreadableEventError
from turnlog.domain.events import BranchCleared, SessionRenamed, SessionStarted
from turnlog.domain.evolve import fold
from turnlog.domain.state import State
from turnlog.errors import ItemNotFoundError
from turnlog.infrastructure.state_loader import catch_up_state, load_state
from turnlog.infrastructure.stored_event import AppendRequest, encode_events
from turnlog.infrastructure.verification import Verification

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store


def tell(store: Store, clock: Clock) -> None:
    """A session `s` of 39 events, of every kind that the door has, with messages between them and at the end."""
    session = Session("Be terse.", session_id="s", name="support", user="ada", metadata={"team": "red"}, store=store)
    main = session.default_branch
    first = main.add("first")
    clock.now += 1
    main.add_many(["second", {"assistant_response": "third"}, "fourth"])
    other = session.fork(main, at=first, name="other", capabilities={"chat"})
    fifth, _ = other.add_many(["fifth", "sixth"])
    deep = other.fork(at=fifth, name="deep")
    clock.now += 1
    deep.add("seventh")
    session.merge(other, into=deep)
    session.merge(main, into=deep, strategy="interleave")
    main.retract(first)
    main.truncate(2)
    main.rewind(to=6)
    other.share(list(main.messages)[-1:])
    deep.reorder(list(deep.messages)[:0:-1])
    deep.set_system("Be kind.")
    deep.set_system(None)
    other.clear()
    other.change_access(capabilities=None, resources=set())
    other.rename("another")
    session.change_default_branch(deep)
    session.create_branch(system="Be brief.").add("eighth")
    session.remove_branch(deep)
    session.rename("help")
    session.update_metadata({"team": "blue"})
    session.set_state("k", {"n": 1})
    session.set_state("l", 2)
    session.remove_state("k")
    session.archive("done")
    session.restore()
    clock.now += 1
    main.add_many(["ninth", "tenth"])


def folded(store: Store, until: int | None = None) -> State:
    placed = ((one.position, one.time, one.event) for one in store.read("s", until=until))
    return fold(placed, State("s"))


def test_a_state_loaded_at_any_position_is_the_fold_of_the_events_up_to_there(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    tell(store, clock)
    store = stores.reopened(store)
    last = store.get_session("s").position

    assert last == 39
    assert [at for at in range(1, last + 1) if load_state(store.recorder, "s", at=at) != folded(store, at)] == []
    assert load_state(store.recorder, "s") == folded(store)


def test_a_state_catches_up_from_any_position(store: Store, clock: Clock) -> None:
    tell(store, clock)
    now = load_state(store.recorder, "s")

    for at in range(1, now.position + 1):
        state = load_state(store.recorder, "s", at=at)
        catch_up_state(store.recorder, state)
        assert state == now


def test_a_state_that_is_up_to_date_stays_as_it_is(store: Store, clock: Clock) -> None:
    tell(store, clock)
    state = load_state(store.recorder, "s")
    catch_up_state(store.recorder, state)

    assert state == folded(store)


def test_a_state_takes_in_what_another_store_appends_to_the_same_record(stores: Stores) -> None:
    store = stores.new()
    session = Session(session_id="s", store=store)
    state = load_state(store.recorder, "s")
    Session.open("s", store=stores.beside(store)).default_branch.add("from beside")
    catch_up_state(store.recorder, state)

    assert state == folded(store)
    assert [message.text for message in session.default_branch.messages] == ["from beside"]


@pytest.mark.parametrize("at", [0, -1, 40, 2**70])
def test_a_state_at_a_position_that_the_session_does_not_have_is_refused(store: Store, clock: Clock, at: int) -> None:
    tell(store, clock)

    with pytest.raises(ItemNotFoundError) as unknown:
        load_state(store.recorder, "s", at=at)
    assert str(unknown.value) == f"position {at} does not exist in session s; expected one from 1 to 39"


def test_the_state_of_a_session_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(SessionNotFoundError):
        load_state(store.recorder, "nobody")


def test_an_event_that_does_not_follow_from_those_before_it_is_never_passed_over(store: Store) -> None:
    store.append("s", [SessionStarted()])
    state = load_state(store.recorder, "s")
    store.recorder.append([AppendRequest("s", encode_events([BranchCleared(7)]))])  # past the checks of the store

    for _ in range(2):
        with pytest.raises(UnreadableEventError) as unreadable:
            catch_up_state(store.recorder, state)
        assert (unreadable.value.session, unreadable.value.position) == ("s", 2)
    with pytest.raises(UnreadableEventError):
        load_state(store.recorder, "s")


def test_a_record_that_nobody_touched_verifies(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    assert store.verify() == Verification(ok=True, sessions=0, events=0, faults=())
    tell(store, clock)
    store.append("t", [SessionStarted(key="t")])
    clock.now -= 1_000_000
    store.append("t", [SessionRenamed("t")])
    store = stores.reopened(store)

    assert store.verify() == Verification(ok=True, sessions=2, events=41, faults=())
    assert store.verify("s") == Verification(ok=True, sessions=1, events=39, faults=())
    with pytest.raises(SessionNotFoundError):
        store.verify("nobody")
