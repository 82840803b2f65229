"""Every method that writes has an awaited twin that cannot drift from it."""

from __future__ import annotations

import asyncio
import inspect
from threading import Thread
from typing import Any

import pytest

from turnlog import Branch, BranchView, Message, Session, SessionView, Store
from turnlog.errors import InvalidContentError, PositionConflictError

WITHOUT_TWIN = {"stream"}
"""It is iterated piece by piece."""


def writing(kind: type) -> list[str]:
    """The public methods that a class adds to its view of the past, which only reads."""
    view = {Session: SessionView, Branch: BranchView}[kind]
    added = {name: getattr(kind, name) for name in set(dir(kind)) - set(dir(view)) if not name.startswith("_")}
    return sorted(
        name
        for name, what in added.items()
        if inspect.isfunction(what) and not inspect.iscoroutinefunction(what) and name not in WITHOUT_TWIN
    )


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        (Session, {"add", "archive", "create_branch", "fork", "merge", "remove_branch", "set_state"}),
        (Branch, {"add", "add_many", "clear", "fork", "reorder", "retract", "rewind", "share", "truncate"}),
    ],
)
def test_every_writing_method_has_a_twin_of_the_same_signature(store: Store, kind: type, some: set[str]) -> None:
    session = Session(store=store)
    handle: Any = session if kind is Session else session.default_branch
    names = writing(kind)

    assert some <= set(names)
    for name in names:
        method, twin = getattr(handle, name), getattr(handle, f"a{name}")
        assert inspect.iscoroutinefunction(twin), name
        assert inspect.signature(twin) == inspect.signature(method), name
        assert inspect.getdoc(twin) == inspect.getdoc(method), name
        assert twin.__name__ == f"a{name}"


def test_a_twin_does_what_its_method_does(store: Store) -> None:
    async def work() -> list[str]:
        session = Session("Be terse.", store=store)
        main = await session.acreate_branch("second")
        message = await main.aadd("a", sender="ada")
        await main.aadd_many(["b", "c"])
        fork = await main.afork(at=message, name="fork")
        await fork.aset_system("Be kind.")
        await session.amerge(main, into=fork)
        await fork.aretract(message)
        await session.achange_default_branch(fork)
        await session.aremove_branch("second")
        await session.aset_state("k", 1)
        assert session.state == {"k": 1}
        return [one.text for one in session.messages]

    assert asyncio.run(work()) == ["Be kind.", "b", "c"]


def test_a_twin_is_refused_as_its_method_is(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch

    async def work() -> None:
        with pytest.raises(InvalidContentError):
            await main.aadd({})
        with pytest.raises(PositionConflictError):
            await main.aadd("x", expected=7)

    asyncio.run(work())
    assert session.position == 2


def test_a_twin_that_is_not_awaited_does_nothing(store: Store) -> None:
    session = Session(store=store)
    session.arename("help").close()

    assert session.position == 2


def test_the_twin_of_a_method_that_a_subclass_made_its_own_is_the_subclass_s(store: Store) -> None:
    class Polite(Session):
        def rename(self, name: str | None) -> None:
            super().rename(f"{name}, please")

    session = Polite(store=store)
    asyncio.run(session.arename("help"))

    assert session.name == "help, please"


def test_many_tasks_write_to_one_branch(store: Store) -> None:
    main = Session(store=store).default_branch

    async def work() -> list[Message]:
        return await asyncio.gather(*(main.aadd(str(number)) for number in range(40)))

    added = asyncio.run(work())
    assert sorted(message.position or 0 for message in added) == list(range(3, 43))
    assert sorted(message.text for message in main.messages) == sorted(str(number) for number in range(40))


def test_event_loops_in_several_threads_share_a_branch(store: Store) -> None:
    main = Session(store=store).default_branch

    async def work(name: str) -> None:
        for number in range(10):
            await main.aadd(f"{name}{number}")

    threads = [Thread(target=lambda name=name: asyncio.run(work(name))) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    texts = [message.text for message in main.messages]
    for name in "abc":
        assert [text for text in texts if text[0] == name] == [f"{name}{number}" for number in range(10)]


def test_a_session_is_read_while_threads_change_its_branches(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add("a")
    position = session.position

    def work(name: str) -> None:
        for number in range(40):
            session.create_branch(f"{name}{number}")

    threads = [Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert [message.text for message in session.at(position).messages] == ["a"]
        assert len(list(session.branches)) >= 1
    assert len(session.branches) == 81
