"""A session with a time to live lives as long as somebody appends to it; then it is gone, and nothing is left of it.

The tests do not wait. `place.expire` lets the time of a session come, as if nobody had appended to it for so long.
"""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Session
from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import KeyTakenError, PositionConflictError
from turnlog.domain.events import (
    BranchCreated,
    Event,
    MessageAppended,
    SessionArchived,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateSet,
)
from turnlog.domain.expected_position import NO_STREAM
from turnlog.errors import DatabaseError, SessionNotFoundError
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.state_loader import load_state
from turnlog.projections.selection import Order, Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.redis.conftest import Place
    from turnlog.infrastructure.store import Store
    from turnlog.projections.catalogue import CatalogueEntry

DAY = 86_400
STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


def deadlines(place: Place, session: str) -> dict[str, int]:
    """When each key of a session expires, in milliseconds since 1970."""
    owned = {name for name in place.names() if name.startswith("key:")}
    found: dict[str, Any] = {
        name: place.client.pexpiretime(place.key(name)) for name in place.names_of(session) | owned
    }
    return found


@pytest.fixture
def store(place: Place) -> Store:
    """A store whose sessions live for a day."""
    return place.store(ttl=DAY)


def full(store: Store, session: str, **labels: Any) -> None:
    """A session that has something under every kind of key."""
    store.append(session, [SessionStarted(**labels), MAIN, said("a"), said("b")], command_id="c")


def sessions_of(store: Store, user: str) -> list[str]:
    return [entry.session for entry in store.select_sessions(Selection(user=user)).entries]


def listing(place: Place) -> set[str]:
    """The names of the lists of sessions."""
    return {name for name in place.names() if name.startswith(("created:", "updated:"))}


# --- What the time to live covers ----------------------------------------------------------------------------


def test_every_key_of_a_session_expires_in_the_same_millisecond(place: Place, store: Store) -> None:
    full(store, "s", key="desk", user="ada")
    found = deadlines(place, "s")

    assert set(found) == {"entry:s", "events:s", "payloads:s", "places:s", "commands:s", "key:desk"}
    assert len(set(found.values())) == 1
    left: Any = place.client.pttl(place.key("entry", "s"))
    assert 0 < left <= DAY * 1000


def test_every_append_refreshes_every_key(place: Place, store: Store) -> None:
    full(store, "s", key="desk")
    for name in deadlines(place, "s"):
        place.client.pexpire(place.key(name), 60_000)
    before = deadlines(place, "s")

    store.append("s", [said("c")])
    after = deadlines(place, "s")

    assert set(after) == set(before)
    assert len(set(after.values())) == 1
    assert min(after.values()) > max(before.values())


def test_a_command_that_comes_again_and_an_append_that_is_refused_refresh_nothing(place: Place, store: Store) -> None:
    full(store, "s")
    before = deadlines(place, "s")

    full(store, "s")
    store.append("s", [])
    with pytest.raises(PositionConflictError):
        store.append("s", [said("b")], expected=1)

    assert deadlines(place, "s") == before


def test_one_session_does_not_refresh_another(place: Place, store: Store) -> None:
    full(store, "s")
    before = deadlines(place, "s")
    full(store, "t")
    store.append("t", [said("c")])

    assert deadlines(place, "s") == before


def test_nothing_is_given_a_time_to_live_that_serves_the_store_as_a_whole(place: Place, store: Store) -> None:
    full(store, "s", user="ada")

    lists = {"created:active", "updated:active", "created:active:ada", "updated:active:ada"}
    whole = {"format", "positions", "feed", "catalogue", "expiries", "sweep"} | lists
    assert whole | place.names_of("s") == place.names()
    assert {place.client.pttl(place.key(name)) for name in whole} == {-1}


def test_without_a_time_to_live_nothing_expires(place: Place) -> None:
    full(place.store(), "s", key="desk", user="ada")

    assert {place.client.pttl(place.key(name)) for name in place.names()} == {-1}
    assert "expiries" not in place.names()


def test_whoever_appends_last_decides_how_long_the_session_lives(place: Place, store: Store) -> None:
    full(store, "s", key="desk", user="ada")
    place.store().append("s", [said("for good")])

    assert set(deadlines(place, "s").values()) == {-1}
    assert place.members("expiries") == []

    store.append("s", [said("for a day")])
    assert min(deadlines(place, "s").values()) > 0
    assert len(place.members("expiries")) == 1


def test_a_session_lives_at_least_as_long_as_those_that_go_on_from_it(place: Place, store: Store) -> None:
    root = Session("Be terse.", session_id="root", store=store)
    middle = root.fork_session(name="middle")
    leaf = middle.fork_session(name="leaf")
    for session in ("root", middle.id):
        for name in place.names_of(session):
            place.client.pexpire(place.key(name), 60_000)

    leaf.default_branch.add("still here")

    assert min(deadlines(place, "root").values()) == max(deadlines(place, leaf.id).values())
    assert min(deadlines(place, middle.id).values()) == max(deadlines(place, leaf.id).values())


def test_a_session_that_lives_for_good_does_so_whoever_goes_on_from_it(place: Place, store: Store) -> None:
    root = Session("Be terse.", session_id="root", store=place.store())
    root.default_branch.add("a")
    Session.open("root", store=store).fork_session(name="fork").default_branch.add("b")

    fork = next(entry.session for entry in store.sessions() if entry.session != "root")
    assert min(deadlines(place, fork).values()) > 0
    # The fork was recorded in the root as well, so the store with a time to live wrote there last.
    place.store().append("root", [SessionRenamed("kept")])
    Session.open(fork, store=store).default_branch.add("c")
    assert set(deadlines(place, "root").values()) == {-1}


# --- What is gone --------------------------------------------------------------------------------------------


def test_what_has_expired_is_gone_from_every_answer(place: Place, store: Store) -> None:
    full(store, "s", key="desk", user="ada")
    full(store, "t", user="ada")
    place.expire("s")

    assert store.find_session("s") is None
    assert list(store.read("s")) == []
    assert list(store.read("s", backwards=True)) == []
    assert list(store.recorder.read_messages("s", 0, 1, 9)) == []
    assert find_command(store.recorder, "s", "c") is None
    assert [entry.session for entry in store.sessions()] == ["t"]
    assert sessions_of(store, "ada") == ["t"]
    assert [one.session for one in store.read_all()] == ["t"] * 4
    assert [one.session for one in store.read_all(after=2)] == ["t"] * 4
    with pytest.raises(SessionNotFoundError):
        load_state(store.recorder, "s")
    assert store.verify().ok


def test_reading_takes_what_has_expired_out_of_the_indexes(place: Place, store: Store) -> None:
    full(store, "s", key="desk", user="ada")
    full(store, "t", user="ada")
    place.expire("s")
    list(store.sessions())

    assert place.members("catalogue") == ["t"]
    assert {name: place.members(name) for name in listing(place)} == {
        "created:active": ["t"],
        "updated:active": ["t"],
        "created:active:ada": ["t"],
        "updated:active:ada": ["t"],
    }
    assert [name.rpartition(":")[2] for name in place.members("expiries")] == ["adat"]
    assert place.members("feed") == ["1:4:s", "1:4:t"]

    store.read_all()
    assert place.members("feed") == ["1:4:t"]
    assert place.names_of("s") == set()


def test_appending_takes_what_has_expired_out_of_the_indexes_if_nobody_reads(place: Place, store: Store) -> None:
    for number in range(50):
        full(store, f"s{number}", user=f"user {number % 5}")
        place.expire(f"s{number}")
    store.append("kept", [STARTED])
    for _ in range(39):
        store.append("kept", [SessionRenamed("again")])

    assert place.members("catalogue") == ["kept"]
    assert len(place.members("feed")) == 40
    assert listing(place) == {"created:active", "updated:active"}
    whole = {"format", "positions", "feed", "catalogue", "expiries", "sweep"} | listing(place)
    assert place.names_of("kept") | whole == place.names()
    assert store.verify().ok


def test_the_feed_never_holds_much_more_than_what_is_there(place: Place, store: Store) -> None:
    full(store, "kept")
    most = 0
    for number in range(100):
        full(store, f"s{number}")
        if number >= 5:
            place.expire(f"s{number - 5}")
        most = max(most, len(place.members("feed")))

    assert most <= 10


def test_a_key_is_free_again_when_its_session_has_expired(place: Place, store: Store) -> None:
    full(store, "s", key="desk")
    with pytest.raises(KeyTakenError):
        full(store, "t", key="desk")
    place.expire("s")

    full(store, "t", key="desk")
    assert store.get_session("t").key == "desk"


def test_positions_begin_anew_and_global_positions_go_on(place: Place, store: Store) -> None:
    full(store, "s", user="ada")
    place.expire("s")
    again = store.append("s", [SessionStarted(user="bob"), MAIN], expected=NO_STREAM, command_id="c")

    assert (again.first, again.last, again.global_position, again.repeated) == (1, 2, 5, False)
    assert [(one.position, one.global_position) for one in store.read_all()] == [(1, 5), (2, 6)]
    assert [entry.user for entry in store.sessions()] == ["bob"]
    assert sessions_of(store, "bob") == ["s"]
    assert sessions_of(store, "ada") == []
    assert listing(place) == {"created:active", "updated:active", "created:active:bob", "updated:active:bob"}
    assert store.verify().ok


def test_a_session_that_begins_anew_as_it_was_leaves_no_gap(place: Place, store: Store) -> None:
    for _ in range(3):
        full(store, "s", user="ada")
        place.expire("s")
    full(store, "s", user="ada")

    assert [one.global_position for one in store.read_all()] == [13, 14, 15, 16]
    assert place.members("feed") == ["1:4:s"]
    assert store.verify().ok


@pytest.mark.usefixtures("unchecked")
def test_a_session_that_is_started_again_is_found_by_its_new_names_only(place: Place, store: Store) -> None:
    full(store, "s", user="ada", key="desk")
    store.append("s", [SessionStarted(user="bob", key="table")])

    assert sessions_of(store, "bob") == ["s"]
    assert sessions_of(store, "ada") == []
    full(store, "t", key="desk")
    assert len(place.members("expiries")) == 2
    store.append("t", [STARTED])
    full(store, "u", key="desk")
    place.expire("s")
    assert [entry.session for entry in store.sessions()] == ["t", "u"]
    assert listing(place) == {"created:active", "updated:active"}


def test_a_session_that_expired_before_it_was_appended_to_conflicts(place: Place, store: Store) -> None:
    full(store, "s")
    place.expire("s")

    with pytest.raises(PositionConflictError) as conflict:
        store.append("s", [said("c")], expected=4)
    assert (conflict.value.expected, conflict.value.actual) == (4, 0)
    assert store.read_all() == []


def test_readers_that_follow_the_feed_wait_for_what_is_there(place: Place, store: Store) -> None:
    recorder = place.recorder(ttl=DAY)
    full(store, "s")
    full(store, "t")
    assert recorder.last_global_position() == 8
    place.expire("t")

    assert recorder.last_global_position() == 4
    assert recorder.wait(3, 0)
    assert not recorder.wait(4, 0.001)
    full(store, "u")
    assert recorder.wait(4, 0)
    assert recorder.last_global_position() == 12
    for session in ("s", "u"):
        place.expire(session)
    assert recorder.last_global_position() == 0


def test_many_sessions_that_expire_at_once_are_passed_over(place: Place, store: Store) -> None:
    full(store, "first")
    for number in range(1500):
        store.append(f"s{number}", [STARTED])
    pipeline = place.client.pipeline(transaction=False)
    for member in place.members("expiries")[1:]:
        pipeline.zadd(place.key("expiries"), {member: 1})
    for number in range(1500):
        for kind in ("entry", "events", "payloads", "places"):
            pipeline.delete(place.key(kind, f"s{number}"))
    pipeline.execute()
    recorder = place.recorder(ttl=DAY)

    assert recorder.last_global_position() == 4
    assert [row.session for row in recorder.read_all(limit=2000)] == ["first"] * 4
    assert [entry.session for entry in recorder.read_entries()] == ["first"]
    assert store.verify().ok
    assert place.members("feed") == ["1:4:first"]


def test_the_server_itself_lets_a_session_expire(place: Place) -> None:
    store = place.store(ttl=1)
    full(store, "s", key="desk", user="ada")
    while place.client.exists(place.key("entry", "s")):
        pass

    assert store.read_all() == []
    assert list(store.sessions()) == []
    assert place.names() == {"format", "positions", "sweep"}
    assert store.verify().ok


@pytest.mark.usefixtures("unchecked")
def test_lists_hold_what_is_there_whatever_happened(place: Place, store: Store) -> None:
    chance = Random(3)
    for step in range(150):
        place.clock.now += chance.randrange(3)
        session = f"<{chance.randrange(10)}>"
        if store.find_session(session) is None:
            store.append(session, [SessionStarted(user=chance.choice([None, "ada", "bob"]))])
        elif chance.random() < 0.1:
            expire_again(place, session)
        else:
            again = SessionStarted(user=chance.choice([None, "ada", "bob"]))
            events = [SessionArchived(), SessionRestored(), SessionDeleted(), StateSet("k", step), again]
            store.append(session, [chance.choices(events, [2, 2, 1, 8, 1])[0]])
        if step % 15 == 0:
            agree(store)

    for name in listing(place):
        assert all(store.find_session(session) for session in place.members(name))
    reasons = {fault.reason for fault in store.verify().faults}
    assert reasons == {"a session starts at position 1", "the session is active, not archived"}  # nothing of lists


def expire_again(place: Place, session: str) -> None:
    """Makes the time of a session come, which may have expired before and been started again."""
    for kind in ("entry", "events", "payloads", "places"):
        place.client.pexpireat(place.key(kind, session), 1)
    for member in place.members("expiries"):
        if member.endswith(session):
            place.client.zadd(place.key("expiries"), {member: 1})


def agree(store: Store) -> None:
    """Holds what lists answer against a look at every session."""
    everything = list(store.sessions())
    statuses = [("active",), ("archived", "active"), ("deleted", "archived", "active")]
    for user, some, order, descending in product((None, "ada", ""), statuses, Order, (False, True)):
        selection = Selection(user=user, statuses=some, order=order, descending=descending)
        found: list[CatalogueEntry] = []
        mark = None
        while True:
            page = store.select_sessions(selection, after=mark, limit=3)
            found += page.entries
            if page.mark is None:
                break
            mark = page.mark
        assert found == sorted(filter(selection.takes, everything), key=selection.place, reverse=descending)


# --- Handles that are older than what has their id now ------------------------------------------------------


def begun_anew(place: Place, store: Store) -> tuple[Session, Session]:
    """A handle of a session that has expired, and the session that somebody else started under its id."""
    stale = Session("Be terse.", session_id="desk", store=store)
    stale.default_branch.add("of the old life")
    place.expire("desk")
    place.clock.now += 1
    anew = Session("Be kind.", session_id="desk", store=place.store(ttl=DAY))
    anew.default_branch.add("of the new life")
    anew.default_branch.add("and more of it")
    return stale, anew


@pytest.mark.parametrize(
    "write",
    [
        lambda handle: handle.default_branch.add("a stray"),
        lambda handle: handle.default_branch.add("a stray", expected=5),
        lambda handle: handle.default_branch.add("a stray", command_id="once"),
        lambda handle: handle.rename("stray"),
        lambda handle: handle.fork(at=3),
        lambda handle: handle.default_branch.clear(),
        lambda handle: handle.fork_session(),
        lambda handle: handle.delete(),
    ],
    ids=["add", "strictly", "by command", "rename", "fork", "clear", "fork the session", "delete"],
)
def test_a_handle_of_an_expired_session_does_not_write_into_the_session_that_has_its_id_now(
    place: Place, store: Store, write: Callable[[Session], object]
) -> None:
    stale, anew = begun_anew(place, store)
    recorded = list(anew.events())

    for _ in range(2):  # the second time it knows no more than the first
        with pytest.raises(SessionNotFoundError, match="'desk'"):
            write(stale)

    assert list(anew.events()) == recorded
    assert [entry.session for entry in store.sessions()] == ["desk"]
    assert store.verify().ok
    assert anew.default_branch.add("goes on").position == 6


@pytest.mark.parametrize(
    "read",
    [
        lambda handle: handle.position,
        lambda handle: handle.messages,
        lambda handle: list(handle.branches),
        lambda handle: handle.at(2),
    ],
    ids=["position", "messages", "branches", "at"],
)
def test_reading_by_a_handle_of_an_expired_session_says_that_it_is_gone(
    place: Place, store: Store, read: Callable[[Session], object]
) -> None:
    stale, anew = begun_anew(place, store)

    with pytest.raises(SessionNotFoundError, match="'desk'"):
        read(stale)
    assert [message.text for message in anew.messages] == ["Be kind.", "of the new life", "and more of it"]


def test_a_handle_of_an_expired_session_that_nobody_started_anew_writes_and_reads_nothing(
    place: Place, store: Store
) -> None:
    session = Session("Be terse.", session_id="desk", store=store)
    main = session.default_branch
    place.expire("desk")

    for use in (lambda: main.add("a stray"), lambda: main.messages, lambda: session.rename("stray")):
        with pytest.raises(SessionNotFoundError, match="'desk'"):
            use()
    assert list(store.sessions()) == []
    assert store.read_all() == []


@pytest.mark.parametrize("same_process", [True, False])
def test_a_session_that_expires_while_a_handle_decides_is_not_written_to(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, same_process: bool
) -> None:
    other = store if same_process else place.store(ttl=DAY)
    session = Session("Be terse.", session_id="desk", store=store)
    main = session.default_branch
    append, before = store.append, session.position

    def overtaken(*arguments: Any, **more: Any) -> Any:
        monkeypatch.undo()
        place.expire("desk")
        place.clock.now += 1
        anew = Session("Be kind.", session_id="desk", store=other)
        assert anew.position == before
        return append(*arguments, **more)

    monkeypatch.setattr(store, "append", overtaken)
    with pytest.raises(SessionNotFoundError, match="'desk'"):
        main.add("a stray")

    anew = Session.open("desk", store=store)
    assert [message.text for message in anew.messages] == ["Be kind."]
    assert store.verify().ok


@pytest.mark.parametrize("same_process", [True, False])
def test_a_session_that_is_forked_while_it_expires_gets_no_fork(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, same_process: bool
) -> None:
    session = Session("Be terse.", session_id="desk", store=store)
    other = store if same_process else place.store(ttl=DAY)
    append_together = store.append_together

    def overtaken(*arguments: Any, **more: Any) -> Any:
        monkeypatch.undo()
        place.expire("desk")
        place.clock.now += 1
        Session("Be kind.", session_id="desk", store=other)
        return append_together(*arguments, **more)

    monkeypatch.setattr(store, "append_together", overtaken)
    with pytest.raises(SessionNotFoundError, match="'desk'"):
        session.fork_session()

    assert [(entry.session, entry.position) for entry in store.sessions()] == [("desk", 3)]
    assert store.verify().ok


def test_a_handle_of_the_new_life_writes_although_its_process_knew_the_old_one(place: Place, store: Store) -> None:
    Session("Be terse.", session_id="desk", store=store)
    place.expire("desk")
    place.clock.now += 1
    Session("Be kind.", session_id="desk", store=place.store(ttl=DAY))

    assert Session.open("desk", store=store).default_branch.add("of the new life").position == 4
    assert store.verify().ok


# --- What is gone before its time ----------------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [None, DAY])
def test_a_session_that_was_taken_away_by_hand_is_found(place: Place, ttl: int | None) -> None:
    store = place.store(**({} if ttl is None else {"ttl": ttl}))
    full(store, "s")
    full(store, "t")
    for name in place.names_of("s"):
        place.client.delete(place.key(name))

    assert [one.session for one in store.read_all()] == ["t"] * 4
    verification = store.verify()
    assert [fault.reason for fault in verification.faults] == [
        "session 's' is gone, and its time had not come: deleted by hand, or evicted"
    ]
    assert place.members("feed") == ["1:4:s", "1:4:t"]  # what was lost stays counted


def test_readers_pass_over_many_appends_of_a_session_that_was_taken_away(place: Place) -> None:
    store = place.store()
    full(store, "kept")
    store.append("s", [STARTED])
    for number in range(1100):
        store.append("s", [SessionRenamed(str(number))])
    for name in place.names_of("s"):
        place.client.delete(place.key(name))
    recorder = place.recorder()

    assert recorder.last_global_position() == 4
    assert [row.session for row in recorder.read_all(limit=9)] == ["kept"] * 4
    assert [row.position for row in recorder.read_all(names=["branch.created"], limit=9)] == [2]


def test_a_session_that_was_taken_out_of_the_indexes_too_leaves_a_gap(place: Place) -> None:
    store = place.store()
    for session in ("s", "t", "u"):
        full(store, session)
    for name in place.names_of("t"):
        place.client.delete(place.key(name))
    place.client.zrem(place.key("catalogue"), "t")
    place.client.zrem(place.key("feed"), "1:4:t")

    assert [fault.reason for fault in store.verify().faults] == ["global positions 5 to 8 are missing"]


def test_a_gap_is_found_beside_those_of_expired_sessions(place: Place, store: Store) -> None:
    for session in ("s", "t", "u"):
        full(store, session)
    for name in place.names_of("t"):
        place.client.delete(place.key(name))
    place.client.zrem(place.key("catalogue"), "t")
    place.client.zrem(place.key("feed"), "1:4:t")
    for member in place.members("expiries"):
        if member.endswith("t"):
            place.client.zrem(place.key("expiries"), member)
    place.expire("s")

    assert [fault.reason for fault in store.verify().faults] == [
        "8 global positions are missing, and only 4 of them went with sessions that expired: 1 to 8"
    ]


def test_a_row_that_was_taken_away_is_found(place: Place, store: Store) -> None:
    full(store, "s")
    place.client.hdel(place.key("events", "s"), "3")

    reasons = [(fault.session, fault.position, fault.reason) for fault in store.verify().faults]
    assert reasons == [
        ("s", 3, "the event at this position is missing"),
        (None, None, "session 's' has events that no branch shows, or shows what is no event"),
        (None, None, "global position 3 is missing"),
    ]


def test_a_session_that_the_catalogue_has_lost_is_found(place: Place, store: Store) -> None:
    full(store, "s")
    place.client.zrem(place.key("catalogue"), "s")

    assert [fault.reason for fault in store.verify().faults] == [
        "the catalogue does not know the session of global position 1"
    ]


def test_a_session_that_was_given_more_time_by_hand_stays(place: Place, store: Store) -> None:
    for session in ("s", "t"):
        full(store, session)
        (member,) = (name for name in place.members("expiries") if name.endswith(session))
        place.client.zadd(place.key("expiries"), {member: 1})
    for name in place.names_of("t"):
        place.client.persist(place.key(name))

    assert [entry.session for entry in store.sessions()] == ["s", "t"]
    assert [name[-1] for name in place.members("expiries")] == ["s"]
    assert store.verify().ok


@pytest.mark.parametrize(
    ("policy", "ttl", "opens"),
    [
        ("noeviction", DAY, True),
        ("volatile-lru", None, True),
        ("volatile-lru", DAY, False),
        ("allkeys-lru", None, False),
        ("allkeys-random", DAY, False),
    ],
)
def test_a_server_that_would_evict_what_is_kept_is_refused(
    place: Place, policy: str, ttl: int | None, opens: bool
) -> None:
    options = {} if ttl is None else {"ttl": ttl}
    place.client.config_set("maxmemory-policy", policy)
    try:
        place.recorder(**options)  # without a limit to its memory, nothing is evicted
        place.client.config_set("maxmemory", "1gb")
        if opens:
            place.recorder(**options)
        else:
            with pytest.raises(DatabaseError, match=f"evicts .{policy}.: expected the maxmemory-policy noeviction"):
                place.recorder(**options)
    finally:
        place.client.config_set("maxmemory", "0")
        place.client.config_set("maxmemory-policy", "noeviction")
