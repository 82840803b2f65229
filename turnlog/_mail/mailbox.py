"""The mailbox of one participant: what waits for them, and what they sent that was not collected yet."""

from collections import Counter

from .._session.as_of import StateSource
from ..domain.mail import ParkedMail
from ..domain.mail_state import find_mails, parse_queue_key, sorted_mails
from ..domain.state import State
from ..infrastructure.session_reader import SessionReader
from ..projections.mail_sequence import MailSequence, parked_mails


class Mailbox:
    """What lies in the mailbox of a participant now, or lay there at the position of a view; to look at only."""

    def __init__(self, source: StateSource, owner: str) -> None:
        self._source = source
        self.owner = owner

    def __len__(self) -> int:
        return self.unread

    def __bool__(self) -> bool:
        return True  # a mailbox is one, also when it is empty

    def __repr__(self) -> str:
        return f"<mailbox of {self.owner} in session {self._source.id}: {self.unread} unread>"

    @property
    def inbox(self) -> MailSequence:
        """What was delivered and is not received yet, the oldest first."""
        return self.select()

    @property
    def outbox(self) -> MailSequence:
        """What was sent and is not collected yet, the oldest first."""
        with self._source.state() as state:
            lines = state.post.outboxes.get(self.owner, {})
            return MailSequence(SessionReader(self._source.store.recorder, state), sorted_mails(lines.values()))

    @property
    def parked(self) -> list[ParkedMail]:
        """What is for this participant and could not be delivered or received, with the reasons."""
        with self._source.state() as state:
            lines = state.post.parked.get(self.owner, {})
            return parked_mails(SessionReader(self._source.store.recorder, state), {self.owner: lines})

    @property
    def unread(self) -> int:
        """How many mails wait in the inbox; none is read to count them."""
        return self.unread_from.total()

    @property
    def unread_from(self) -> Counter[str]:
        """How many mails wait in the inbox, by sender."""
        with self._source.state() as state:
            found: Counter[str] = Counter()
            for key, places in state.post.inboxes.get(self.owner, {}).items():
                found[parse_queue_key(key).other] += len(places)
            return found

    def select(self, sender: str | None = None, channel: str | None = None) -> MailSequence:
        """What waits in the inbox, on request only from one sender or on one channel."""
        with self._source.state() as state:
            chosen = select_mails(state, self.owner, sender, channel)
            return MailSequence(SessionReader(self._source.store.recorder, state), chosen)


def select_mails(state: State, owner: str, sender: str | None, channel: str | None) -> list[int]:
    """The mails in an inbox that are from a sender and on a channel, or from and on any."""
    lines = state.post.inboxes.get(owner, {})
    chosen = sorted_mails(
        places for key, places in lines.items() if sender is None or parse_queue_key(key).other == sender
    )
    if channel is None:
        return chosen
    return find_mails([state.post.channels[channel]], chosen) if channel in state.post.channels else []
