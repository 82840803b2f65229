"""The mail of a session: sending, collecting and delivering, by calls or by a loop."""

from collections.abc import Iterable
from contextlib import suppress
from math import isfinite

from .._session.context import SessionContext
from .._session.redact import redact_mail
from ..domain.decisions import mail as mails
from ..domain.errors import InvalidValueError, SessionNotActiveError, SessionNotFoundError, StoreClosedError
from ..domain.events.mail import Category
from ..domain.json_values import Json
from ..domain.mail import Mail
from ..infrastructure.async_methods import awaited
from . import service
from .lock import MailLock, async_with_mail_lock, in_thread
from .service import ParticipantLike, ParticipantsLike
from .session_mail_view import SessionMailView


class SessionMail(SessionMailView):
    """Routes mail between the mailboxes of a session; every step is an event."""

    def __init__(self, context: SessionContext) -> None:
        super().__init__(context.stream)
        self._context, self._stream = context, context.stream

    def register(self, name: str) -> None:
        """Give a participant that is not a branch a mailbox; branches have one from their creation.

        Mail that was parked for this name is delivered with the next mail.
        """
        self._stream.transact(lambda state: mails.register(state, name))

    def unregister(self, name: str) -> None:
        """Remove a mailbox; mail in it is parked, mail that its owner sent is delivered."""
        self._stream.transact(lambda state: mails.unregister(state, name))

    def send(
        self,
        sender: ParticipantLike,
        recipient: ParticipantLike | None,
        content: Json,
        *,
        category: str = Category.DATA,
        channel: str | None = None,
        command_id: str | None = None,
    ) -> Mail:
        """Put a mail into the outbox of its sender; without a recipient it is for all other participants.

        The recipient may be a name that no participant has yet: the mail is kept until one has it.
        """
        return service.send(
            self._context,
            sender,
            [content],
            recipient=recipient,
            category=category,
            channel=channel,
            command_id=command_id,
        )[0]

    @property
    def lock(self) -> MailLock:
        """Inside `with` (or `async with`) it, no other thread or task moves mail through this session object."""
        return self._context.mail.turn

    def collect(self, senders: ParticipantsLike = None) -> int:
        """Move mail from outboxes to the exchange, of some senders or of all; return how many mails."""
        return service.collect(self._context, senders)

    def deliver(self, recipients: ParticipantsLike = None) -> int:
        """Move mail from the exchange to inboxes, of some recipients or of all; return how many were delivered."""
        return service.deliver(self._context, recipients)

    def route(self, senders: ParticipantsLike = None, *, receive: bool = False) -> int:
        """Collect and deliver in one commit; return how many mails were delivered.

        With `receive`, each branch receives its mail afterwards.
        """
        with self.lock:
            delivered = service.route(self._context, senders)
            if receive:
                service.receive_all(self._context)
            return delivered

    def pop(self, owner: ParticipantLike, sender: ParticipantLike | None = None) -> Mail | None:
        """Remove the oldest mail from an inbox, optionally the oldest of one sender, and return it, or None."""
        return service.pop(self._context, owner, sender)

    def acknowledge(self, owner: ParticipantLike, done: Mail | Iterable[Mail]) -> int:
        """Remove processed mails from an inbox; return how many of them were still in it.

        Until then they stay in the inbox, also after a crash.
        """
        return service.acknowledge(self._context, owner, [done] if isinstance(done, Mail) else done)

    def redact(self, mail: Mail | str, reason: str | None = None) -> int:
        """Remove the content of a mail, named by itself or its id, and of the messages it became, for good.

        Sender, recipient, time, channel and category stay. Return the position of the redaction.
        """
        return redact_mail(self._stream, mail, reason)

    async def run(self, interval: float = 1.0) -> None:
        """Route mail until it is stopped: at once for mail sent through this session object, else at each interval.

        Failures are logged and retried. It ends when the session is deleted or the store is closed.
        """
        if not isinstance(interval, int | float) or not isfinite(interval) or interval <= 0:
            raise InvalidValueError("the interval", f"is {interval!r}: expected seconds, more than 0")
        with self._context.mail.loops.running() as loop:
            while not loop.stopped and await self._deliver_what_can_be():
                await loop.pause(interval)

    def stop(self) -> None:
        """End `run` after its current round; called before, it ends the next `run` at its start."""
        self._context.mail.loops.stop()

    async def _deliver_what_can_be(self) -> bool:
        """Route once; return whether to go on."""
        try:
            await self.aroute()
        except (StoreClosedError, SessionNotFoundError):
            return False
        except SessionNotActiveError as put_away:
            return put_away.status == "archived"  # it may be restored
        except Exception:  # noqa: BLE001 (the outermost loop: whatever it is, the next round comes)
            service.logger.exception("session %s: mail was not delivered", self._stream.id)
            with suppress(Exception):  # it failed and was logged before
                await in_thread(self._context.mail.turn, lambda: service.route_in_batches(self._context))
        return True

    aregister = awaited(register)
    aunregister = awaited(unregister)
    asend = awaited(send)
    acollect = async_with_mail_lock(collect)
    adeliver = async_with_mail_lock(deliver)
    aroute = async_with_mail_lock(route)
    apop = async_with_mail_lock(pop)
    aacknowledge = async_with_mail_lock(acknowledge)
    aredact = awaited(redact)
