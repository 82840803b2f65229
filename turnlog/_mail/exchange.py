"""The exchange of a session: mail by sender and recipient, routed between mailboxes, also by a loop of its own."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from math import isfinite

from .._redact import redact_mail
from .._session_context import SessionContext
from ..domain.decisions import mail as mails
from ..domain.errors import InvalidValueError, SessionNotActiveError, SessionNotFoundError, StoreClosedError
from ..domain.json_values import Json
from ..domain.mail import Category, Mail
from ..infrastructure.async_methods import awaited
from . import service
from .exchange_view import ExchangeView
from .lock import async_with_mail_lock, in_thread
from .participants import ParticipantLike


class MoveResult(int):
    """So many mails. It may be awaited, by whoever is used to that; the work is done by then."""

    def __await__(self) -> Generator[None, None, int]:
        yield from ()
        return int(self)


class Exchange(ExchangeView):
    """Routes mail between the mailboxes of a session; whatever it does is on the record."""

    def __init__(self, context: SessionContext) -> None:
        super().__init__(context.stream)
        self._context, self._stream = context, context.stream

    def register(self, name: str) -> None:
        """Gives somebody who is no branch a mailbox; branches have one from their creation.

        What was parked for somebody of this name is delivered with the next mail.
        """
        self._stream.transact(lambda state: mails.register(state, name))

    def unregister(self, name: str) -> None:
        """Takes the mailbox away; what waits in it is parked, what its owner sent goes its way."""
        self._stream.transact(lambda state: mails.unregister(state, name))

    def send(
        self,
        sender: ParticipantLike,
        recipient: ParticipantLike | None,
        content: Json,
        channel: str | None = None,
        *,
        category: str = Category.DATA,
        command_id: str | None = None,
    ) -> Mail:
        """Puts a mail into the outbox of its sender; without a recipient it is for everybody else.

        A name that nobody has yet may be a recipient: the mail waits for them.
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

    def collect(self, owner: ParticipantLike) -> MoveResult:
        """Collects from one participant, and delivers; answers how many mails reached somebody."""
        return MoveResult(service.sync(self._context, [owner]))

    def collect_all(self) -> MoveResult:
        """Collects from all, and delivers; answers how many mails reached somebody."""
        return MoveResult(service.sync(self._context))

    def sync(self) -> MoveResult:
        """Collects from all, and delivers, as `collect_all`; what can be awaited is `acollect_all`."""
        return self.collect_all()

    def pop_mail(self, owner: ParticipantLike, sender: ParticipantLike | None = None) -> Mail | None:
        """Takes the oldest mail out of an inbox, on request the oldest from one sender; None if there is none."""
        return service.pop(self._context, owner, sender)

    def acknowledge(self, owner: ParticipantLike, done: Mail | Iterable[Mail]) -> int:
        """Takes mails out of an inbox that were looked at and are done with; answers how many were still there.

        Until then they are there, also for whoever comes after a crash.
        """
        return service.acknowledge(self._context, owner, [done] if isinstance(done, Mail) else done)

    def redact(self, mail: Mail | str, reason: str | None = None) -> int:
        """Remove the content of a mail, named by itself or its id, and of the messages that it brought, for good.

        Who sent it to whom, when, by which channel and of which category stays. Returns the position of the redaction.
        """
        return redact_mail(self._stream, mail, reason)

    async def run(self, interval: float = 1.0) -> None:
        """Collects and delivers until it is stopped: at once when there is new mail of this handle, else by interval.

        What fails is logged, and tried again; the rest is delivered. It ends by itself with its session and store.
        """
        if not isinstance(interval, int | float) or not isfinite(interval) or interval <= 0:
            raise InvalidValueError("the interval", f"is {interval!r}: expected seconds, more than 0")
        with self._context.mail.loops.running() as loop:
            while not loop.stopped and await self._deliver_what_can_be():
                await loop.pause(interval)

    def stop(self) -> None:
        """Ends `run`, after what it is just doing; called before, it ends the next `run` before it does anything."""
        self._context.mail.loops.stop()

    async def _deliver_what_can_be(self) -> bool:
        """One round; whether there may be another one."""
        try:
            await self.acollect_all()
        except (StoreClosedError, SessionNotFoundError):
            return False
        except SessionNotActiveError as put_away:
            return put_away.status == "archived"  # it may be taken out again
        except Exception:  # noqa: BLE001 (the outermost loop: whatever it is, the next round comes)
            service.logger.exception("session %s: mail was not delivered", self._stream.id)
            with suppress(Exception):  # it failed and was logged before
                await in_thread(self._context.mail.turn, lambda: service.sync_in_batches(self._context))
        return True

    aregister = awaited(register)
    aunregister = awaited(unregister)
    asend = awaited(send)
    acollect = async_with_mail_lock(collect)
    acollect_all = async_with_mail_lock(collect_all)
    apop_mail = async_with_mail_lock(pop_mail)
    aacknowledge = async_with_mail_lock(acknowledge)
    aredact = awaited(redact)
