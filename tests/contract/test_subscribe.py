"""Following a store, from the past into the present, by hand and awaited."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidValueError, StoreClosedError
from turnlog.domain.events import Event, MessageAppended, SessionRenamed
from turnlog.infrastructure.store import Store

if TYPE_CHECKING:
    from tests.contract.conftest import Stores

pytestmark = pytest.mark.usefixtures("unchecked")


def said(text: str = "hi") -> MessageAppended:
    return MessageAppended(1, InstructionContent(text))


def append(store: Store, session: str, *events: Event) -> None:
    store.append(session, events or [said()])


def test_every_event_comes_once_in_order_from_the_past_into_the_present(store: Store) -> None:
    append(store, "a", *[said()] * 1200)
    append(store, "b")
    found = []
    with store.subscribe() as subscription:
        for event in subscription:
            found.append((event.global_position, event.session, event.position))
            if len(found) == 1201:
                append(store, "a", said(), said())
            if len(found) == 1203:
                break

    assert [place for place, _, _ in found] == list(range(1, 1204))
    assert found[1199:] == [(1200, "a", 1200), (1201, "b", 1), (1202, "a", 1201), (1203, "a", 1202)]


def test_it_begins_behind_a_global_position(store: Store) -> None:
    append(store, "a", said(), said())
    with store.subscribe(after=store.last_global_position()) as subscription:
        append(store, "a", said("new"))
        assert next(subscription).position == 3


def test_only_the_names_asked_for_come(store: Store) -> None:
    append(store, "a", said(), SessionRenamed("x"), said())
    with store.subscribe(names=["session.renamed"]) as subscription:
        assert next(subscription).position == 2
        append(store, "b", said(), SessionRenamed("y"))
        assert next(subscription).session == "b"
    with pytest.raises(InvalidValueError, match="expected a list"):
        store.subscribe(names="session.renamed")


def test_one_session_is_followed_by_its_positions(store: Store) -> None:
    append(store, "a", *[said()] * 600)
    append(store, "b", *[said()] * 5)
    with store.subscribe(session="a", after=598, names=["message.appended"]) as subscription:
        assert [next(subscription).position for _ in range(2)] == [599, 600]
        append(store, "b", said())
        append(store, "a", SessionRenamed("x"), said())
        event = next(subscription)
        assert (event.session, event.position) == ("a", 602)


def test_a_session_that_is_not_there_yet_is_waited_for(store: Store) -> None:
    append(store, "b")
    with store.subscribe(session="a") as subscription:
        append(store, "a", said("first"))
        assert next(subscription).session == "a"


def test_what_another_process_appends_comes_too(store: Store, stores: Stores) -> None:
    other = stores.beside(store)
    with store.subscribe() as subscription:
        for number in range(3):
            append(other, "a", said())
            assert next(subscription).position == number + 1


def test_whoever_waits_is_let_go_when_it_is_closed(store: Store) -> None:
    subscription = store.subscribe()
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(subscription))
    thread.start()
    append(store, "a")

    subscription.close()
    subscription.close()
    thread.join()

    assert len(found) <= 1
    assert list(subscription) == []


def test_whoever_waits_is_let_go_when_the_store_is_closed(stores: Stores) -> None:
    store = stores.new()
    subscription = store.subscribe()
    thread = threading.Thread(target=lambda: list(subscription))
    thread.start()

    store.close()
    thread.join()

    with pytest.raises(StoreClosedError):
        store.subscribe()


def test_several_threads_share_a_subscription_without_an_event_twice_or_lost(store: Store) -> None:
    append(store, "a", *[said()] * 2000)
    subscription = store.subscribe()
    found: list[int] = []
    done = threading.Event()

    def take() -> None:
        for event in subscription:
            found.append(event.global_position)
            if len(found) >= 2000:
                done.set()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    done.wait()
    subscription.close()
    for thread in threads:
        thread.join()

    assert sorted(found) == list(range(1, 2001))


def test_it_is_awaited_beside_other_work(store: Store) -> None:
    async def follow() -> list[int]:
        found = []
        async with store.asubscribe() as subscription:
            async for event in subscription:
                found.append(event.position)
                if len(found) == 2:
                    await store.aappend("a", [said()])
                if len(found) == 3:
                    break
        return found

    append(store, "a", said(), said())

    assert asyncio.run(follow()) == [1, 2, 3]


def test_a_wait_that_is_cancelled_loses_no_event(store: Store) -> None:
    async def follow() -> list[int]:
        found: list[int] = []
        async with store.asubscribe() as subscription:
            for round_ in range(20):
                if round_ % 4 == 0:
                    await store.aappend("a", [said()])
                try:
                    event = await asyncio.wait_for(anext(subscription), 0.001 * (round_ % 3))
                    found.append(event.position)
                except TimeoutError:
                    continue
            while len(found) < 5:
                found.append((await anext(subscription)).position)
        return found

    assert asyncio.run(follow()) == [1, 2, 3, 4, 5]


def test_an_awaited_one_ends_when_it_or_its_store_is_closed(stores: Stores) -> None:
    async def follow(store: Store) -> None:
        subscription = store.asubscribe()
        waiting = asyncio.ensure_future(anext(subscription, None))
        await asyncio.sleep(0)
        await subscription.aclose()
        assert await waiting is None
        assert [event async for event in subscription] == []

        subscription = store.asubscribe()
        waiting = asyncio.ensure_future(anext(subscription, None))
        await asyncio.sleep(0)
        store.close()
        assert await waiting is None

    asyncio.run(follow(stores.new()))
