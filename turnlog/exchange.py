"""The exchange of a session: mail by sender and recipient, routed between mailboxes, also by a loop of its own."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from math import isfinite

from . import _mailing
from ._live import Live
from ._participants import ParticipantGiven
from ._redacting import redact_mail
from ._turns import awaited_in_turn, in_thread
from .domain.decisions import mail as mails
from .domain.errors import InvalidValueError, SessionNotActiveError, SessionNotFoundError, StoreClosedError
from .domain.mail import Category, Mail
from .domain.plain import Json
from .exchange_view import ExchangeView
from .infrastructure.twins import awaited


class Moved(int):
    """So many mails. It may be awaited, by whoever is used to that; the work is done by then."""

    def __await__(self) -> Generator[None, None, int]:
        yield from ()
        return int(self)


class Exchange(ExchangeView):
    """Routes mail between the mailboxes of a session; whatever it does is on the record."""

    def __init__(self, live: Live) -> None:
        super().__init__(live)
        self._live = live

    def register(self, name: str) -> None:
        """Gives somebody who is no branch a mailbox; branches have one from their creation.

        What was parked for somebody of this name is delivered with the next mail.
        """
        self._live.change(lambda state: mails.register(state, name))

    def unregister(self, name: str) -> None:
        """Takes the mailbox away; what waits in it is parked, what its owner sent goes its way."""
        self._live.change(lambda state: mails.unregister(state, name))

    def send(
        self,
        sender: ParticipantGiven,
        recipient: ParticipantGiven | None,
        content: Json,
        channel: str | None = None,
        *,
        category: str = Category.DATA,
        command_id: str | None = None,
    ) -> Mail:
        """Puts a mail into the outbox of its sender; without a recipient it is for everybody else.

        A name that nobody has yet may be a recipient: the mail waits for them.
        """
        return _mailing.send(
            self._live,
            sender,
            [content],
            recipient=recipient,
            category=category,
            channel=channel,
            command_id=command_id,
        )[0]

    def collect(self, owner: ParticipantGiven) -> Moved:
        """Collects from one participant, and delivers; answers how many mails reached somebody."""
        return Moved(_mailing.sync(self._live, [owner]))

    def collect_all(self) -> Moved:
        """Collects from all, and delivers; answers how many mails reached somebody."""
        return Moved(_mailing.sync(self._live))

    def sync(self) -> Moved:
        """Collects from all, and delivers, as `collect_all`; what can be awaited is `acollect_all`."""
        return self.collect_all()

    def pop_mail(self, owner: ParticipantGiven, sender: ParticipantGiven | None = None) -> Mail | None:
        """Takes the oldest mail out of an inbox, on request the oldest from one sender; None if there is none."""
        return _mailing.pop(self._live, owner, sender)

    def acknowledge(self, owner: ParticipantGiven, done: Mail | Iterable[Mail]) -> int:
        """Takes mails out of an inbox that were looked at and are done with; answers how many were still there.

        Until then they are there, also for whoever comes after a crash.
        """
        return _mailing.acknowledge(self._live, owner, [done] if isinstance(done, Mail) else done)

    def redact(self, mail: Mail | str, reason: str | None = None) -> int:
        """Remove the content of a mail, named by itself or its id, and of the messages that it brought, for good.

        Who sent it to whom, when, by which channel and of which category stays. Returns the position of the redaction.
        """
        return redact_mail(self._live, mail, reason)

    async def run(self, interval: float = 1.0) -> None:
        """Collects and delivers until it is stopped: at once when there is new mail of this handle, else by interval.

        What fails is logged, and tried again; the rest is delivered. It ends by itself with its session and store.
        """
        if not isinstance(interval, int | float) or not isfinite(interval) or interval <= 0:
            raise InvalidValueError("the interval", f"is {interval!r}: expected seconds, more than 0")
        with self._live.mail.loops.running() as loop:
            while not loop.stopped and await self._deliver_what_can_be():
                await loop.pause(interval)

    def stop(self) -> None:
        """Ends `run`, after what it is just doing; called before, it ends the next `run` before it does anything."""
        self._live.mail.loops.stop()

    async def _deliver_what_can_be(self) -> bool:
        """One round; whether there may be another one."""
        try:
            await self.acollect_all()
        except (StoreClosedError, SessionNotFoundError):
            return False
        except SessionNotActiveError as put_away:
            return put_away.status == "archived"  # it may be taken out again
        except Exception:  # noqa: BLE001 (the outermost loop: whatever it is, the next round comes)
            _mailing.logger.exception("session %s: mail was not delivered", self._live.id)
            with suppress(Exception):  # it failed and was logged before
                await in_thread(self._live.mail.turn, lambda: _mailing.sync_piece_by_piece(self._live))
        return True

    aregister = awaited(register)
    aunregister = awaited(unregister)
    asend = awaited(send)
    acollect = awaited_in_turn(collect)
    acollect_all = awaited_in_turn(collect_all)
    apop_mail = awaited_in_turn(pop_mail)
    aacknowledge = awaited_in_turn(acknowledge)
    aredact = awaited(redact)
