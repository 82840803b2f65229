"""The operations on the mail of a session as a whole, in the names that LionAGI has for them."""

from .._session_context import SessionContext
from . import service
from .lock import MailLock, async_with_mail_lock
from .participants import ParticipantsLike


class MailManager:
    """Moves the mail of a session: collects outboxes, sends to inboxes, has branches receive."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context

    @property
    def sources(self) -> MailLock:
        """Inside `async with` (or `with`) it nobody else moves mail through this handle, neither task nor thread."""
        return self._context.mail.turn

    def collect(self, from_: ParticipantsLike = None) -> int:
        """Brings mail from the outboxes of some, or of all, to the exchange; answers how many mails that were."""
        return service.collect(self._context, from_)

    def send(self, to_: ParticipantsLike = None) -> int:
        """Brings mail from the exchange to the inboxes of some, or of all; answers how many mails reached somebody."""
        return service.deliver(self._context, to_)

    def collect_send_all(self, receive_all: bool = False) -> int:
        """Collects from all and sends to all; on request each branch receives, too.

        Answers how many mails reached somebody.
        """
        with self._context.mail.turn:
            reached = service.sync(self._context)
            if receive_all:
                service.receive_all(self._context)
            return reached

    acollect = async_with_mail_lock(collect)
    asend = async_with_mail_lock(send)
    acollect_send_all = async_with_mail_lock(collect_send_all)
