"""Processes that move and consume mail are killed: what was not acknowledged comes again, once, with the same id."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnlog import Session, Store, open_store

CONSUMER = Path(__file__).with_name("mail_consumer.py")

RECEIVER = """
import sys
from turnlog import Session, open_store
with open_store(sys.argv[1]) as store:
    session = Session.open(sys.argv[2], store=store)
    print("ready", flush=True)
    while True:
        session.mail.route(receive=True)
        session.branches["a"].mail.send_many("b", [str(n) for n in range(700)], category="message")
"""


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/turnlog.db"


def consumed_until_killed(address: str, session: str, done: int) -> list[str]:
    """What a consumer says that acknowledges so many mails, looks at one more, and is killed there."""
    command = [sys.executable, "-P", str(CONSUMER), address, session, str(done)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(done + 1)]
        process.send_signal(signal.SIGKILL)
    return said


def test_a_mail_that_was_not_acknowledged_comes_again_once_with_the_same_id(address: str) -> None:
    with open_store(address) as store:
        session = Session(store=store)
        session.mail.register("producer")
        session.mail.register("consumer")
        sent = [f"{session.mail.send('producer', 'consumer', number).id} {number}" for number in range(6)]

        first = consumed_until_killed(address, session.id, done=2)
        second = consumed_until_killed(address, session.id, done=1)

        assert first == sent[:3]
        assert second == sent[2:4]
        left = []
        while mail := session.mail.pop("consumer"):
            left.append(f"{mail.id} {mail.content}")
        assert left == sent[3:]
        assert store.verify().ok


def test_whenever_a_process_dies_that_receives_each_mail_is_received_once(address: str) -> None:
    with open_store(address) as store:
        session = Session(store=store)
        session.create_branch(name="a")
        b = session.create_branch(name="b")
        for wait in (0, 1, 3, 8, 20):
            with subprocess.Popen(
                [sys.executable, "-P", "-c", RECEIVER, address, session.id], stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                before = session.position
                while session.position < before + 50 * wait:
                    assert process.poll() is None
                process.send_signal(signal.SIGKILL)
            assert received(session, store) == sent(session)
        assert len(b.messages) == len(sent(session)) > 0
        assert store.verify().ok


def sent(session: Session) -> list[int]:
    """The positions at which mails were sent."""
    return [event.position for event in session.events(names=["mail.sent"])]


def received(session: Session, store: Store) -> list[int]:
    """The mails that brought the messages of `b`, after whoever comes next has finished what was begun."""
    opened = Session.open(session.id, store=store)
    opened.mail.route(receive=True)
    return [event.event.mail for event in opened.events(names=["message.appended"])]  # type: ignore[attr-defined]  # all were mailed
