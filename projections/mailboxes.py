"""Where every mail lies, and for whom: a row for each mail and each of those it is for. Pure."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ..domain.events import (
    BranchCreated,
    BranchRemoved,
    EventRedacted,
    MailCollected,
    MailDelivered,
    MailParked,
    MailReceived,
    MailSent,
    ParticipantRegistered,
    ParticipantUnregistered,
    SessionStarted,
)
from ..domain.recorded_event import RecordedEvent
from .projection import Projection
from .rows import Rows
from .table_schema import INTEGER, TEXT, Key, Row, Table

MAILBOXES = Table(
    "mailboxes",
    {
        "session": TEXT,
        "mail": INTEGER,
        "owner": TEXT,
        "place": TEXT,
        "category": TEXT,
        "sender": TEXT,
        "recipient": TEXT,
        "channel": TEXT,
        "id": TEXT,
        "reason": TEXT,
        "parked": INTEGER,
        "sent": INTEGER,
        "moved": INTEGER,
    },
    key=("session", "mail", "owner"),
    indexes=(("session", "owner", "place"),),
)
"""A row per mail, named by the position at which it was sent, and owner.

The place is the outbox, the exchange, the inbox, parked (for a `reason`) or received. In an outbox the owner is the
sender, else whom it is for: a branch by its id, or a participant by name; the recipient is None if that is everybody.
`parked` is the position of the event that parked it. Times are in microseconds since 1970, UTC.
"""

OWNERS = Table(
    "owners",
    {"session": TEXT, "owner": TEXT, "since": INTEGER, "until": INTEGER, "branch": INTEGER},
    key=("session", "owner", "since"),
)
"""Everybody who has a mailbox from a position on, or had one until another; `branch` is the number of one."""

OUTBOX, EXCHANGE, INBOX, PARKED, RECEIVED = MAIL_STATES = ("outbox", "exchange", "inbox", "parked", "received")


class Mailboxes(Projection):
    """Where mails lie; of those that were received, that they were. Words are not kept."""

    name = "mailboxes"
    names = (
        "session.started",
        "branch.created",
        "branch.removed",
        "mail.participant_registered",
        "mail.participant_unregistered",
        "mail.sent",
        "mail.collected",
        "mail.delivered",
        "mail.received",
        "mail.parked",
        "event.redacted",
    )
    tables = (MAILBOXES, OWNERS)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for recorded in batch:
            match recorded.event:
                case MailSent() as mail:
                    rows[MAILBOXES].put(_mail_row(recorded, mail))
                case MailCollected(sender, mails):
                    _collect(rows, recorded, mails, sender)
                case MailDelivered(recipient, mails, addressed):
                    _move(rows, recorded, mails, addressed or recipient, INBOX, owner=recipient)
                case MailReceived(recipient, mails):
                    _move(rows, recorded, mails, recipient, RECEIVED)
                case MailParked(recipient, mails, reason):
                    _move(rows, recorded, mails, recipient, PARKED, reason=reason)
                case EventRedacted() as redaction:
                    for key in _parked_rows_of(recorded.session, redaction):
                        row = rows[MAILBOXES].find(*key)
                        if row is not None and row["parked"] == redaction.event:
                            rows[MAILBOXES].put({**row, "reason": ""})
                case _:
                    _owners(rows, recorded)

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        for recorded in batch:
            match recorded.event:
                case MailCollected(owner, mails) | MailReceived(owner, mails) | MailParked(owner, mails):
                    yield from ((MAILBOXES, (recorded.session, mail, owner)) for mail in mails)
                case MailDelivered(recipient, mails, addressed):
                    yield from ((MAILBOXES, (recorded.session, mail, addressed or recipient)) for mail in mails)
                case EventRedacted() as redaction:
                    yield from ((MAILBOXES, key) for key in _parked_rows_of(recorded.session, redaction))


def pending_mail(rows: Rows, session: str) -> dict[tuple[str, str], list[int]]:
    """The mails of a session that are under way, by owner and place, the oldest first."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows[MAILBOXES].under(session):
        if row["place"] != RECEIVED:
            found.setdefault((row["owner"], row["place"]), []).append(row["mail"])
    return found


def _mail_row(recorded: RecordedEvent, mail: MailSent) -> Row:
    return {
        "session": recorded.session,
        "mail": recorded.position,
        "owner": mail.sender,
        "place": OUTBOX,
        "category": mail.category,
        "sender": mail.sender,
        "recipient": mail.recipient,
        "channel": mail.channel,
        "id": mail.mail,
        "sent": recorded.time,
        "moved": recorded.time,
    }


def _collect(rows: Rows, recorded: RecordedEvent, mails: Sequence[int], sender: str) -> None:
    """Brings mails from an outbox to the exchange, a row for each of those they are for."""
    everybody: list[str] | None = None
    for mail in mails:
        row = rows[MAILBOXES].find(recorded.session, mail, sender)
        if row is None:
            continue
        rows[MAILBOXES].delete(recorded.session, mail, sender)
        if row["recipient"] is None and everybody is None:
            everybody = [each["owner"] for each in _owning(rows, recorded.session) if each["owner"] != sender]
        for owner in (everybody or ()) if row["recipient"] is None else (row["recipient"],):
            rows[MAILBOXES].put({**row, "owner": owner, "place": EXCHANGE, "moved": recorded.time})


def _move(
    rows: Rows,
    recorded: RecordedEvent,
    mails: Sequence[int],
    whose: str,
    place: str,
    *,
    owner: str | None = None,
    reason: str | None = None,
) -> None:
    """Puts mails that lie with somebody into another place, perhaps that of another owner."""
    for mail in mails:
        row = rows[MAILBOXES].find(recorded.session, mail, whose)
        if row is not None:
            rows[MAILBOXES].delete(recorded.session, mail, whose)
            moved = {"owner": owner or whose, "place": place, "reason": reason, "moved": recorded.time}
            parked = recorded.position if place == PARKED else None
            rows[MAILBOXES].put({**row, **moved, "parked": parked})


def _parked_rows_of(session: str, redaction: EventRedacted) -> Iterator[Key]:
    """The rows whose mails a redacted event may have parked."""
    left = msgspec.json.decode(redaction.left)
    if "recipient" in left and "mails" in left:
        yield from ((session, mail, left["recipient"]) for mail in left["mails"])


def _owners(rows: Rows, recorded: RecordedEvent) -> None:
    """Takes in who has a mailbox from here on, or has none any more."""
    session, position = recorded.session, recorded.position
    match recorded.event:
        case SessionStarted(forked_from=source, forked_at=at) if source is not None and at is not None:
            for row in _owning(rows, source, at):
                rows[OWNERS].put({**row, "session": session, "since": 0, "until": None})
        case BranchCreated(branch, id):
            rows[OWNERS].put({"session": session, "owner": id, "since": position, "branch": branch})
        case ParticipantRegistered(name):
            rows[OWNERS].put({"session": session, "owner": name, "since": position})
        case BranchRemoved(branch):
            _end(rows, [row for row in _owning(rows, session) if row["branch"] == branch], position)
        case ParticipantUnregistered(name):
            _end(rows, [row for row in _owning(rows, session) if row["owner"] == name], position)


def _owning(rows: Rows, session: str, at: int | None = None) -> list[Row]:
    """Everybody who has a mailbox now, or had one at a position."""
    found = rows[OWNERS].under(session)
    if at is None:
        return [row for row in found if row["until"] is None]
    return [row for row in found if row["since"] <= at and (row["until"] is None or at < row["until"])]


def _end(rows: Rows, owners: Sequence[Row], position: int) -> None:
    for row in owners:
        rows[OWNERS].put({**row, "until": position})
