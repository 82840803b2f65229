"""What every store promises about its end: a closed store says so, and what it kept is there when it opens again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from turnlog import Session
from turnlog.domain.events import SessionRenamed, SessionStarted
from turnlog.domain.state import State
from turnlog.errors import StoreClosedError
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.state_loader import catch_up_state, load_state

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog.infrastructure.store import Store

USES: dict[str, Callable[[Store], object]] = {
    "append": lambda store: store.append("s", [SessionRenamed("x")]),
    "read": lambda store: list(store.read("s")),
    "read backwards": lambda store: list(store.read("s", backwards=True)),
    "read_messages": lambda store: list(store.recorder.read_messages("s", 0, 1, 9)),
    "read_bodies": lambda store: list(store.recorder.read_bodies("s", 0, 1, 9)),
    "read_bodies_at": lambda store: store.recorder.read_bodies_at("s", [1]),
    "read_all": lambda store: store.read_all(),
    "find_session": lambda store: store.find_session("s"),
    "get_session": lambda store: store.get_session("s"),
    "sessions": lambda store: list(store.sessions()),
    "find_command": lambda store: find_command(store.recorder, "s", "c"),
    "load": lambda store: load_state(store.recorder, "s"),
    "catch_up": lambda store: catch_up_state(store.recorder, State("s")),
    "verify": lambda store: store.verify(),
    "verify a session": lambda store: store.verify("s"),
    "open a session": lambda store: Session.open("s", store=store),
    "start a session": lambda store: Session(store=store),
}


@pytest.mark.parametrize("use", USES)
def test_a_closed_store_says_that_it_is_closed(store: Store, use: str) -> None:
    store.append("s", [SessionStarted()], command_id="c")
    store.close()

    with pytest.raises(StoreClosedError, match="is closed"):
        USES[use](store)


def test_a_session_whose_store_was_closed_says_so(store: Store) -> None:
    session = Session("Be terse.", store=store)
    main, messages = session.default_branch, session.messages
    store.close()

    for use in (lambda: main.add("x"), lambda: session.position, lambda: main.model, lambda: list(messages)):
        with pytest.raises(StoreClosedError):
            use()
    assert (session.id, session.name, main.id, main.name) == (session.id, None, main.id, "main")


def test_closing_twice_does_nothing(store: Store) -> None:
    said = []
    for _ in range(2):
        said.append(store.closed)
        store.close()

    assert [*said, store.closed] == [False, True, True]


def test_a_store_closes_at_the_end_of_its_block(store: Store) -> None:
    with store as inside:
        assert inside is store
        inside.append("s", [SessionStarted()])

    assert store.closed


def test_a_store_closes_at_the_end_of_its_block_when_something_goes_wrong(store: Store) -> None:
    with pytest.raises(KeyError), store:
        raise KeyError

    assert store.closed


def test_a_reader_that_is_under_way_when_the_store_closes_is_told(store: Store) -> None:
    store.append("s", [SessionStarted(), *(SessionRenamed(str(number)) for number in range(2499))])
    reading = store.read("s")
    next(reading)
    store.close()

    try:
        read = len(list(reading))
    except StoreClosedError:
        return
    assert read == 2499


def test_what_was_appended_is_there_when_the_store_opens_again(stores: Stores) -> None:
    store = stores.new()
    store.append("s", [SessionStarted(name="support"), SessionRenamed("help")], command_id="c")
    store.append("t", [SessionStarted()])
    before = (list(store.read("s")), store.read_all(), list(store.sessions()), find_command(store.recorder, "s", "c"))
    store = stores.reopened(store)

    assert (
        list(store.read("s")),
        store.read_all(),
        list(store.sessions()),
        find_command(store.recorder, "s", "c"),
    ) == before
    assert store.append("s", [SessionRenamed("again")]).first == 3
