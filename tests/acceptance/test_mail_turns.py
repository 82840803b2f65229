"""Many who move the mail of one session at once: in threads, tasks and processes; turns, and loops that deliver."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from threading import Barrier, Thread
from typing import Any

import pytest

from turnlog import Session, Store
from turnlog.errors import DatabaseError, InvalidMailError
from turnlog.mail import BranchMail, SessionMail

MANY = 1_000


@pytest.fixture
def session(store: Store) -> Session:
    """Two branches, `a` and `b`."""
    session = Session(store=store)
    session.create_branch(name="a")
    session.create_branch(name="b")
    return session


@pytest.fixture
def sent(session: Session) -> Session:
    """Each branch has sent half of the mails to the other, and to a user."""
    session.mail.register("user")
    a, b = session.branches["a"], session.branches["b"]
    for number in range(0, MANY, 4):
        a.mail.send_many(b, [number, number + 1])
        b.mail.send(a, number + 2)
        a.mail.send("user", number + 3)
    return session


def received(session: Session) -> dict[str, list[Any]]:
    return {name: [mail.content for mail in session.mail.inbox(name)] for name in ("a", "b", "user")}


ALL = {
    "a": [number for number in range(MANY) if number % 4 == 2],
    "b": [number for number in range(MANY) if number % 4 in (0, 1)],
    "user": [number for number in range(MANY) if number % 4 == 3],
}


def test_three_threads_that_sync_at_once_deliver_everything_once_and_in_order(sent: Session, store: Store) -> None:
    barrier = Barrier(3)

    def work(number: int) -> int:
        handle = sent if number == 0 else Session.open(sent.id, store=store)
        barrier.wait()
        return handle.mail.route()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == MANY
    assert received(sent) == ALL


def test_three_tasks_that_sync_at_once_deliver_everything_once_and_in_order(sent: Session) -> None:
    async def work() -> int:
        return sum(await asyncio.gather(*(sent.mail.aroute() for _ in range(3))))

    assert asyncio.run(work()) == MANY
    assert received(sent) == ALL


def test_two_processes_that_sync_while_mail_is_sent_deliver_everything_once_and_in_order(
    session: Session, address: str, elsewhere: Any
) -> None:
    program = (
        "import sys\n"
        "from turnlog import Session, open_store\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    exchange = Session.open(sys.argv[2], store=store).mail\n"
        "    print('ready', flush=True)\n"
        "    reached = 0\n"
        "    while not sys.stdin.closed and not exchange.mailbox('done').unread:\n"
        "        reached += exchange.route()\n"
        "    print(reached)\n"
    )
    session.mail.register("done")
    a, b = session.branches["a"], session.branches["b"]
    processes = [elsewhere.start(program, address, session.id) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2

    for number in range(MANY // 2):
        a.mail.send(b, number)
        b.mail.send(a, number)
        if number % 50 == 0:
            session.mail.route()
    here = session.mail.route()
    session.mail.send(a, "done", None)
    session.mail.route()
    reached = [int(process.communicate()[0]) for process in processes]

    assert here >= 0
    assert sum(reached) <= MANY + 1
    for branch in ("a", "b"):
        assert [mail.content for mail in session.mail.inbox(branch)] == list(range(MANY // 2))
    assert session.mail.pending == []


def test_whoever_takes_mail_out_at_once_with_others_gets_what_nobody_else_gets(sent: Session, store: Store) -> None:
    sent.mail.route()
    barrier = Barrier(4)

    def work(number: int) -> list[Any]:
        handle = sent if number % 2 else Session.open(sent.id, store=store)
        barrier.wait()
        taken = []
        while mail := handle.mail.pop("user"):
            taken.append(mail.content)
        return taken

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    assert sorted(number for taken in found for number in taken) == ALL["user"]
    assert [taken == sorted(taken) for taken in found] == [True] * 4


def test_what_branches_receive_in_several_threads_is_on_their_record_once(session: Session, store: Store) -> None:
    a = session.branches["a"]
    a.mail.send_many("b", [str(number) for number in range(MANY)], category="message")
    session.mail.route()

    def work(number: int) -> int:
        return len(Session.open(session.id, store=store).branches["b"].mail.receive())

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == MANY
    assert [message.text for message in session.branches["b"].messages] == [str(number) for number in range(MANY)]


# --- Turns ------------------------------------------------------------------------------------------------


def test_who_holds_the_sources_keeps_tasks_and_threads_of_the_handle_out(session: Session) -> None:
    a, b = session.branches["a"], session.branches["b"]
    a.mail.send(b, 1)

    async def late(held: asyncio.Event) -> int:
        await held.wait()
        return await session.mail.aroute()

    async def flow() -> None:
        held = asyncio.Event()
        tasks = [asyncio.create_task(late(held)) for _ in range(40)]  # more than there are threads
        async with session.mail.lock:
            held.set()
            thread = Thread(target=session.mail.route)
            thread.start()
            await asyncio.sleep(0.05)
            assert session.mail.mailbox(b).unread == 0
            assert await session.mail.acollect() == 1
            assert (session.mail.mailbox(b).unread, thread.is_alive()) == (0, True)
            async with session.mail.lock:
                with session.mail.lock:
                    assert session.mail.deliver() == 1
        assert sum(await asyncio.gather(*tasks)) == 0
        await asyncio.to_thread(thread.join)

    asyncio.run(flow())


def test_what_is_started_inside_a_turn_is_inside(session: Session) -> None:
    session.mail.send("a", "b", 1)

    async def flow() -> int:
        async with session.mail.lock:
            collected = await asyncio.gather(asyncio.to_thread(session.mail.collect), session.mail.acollect())
            assert sum(collected) == 1
            return await asyncio.wait_for(session.mail.adeliver(), 60)

    assert asyncio.run(flow()) == 1
    assert session.mail.mailbox("b").unread == 1


@pytest.mark.parametrize("awaited", [True, False])
def test_a_call_that_would_wait_for_a_task_of_its_own_event_loop_is_refused(session: Session, awaited: bool) -> None:
    async def hold(held: asyncio.Event, done: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            if awaited:
                await stack.enter_async_context(session.mail.lock)
            else:
                stack.enter_context(session.mail.lock)
            held.set()
            await done.wait()

    async def flow() -> int:
        held, done = asyncio.Event(), asyncio.Event()
        holding = asyncio.create_task(hold(held, done))
        await held.wait()
        with pytest.raises(InvalidMailError, match="async form"):
            session.mail.route()
        waiting = asyncio.create_task(session.mail.aroute())
        done.set()
        await holding
        return await waiting

    assert asyncio.run(flow()) == 0


def test_a_turn_ends_however_its_block_ends(session: Session) -> None:
    async def flow() -> None:
        async def hold() -> None:
            async with session.mail.lock:
                await asyncio.sleep(60)

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting = asyncio.create_task(session.mail.acollect())
        await asyncio.sleep(0)
        waiting.cancel()
        holding.cancel()
        await asyncio.gather(holding, waiting, return_exceptions=True)
        assert session.mail.collect() == 0

    asyncio.run(flow())
    with pytest.raises(ZeroDivisionError), session.mail.lock:
        1 / 0  # noqa: B018 (it is there to fail)
    assert session.mail.route() == 0


def test_turns_are_taken_by_event_loops_in_several_threads(session: Session) -> None:
    a, b = session.branches["a"], session.branches["b"]
    inside: list[int] = []
    most: list[int] = []

    async def work(number: int) -> None:
        for _ in range(10):
            async with session.mail.lock:
                inside.append(number)
                most.append(len(inside))
                a.mail.send(b, number)
                await session.mail.aroute()
                inside.remove(number)

    threads = [Thread(target=lambda number=number: asyncio.run(work(number))) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (max(most), b.mail.unread) == (1, 30)


@pytest.mark.parametrize(("kind", "without"), [(SessionMail, {"run", "stop"}), (BranchMail, set())])
def test_every_method_that_moves_mail_has_a_twin_of_the_same_signature(
    session: Session, kind: type, without: set[str]
) -> None:
    handles: list[Any] = [session.mail, session.branches["a"].mail]
    (handle,) = (each for each in handles if type(each) is kind)
    names = [name for name, what in vars(kind).items() if inspect.isfunction(what) and not name.startswith("_")]

    for name in set(names) - without:
        method, twin = getattr(handle, name), getattr(handle, f"a{name}")
        assert inspect.iscoroutinefunction(twin), name
        assert inspect.signature(twin) == inspect.signature(method), name
        assert twin.__name__ == f"a{name}"


# --- Loops ------------------------------------------------------------------------------------------------


async def until(true: Callable[[], bool], running: asyncio.Task[None]) -> None:
    """Waits for what a loop brings about; not for ever, if the loop has ended."""
    while not await asyncio.to_thread(true):
        assert not running.done(), running
        await asyncio.sleep(0.005)


def test_a_loop_delivers_new_mail_at_once_and_ends_when_it_is_stopped(session: Session) -> None:
    b = session.branches["b"]

    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(interval=3600))
        for number in range(3):
            await session.mail.asend("a", "b", number)
            await until(lambda number=number: b.mail.unread == number + 1, running)  # type: ignore[misc]  # the default is an int
        session.mail.stop()
        await running

    asyncio.run(flow())
    session.mail.send("a", "b", "left")
    assert b.mail.unread == 3


def test_a_loop_delivers_what_others_sent_by_its_interval(session: Session, store: Store) -> None:
    elsewhere, b = Session.open(session.id, store=store), session.branches["b"]

    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(0.01))
        await asyncio.sleep(0)
        await elsewhere.mail.asend("a", "b", 1)
        await until(lambda: b.mail.unread == 1, running)
        elsewhere.mail.stop()
        assert not running.done()
        session.mail.stop()
        await running

    asyncio.run(flow())


def test_a_loop_that_is_stopped_before_it_runs_does_nothing_and_the_next_one_runs(session: Session) -> None:
    session.mail.send("a", "b", 1)

    async def flow() -> None:
        session.mail.stop()
        await session.mail.run(3600)
        assert session.mail.mailbox("b").unread == 0
        running = asyncio.create_task(session.mail.run(3600))
        await until(lambda: session.mail.mailbox("b").unread == 1, running)
        session.mail.stop()
        await running

    asyncio.run(flow())


@pytest.fixture
def failing(session: Session, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of participants to whom the store takes no delivery."""
    refused: set[str] = set()
    append = Store.append

    def picky(store: Store, session: str, events: Any, **how: Any) -> Any:
        for event in events:
            if type(event).__name__ == "MailDelivered" and event.recipient in refused:
                raise DatabaseError(store.address, f"no delivery to {event.recipient}")
        return append(store, session, events, **how)

    monkeypatch.setattr(Store, "append", picky)
    return refused


def test_a_loop_survives_what_fails_logs_it_and_delivers_the_rest(
    session: Session, failing: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    session.mail.register("stuck")
    failing.add("stuck")

    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(0.01))
        for number in range(5):
            session.mail.send("a", "stuck", number)
            session.mail.send("a", "b", number)
            session.mail.send("a", "nobody", number)
        await until(lambda: session.mail.mailbox("b").unread == 5, running)
        assert session.mail.mailbox("stuck").unread == 0
        failing.clear()
        await until(lambda: session.mail.mailbox("stuck").unread == 5, running)
        session.mail.stop()
        await running

    with caplog.at_level(logging.ERROR, logger="turnlog"):
        asyncio.run(flow())
    assert [mail.content for mail in session.mail.inbox("stuck")] == list(range(5))
    assert [parked.mail.content for parked in session.mail.parked] == list(range(5))
    assert "no delivery to stuck" in caplog.text


def test_a_loop_survives_a_store_that_cannot_be_read(
    session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.mail.send("a", "b", 1)
    read, failures = store.recorder.read, iter(range(6))

    def failing(*what: Any, **how: Any) -> Any:
        if next(failures, None) is not None:
            raise DatabaseError(store.address, "it is not there")
        return read(*what, **how)

    async def flow() -> None:
        monkeypatch.setattr(store, "append", failing)
        monkeypatch.setattr(store.recorder, "read", failing)
        running = asyncio.create_task(session.mail.run(0.001))
        while next(failures, None) is not None:
            assert not running.done(), running
            await asyncio.sleep(0.002)
        monkeypatch.undo()
        await until(lambda: session.mail.mailbox("b").unread == 1, running)
        session.mail.stop()
        await running

    asyncio.run(flow())


def test_a_turn_whose_event_loop_is_gone_can_be_taken(session: Session) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(session.mail.lock.__aenter__())
    loop.close()

    assert session.mail.route() == 0


@pytest.mark.parametrize("end", ["delete", "close"])
def test_a_loop_ends_with_its_session_and_its_store(session: Session, store: Store, end: str) -> None:
    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(0.01))
        await asyncio.sleep(0.03)
        session.delete() if end == "delete" else store.close()
        await running

    asyncio.run(flow())


def test_a_loop_waits_for_an_archived_session_to_be_restored(session: Session) -> None:
    session.mail.send("a", "b", 1)
    session.archive()

    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(0.01))
        await asyncio.sleep(0.05)
        assert session.mail.mailbox("b").unread == 0
        session.restore()
        await until(lambda: session.mail.mailbox("b").unread == 1, running)
        session.mail.stop()
        await running

    asyncio.run(flow())


def test_a_loop_that_is_cancelled_leaves_the_turn_to_others(session: Session) -> None:
    async def flow() -> None:
        running = asyncio.create_task(session.mail.run(3600))
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        session.mail.send("a", "b", 1)
        assert await session.mail.aroute() == 1

    asyncio.run(flow())
