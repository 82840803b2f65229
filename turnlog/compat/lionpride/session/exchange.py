"""Mail between participants: an exchange is the mail of a session, under the names of lionpride."""

from typing import TypeAlias
from uuid import UUID

from .... import Session as OrdinarySession
from ....errors import ItemNotFoundError
from ....mail import Mail
from .branch import Branch
from .session import Session

__all__ = ["Exchange"]

Owner: TypeAlias = Branch | UUID | str
"""A branch, or a participant under the id that it was registered with."""


class Exchange:
    """Routes mail between the mailboxes of branches and registered participants; every step is an event.

    Without a session it has one of its own. `turnlog` is the mail of the ordinary session.
    """

    def __init__(self, session: Session | None = None) -> None:
        self.session = OrdinarySession(name="exchange", default_branch=None) if session is None else session.turnlog
        self.turnlog = self.session.mail

    def __repr__(self) -> str:
        return f"Exchange(entities={len(self)})"

    def register(self, owner: UUID | str) -> None:
        """Give a participant a mailbox; branches of the session have one."""
        self.turnlog.register(str(owner))

    def unregister(self, owner: UUID | str) -> None:
        """Remove a mailbox; mail in it is parked until the participant is registered again."""
        self.turnlog.unregister(str(owner))

    def has(self, owner: Owner) -> bool:
        """Whether the participant has a mailbox."""
        return _reference(owner) in self.turnlog

    @property
    def owner_ids(self) -> list[str]:
        """The participants: branches by id, others by the id they were registered with."""
        return self.turnlog.participants

    def send(self, sender: Owner, recipient: Owner | None, content: object, channel: str | None = None) -> Mail:
        """Put a mail into the outbox of the sender; without a recipient it is for all other participants."""
        to = None if recipient is None else _reference(recipient)
        return self.turnlog.send(_reference(sender), to, content, channel=channel)

    async def collect(self, owner: Owner) -> int:
        """Deliver what a participant sent; return how many mails were delivered."""
        if not self.has(owner):
            raise ItemNotFoundError("participant", repr(_reference(owner)), f"session {self.session.id}")
        return await self.turnlog.aroute([_reference(owner)])

    async def collect_all(self) -> int:
        """Deliver what all participants sent; return how many mails were delivered."""
        return await self.turnlog.aroute()

    sync = collect_all

    def receive(self, owner: Owner, sender: Owner | None = None) -> list[Mail]:
        """Return the mails in an inbox, oldest first; they stay in it."""
        if not self.has(owner):
            return []
        return self.turnlog.inbox(_reference(owner), None if sender is None else _reference(sender))

    def pop_mail(self, owner: Owner, sender: Owner | None = None) -> Mail | None:
        """Remove the oldest mail from an inbox, and return it; None if there is none."""
        return self.turnlog.pop(_reference(owner), None if sender is None else _reference(sender))

    async def run(self, interval: float = 1.0) -> None:
        """Deliver mail until it is stopped."""
        await self.turnlog.run(interval)

    def stop(self) -> None:
        """End `run`; called before, it ends the next `run` at its start."""
        self.turnlog.stop()

    def __len__(self) -> int:
        return len(self.owner_ids)

    def __contains__(self, owner: object) -> bool:
        return isinstance(owner, Branch | UUID | str) and self.has(owner)


def _reference(owner: Owner) -> str:
    """The id that the mail of the ordinary session knows a participant by."""
    return owner.id if isinstance(owner, Branch) else str(owner)
