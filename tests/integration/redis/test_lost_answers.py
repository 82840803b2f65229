"""Whatever happens to the connection or the server, an append says what is true, and is recorded once or not at all."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import Queue
from threading import Event as Signal
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from turnlog import open_store
from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import DatabaseError, KeyTakenError, OutcomeUnknownError, PositionConflictError
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionRenamed, SessionStarted
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.redis import recorder as redis_recorder
from turnlog.infrastructure.redis import scripts
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult, encode_events

if TYPE_CHECKING:
    from tests.integration.redis.conftest import Place
    from tests.redis_server import NewServer
    from turnlog.infrastructure.redis.recorder import RedisRecorder

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")


def said(text: str) -> Event:
    return MessageAppended(0, InstructionContent(instruction=text))


class Link:
    """One connection through the proxy, from the client to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.answers: Queue[bytes] | None = None
        """Where the server's answers go, if the client is not to have them."""

    def cut(self) -> None:
        """Ends the connection of the client; the server does not notice."""
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def pass_answers(self) -> None:
        """Carries answers to the client, as long as it is to have them."""
        with suppress(OSError):
            while answer := self.server.recv(1 << 20):
                if self.answers is None:
                    self.client.sendall(answer)
                else:
                    self.answers.put(answer)
        self.cut()


Plan: TypeAlias = Callable[[bytes, Link], None]
"""What is done with a request."""


def carry_on(request: bytes, link: Link) -> None:
    """As if there were no proxy."""
    link.server.sendall(request)


def lose_the_answer(request: bytes, link: Link) -> None:
    """The server does what it is asked; the client does not hear of it."""
    link.answers = Queue()
    link.server.sendall(request)
    link.answers.get()
    link.cut()


def lose_the_request(request: bytes, link: Link) -> None:
    """The server is not asked."""
    link.cut()


class Proxy:
    """Stands between clients and the server, and does to the next calls of scripts what `plans` say, one by one."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.plans: list[Plan] = []
        self._links: list[Link] = []
        self._held: list[tuple[bytes, Link]] = []
        self._threads: list[Thread] = []
        self._begin(self._accept)

    def hold_the_request(self, request: bytes, link: Link) -> None:
        """The server is asked later, when the client has given up."""
        link.answers = Queue()
        self._held.append((request, link))
        link.cut()

    def release(self) -> bytes:
        """Sends on what was held; the server's answer, which nobody waits for any more."""
        request, link = self._held.pop()
        link.server.sendall(request)
        assert link.answers is not None
        return link.answers.get()

    def recorder(self, place: Place) -> RedisRecorder:
        """A recorder of a store behind the proxy."""
        return place.recorder_at(f"redis://127.0.0.1:{self.port}/0?prefix={place.prefix}")

    def store(self, place: Place) -> Store:
        """A store behind the proxy."""
        return Store(self.recorder(place), place.clock)

    def refuse_connections(self) -> None:
        """From now on nobody new gets through."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """Ends all connections."""
        self.refuse_connections()
        for link in self._links:
            link.cut()
            with suppress(OSError):
                link.server.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for link in self._links:
            link.client.close()
            link.server.close()

    def _begin(self, work: Callable[..., None], *args: Any) -> None:
        self._threads.append(Thread(target=work, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                link = Link(client, socket.create_connection(self._server))
                self._links.append(link)
                self._begin(link.pass_answers)
                self._begin(self._pass_requests, link)

    def _pass_requests(self, link: Link) -> None:
        with suppress(OSError):
            while request := link.client.recv(1 << 20):
                plan = self.plans.pop(0) if self.plans and b"EVALSHA" in request else carry_on
                plan(request, link)


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    between = Proxy(place.server.port)
    yield between
    between.close()


@pytest.fixture
def store(place: Place, proxy: Proxy) -> Store:
    """A store behind the proxy, with a session `s` whose head is known."""
    store = proxy.store(place)
    store.append("s", [STARTED, MAIN])
    return store


def names(place: Place) -> list[str]:
    return [one.name for one in place.store().read("s")]


def texts(place: Place) -> list[str]:
    return [
        one.event.content.instruction
        for one in place.store().read("s")
        if isinstance(one.event, MessageAppended) and isinstance(one.event.content, InstructionContent)
    ]


# --- The connection ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command_id", [None, "c"])
def test_an_append_whose_answer_was_lost_is_recorded_once_and_says_where(
    place: Place, proxy: Proxy, store: Store, command_id: str | None
) -> None:
    proxy.plans = [lose_the_answer]
    appended = store.append("s", [said("a"), said("b")], command_id=command_id)

    assert (appended.first, appended.last, appended.global_position, appended.repeated) == (3, 4, 3, False)
    assert texts(place) == ["a", "b"]
    assert store.append("s", [said("c")]).first == 5
    assert store.verify().ok


@pytest.mark.parametrize("command_id", [None, "c"])
def test_an_append_that_did_not_arrive_is_sent_again(
    place: Place, proxy: Proxy, store: Store, command_id: str | None
) -> None:
    proxy.plans = [lose_the_request]
    appended = store.append("s", [said("a")], command_id=command_id)

    assert (appended.first, appended.repeated) == (3, False)
    assert texts(place) == ["a"]


def test_an_append_that_never_arrives_fails_and_nothing_was_recorded(place: Place, proxy: Proxy, store: Store) -> None:
    proxy.plans = [lose_the_request, carry_on, lose_the_request]

    with pytest.raises(DatabaseError, match="the connection was lost, and nothing was recorded"):
        store.append("s", [said("a")])
    assert texts(place) == []
    assert store.append("s", [said("b")]).first == 3


def test_an_append_that_arrives_after_it_was_given_up_does_nothing(place: Place, proxy: Proxy, store: Store) -> None:
    proxy.plans = [proxy.hold_the_request]
    appended = store.append("s", [said("a")])

    assert appended.first == 3
    assert proxy.release() == b"*0\r\n"
    assert texts(place) == ["a"]
    assert store.verify().ok


def test_an_append_that_arrives_after_it_was_given_up_does_nothing_even_where_it_would_fit(
    place: Place, proxy: Proxy, store: Store
) -> None:
    proxy.plans = [proxy.hold_the_request, carry_on, lose_the_request]
    with pytest.raises(DatabaseError, match="nothing was recorded"):
        store.append("s", [said("a")])

    assert proxy.release() == b"*0\r\n"
    assert texts(place) == []


def test_the_same_words_of_another_process_are_not_taken_for_ones_own(place: Place, proxy: Proxy, store: Store) -> None:
    """Same head, same microsecond, same words: the digest is the same, but only one of the two is on the record."""
    other = place.store()
    other.append("s", [])  # knows the head

    def overtaken(request: bytes, link: Link) -> None:
        other.append("s", [said("yes")])
        lose_the_request(request, link)

    proxy.plans = [overtaken]
    mine = store.append("s", [said("yes")])

    assert mine.first == 4
    assert texts(place) == ["yes", "yes"]


def test_a_strict_append_that_lost_the_race_and_its_answer_is_refused(place: Place, proxy: Proxy, store: Store) -> None:
    def overtaken(request: bytes, link: Link) -> None:
        place.store().append("s", [said("first")])
        lose_the_answer(request, link)

    proxy.plans = [overtaken]
    with pytest.raises(PositionConflictError) as conflict:
        store.append("s", [said("second")], expected=2)
    assert conflict.value.actual == 3
    assert texts(place) == ["first"]


def test_a_command_that_was_recorded_before_is_known_when_the_answer_is_lost(
    place: Place, proxy: Proxy, store: Store
) -> None:
    store.append("s", [said("a")], command_id="c")
    proxy.plans = [lose_the_answer]
    again = store.append("s", [said("a")], command_id="c")

    assert (again.first, again.repeated) == (3, True)
    assert texts(place) == ["a"]


def test_a_key_that_is_taken_is_refused_when_the_answer_is_lost(place: Place, proxy: Proxy, store: Store) -> None:
    place.store().append("t", [SessionStarted(key="desk")])
    assert store.find_session("u") is None
    proxy.plans = [lose_the_answer]

    with pytest.raises(KeyTakenError):
        store.append("u", [SessionStarted(key="desk")])
    assert store.find_session("u") is None


def test_what_goes_together_is_recorded_once_when_the_answer_is_lost(place: Place, proxy: Proxy, store: Store) -> None:
    recorder: Any = proxy.recorder(place)
    repeated = AppendRequest("s", encode_events([said("a")]), command_id="c")
    assert recorder.append_together([repeated])[0].first == 3
    other = AppendRequest("t", encode_events([STARTED]))
    idle = AppendRequest("u", encode_events([]))
    list(recorder.append([AppendRequest("t", encode_events([])), AppendRequest("u", encode_events([]))]))
    proxy.plans = [lose_the_answer]
    answers = recorder.append_together([repeated, idle, other])

    assert [(one.session, one.first, one.last, one.repeated) for one in answers] == [
        ("s", 3, 3, True),
        ("u", 1, 0, False),
        ("t", 1, 1, False),
    ]
    assert texts(place) == ["a"]
    assert [one.position for one in store.read("t")] == [1]


def test_of_appends_that_share_a_lost_call_each_gets_its_own_outcome(place: Place, proxy: Proxy) -> None:
    recorder: RedisRecorder = proxy.recorder(place)
    recorder.append([AppendRequest("s", encode_events([STARTED, MAIN])), AppendRequest("t", encode_events([STARTED]))])
    place.store().append("t", [SessionRenamed("elsewhere")])
    proxy.plans = [lose_the_answer]
    outcomes: list[Any] = recorder.append(
        [
            AppendRequest("s", encode_events([said("a")])),
            AppendRequest("t", encode_events([SessionRenamed("strict")]), expected=1),
            AppendRequest("s", encode_events([said("b")])),
            AppendRequest("u", encode_events([STARTED])),
        ]
    )

    assert [type(outcome).__name__ for outcome in outcomes] == [
        "AppendResult",
        "PositionConflictError",
        "AppendResult",
        "AppendResult",
    ]
    assert (outcomes[0].last, outcomes[2].last, outcomes[1].actual) == (3, 4, 2)
    assert texts(place) == ["a", "b"]


def test_when_nobody_can_be_asked_the_error_says_that_nobody_knows(
    place: Place, proxy: Proxy, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_recorder, "SETTLING", (0.0, 0.0))

    def cut_off(request: bytes, link: Link) -> None:
        proxy.refuse_connections()
        lose_the_answer(request, link)

    proxy.plans = [cut_off]
    with pytest.raises(OutcomeUnknownError, match="whether it was recorded is not known"):
        store.append("s", [said("a")])
    assert texts(place) == ["a"]

    with pytest.raises(DatabaseError, match=r"refused|111"):
        store.append("s", [said("b")])
    assert texts(place) == ["a"]


def test_appends_that_share_a_call_are_not_tried_again_when_nobody_knows(
    place: Place, proxy: Proxy, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wait while the first is under way, so they share the next call; its answer is lost, and the way back too."""
    monkeypatch.setattr(redis_recorder, "SETTLING", (0.0,))
    under_way, go_on = Signal(), Signal()

    def slowly(request: bytes, link: Link) -> None:
        under_way.set()
        go_on.wait()
        carry_on(request, link)

    def lost_for_a_while(request: bytes, link: Link) -> None:
        proxy.plans = [lose_the_request, lose_the_request]  # the question, and its repetition
        lose_the_answer(request, link)

    proxy.plans = [slowly, lost_for_a_while]
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(store.append, "s", [said("first")])
        under_way.wait()
        others = [pool.submit(store.append, "s", [said(f"other {n}")]) for n in range(2)]
        queue: Any = store._appender.commits._queue
        while len(queue) < 2:
            pass
        go_on.set()
        assert first.result().first == 3
        for other in others:
            with pytest.raises(OutcomeUnknownError, match="whether it was recorded is not known"):
                other.result()

    assert sorted(texts(place)) == ["first", "other 0", "other 1"]


def test_a_server_that_says_no_is_not_taken_for_a_lost_connection(place: Place, proxy: Proxy, store: Store) -> None:
    """The driver raises some answers as it raises lost connections; but such a server has done nothing."""

    def loading(request: bytes, link: Link) -> None:
        link.client.sendall(b"-LOADING the dataset is loading\r\n")

    proxy.plans = [loading]
    with pytest.raises(DatabaseError, match="the dataset is loading"):
        store.append("s", [said("a")])
    assert texts(place) == []
    assert store.append("s", [said("b")]).first == 3


def test_a_restoring_whose_last_answer_was_lost_has_come_to_its_end(place: Place, proxy: Proxy) -> None:
    source = Store(MemoryRecorder())
    source.append("s", [STARTED, MAIN, said("a")])
    recorder = proxy.recorder(place)

    def lose_the_last(request: bytes, link: Link) -> None:
        if scripts.RESTORE_END.digest.encode() in request:
            lose_the_answer(request, link)
        else:
            proxy.plans = [lose_the_last]
            carry_on(request, link)

    for _ in range(2):  # the first time the server is told the script, the second time it knows it
        proxy.plans = [lose_the_last]
        source.copy_to(Store(recorder))
        assert texts(place) == ["a"]
        place.clear()


# --- Turns ---------------------------------------------------------------------------------------------------


def test_who_was_too_late_comes_before_all_others(place: Place, proxy: Proxy, store: Store) -> None:
    """Otherwise the fastest would always be the one who has just appended, and the slowest never come to its turn."""
    other = place.store()
    other.append("s", [])  # knows the head

    def too_late(request: bytes, link: Link) -> None:
        other.append("s", [said("faster")])
        carry_on(request, link)

    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Any]] = []

        def again(request: bytes, link: Link) -> None:
            place.client.config_resetstat()
            waiting.append(pool.submit(other.append, "s", [said("faster again")]))
            stats: Any = place.client.info
            while stats("commandstats").get("cmdstat_evalsha", {}).get("calls", 0) < 2:
                pass  # it has been sent back at least once
            place.client.persist(place.key("turn", "s"))  # however long this machine takes
            carry_on(request, link)

        proxy.plans = [too_late, again]
        mine = store.append("s", [said("slow")])

        assert mine.first == 4
        assert waiting[0].result().first == 5
    assert texts(place) == ["faster", "slow", "faster again"]
    assert "turn:s" not in place.names()


def test_a_turn_that_is_not_taken_passes(place: Place, store: Store) -> None:
    place.client.set(place.key("turn", "s"), "somebody who is gone", px=100)

    assert store.append("s", [said("a")], expected=2).first == 3
    assert place.recorder().append_together([AppendRequest("s", encode_events([said("b")]))])[0].first == 4


def test_of_appends_that_share_a_call_only_those_wait_whose_turn_it_is_not(place: Place) -> None:
    recorder = place.recorder()
    place.client.set(place.key("turn", "s"), "somebody who is gone", px=100)
    outcomes: list[Any] = recorder.append(
        [
            AppendRequest("t", encode_events([STARTED])),
            AppendRequest("s", encode_events([STARTED])),
            AppendRequest("u", encode_events([STARTED])),
            AppendRequest("s", encode_events([MAIN])),
        ]
    )

    assert [(one.session, one.last) for one in outcomes] == [("t", 1), ("s", 1), ("u", 1), ("s", 2)]
    assert [row.session for row in recorder.read_all(limit=9)] == ["t", "u", "s", "s"]


def test_what_goes_together_waits_together(place: Place) -> None:
    recorder = place.recorder()
    recorder.append([AppendRequest("s", encode_events([STARTED])), AppendRequest("t", encode_events([STARTED]))])
    place.recorder().append([AppendRequest("t", encode_events([SessionRenamed("elsewhere")]))])
    place.client.set(place.key("turn", "s"), "somebody who is gone", px=100)
    answers = recorder.append_together(
        [
            AppendRequest("t", encode_events([SessionRenamed("a")])),
            AppendRequest("s", encode_events([SessionRenamed("b")])),
        ]
    )

    assert [(one.session, one.last) for one in answers] == [("t", 3), ("s", 2)]
    assert [(row.session, row.position) for row in recorder.read_all(limit=9)] == [
        ("s", 1),
        ("t", 1),
        ("t", 2),
        ("t", 3),
        ("s", 2),
    ]


def test_a_failure_while_some_wait_is_theirs_alone(place: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_recorder, "SETTLING", (0.0,))
    recorder = proxy.recorder(place)
    recorder.append([AppendRequest("s", encode_events([STARTED, MAIN])), AppendRequest("t", encode_events([STARTED]))])
    place.client.set(place.key("turn", "s"), "somebody", px=60_000)

    def cut_off(request: bytes, link: Link) -> None:
        place.client.delete(place.key("turn", "s"))
        proxy.refuse_connections()
        lose_the_answer(request, link)

    proxy.plans = [carry_on, cut_off]
    recorded, unknown = recorder.append(
        [AppendRequest("t", encode_events([SessionRenamed("a")])), AppendRequest("s", encode_events([said("b")]))]
    )

    assert isinstance(recorded, AppendResult)
    assert isinstance(unknown, OutcomeUnknownError)
    assert texts(place) == ["b"]


# --- Reading -------------------------------------------------------------------------------------------------


def test_a_read_whose_answer_was_lost_is_asked_again(place: Place, proxy: Proxy, store: Store) -> None:
    for plan in (lose_the_answer, lose_the_request):
        proxy.plans = [plan]
        assert [one.position for one in store.read("s")] == [1, 2]
    proxy.plans = [lose_the_answer, lose_the_answer]
    with pytest.raises(DatabaseError, match="the connection was lost"):
        list(store.read("s"))


# --- The server ----------------------------------------------------------------------------------------------


def test_a_server_that_is_killed_and_started_again_has_what_it_acknowledged(
    new_redis_server: NewServer,
) -> None:
    """Its settings promise durability: every command is in the file before it is answered."""
    server = new_redis_server(appendonly="yes", appendfsync="always")
    enough = Signal()

    def write(store: Store, thread: int) -> tuple[list[str], int]:
        acknowledged, failed, number = [], 0, 0
        while not enough.is_set():
            number += 1
            text = f"{thread}/{number}"
            try:
                store.append("s", [said(text), said(f"{text} again")])
            except DatabaseError:
                failed += 1
            else:
                acknowledged.append(text)
        return acknowledged, failed

    with ExitStack() as closing:
        stores = [closing.enter_context(open_store(server.address(ttl=600))) for _ in range(2)]
        stores[0].append("s", [STARTED, MAIN])
        with ThreadPoolExecutor(4) as pool:
            writing = [pool.submit(write, stores[thread % 2], thread) for thread in range(4)]
            try:
                for _ in range(3):
                    reached = stores[0].get_session("s").position
                    while stores[0].get_session("s").position < reached + 40:
                        pass
                    server.kill()
                    server.start()
            finally:
                enough.set()
            answers = [each.result() for each in writing]

        recorded = [one.event for one in stores[1].read("s", after=2)]
        contents: Any = [event.content for event in recorded if isinstance(event, MessageAppended)]
        spoken = [content.instruction for content in contents]
        acknowledged = [text for texts, _ in answers for text in texts]
        assert len(acknowledged) >= 50
        assert len(spoken) == len(set(spoken))
        assert set(acknowledged) <= set(spoken)
        assert [f"{text} again" for text in spoken[::2]] == spoken[1::2]
        assert stores[1].verify().ok
        # What failed was truthfully not recorded, or nobody could know.
        assert len(spoken) // 2 - len(acknowledged) <= sum(failed for _, failed in answers)


def test_a_store_works_again_when_its_server_does(new_redis_server: NewServer) -> None:
    server = new_redis_server(appendonly="yes")
    with open_store(server.address()) as store:
        store.append("s", [STARTED, MAIN])
        server.stop()
        for attempt in (lambda: store.append("s", [said("a")]), store.read_all, lambda: store.find_session("s")):
            with pytest.raises(DatabaseError):
                attempt()
        server.start()

        assert [one.position for one in store.read_all()] == [1, 2]
        assert store.append("s", [said("b")]).first == 3
        assert store.verify().ok


def test_a_server_that_has_lost_the_record_is_believed(new_redis_server: NewServer) -> None:
    """Without a file behind it, a server starts empty: durability is the server's."""
    server = new_redis_server()
    with open_store(server.address()) as store:
        store.append("s", [STARTED, MAIN])
        server.kill()
        server.start()

        with pytest.raises(PositionConflictError) as conflict:
            store.append("s", [said("a")], expected=2)
        assert conflict.value.actual == 0
        assert store.read_all() == []
        assert store.append("s", [STARTED]).first == 1
