"""Mails as they are read: a lazy sequence that fetches what is asked for, in runs, and nothing else."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol, overload

from ..domain.content import InstructionContent
from ..domain.content_types import content_from_stored
from ..domain.events import MailSent
from ..domain.mail import Mail, ParkedMail
from ..domain.mail_state import BoxesByOwner, parse_queue_key
from ..domain.message import Message
from ..domain.ranges import Origin
from ..domain.recorded_event import RecordedEvent

NEAR = 32
"""Mails that are no further apart are read in one go, with what lies between them."""

AT_A_TIME = 1000
"""Mails that are read in one go at most."""


class MailReader(Protocol):
    """What it takes to read the mails of one session."""

    session: str

    def read_placed(self, after: int, until: int) -> Iterator[tuple[int, RecordedEvent]]:
        """The events after one position and up to another, included, each with the position it has here."""
        ...


class MailSequence(Sequence[Mail]):
    """The mails that lay in a place at one moment, the oldest first; each reader gets copies of their own."""

    def __init__(self, reader: MailReader, positions: Sequence[int]) -> None:
        self._reader = reader
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> Mail: ...
    @overload
    def __getitem__(self, index: slice) -> "MailSequence": ...
    def __getitem__(self, index: int | slice) -> "Mail | MailSequence":
        if isinstance(index, slice):
            return MailSequence(self._reader, self._positions[index])
        (mail,) = MailSequence(self._reader, [self._positions[index]])
        return mail

    def __iter__(self) -> Iterator[Mail]:
        for run in _runs(self._positions):
            found = dict(self._read(run))
            for position in run:
                yield found[position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MailSequence | list) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash((self._reader.session, tuple(self._positions)))

    def __repr__(self) -> str:
        return f"<{len(self)} mails of session {self._reader.session}>"

    @property
    def positions(self) -> list[int]:
        """The positions at which the mails were sent, without reading them."""
        return list(self._positions)

    def _read(self, run: Sequence[int]) -> Iterator[tuple[int, Mail]]:
        for position, event in read_mails(self._reader, run):
            yield position, mail_of(event, self._reader.session, position)


def read_mails(reader: MailReader, positions: Sequence[int]) -> Iterator[tuple[int, RecordedEvent]]:
    """The events by which mails were sent, with the positions they have here, in some order."""
    for run in _runs(positions):
        wanted = set(run)
        for position, event in reader.read_placed(min(run) - 1, max(run)):
            if position in wanted:
                yield position, event


def mail_of(recorded: RecordedEvent, session: str, position: int) -> Mail:
    """The mail that an event put on the record, as it is known in a session."""
    if not isinstance(recorded.event, MailSent):
        raise TypeError(f"a {type(recorded.event).__name__} is no mail")
    return mail_of_event(recorded.event, session, position, recorded.created_at, recorded.actor)


def mail_of_event(sent: MailSent, session: str, position: int, created_at: datetime, actor: str | None) -> Mail:
    """The mail that was sent, with copies of its own."""
    message = None
    if sent.message is not None:
        content = content_from_stored(sent.message)
        message = Message(content, sent.author, None, sent.metadata, origin=Origin.MAILED, lineage=sent.lineage)
    return Mail(
        id=sent.mail,
        session=session,
        sender=sent.sender,
        recipient=sent.recipient,
        category=sent.category,
        channel=sent.channel,
        content=sent.content if message is None else _package_item(message),
        sent_at=position,
        created_at=created_at,
        message=message,
        actor=actor,
    )


def parked_mails(reader: MailReader, parked: BoxesByOwner) -> list[ParkedMail]:
    """All that is parked, the oldest first, with the reasons."""
    found = sorted(
        (position, recipient, parse_queue_key(key).reason)
        for recipient, lines in parked.items()
        for key, places in lines.items()
        for position in places
    )
    mails = {mail.sent_at: mail for mail in MailSequence(reader, sorted({position for position, _, _ in found}))}
    return [ParkedMail(mails[position], recipient, reason) for position, recipient, reason in found]


def _package_item(message: Message) -> object:
    """The text of a message that is nothing but text, or else its content."""
    return message.text if message.content == InstructionContent(instruction=message.text) else message.content


def _runs(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    """The positions in pieces that lie near to each other."""
    start = 0
    for end in range(1, len(positions) + 1):
        apart = end == len(positions) or abs(positions[end] - positions[end - 1]) > NEAR
        if apart or end - start >= AT_A_TIME:
            yield positions[start:end]
            start = end
