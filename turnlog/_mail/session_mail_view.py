"""The mail of a session, now or in the past: participants, mailboxes, channels."""

from collections.abc import Iterator

from .._session.as_of import ReadOnlyView, StateSource
from ..domain.decisions.mail import find_participant, get_participant
from ..domain.errors import TurnlogError
from ..domain.mail import Mail, ParkedMail
from ..domain.mail_state import sorted_mails
from ..infrastructure.async_methods import awaited
from ..infrastructure.session_reader import SessionReader
from ..projections.mail_sequence import MailSequence, parked_mails
from .mailbox import Mailbox
from .service import ParticipantLike, resolve_participant


class SessionMailView(ReadOnlyView):
    """The mail of a session at one position, read-only."""

    def __init__(self, source: StateSource) -> None:
        self._source = source

    @property
    def participants(self) -> list[str]:
        """All who have a mailbox: branches by their ids, and registered participants by their names."""
        with self._source.state() as state:
            return state.owners

    def __len__(self) -> int:
        return len(self.participants)

    def __bool__(self) -> bool:
        return True  # although len() may be 0

    def __iter__(self) -> Iterator[str]:
        return iter(self.participants)

    def __contains__(self, owner: object) -> bool:
        try:
            reference = resolve_participant(self._source, owner)  # type: ignore[arg-type]  # what cannot be one is refused
        except TurnlogError:
            return False
        with self._source.state() as state:
            return find_participant(state, reference) is not None

    def __repr__(self) -> str:
        with self._source.state() as state:
            post, here = state.post, len(state.owners)
            outboxes, waiting, inboxes = (
                sum(len(places) for lines in boxes.values() for places in lines.values())
                for boxes in (post.outboxes, post.exchange, post.inboxes)
            )
        return (
            f"<{type(self).__name__} of session {self._source.id}: {here} participants, {outboxes} mails in outboxes, "
            f"{waiting} in between, {inboxes} in inboxes>"
        )

    def mailbox(self, owner: ParticipantLike) -> Mailbox:
        """Return the mailbox of a participant."""
        reference = resolve_participant(self._source, owner)
        with self._source.state() as state:
            return Mailbox(self._source, get_participant(state, reference))

    def inbox(
        self, owner: ParticipantLike, sender: ParticipantLike | None = None, channel: str | None = None
    ) -> list[Mail]:
        """Return the mails in an inbox, oldest first, optionally of one sender or channel."""
        box, reference = self.mailbox(owner), None if sender is None else resolve_participant(self._source, sender)
        with self._source.state() as state:
            origin = None if reference is None else get_participant(state, reference)
        return list(box.select(origin, channel))

    @property
    def pending(self) -> MailSequence:
        """The mails that were collected and not delivered yet, oldest first."""
        with self._source.state() as state:
            found = sorted_mails(places for lines in state.post.exchange.values() for places in lines.values())
            return MailSequence(SessionReader(self._source.store.recorder, state), sorted(set(found)))

    @property
    def parked(self) -> list[ParkedMail]:
        """The mails that could not be delivered or received, with recipient and reason."""
        with self._source.state() as state:
            return parked_mails(SessionReader(self._source.store.recorder, state), state.post.parked)

    @property
    def channels(self) -> list[str]:
        """The channels that were ever used."""
        with self._source.state() as state:
            return list(state.post.channels)

    def history(self, channel: str) -> MailSequence:
        """Return all mails that were sent on a channel, oldest first, received or not."""
        with self._source.state() as state:
            return MailSequence(
                SessionReader(self._source.store.recorder, state), list(state.post.channels.get(channel, ()))
            )

    ainbox = awaited(inbox)
