"""Who did it, as part of what, and what led to it, on every event: across blocks, threads and tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from opentelemetry.baggage import set_baggage
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider

from turnlog import Session, Store, acting
from turnlog.errors import InvalidValueError
from turnlog.provenance import with_provenance

NOBODY = (None, None, None)


def who(session: Session) -> list[tuple[str | None, str | None, int | None]]:
    """Who did what was recorded, as part of what, and what led to it."""
    return [(one.actor, one.correlation_id, one.causation) for one in session.events()]


def whose(session: Session) -> dict[str, str | None]:
    """Who put each message on the record."""
    actors = {one.position: one.actor for one in session.events()}
    return {message.text: actors[message.position or 0] for message in session.messages}


def test_everything_recorded_in_a_block_says_who_did_it(store: Store) -> None:
    with acting(actor="ada", correlation_id="run-1", causation=7):
        session = Session("Be terse.", store=store)
        main = session.default_branch
        main.add_many(["a", "b"])
        main.fork().clear()
        session.rename("help")
        session.archive()

    assert who(session) == [("ada", "run-1", 7)] * 9


def test_outside_of_a_block_nobody_acts(store: Store) -> None:
    session = Session(store=store)
    with acting(actor="ada"):
        session.rename("a")
    session.rename("b")

    assert who(session) == [NOBODY, NOBODY, ("ada", None, None), NOBODY]


def test_a_block_takes_from_the_one_around_it_what_it_does_not_name(store: Store) -> None:
    session = Session(store=store)
    with acting(actor="ada", correlation_id="run-1"):
        with acting(causation=1):
            session.rename("a")
            with acting(actor="bot", causation=2):
                session.rename("b")
            session.rename("c")
        with acting(correlation_id="run-2"):
            session.rename("d")
        session.rename("e")

    assert who(session)[2:] == [
        ("ada", "run-1", 1),
        ("bot", "run-1", 2),
        ("ada", "run-1", 1),
        ("ada", "run-2", None),
        ("ada", "run-1", None),
    ]


def test_a_block_ends_when_something_goes_wrong_in_it(store: Store) -> None:
    session = Session(store=store)
    with pytest.raises(KeyError), acting(actor="ada"):
        raise KeyError
    session.rename("a")

    assert who(session) == [NOBODY, NOBODY, NOBODY]


@pytest.mark.parametrize(
    "named",
    [
        {"actor": ""},
        {"actor": 5},
        {"actor": "a\nb"},
        {"actor": "\ud800"},
        {"correlation_id": "x" * 256},
        {"causation": 0},
        {"causation": -1},
        {"causation": True},
        {"causation": "1"},
        {"causation": 2**70},
    ],
)
def test_what_cannot_be_recorded_is_refused_before_anything_is_done(named: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="expected"), acting(**named):
        raise AssertionError


def test_an_awaited_twin_acts_for_whoever_awaits_it(store: Store) -> None:
    async def work() -> Session:
        session = Session(default_branch=None, store=store)
        with acting(actor="ada", correlation_id="run-1"):
            branch = await session.acreate_branch("main")
            await branch.aadd("a")
        await branch.aadd("b")
        return session

    assert who(asyncio.run(work())) == [NOBODY, ("ada", "run-1", None), ("ada", "run-1", None), NOBODY]


def test_a_task_and_its_threads_act_for_whoever_started_it(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch

    async def work() -> None:
        await main.aadd("awaited")
        await asyncio.to_thread(main.add, "to a thread")
        main.add("here")

    async def run() -> None:
        with acting(actor="ada"):
            task = asyncio.create_task(work())
        await task
        await main.aadd("after")

    asyncio.run(run())
    assert whose(session) == {"awaited": "ada", "to a thread": "ada", "here": "ada", "after": None}


def test_tasks_that_run_at_the_same_time_do_not_mix(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch

    async def work(actor: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        """In turns: whoever has the turn records under its own name, inside the block of the other."""
        with acting(actor=actor):
            for number in range(5):
                await mine.wait()
                mine.clear()
                await main.aadd(f"{actor} {number}")
                other.set()

    async def run() -> None:
        one, other = asyncio.Event(), asyncio.Event()
        one.set()
        await asyncio.gather(work("ada", one, other), work("bob", other, one))

    asyncio.run(run())
    assert [message.text for message in main.messages][:4] == ["ada 0", "bob 0", "ada 1", "bob 1"]
    assert [(text.split()[0], actor) for text, actor in whose(session).items()] == [("ada", "ada"), ("bob", "bob")] * 5


def test_a_thread_acts_for_whoever_its_work_was_carried_from(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    with acting(actor="ada", correlation_id="run-1", causation=2):
        thread = Thread(target=with_provenance(main.add), args=("a",), kwargs={"sender": "ada"})
    thread.start()
    thread.join()

    assert who(session)[-1] == ("ada", "run-1", 2)
    assert main.messages[0].sender == "ada"


def test_a_thread_of_its_own_acts_for_nobody(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    with acting(actor="ada"):
        thread = Thread(target=main.add, args=("a",))
        thread.start()
        thread.join()

    assert who(session)[-1] == NOBODY


def test_a_pool_acts_for_whoever_its_work_was_carried_from(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    with ThreadPoolExecutor(4) as pool:
        with acting(actor="ada"):
            for_ada = with_provenance(main.add)
        with acting(actor="bob"):
            for_bob = with_provenance(main.add)
            forgotten = [pool.submit(main.add, f"none {number}") for number in range(8)]
        known = [
            pool.submit(work, f"{name} {n}") for n in range(8) for name, work in (("ada", for_ada), ("bob", for_bob))
        ]
    messages = [future.result() for future in [*forgotten, *known]]

    assert len(messages) == 24
    assert {(text.split()[0], actor) for text, actor in whose(session).items()} == {
        ("ada", "ada"),
        ("bob", "bob"),
        ("none", None),
    }


def test_carried_work_is_called_as_it_was_and_answers_as_it_did() -> None:
    def work(one: int, *, other: str = "x") -> tuple[int, str]:
        """What it does."""
        return one, other

    carry: Callable[..., tuple[int, str]] = with_provenance(work)

    assert (carry(1), carry(2, other="y")) == ((1, "x"), (2, "y"))
    assert (carry.__name__, carry.__doc__) == ("work", "What it does.")


def test_what_carried_work_does_to_its_context_stays_there(store: Store) -> None:
    session = Session(default_branch=None, store=store)

    def work(name: str) -> None:
        with acting(actor="inside"):
            session.rename(name)

    with_provenance(work)("a")
    session.rename("b")

    assert who(session) == [NOBODY, ("inside", None, None), NOBODY]


# --- OpenTelemetry ----------------------------------------------------------------------------------------


def test_the_current_trace_is_the_correlation_and_the_baggage_names_the_actor(store: Store) -> None:
    session = Session(default_branch=None, store=store)
    with TracerProvider().get_tracer("test").start_as_current_span("run") as span, carrying("turnlog.actor", "ada"):
        session.rename("a")
        with acting(actor="bob", correlation_id="run-1", causation=1):
            session.rename("b")
        asyncio.run(session.arename("c"))

    trace = format(span.get_span_context().trace_id, "032x")
    assert who(session) == [NOBODY, ("ada", trace, None), ("bob", "run-1", 1), ("ada", trace, None)]


def test_a_trace_without_baggage_names_nobody_and_baggage_without_a_trace_no_run(store: Store) -> None:
    session = Session(default_branch=None, store=store)
    with TracerProvider().get_tracer("test").start_as_current_span("run") as span:
        session.rename("a")
    with carrying("enduser.id", "ada"):
        session.rename("b")

    trace = format(span.get_span_context().trace_id, "032x")
    assert who(session) == [NOBODY, (None, trace, None), ("ada", None, None)]


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", "x" * 10_000, 5])
def test_baggage_that_cannot_name_an_actor_is_passed_over(store: Store, name: object) -> None:
    with carrying("turnlog.actor", name):
        session = Session(default_branch=None, store=store)

    assert who(session) == [NOBODY]


@contextmanager
def carrying(key: str, value: object) -> Iterator[None]:
    """OpenTelemetry's baggage with one entry."""
    token = attach(set_baggage(key, value))
    try:
        yield
    finally:
        detach(token)
