"""The mail of a branch: its mailbox, sending and receiving."""

from collections.abc import Iterable
from typing import Any

from .._session.arguments import require_list
from .._session.context import SessionContext
from ..domain.events.mail import Category
from ..domain.mail import Mail
from ..infrastructure.async_methods import awaited
from . import service
from .lock import async_with_mail_lock
from .mailbox import Mailbox
from .service import ParticipantLike


class BranchMail(Mailbox):
    """The mailbox of a branch that can send and receive."""

    def __init__(self, context: SessionContext, number: int, owner: str) -> None:
        super().__init__(context.stream, owner)
        self._context, self._number = context, number

    def send(
        self,
        recipient: ParticipantLike | None,
        content: Any,
        *,
        category: str = Category.DATA,
        channel: str | None = None,
        command_id: str | None = None,
    ) -> Mail:
        """Put a mail into the outbox; without a recipient it is for all other participants.

        The category says what the content is: any JSON (`data`), a message (`message`), tools (`tool`) or a model
        (`imodel`). Tools and models are sent by name; those passed as objects are registered with this session object.
        The recipient may be a name that no participant has yet: the mail is kept until one has it.
        """
        return self.send_many(recipient, [content], category=category, channel=channel, command_id=command_id)[0]

    def send_many(
        self,
        recipient: ParticipantLike | None,
        contents: Iterable[Any],
        *,
        category: str = Category.DATA,
        channel: str | None = None,
        command_id: str | None = None,
    ) -> list[Mail]:
        """Put several mails into the outbox in one commit: all of them, or none."""
        return service.send(
            self._context,
            self.owner,
            require_list(contents),
            recipient=recipient,
            category=category,
            channel=channel,
            command_id=command_id,
        )

    def receive(
        self, sender: ParticipantLike | None = None, message: bool = False, tool: bool = False, imodel: bool = False
    ) -> list[Mail]:
        """Receive the mails in the inbox, of one sender or of all, and return them.

        Messages are added to the branch, tools are registered, a model becomes its chat model. Only the categories
        that are named are received, or all if none is named. Data stays in the inbox until it is removed.
        """
        named = dict(zip(service.RECEIVED, (message, tool, imodel), strict=True))
        chosen = [category for category, wanted in named.items() if wanted] or service.RECEIVED
        return service.receive(self._context, self._number, chosen, sender)

    asend = awaited(send)
    asend_many = awaited(send_many)
    areceive = async_with_mail_lock(receive)
