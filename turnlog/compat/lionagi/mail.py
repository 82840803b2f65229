"""Mail between the branches of a session."""

from typing import Any

from ...mail import Mail, Mailbox, Package
from ...mail import SessionMail as Exchange
from .piles import Pile
from .protocols import ID, references

__all__ = ["Exchange", "Mail", "MailManager", "Mailbox", "Package"]


class Sources(Pile[Any]):
    """Branches; inside `async with` it, no other task moves their mail."""

    def __init__(self, branches: Pile[Any], mail: Exchange) -> None:
        super().__init__(branches)
        self._lock = mail.lock

    async def __aenter__(self) -> None:
        await self._lock.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._lock.__aexit__(*error)


class MailManager:
    """Moves mail from outboxes to the exchange, and from there to inboxes; `turnlog` is the mail of the session."""

    def __init__(self, branches: Pile[Any], mail: Exchange) -> None:
        self.turnlog = mail
        self.sources = Sources(branches, mail)

    def collect(self, sender: ID.RefSeq | None = None) -> None:
        """Move the mail that a branch sent, or all, to the exchange."""
        self.turnlog.collect(references(sender))

    def send(self, recipient: ID.RefSeq | None = None) -> None:
        """Move the mail for a branch, or for all, from the exchange to inboxes."""
        self.turnlog.deliver(references(recipient))

    collect_all, send_all = collect, send
