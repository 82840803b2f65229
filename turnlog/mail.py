"""Mail between branches and participants of a session."""

from ._mail.exchange import Exchange
from ._mail.exchange_view import ExchangeView
from ._mail.mailbox import Mailbox
from ._mail.manager import MailManager
from .domain.mail import Mail, Package, ParkedMail
from .projections.mail_sequence import MailSequence

__all__ = [
    "Exchange",
    "ExchangeView",
    "Mail",
    "MailManager",
    "MailSequence",
    "Mailbox",
    "Package",
    "ParkedMail",
]
