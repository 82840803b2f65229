"""What only a real server shows: what is asked of it, what it may forget or refuse, and what it takes byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from socket import socket
from traceback import format_exception
from typing import TYPE_CHECKING, Any

import pytest
import redis

from turnlog import Session, open_store
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionRenamed, SessionStarted, StateSet
from turnlog.errors import (
    DatabaseError,
    InvalidValueError,
    KeyTakenError,
    PositionConflictError,
    SchemaMismatchError,
    StoreClosedError,
)
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.redis import scripts
from turnlog.infrastructure.redis.codec import message_place
from turnlog.infrastructure.state_loader import load_state
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult, EncodedEvent, encode_events, event_of
from turnlog.projections.selection import Order, Selection

if TYPE_CHECKING:
    from tests.integration.redis.conftest import Place
    from tests.redis_server import NewServer

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
DEEP = b"[" * 10_000 + b"]" * 10_000


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


def sessions_of(store: Store, user: str) -> list[str]:
    return [entry.session for entry in store.select_sessions(Selection(user=user)).entries]


def use_everything(store: Store) -> None:
    """Appends and reads in every way there is."""
    session = Session("Be terse.", session_id="s", user="ada", store=store)
    main = session.default_branch
    main.add_many(["one", "two"], command_id="c")
    session.fork(main, at=3, name="retry").add("other")
    fork = session.fork_session(name="fork")
    fork.default_branch.add("three")
    recorder: Any = store.recorder
    for backwards in (False, True):
        assert len(list(store.read("s", backwards=backwards))) == session.position
        assert len(list(store.recorder.read_messages("s", 0, 1, 9, backwards=backwards))) == 2
    assert recorder.read_written("s", until=99)
    assert list(recorder.read_structure("s", until=99))
    assert store.read_all(limit=5)
    assert recorder.read_all(names=["message.appended"], limit=5)
    assert recorder.wait(1, 0)
    assert not recorder.wait(99, 0.01)
    assert recorder.last_global_position()
    assert find_command(store.recorder, "s", "c")
    assert len(list(store.sessions())) == 2
    assert sessions_of(store, "ada")
    assert load_state(store.recorder, fork.id).position == fork.position
    assert store.verify().ok


# --- What is asked of it -------------------------------------------------------------------------------------


def calls(client: redis.Redis) -> dict[str, int]:
    """How often each command was called, by clients and by scripts, since the counts were reset."""
    stats: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): found["calls"] for name, found in stats.items()}


def test_nothing_walks_over_all_keys(place: Place, client: redis.Redis) -> None:
    client.config_resetstat()
    store = place.store(ttl=60)
    use_everything(store)
    with Store(place.recorder(prefix=f"{place.prefix}-copy")) as copy:
        store.copy_to(copy)
    called = calls(client)

    assert not {"keys", "scan", "hscan", "sscan", "zscan", "randomkey", "dbsize", "flushdb"} & set(called)
    assert called["evalsha"] > 20


def test_an_append_costs_the_same_however_many_sessions_there_are(place: Place, client: redis.Redis) -> None:
    store = place.store(ttl=60)

    def cost() -> int:
        store.append("s", [said("a")])
        client.config_resetstat()
        store.append("s", [said("b")], command_id=str(store.get_session("s").position))
        return sum(calls(client).values())

    store.append("s", [SessionStarted(user="ada", key="desk"), MAIN])
    for number in range(5):
        store.append(f"s{number}", [STARTED, MAIN])
    few = cost()
    for number in range(5, 500):
        store.append(f"s{number}", [STARTED, MAIN])
    assert cost() == few


def test_an_append_to_a_known_session_is_one_round_trip(place: Place, client: redis.Redis) -> None:
    store = place.store()
    store.append("s", [STARTED, MAIN])
    client.config_resetstat()
    for number in range(10):
        store.append("s", [said("a"), said("b")], command_id=str(number))

    called = calls(client)
    assert called["evalsha"] == 10
    assert not {"eval", "hgetall"} & set(called)


def test_all_keys_lie_in_one_slot(place: Place, store: Store) -> None:
    use_everything(store)
    store.append("braces {a}{b} }{", [SessionStarted(key="{c}", user="{d}"), MAIN], command_id="{e}")
    slots = {redis.crc.key_slot(place.key(name).encode()) for name in place.names()}

    assert len(place.names()) > 15
    assert slots == {redis.crc.key_slot(place.prefix.encode())}


def test_with_a_hash_tag_all_keys_begin_with_the_prefix(place: Place, client: redis.Redis) -> None:
    before = set(client.scan_iter())
    store = place.store(hash_tag="tag")
    use_everything(store)
    names = set(client.scan_iter()) - before

    try:
        assert len(names) > 15
        assert {name.startswith(f"{place.prefix}{{tag}}:".encode()) for name in names} == {True}
        assert {redis.crc.key_slot(name) for name in names} == {redis.crc.key_slot(b"tag")}
        assert store.verify().ok
        assert list(place.store().sessions()) == []
    finally:
        client.delete(*names)


def test_a_node_of_a_cluster_takes_everything_as_well(new_redis_server: NewServer) -> None:
    """A cluster of one node is as strict about slots as any."""
    with socket() as held:
        held.bind(("127.0.0.1", 0))
        bus = held.getsockname()[1]
    server = new_redis_server(cluster_enabled="yes", cluster_port=str(bus))
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass

    with open_store(server.address(ttl=60)) as store:
        use_everything(store)
        with open_store(server.address(prefix="copy")) as copy:
            assert store.copy_to(copy) == len(store.read_all())
            assert copy.read_all() == store.read_all()


# --- What it may forget or refuse ----------------------------------------------------------------------------


def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    place: Place, store: Store, client: redis.Redis
) -> None:
    store.append("s", [STARTED, MAIN])
    client.script_flush()
    assert store.append("s", [said("a")], command_id="c").first == 3
    client.script_flush()
    assert len(list(store.read("s"))) == 3
    client.script_flush()
    assert store.append("s", [said("a")], command_id="c").repeated


def test_scripts_may_be_forgotten_at_any_time(place: Place, client: redis.Redis) -> None:
    store = place.store()
    store.append("s", [STARTED, MAIN])

    def write(thread: int) -> list[int]:
        return [store.append("s", [said(f"{thread}/{n}")]).last for n in range(50)]

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, thread) for thread in range(4)]
        while not all(each.done() for each in writing):
            client.script_flush()
        answers = [position for each in writing for position in each.result()]

    assert sorted(answers) == list(range(3, 203))
    assert store.verify().ok


def test_a_server_that_is_full_refuses_and_nothing_is_half_written(place: Place, client: redis.Redis) -> None:
    store = place.store(ttl=60)
    store.append("s", [SessionStarted(key="desk", user="ada"), MAIN, said("a")])
    before = (store.read_all(), list(store.sessions()))
    client.config_set("maxmemory", "1")
    try:
        for session, events in (("s", [said("b")]), ("t", [STARTED, MAIN, said("b")])):
            with pytest.raises(DatabaseError, match="command not allowed when used memory > 'maxmemory'"):
                store.append(session, events, command_id="c")
        assert (store.read_all(), list(store.sessions())) == before
    finally:
        client.config_set("maxmemory", "0")

    assert store.append("s", [said("b")], command_id="c").repeated is False
    assert store.verify().ok


def test_a_replica_refuses_and_a_master_that_it_becomes_does_not(new_redis_server: NewServer) -> None:
    server = new_redis_server()
    with open_store(server.address()) as store, server.client() as client:
        store.append("s", [STARTED])
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(DatabaseError, match="read only replica"):
            store.append("s", [MAIN])
        assert len(store.read_all()) == 1
        client.replicaof("NO", "ONE")
        assert store.append("s", [MAIN]).first == 2


def test_what_a_newer_version_wrote_is_refused(place: Place, client: redis.Redis) -> None:
    client.set(place.key("format"), "2")

    with pytest.raises(SchemaMismatchError, match="has format 2; expected format 1"):
        place.recorder()


def test_a_password_is_not_shown_when_it_is_wrong_and_opens_when_it_is_right(new_redis_server: NewServer) -> None:
    server = new_redis_server()
    where = f"127.0.0.1:{server.port}/0"
    with server.client() as client:
        client.acl_setuser("ada", enabled=True, passwords=["+p@ss"], keys=["{turnlog}:*"], commands=["+@all"])
        client.config_set("requirepass", "p@ss")

    with pytest.raises(DatabaseError) as failed:
        open_store(f"redis://ada:wr%40ng@{where}")
    assert "wr@ng" not in "".join(format_exception(failed.value))
    with pytest.raises(DatabaseError, match="permissions"):
        open_store(f"redis://ada:p%40ss@{where}?prefix=other")
    for user in ("ada", ""):
        with open_store(f"redis://{user}:p%40ss@{where}") as store:
            Session(store=store).default_branch.add("let in")
            assert "p@ss" not in f"{store!r} {store.recorder!r} {store.recorder.name}"
            assert store.verify().ok


# --- What it takes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["socket", "tcp"])
def test_a_payload_of_20_megabytes_passes(place: Place, over: str) -> None:
    store = place.store(tcp=over == "tcp")
    text = "é" * (10 << 20)
    store.append("s", [STARTED, MAIN, said("before"), said(text), said("after")])

    assert [one.event for one in store.read("s", after=2)] == [said("before"), said(text), said("after")]
    assert [event_of(one) for one in store.recorder.read_messages("s", 0, 1, 9, backwards=True)] == [
        said("after"),
        said(text),
        said("before"),
    ]
    assert [one.position for one in store.read_all()] == [1, 2, 3, 4, 5]
    assert store.verify().ok


def test_a_group_of_large_appends_is_sent_in_parts_and_each_is_recorded_once(place: Place, client: redis.Redis) -> None:
    recorder = place.recorder()
    list(recorder.append([AppendRequest("known", encode_events([STARTED]))]))
    client.config_resetstat()
    payload = b'"%s"' % (b"x" * (30 << 20))
    appends = [AppendRequest(f"s{number % 2}", [EncodedEvent("other", None, payload, None)]) for number in range(4)]
    outcomes = recorder.append(appends)

    assert [(one.session, one.last) for one in outcomes if isinstance(one, AppendResult)] == [
        ("s0", 1),
        ("s1", 1),
        ("s0", 2),
        ("s1", 2),
    ]
    assert calls(client)["evalsha"] == 2
    assert [row.position for row in recorder.read_all(after=1, limit=9)] == [1, 1, 2, 2]


def test_pages_end_by_rows_or_by_bytes(place: Place) -> None:
    """One script holds up everybody else, so none reads more than some rows, or a row that is large."""
    recorder = place.recorder()
    rows = [EncodedEvent("message.appended", 0, b'"%s"' % (b"x" * 1000), None) for _ in range(6)]
    recorder.append([AppendRequest("s", rows), AppendRequest("t", rows)])
    read, reach = recorder.server.read, 2**62

    def sizes(script: scripts.Script, *arguments: Any, row: int = 3) -> tuple[int, int]:
        """How many rows a page has that may have four, and one that may have about 2000 bytes."""
        by_rows = read(script, *(4 if each == "rows" else 10**6 if each == "bytes" else each for each in arguments))
        by_bytes = read(script, *(1000 if each == "rows" else 2000 if each == "bytes" else each for each in arguments))
        assert by_rows[0]
        assert by_bytes[0]
        return len(by_rows) // row, len(by_bytes) // row

    places = b"[" + message_place(0, 1), b"[" + message_place(0, 9)
    assert sizes(scripts.READ, "s", 1, reach, "rows", "bytes", 0) == (4, 2)
    assert sizes(scripts.READ, "s", 1, reach, "rows", "bytes", 1) == (4, 2)
    assert sizes(scripts.READ_PLACES, "s", *places, "rows", "bytes", 0) == (4, 2)
    assert sizes(scripts.READ_PLACES, "s", *places, "rows", "bytes", 1) == (4, 2)
    assert sizes(scripts.READ_ALL, 0, reach, "rows", "bytes", 1000, row=4) == (4, 2)
    assert read(scripts.READ_ALL, 0, reach, 1000, 10**6, 4, "other name") == [b"4"]
    assert len(read(scripts.READ_ENTRIES, "catalogue", "-inf", 1, 10**6)) == 2
    assert len(read(scripts.READ_ENTRIES, "catalogue", "-inf", 1000, 10)) == 2
    assert len(read(scripts.READ_LIST, "created:unstarted", "-inf", "+inf", "", "", 1, 10**6, 0)) == 3
    assert len(read(scripts.READ_LIST, "created:unstarted", "-inf", "+inf", "", "", 1000, 10, 1)) == 3
    for backwards in (False, True):
        assert len(list(recorder.read("s", backwards=backwards))) == 6


def test_the_feed_is_read_up_to_a_global_position(place: Place) -> None:
    recorder = place.recorder()
    for _ in range(3):
        recorder.append([AppendRequest("s", encode_events([STARTED, STARTED]))])

    assert [row.global_position for row in recorder.read_all(after=1, until=5, limit=9)] == [2, 3, 4, 5]
    assert [row.global_position for row in recorder.read_all(after=1, until=4, limit=2)] == [2, 3]
    assert recorder.read_all(after=3, until=3, limit=9) == []
    assert [row.position for row in recorder.read_all(names=["session.started"], until=2, limit=9)] == [1, 2]


def test_connections_are_used_again(place: Place, client: redis.Redis) -> None:
    store = place.store()
    store.append("s", [STARTED])
    for _ in range(3):
        store.append("s", [SessionRenamed("again")])
        with pytest.raises(DatabaseError):
            store.recorder.server.ask("NONSENSE")  # type: ignore[attr-defined]  # of this kind
    before: Any = client.client_list()
    for _ in range(20):
        store.append("s", [SessionRenamed("again")])
        list(store.read("s"))
    after: Any = client.client_list()

    assert len(after) == len(before)


def test_a_command_that_comes_twice_in_one_call_is_recorded_once(place: Place) -> None:
    recorder = place.recorder()
    once = AppendRequest("s", encode_events([STARTED]), command_id="c")
    outcomes = recorder.append([once, once, AppendRequest("s", encode_events([MAIN])), once])

    assert [(one.last, one.repeated) for one in outcomes if isinstance(one, AppendResult)] == [
        (1, False),
        (1, True),
        (2, False),
        (1, True),
    ]
    assert [row.position for row in recorder.read_all(limit=9)] == [1, 2]


def test_of_appends_that_go_together_all_are_recorded_or_none(place: Place) -> None:
    recorder, other = place.recorder(), place.recorder()
    recorder.append(
        [AppendRequest("s", encode_events([STARTED])), AppendRequest("t", encode_events([SessionStarted(key="desk")]))]
    )
    before = recorder.read_all(limit=9)
    together = [AppendRequest("s", encode_events([MAIN]), command_id="c"), AppendRequest("u", encode_events([STARTED]))]

    with pytest.raises(KeyTakenError):
        recorder.append_together([*together, AppendRequest("v", encode_events([SessionStarted(key="desk")]))])
    with pytest.raises(PositionConflictError):
        other.append_together([*together, AppendRequest("t", encode_events([MAIN]), expected=7)])
    assert recorder.read_all(limit=9) == before
    assert recorder.find_command("s", "c") is None
    assert [entry.session for entry in recorder.read_entries()] == ["s", "t"]

    assert [one.last for one in recorder.append_together(together)] == [2, 1]


@pytest.mark.usefixtures("unchecked")
def test_an_append_of_very_many_events_is_one_append(store: Store) -> None:
    events = [said(str(number), number % 3) for number in range(50_000)]
    appended = store.append("s", [STARTED, *events], command_id="c")

    assert (appended.first, appended.last) == (1, 50_001)
    written = store.recorder.read_written("s", until=50_001)
    assert {branch: len(positions) for branch, positions in written.items()} == {0: 16_667, 1: 16_667, 2: 16_666}
    assert list(written[1]) == list(range(3, 50_002, 3))
    assert [one.position for one in store.recorder.read_messages("s", 2, 49_990, 60_000)] == [
        49_990,
        49_993,
        49_996,
        49_999,
    ]
    assert [one.position for one in store.read_all(after=49_998)] == [49_999, 50_000, 50_001]


@pytest.mark.usefixtures("unchecked")
def test_written_positions_are_read_between_bounds(store: Store) -> None:
    other = BranchCreated(1, "id-other", "other")
    store.append("s", [STARTED, MAIN, other, *[said("x", number % 2) for number in range(10)]])
    written = store.recorder.read_written("s", after=4, until=9)

    assert {branch: list(positions) for branch, positions in written.items()} == {0: [6, 8], 1: [5, 7, 9]}
    assert store.recorder.read_written("s", after=13, until=99) == {}
    assert store.recorder.read_written("t", until=99) == {}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(range(256)) * 3,
        b'"\xff\xfe"',
        b"\r\n$5\r\n*3\r\n\x00",
        DEEP,
        json.dumps("\ud800").encode(),
    ],
    ids=["nothing", "bytes", "invalid UTF-8", "protocol", "10 000 deep", "escaped surrogate"],
)
def test_a_payload_is_kept_byte_by_byte(place: Place, payload: bytes) -> None:
    recorder = place.recorder()
    recorder.append([AppendRequest("s", [EncodedEvent("other", None, payload, None)])])
    (row,) = recorder.read("s")

    assert row.payload == payload
    assert recorder.read_all(limit=1) == [row]
    faults = [fault.reason for fault in Store(recorder).verify().faults]
    assert len(faults) == (payload == DEEP)  # nobody could record it today
    assert all("nested too deep" in fault for fault in faults)


def test_text_with_nul_is_kept_and_what_cannot_be_kept_is_refused_by_name(place: Place, store: Store) -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    store.append("s", [STARTED, MAIN, StateSet("k", "nul \0 and \x7f \u2028 😀"), said("\0")])

    with pytest.raises(InvalidValueError, match="lone surrogate"):
        store.append("s", [said("\ud800")])
    with pytest.raises(InvalidValueError, match=r"state_set|message|value|deep|nested"):
        Session.open("s", store=store).set_state("k", deep)
    with pytest.raises(InvalidValueError, match=r"state\.set|session\.state_set"):
        store.append("s", [StateSet("k", deep)])
    for name in ("a\0b", "\ud800", "a\nb"):
        with pytest.raises(InvalidValueError):
            store.append(name, [STARTED])
    assert [one.event for one in place.store().read("s", after=2)] == [
        StateSet("k", "nul \0 and \x7f \u2028 😀"),
        said("\0"),
    ]
    assert store.verify().ok


@pytest.mark.parametrize("session", ["ключ", "a:b:c", "{a}", "1:2:3", "😀", "'\"\\ %"])
def test_any_name_of_a_session_leads_to_it_and_no_other(store: Store, session: str) -> None:
    store.append(session, [SessionStarted(key=session, user=session), MAIN, said("a")], command_id=session)
    store.append("other", [STARTED])

    assert [one.session for one in store.read_all()] == [session] * 3 + ["other"]
    assert find_command(store.recorder, session, session) is not None
    assert sessions_of(store, session) == [session]
    assert store.verify().ok


# --- Restoring -----------------------------------------------------------------------------------------------


@pytest.fixture
def source() -> Store:
    """A store with two sessions, one of which has a command of many events."""
    store = Store(MemoryRecorder())
    store.append("s", [SessionStarted(key="desk", user="ada"), MAIN])
    store.append("t", [STARTED])
    store.append("s", [said(str(number)) for number in range(1200)], command_id="long")
    store.append("t", [SessionRenamed("other")], command_id="c")
    return store


def test_what_is_restored_goes_on_as_it_was(place: Place, source: Store) -> None:
    store = place.store()
    assert source.copy_to(store) == 1204

    assert store.read_all(limit=2000) == source.read_all(limit=2000)
    assert list(store.sessions()) == list(source.sessions())
    assert find_command(store.recorder, "s", "long") == find_command(source.recorder, "s", "long")
    assert store.verify().ok
    appended = store.append("s", [said("next")])
    assert (appended.first, appended.global_position) == (1203, 1205)
    assert sessions_of(store, "ada") == ["s"]
    assert [entry.session for entry in store.select_sessions(Selection(order=Order.UPDATED)).entries] == ["s", "t"]
    assert {place.client.pttl(place.key(name)) for name in place.names()} == {-1}


def test_what_is_restored_into_a_store_with_a_time_to_live_has_one(place: Place, source: Store) -> None:
    store = place.store(ttl=60)
    source.copy_to(store)
    keys = place.names_of("s") | place.names_of("t") | {"key:desk"}

    assert {place.client.pexpiretime(place.key(name)) > 0 for name in keys} == {True}
    assert len(place.members("expiries")) == 2


def test_a_restoring_that_breaks_off_leaves_the_store_as_empty_as_it_was(place: Place, source: Store) -> None:
    recorder = place.recorder()
    rows = source.recorder.read_all(limit=2000)

    def broken() -> Iterator[Any]:
        yield from rows[:700]
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        recorder.restore(source.sessions(), broken())
    assert place.names() == {"format"}

    source.copy_to(Store(recorder))
    assert recorder.read_all(limit=2000) == rows


def test_a_restoring_that_breaks_off_after_its_first_entries_leaves_nothing_either(place: Place) -> None:
    recorder = place.recorder(ttl=60)
    source = Store(MemoryRecorder())
    for number in range(501):
        source.append(f"s{number}", [SessionStarted(user="ada", key=f"k{number}")])
    entries = list(source.sessions())

    def broken() -> Iterator[Any]:
        yield from entries
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        recorder.restore(broken(), source.recorder.read_all(limit=600))
    assert place.names() == {"format"}


def test_while_a_store_is_restored_nobody_else_writes(place: Place, source: Store) -> None:
    recorder, other = place.recorder(), place.store()
    rows = source.recorder.read_all(limit=2000)

    def watched() -> Iterator[Any]:
        yield from rows[:700]
        with pytest.raises(DatabaseError, match="another process is restoring"):
            other.append("u", [STARTED])
        with pytest.raises(DatabaseError, match="another process is restoring"):
            source.copy_to(other)
        assert list(other.sessions()) == []
        yield from rows[700:]

    recorder.restore(source.sessions(), watched())
    assert other.append("u", [STARTED]).global_position == 1205
    assert other.verify().ok


def test_what_a_process_that_died_while_restoring_has_left_is_taken_away(place: Place, source: Store) -> None:
    recorder, store = place.recorder(), place.store(ttl=60)
    rows = source.recorder.read_all(limit=2000)

    def dying() -> Iterator[Any]:
        yield from rows[:700]
        place.client.delete(place.key("restoring"))  # its time is up
        yield from rows[700:]

    with pytest.raises(DatabaseError, match="paused for so long that it was given up"):
        recorder.restore(source.sessions(), dying())
    with pytest.raises(DatabaseError, match="broke off; restore it again"):
        store.append("u", [STARTED])
    smaller = Store(MemoryRecorder())
    smaller.append("s", [STARTED])
    smaller.copy_to(store)

    assert [one.session for one in store.read_all()] == ["s"]
    assert place.names_of("t") == set()
    assert store.verify().ok


# --- Closing -------------------------------------------------------------------------------------------------


def test_a_reader_that_waits_is_told_when_its_store_is_closed(place: Place) -> None:
    recorder = place.recorder()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(recorder.wait, 0, 60)
        clients: Any = place.client.client_list
        while not any(each["cmd"] == "xread" for each in clients()):
            pass
        recorder.close()
        with pytest.raises(StoreClosedError):
            waiting.result()


def test_a_reader_that_waits_wakes_for_what_another_process_appends(place: Place) -> None:
    recorder, other = place.recorder(), place.store()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(recorder.wait, 0, 60)
        clients: Any = place.client.client_list
        while not any(each["cmd"] == "xread" for each in clients()):
            pass
        other.append("s", [STARTED])
        assert waiting.result()
