"""The post of a session: its exchange, and the mail of all its participants moved from the session itself."""

from ._live import Live
from ._participants import ParticipantsGiven
from ._turns import awaited_in_turn
from .exchange import Exchange
from .mail_manager import MailManager


class Posting:
    """A session whose participants send each other mail."""

    _live: Live

    @property
    def exchange(self) -> Exchange:
        """Routes mail between the mailboxes of the branches, and of whoever was registered."""
        return Exchange(self._live)

    mail_transfer = exchange

    @property
    def mail_manager(self) -> MailManager:
        """Moves the mail of all participants, one step at a time."""
        return MailManager(self._live)

    def collect(self, from_: ParticipantsGiven = None) -> int:
        """Brings mail from outboxes to the exchange, as `mail_manager.collect`."""
        return self.mail_manager.collect(from_)

    def send(self, to_: ParticipantsGiven = None) -> int:
        """Brings mail from the exchange to inboxes, as `mail_manager.send`."""
        return self.mail_manager.send(to_)

    def collect_send_all(self, receive_all: bool = False) -> int:
        """Collects and sends the mail of all, and has each branch receive on request."""
        return self.mail_manager.collect_send_all(receive_all)

    acollect = awaited_in_turn(collect)
    asend = awaited_in_turn(send)
    acollect_send_all = awaited_in_turn(collect_send_all)
