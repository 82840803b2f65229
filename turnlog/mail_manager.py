"""The operations on the mail of a session as a whole, in the names that LionAGI has for them."""

from . import _mailing
from ._live import Live
from ._participants import ParticipantsGiven
from ._turns import Turn, awaited_in_turn


class MailManager:
    """Moves the mail of a session: collects outboxes, sends to inboxes, has branches receive."""

    def __init__(self, live: Live) -> None:
        self._live = live

    @property
    def sources(self) -> Turn:
        """Inside `async with` (or `with`) it nobody else moves mail through this handle, neither task nor thread."""
        return self._live.mail.turn

    def collect(self, from_: ParticipantsGiven = None) -> int:
        """Brings mail from the outboxes of some, or of all, to the exchange; answers how many mails that were."""
        return _mailing.collect(self._live, from_)

    def send(self, to_: ParticipantsGiven = None) -> int:
        """Brings mail from the exchange to the inboxes of some, or of all; answers how many mails reached somebody."""
        return _mailing.deliver(self._live, to_)

    def collect_send_all(self, receive_all: bool = False) -> int:
        """Collects from all and sends to all; on request each branch receives, too.

        Answers how many mails reached somebody.
        """
        with self._live.mail.turn:
            reached = _mailing.sync(self._live)
            if receive_all:
                _mailing.receive_all(self._live)
            return reached

    acollect = awaited_in_turn(collect)
    asend = awaited_in_turn(send)
    acollect_send_all = awaited_in_turn(collect_send_all)
