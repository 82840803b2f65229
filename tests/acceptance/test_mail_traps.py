"""Where mail broke in earlier session libraries, and what happens here; the numbers are those of the list of traps."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from turnlog import Branch, Session, Store, acting
from turnlog.errors import ItemNotFoundError


@pytest.fixture
def session(store: Store) -> Session:
    """The branches `alice` and `bob`."""
    session = Session(store=store)
    session.create_branch(name="alice")
    session.create_branch(name="bob")
    return session


@pytest.fixture
def alice(session: Session) -> Branch:
    return session.branches["alice"]


@pytest.fixture
def bob(session: Session) -> Branch:
    return session.branches["bob"]


def inbox(session: Session, owner: Branch | str) -> list[Any]:
    return [mail.content for mail in session.mail.inbox(owner)]


def test_mail_to_an_unknown_recipient_is_parked_and_delivered_when_they_appear(session: Session) -> None:  # T31
    session.mail.send("alice", "carol", "hello")
    session.mail.route()
    assert [(each.recipient, each.mail.content) for each in session.mail.parked] == [("carol", "hello")]

    session.mail.register("carol")
    session.mail.route()

    assert (inbox(session, "carol"), session.mail.parked) == (["hello"], [])


def test_who_is_unregistered_takes_no_mail_along(session: Session, bob: Branch) -> None:  # T32
    session.mail.register("carol")
    session.mail.send("alice", "carol", "to carol")
    session.mail.route()
    session.mail.send("carol", bob, "from carol")

    session.mail.unregister("carol")
    session.mail.route()

    assert inbox(session, bob) == ["from carol"]
    assert [each.mail.content for each in session.mail.parked] == ["to carol"]


def test_nothing_is_lost_by_a_recipient_who_is_not_there_and_senders_do_not_overwrite_each_other(  # T33
    session: Session, alice: Branch, bob: Branch
) -> None:
    session.mail.register("carol")
    session.mail.send("carol", bob, 1)
    session.mail.send(alice, "nobody", 2)
    session.mail.send(alice, bob, 3)
    session.mail.collect("carol")
    session.mail.collect(alice)

    session.mail.deliver()

    assert inbox(session, bob) == [1, 3]
    assert [each.mail.content for each in session.mail.parked] == [2]


def test_a_reopened_session_has_all_its_mail_and_participants(
    session: Session, store: Store, bob: Branch
) -> None:  # T34
    session.mail.register("carol")
    session.mail.send("alice", bob, "delivered")
    session.mail.route()
    session.mail.send("alice", "carol", "collected")
    session.mail.collect()
    session.mail.send("carol", bob, "sent")

    reopened = Session.open(session.id, store=store)

    assert reopened.mail.participants == session.mail.participants
    assert inbox(reopened, "bob") == ["delivered"]
    assert [mail.content for mail in reopened.mail.pending] == ["collected"]
    assert [mail.content for mail in reopened.mail.mailbox("carol").outbox] == ["sent"]


def test_stopping_before_running_counts_and_a_loop_outlives_its_failures(  # T35
    session: Session, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session.mail.send("alice", "bob", "hello")
    append, failures = Store.append, iter([True] * 4)

    def failing(store: Store, *what: Any, **how: Any) -> Any:
        if next(failures, False):
            raise OSError("no route to anywhere")
        return append(store, *what, **how)

    async def flow() -> None:
        session.mail.stop()
        await session.mail.run(interval=3600)
        assert inbox(session, "bob") == []

        monkeypatch.setattr(Store, "append", failing)
        running = asyncio.create_task(session.mail.run(interval=0.01))
        while not inbox(session, "bob"):
            await asyncio.sleep(0.01)
        session.mail.stop()
        await running

    with caplog.at_level(logging.ERROR, logger="turnlog"):
        asyncio.run(flow())
    assert inbox(session, "bob") == ["hello"]
    assert "no route to anywhere" in caplog.text


def test_mail_is_acknowledged_kept_in_order_and_found_by_those_who_join_late(  # T36
    session: Session, alice: Branch, bob: Branch
) -> None:
    session.mail.register("carol")
    sent = [session.mail.send(alice, None, {"n": [number]}, channel="town") for number in range(3)]
    session.mail.route()

    first = session.mail.inbox(bob)
    assert session.mail.inbox(bob) == first == sent
    first[0].content["n"].append("scribbled")
    assert session.mail.inbox("carol")[0].content == {"n": [0]}
    assert session.mail.acknowledge(bob, first) == 3
    assert (session.mail.acknowledge(bob, first), inbox(session, bob)) == (0, [])
    late = session.create_branch(name="dave")
    assert (inbox(session, late), list(session.mail.history("town"))) == ([], sent)


def test_a_channel_is_more_than_a_label(session: Session, bob: Branch) -> None:  # T37
    for number, channel in enumerate(["town", "club", "town"]):
        session.mail.send("alice", bob, number, channel=channel)
    session.mail.route()

    assert [mail.content for mail in session.mail.inbox(bob, channel="town")] == [0, 2]
    assert [mail.content for mail in session.mail.history("club")] == [1]
    assert session.mail.channels == ["town", "club"]


def test_moving_mail_takes_as_many_events_as_there_are_people_not_mails(  # T38
    session: Session, alice: Branch, bob: Branch
) -> None:
    alice.mail.send_many(bob, range(4_000))
    before = session.position

    assert session.mail.route() == 4_000
    assert session.position == before + 2
    assert inbox(session, bob) == list(range(4_000))


def test_nobody_sends_in_the_name_of_somebody_who_is_not_there_and_it_is_recorded_who_did(  # T39
    session: Session, alice: Branch, bob: Branch
) -> None:
    with pytest.raises(ItemNotFoundError):
        session.mail.send("mallory", bob, "I am alice")
    with acting(actor="mallory"):
        mail = session.mail.send(alice, bob, "I am alice")

    assert (mail.sender, mail.actor) == (alice.id, "mallory")
    assert [event.actor for event in session.events(names=["mail.sent"])] == ["mallory"]


def test_receiving_all_registers_tools_and_models(session: Session, alice: Branch, bob: Branch) -> None:  # T0-8
    def calculate() -> None: ...

    class Model:
        name = "gpt-4o-mini"

    alice.mail.send(bob.id, calculate, category="tool")
    alice.mail.send(bob.id, Model(), category="imodel")
    alice.mail.send(bob.id, "both are yours", category="message")

    session.mail.route(receive=True)

    assert (set(bob.tools), bob.model) == ({"calculate"}, "gpt-4o-mini")
    assert [message.text for message in bob.messages] == ["both are yours"]
