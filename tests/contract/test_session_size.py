"""How much a session may weigh: what would make it heavier is refused before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from turnlog import Session
from turnlog.domain.errors import SessionTooLargeError
from turnlog.infrastructure.store import Store

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores


def test_an_append_that_makes_its_session_too_large_writes_nothing(stores: Stores, clock: Clock) -> None:
    unlimited = stores.new()
    session = Session(name="s", store=unlimited)
    session.default_branch.add("x" * 900)
    weight = unlimited.get_session(session.id).bytes
    store = Store(unlimited.recorder, clock, most_bytes=weight + 100)
    here = Session.open(session.id, store=store)

    with pytest.raises(SessionTooLargeError) as refused:
        here.default_branch.add("y" * 200)
    assert (refused.value.session, refused.value.most) == (session.id, weight + 100)
    assert refused.value.bytes > weight + 200
    assert unlimited.get_session(session.id).bytes == weight
    assert [message.text for message in here.messages] == ["x" * 900]

    here.add("z", command_id="small")
    with pytest.raises(SessionTooLargeError):
        here.default_branch.add_many(["a" * 30, "b" * 30])
    assert here.add("z", command_id="small") == here.messages[-1]
    here.archive()
    here.restore()
    here.delete()
    assert unlimited.verify().ok


def test_a_new_session_that_is_too_large_is_not_started(stores: Stores, clock: Clock) -> None:
    store = Store(stores.new().recorder, clock, most_bytes=200)

    with pytest.raises(SessionTooLargeError):
        Session("y" * 300, session_id="s", store=store)
    assert store.find_session("s") is None
