"""The rows of the mailboxes say where every mail lies, as the state of each session does."""

from __future__ import annotations

from contextlib import suppress
from random import Random

from turnlog import Session, Store, open_store
from turnlog.domain.events import (
    BranchCreated,
    MailCollected,
    MailDelivered,
    MailParked,
    MailReceived,
    MailSent,
    ParticipantRegistered,
    SessionStarted,
)
from turnlog.domain.mail_state import BoxesByOwner, sorted_mails
from turnlog.errors import TurnlogError
from turnlog.infrastructure.state_loader import load_state
from turnlog.projections import Mailboxes, pending_mail
from turnlog.projections.mailboxes import MAIL_STATES, MAILBOXES
from turnlog.stores import RecordedEvent
from turnlog.testing import agree, given

FIRST = 1_700_000_000_000_000


def in_state(store: Store, session: str) -> dict[tuple[str, str], list[int]]:
    """Where mails lie, by owner and place, as decisions know it."""
    post = load_state(store.recorder, session).post
    places: list[BoxesByOwner] = [post.outboxes, post.exchange, post.inboxes, post.parked]
    return {
        (owner, name): sorted_mails(lines.values())
        for name, boxes in zip(MAIL_STATES, places, strict=False)
        for owner, lines in boxes.items()
        if lines
    }


def random_mail(store: Store, chance: Random, steps: int) -> None:
    """Sessions in which mail goes to and fro, some of them forks of others."""
    sessions = [Session(store=store)]
    sessions[0].create_branch("other")
    for _ in range(steps):
        with suppress(TurnlogError):
            step(sessions, chance)


def step(sessions: list[Session], chance: Random) -> None:
    session = chance.choice(sessions)
    names = [branch.name for branch in session.branches]
    what = chance.randint(0, 14)
    if what == 0:
        session.create_branch(f"branch {chance.randint(0, 9)}")
    elif what == 1:
        session.mail.register(f"person {chance.randint(0, 2)}")
    elif what == 2:
        session.mail.unregister(f"person {chance.randint(0, 2)}")
    elif what == 3 and len(sessions) < 4:
        sessions.append(session.fork_session(at=chance.randint(1, session.position)))
    elif what in (4, 5):
        session.mail.collect()
    elif what in (6, 7):
        session.mail.deliver()
    elif what == 8:
        session.branches[chance.choice(names)].mail.receive()
    elif what == 9 and len(names) > 2:
        session.remove_branch(names[-1])
    else:
        recipient = chance.choice([None, *names, "person 0", "person 1", "branch 1"])
        session.branches[chance.choice(names)].mail.send(recipient, "words", category="message")


def test_the_rows_say_what_the_state_of_each_session_says() -> None:
    places: set[str] = set()
    for seed in range(8):
        with open_store("memory://") as store:
            random_mail(store, Random(seed), 120)

            rows = store.project(Mailboxes())

            places |= {row["place"] for row in rows[MAILBOXES].under()}
            for entry in store.sessions():
                assert pending_mail(rows, entry.session) == in_state(store, entry.session), seed
    assert places == set(MAIL_STATES)


def test_the_rows_are_the_same_however_they_are_kept() -> None:
    with open_store("memory://") as store:
        random_mail(store, Random(3), 40)
        events: list[RecordedEvent] = store.read_all()

    agree(Mailboxes(), events)


def test_a_mail_for_everybody_waits_for_each_who_was_there_and_not_for_who_sent_it() -> None:
    begun = [
        SessionStarted(),
        BranchCreated(0, "a", "main"),
        BranchCreated(1, "b", "side"),
        ParticipantRegistered("ada"),
    ]
    given(
        Mailboxes(),
        *begun,
        MailSent("m-1", "a", category="message", channel="news"),
        MailCollected("a", [5]),
        ParticipantRegistered("late"),
        MailDelivered("b", [5]),
        MailParked("b", [5], "no such tool"),
    ).then(
        MAILBOXES,
        {**row(5, "ada", "exchange", 5), "channel": "news"},
        {**row(5, "b", "parked", 8), "channel": "news", "reason": "no such tool", "parked": 9},
    )


def test_a_mail_to_a_name_that_nobody_had_is_theirs_who_got_it() -> None:
    given(
        Mailboxes(),
        SessionStarted(),
        BranchCreated(0, "a", "main"),
        MailSent("m-1", "a", recipient="later"),
        MailCollected("a", [3]),
        MailParked("later", [3], "nobody"),
        BranchCreated(1, "b", "later"),
        MailDelivered("b", [3], addressed="later"),
        MailReceived("b", [3]),
    ).then(MAILBOXES, {**row(3, "b", "received", 7), "recipient": "later"})


def row(mail: int, owner: str, place: str, moved: int) -> dict[str, object]:
    return {
        "session": "s",
        "mail": mail,
        "owner": owner,
        "place": place,
        "category": "message",
        "sender": "a",
        "id": "m-1",
        "sent": FIRST + (mail - 1) * 1_000_000,
        "moved": FIRST + moved * 1_000_000,
    }
