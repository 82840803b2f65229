"""The post of a session: its exchange, and the mail of all its participants moved from the session itself."""

from ._mail.exchange import Exchange
from ._mail.lock import async_with_mail_lock
from ._mail.manager import MailManager
from ._mail.participants import ParticipantsLike
from ._session_context import SessionContext


class SessionMail:
    """A session whose participants send each other mail."""

    _context: SessionContext

    @property
    def exchange(self) -> Exchange:
        """Routes mail between the mailboxes of the branches, and of whoever was registered."""
        return Exchange(self._context)

    mail_transfer = exchange

    @property
    def mail_manager(self) -> MailManager:
        """Moves the mail of all participants, one step at a time."""
        return MailManager(self._context)

    def collect(self, from_: ParticipantsLike = None) -> int:
        """Brings mail from outboxes to the exchange, as `mail_manager.collect`."""
        return self.mail_manager.collect(from_)

    def send(self, to_: ParticipantsLike = None) -> int:
        """Brings mail from the exchange to inboxes, as `mail_manager.send`."""
        return self.mail_manager.send(to_)

    def collect_send_all(self, receive_all: bool = False) -> int:
        """Collects and sends the mail of all, and has each branch receive on request."""
        return self.mail_manager.collect_send_all(receive_all)

    acollect = async_with_mail_lock(collect)
    asend = async_with_mail_lock(send)
    acollect_send_all = async_with_mail_lock(collect_send_all)
