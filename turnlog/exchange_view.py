"""The exchange as it is or was: who takes part, what is under way, what was said on which channel."""

from collections.abc import Iterator

from ._moments import Source
from ._participants import ParticipantGiven, participant
from ._view import View
from .domain.decisions.mail import find_participant, get_participant
from .domain.errors import TurnlogError
from .domain.mail import Mail, Parked
from .domain.post import in_order
from .infrastructure.reading import SessionReader
from .infrastructure.twins import awaited
from .mailbox import Mailbox
from .projections.mailboxes import Mails, parked_mails


class ExchangeView(View):
    """Everything about the mail of a session at one moment, to look at."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def owners(self) -> list[str]:
        """Everybody who has a mailbox: the branches by their ids, and who was registered by name."""
        with self._source.current() as state:
            return state.owners

    def __len__(self) -> int:
        return len(self.owners)

    def __bool__(self) -> bool:
        return True  # it is there, also when nobody takes part

    def __iter__(self) -> Iterator[str]:
        return iter(self.owners)

    def __contains__(self, owner: object) -> bool:
        try:
            reference = participant(self._source, owner)  # type: ignore[arg-type]  # what cannot be one is refused
        except TurnlogError:
            return False
        with self._source.current() as state:
            return find_participant(state, reference) is not None

    def __repr__(self) -> str:
        with self._source.current() as state:
            post, here = state.post, len(state.owners)
            outboxes, waiting, inboxes = (
                sum(len(places) for lines in boxes.values() for places in lines.values())
                for boxes in (post.outboxes, post.exchange, post.inboxes)
            )
        return (
            f"<{type(self).__name__} of session {self._source.id}: {here} participants, {outboxes} mails in outboxes, "
            f"{waiting} in between, {inboxes} in inboxes>"
        )

    def mailbox(self, owner: ParticipantGiven) -> Mailbox:
        """The mailbox of a participant."""
        reference = participant(self._source, owner)
        with self._source.current() as state:
            return Mailbox(self._source, get_participant(state, reference))

    def receive(
        self, owner: ParticipantGiven, sender: ParticipantGiven | None = None, channel: str | None = None
    ) -> list[Mail]:
        """What waits in an inbox, the oldest first, on request from one sender or on one channel; a look only."""
        box, reference = self.mailbox(owner), None if sender is None else participant(self._source, sender)
        with self._source.current() as state:
            origin = None if reference is None else get_participant(state, reference)
        return list(box.select(origin, channel))

    @property
    def waiting(self) -> Mails:
        """What was collected and is not delivered yet, the oldest first, each once."""
        with self._source.current() as state:
            found = in_order(places for lines in state.post.exchange.values() for places in lines.values())
            return Mails(SessionReader(self._source.store, state), sorted(set(found)))

    @property
    def parked(self) -> list[Parked]:
        """What could not be delivered or received, for whom, and why."""
        with self._source.current() as state:
            return parked_mails(SessionReader(self._source.store, state), state.post.parked)

    @property
    def channels(self) -> list[str]:
        """The channels on which something was ever sent."""
        with self._source.current() as state:
            return list(state.post.channels)

    def history(self, channel: str) -> Mails:
        """Whatever was sent on a channel, the oldest first, received or not; who joins late can read it."""
        with self._source.current() as state:
            return Mails(SessionReader(self._source.store, state), list(state.post.channels.get(channel, ())))

    areceive = awaited(receive)
