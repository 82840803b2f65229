"""The exchange as it is or was: who takes part, what is under way, what was said on which channel."""

from collections.abc import Iterator

from .._as_of import StateSource
from .._read_only import ReadOnlyView
from ..domain.decisions.mail import find_participant, get_participant
from ..domain.errors import TurnlogError
from ..domain.mail import Mail, ParkedMail
from ..domain.mail_state import sorted_mails
from ..infrastructure.async_methods import awaited
from ..infrastructure.session_reader import SessionReader
from ..projections.mail_sequence import MailSequence, parked_mails
from .mailbox import Mailbox
from .participants import ParticipantLike, resolve_participant


class ExchangeView(ReadOnlyView):
    """Everything about the mail of a session at one moment, to look at."""

    def __init__(self, source: StateSource) -> None:
        self._source = source

    @property
    def owners(self) -> list[str]:
        """Everybody who has a mailbox: the branches by their ids, and who was registered by name."""
        with self._source.state() as state:
            return state.owners

    def __len__(self) -> int:
        return len(self.owners)

    def __bool__(self) -> bool:
        return True  # it is there, also when nobody takes part

    def __iter__(self) -> Iterator[str]:
        return iter(self.owners)

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
        """The mailbox of a participant."""
        reference = resolve_participant(self._source, owner)
        with self._source.state() as state:
            return Mailbox(self._source, get_participant(state, reference))

    def receive(
        self, owner: ParticipantLike, sender: ParticipantLike | None = None, channel: str | None = None
    ) -> list[Mail]:
        """What waits in an inbox, the oldest first, on request from one sender or on one channel; a look only."""
        box, reference = self.mailbox(owner), None if sender is None else resolve_participant(self._source, sender)
        with self._source.state() as state:
            origin = None if reference is None else get_participant(state, reference)
        return list(box.select(origin, channel))

    @property
    def waiting(self) -> MailSequence:
        """What was collected and is not delivered yet, the oldest first, each once."""
        with self._source.state() as state:
            found = sorted_mails(places for lines in state.post.exchange.values() for places in lines.values())
            return MailSequence(SessionReader(self._source.store, state), sorted(set(found)))

    @property
    def parked(self) -> list[ParkedMail]:
        """What could not be delivered or received, for whom, and why."""
        with self._source.state() as state:
            return parked_mails(SessionReader(self._source.store, state), state.post.parked)

    @property
    def channels(self) -> list[str]:
        """The channels on which something was ever sent."""
        with self._source.state() as state:
            return list(state.post.channels)

    def history(self, channel: str) -> MailSequence:
        """Whatever was sent on a channel, the oldest first, received or not; who joins late can read it."""
        with self._source.state() as state:
            return MailSequence(SessionReader(self._source.store, state), list(state.post.channels.get(channel, ())))

    areceive = awaited(receive)
