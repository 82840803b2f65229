"""Mail between branches and participants of a session."""

from ._mail.branch_mail import BranchMail
from ._mail.mailbox import Mailbox
from ._mail.session_mail import SessionMail
from ._mail.session_mail_view import SessionMailView
from .domain.mail import Mail, Package, ParkedMail
from .projections.mail_sequence import MailSequence

__all__ = [
    "BranchMail",
    "Mail",
    "MailSequence",
    "Mailbox",
    "Package",
    "ParkedMail",
    "SessionMail",
    "SessionMailView",
]
