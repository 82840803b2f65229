"""An awaited call that is cancelled settles first: after the cancellation was raised, nothing of it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from random import Random
from threading import Event
from typing import Any

import pytest

from turnlog import Branch, Session, Store, open_store
from turnlog.errors import InvalidValueError
from turnlog.operations import RunContext


@pytest.fixture(params=["memory://", "sqlite:///{}/turnlog.db"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Store]:
    with open_store(request.param.format(tmp_path)) as store:
        yield store


class Gate:
    """Holds up the appends of a store until it is opened."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = Event(), Event()
        commit = store._appender.commits._commit

        def held(appends: Any) -> Any:
            self.reached.set()
            self.open.wait()
            return commit(appends)

        monkeypatch.setattr(store._appender.commits, "_commit", held)


@asynccontextmanager
async def one_thread() -> AsyncIterator[Event]:
    """The only thread of the event loop, busy until the event is set."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    free = Event()
    busy = asyncio.ensure_future(asyncio.to_thread(free.wait))
    await asyncio.sleep(0)
    try:
        yield free
    finally:
        free.set()
        await busy


def texts(store: Store, session: Session) -> list[str]:
    return [message.text for message in Session.open(session.id, store=store).messages]


def test_what_was_reported_matches_the_record_when_many_are_cancelled(store: Store) -> None:
    random = Random(7)
    session = Session(store=store, default_branch="main")
    main = session.default_branch
    ledger: dict[str, str] = {}

    async def call(text: str) -> None:
        try:
            await main.aadd(text)
            ledger[text] = "recorded"
        except asyncio.CancelledError:
            found = text in texts(store, session)
            ledger[text] = "recorded" if found else "not recorded"
            raise

    async def program() -> None:
        tasks = [asyncio.ensure_future(call(str(number))) for number in range(90)]
        for task in random.sample(tasks, 30):
            await asyncio.sleep(random.choice((0, 0, 0.002)))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(program())
    found = texts(store, session)
    assert len(ledger) + sum(text not in ledger for text in map(str, range(90))) == 90
    assert sorted(found) == sorted(text for text, what in ledger.items() if what == "recorded")


def test_a_call_that_has_begun_is_recorded_before_it_is_cancelled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = Session(store=store, default_branch="main").default_branch
    gate = Gate(store, monkeypatch)

    async def program() -> None:
        task = asyncio.ensure_future(main.aadd("a"))
        await asyncio.to_thread(gate.reached.wait)
        for _ in range(3):  # each cancellation waits for the same end
            task.cancel()
            await asyncio.wait([task], timeout=0.01)
            assert not task.done()
        gate.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [message.text for message in main.messages] == ["a"]

    asyncio.run(program())


def test_a_call_that_has_not_begun_is_withdrawn(store: Store) -> None:
    main = Session(store=store, default_branch="main").default_branch

    async def program() -> None:
        async with one_thread():
            task = asyncio.ensure_future(main.aadd("a"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await main.aadd("b")

    asyncio.run(program())
    assert [message.text for message in main.messages] == ["b"]


def test_a_time_limit_is_raised_when_the_call_has_settled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    main = Session(store=store, default_branch="main").default_branch
    gate = Gate(store, monkeypatch)

    async def program() -> None:
        waiting = asyncio.ensure_future(asyncio.wait_for(main.aadd("a"), 0.01))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
        gate.open.set()
        with pytest.raises(TimeoutError):
            await waiting
        assert [message.text for message in main.messages] == ["a"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await main.aadd("b")

    asyncio.run(program())
    assert [message.text for message in main.messages][:1] == ["a"]


def test_an_event_loop_that_ends_lets_calls_settle(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    main = Session(store=store, default_branch="main").default_branch
    gate = Gate(store, monkeypatch)
    seen: list[list[str]] = []

    async def call() -> None:
        try:
            await main.aadd("a")
        except asyncio.CancelledError:
            seen.append([message.text for message in main.messages])
            raise

    async def program() -> asyncio.Task[None]:
        task = asyncio.ensure_future(call())
        await asyncio.to_thread(gate.reached.wait)
        asyncio.get_running_loop().call_later(0.01, gate.open.set)
        return task  # the loop ends, and cancels what is left

    task = asyncio.run(program())

    assert task.cancelled()
    assert seen == [["a"]]
    assert [message.text for message in main.messages] == ["a"]


def test_the_error_of_a_cancelled_call_is_the_cause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    main = Session(store=store, default_branch="main").default_branch
    begun, go_on = Event(), Event()

    def refuse(self: Branch, text: str) -> None:
        begun.set()
        go_on.wait()
        raise InvalidValueError("a text", f"{text!r} is wrong: expected another")

    monkeypatch.setattr(Branch, "rename", refuse)

    async def program() -> None:
        task = asyncio.ensure_future(main.arename("x"))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, InvalidValueError)

    asyncio.run(program())


def test_an_operation_that_is_cancelled_as_it_starts_has_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(store=store, default_branch="main")
    gate = Gate(store, monkeypatch)
    done = []

    async def work(context: RunContext, params: object) -> None:
        done.append(params)

    session.operations.register("work", work)

    async def program() -> None:
        task = asyncio.ensure_future(session.operations.run("work"))
        await asyncio.to_thread(gate.reached.wait)
        task.cancel()
        await asyncio.wait([task], timeout=0.01)
        assert not task.done()
        gate.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(program())
    (operation,) = session.operations
    assert (operation.status, operation.error, operation.reason) == ("failed", "CancelledError", "it was cancelled")
    assert done == []


def test_mail_that_is_cancelled_settles(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(store=store, default_branch="main")
    other = session.create_branch("other")
    session.default_branch.mail.send(other, "hello", category="message")
    session.mail.route()
    gate = Gate(store, monkeypatch)

    async def program() -> None:
        task = asyncio.ensure_future(other.mail.areceive())
        await asyncio.to_thread(gate.reached.wait)
        task.cancel()
        await asyncio.wait([task], timeout=0.01)
        assert not task.done()
        gate.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [message.text for message in other.messages] == ["hello"]

    asyncio.run(program())


def test_a_read_that_is_cancelled_does_not_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Event()
    monkeypatch.setattr(Store, "verify", lambda self: go_on.wait())

    async def program() -> None:
        task = asyncio.ensure_future(store.averify())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()

    with suppress(asyncio.CancelledError):
        asyncio.run(program())
