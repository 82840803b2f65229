"""What every store promises of mail: each step where it should be, now and then, whoever moves it how often."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Session

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog import Branch, Store


def contents(session: Session, owner: str) -> list[Any]:
    return [mail.content for mail in session.mail.inbox(owner)]


@pytest.fixture
def session(store: Store) -> Session:
    """The branches `a` and `b`, and a user."""
    session = Session(store=store)
    session.create_branch("a")
    session.create_branch("b")
    session.mail.register("user")
    return session


def test_a_session_and_a_branch_send_in_one_form(session: Session) -> None:
    a, b = session.branches["a"], session.branches["b"]
    sent = [
        a.mail.send(b, "hello", channel="town"),
        session.mail.send(a, b, "hello", channel="town"),
        *a.mail.send_many(b, ["hello"], channel="town"),
    ]
    message = [a.mail.send(b, "hello", category="message"), session.mail.send(a, b, "hello", category="message")]

    assert [(mail.sender, mail.recipient, mail.content, mail.category, mail.channel) for mail in sent] == (
        [(a.id, b.id, "hello", "data", "town")] * 3
    )
    assert [(mail.content, mail.category, mail.channel) for mail in message] == [("hello", "message", None)] * 2


def test_every_step_can_be_seen_now_and_then_and_after_reopening(
    stores: Stores, session: Session, store: Store
) -> None:
    a, b = session.branches["a"], session.branches["b"]
    a.mail.send(b, "hello", category="message", channel="town")
    a.mail.send(None, {"all": [1]}, channel="town")
    a.mail.send("later", 2)
    sent = session.position
    session.mail.collect()
    session.mail.deliver()
    delivered = session.position
    b.mail.receive()
    session.mail.register("later")
    session.mail.route()

    opened = Session.open(session.id, store=stores.reopened(store))

    assert [mail.content for mail in opened.at(sent).mail.mailbox("a").outbox] == ["hello", {"all": [1]}, 2]
    assert contents(opened.at(delivered), "b") == ["hello", {"all": [1]}]  # type: ignore[arg-type]  # a view will do
    assert [parked.reason for parked in opened.at(delivered).mail.parked] == ["nobody is called 'later'"]
    assert [contents(opened, owner) for owner in ("a", "b", "user", "later")] == [
        [],
        [{"all": [1]}],
        [{"all": [1]}],
        [2],
    ]
    assert [message.text for message in opened.branches["b"].messages] == ["hello"]
    assert [mail.content for mail in opened.mail.history("town")] == ["hello", {"all": [1]}]
    assert opened.mail.parked == []
    assert opened._stream.store.verify().ok


def test_handles_that_were_open_meanwhile_see_the_same(stores: Stores, session: Session, store: Store) -> None:
    beside = Session.open(session.id, store=stores.beside(store))
    session.mail.send("a", "user", 1)
    beside.mail.send("user", "b", 2)

    assert beside.mail.route() == 2
    assert contents(session, "user") == contents(beside, "user") == [1]
    mail = session.mail.pop("b")
    assert mail is not None
    assert mail.content == 2
    assert beside.mail.pop("b") is None


def test_whoever_syncs_at_once_delivers_everything_once_and_in_order(
    stores: Stores, session: Session, store: Store
) -> None:
    a, b = session.branches["a"], session.branches["b"]
    for number in range(0, 1000, 20):
        a.mail.send_many(b, range(number, number + 10))
        b.mail.send_many("user", range(number + 10, number + 20))
    handles = [session, Session.open(session.id, store=stores.beside(store)), Session.open(session.id, store=store)]
    barrier = Barrier(3)

    def work(handle: Session) -> int:
        barrier.wait()
        return handle.mail.route()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, handles)) == 1000
    assert contents(session, "b") == [number for number in range(1000) if number % 20 < 10]
    assert contents(session, "user") == [number for number in range(1000) if number % 20 >= 10]


def test_tasks_that_send_sync_and_receive_lose_and_repeat_nothing(session: Session) -> None:
    a, b = session.branches["a"], session.branches["b"]

    async def send(sender: Branch, recipient: Branch, name: str) -> None:
        for number in range(15):
            await sender.mail.asend(recipient, f"{name}{number}", category="message")

    async def move() -> None:
        for _ in range(15):
            await session.mail.aroute(receive=True)

    async def work() -> None:
        await asyncio.gather(send(a, b, "a"), move(), send(b, a, "b"), move())
        await move()

    asyncio.run(work())
    assert [message.text for message in b.messages] == [f"a{number}" for number in range(15)]
    assert [message.text for message in a.messages] == [f"b{number}" for number in range(15)]


def test_a_command_that_sends_sends_once(session: Session) -> None:
    mails = [session.mail.send("a", "b", 1, command_id="c") for _ in range(2)]

    assert mails[0] == mails[1]
    session.mail.route()
    assert contents(session, "b") == [1]


def test_mail_of_every_kind_of_text_and_size_is_read_as_it_was_sent(session: Session) -> None:
    given = [
        "\U0001f4ec \u05e9\u05dc\u05d5\u05dd \x00 \u2028",
        "x" * 1_000_000,
        {"k\n": [None, 2**64, -0.5, "\\u0000"]},
        "",
        [],
    ]
    session.branches["a"].mail.send_many("b", given)
    session.mail.route()

    assert contents(session, "b") == given


def test_mails_far_apart_are_read_one_by_one(session: Session) -> None:
    a = session.branches["a"]
    for number in range(4):
        a.mail.send("b", number)
        a.add_many(["between"] * (0, 31, 40, 200)[number])
    session.mail.route()
    inbox = session.branches["b"].mail.inbox

    assert [mail.content for mail in inbox] == [0, 1, 2, 3]
    assert [mail.content for mail in inbox[::-2]] == [3, 1]
    assert (inbox[-1].content, len(inbox), [mail.content for mail in inbox[1:3]]) == (3, 4, [1, 2])
    assert inbox.positions == sorted(inbox.positions)
    with pytest.raises(IndexError):
        inbox[4]
