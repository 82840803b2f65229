"""What is done with mail through a handle: send, collect, deliver, receive, acknowledge."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from logging import getLogger

from ._live import Live
from ._participants import ParticipantGiven, ParticipantsGiven, participant, participants
from ._planning import name_of, new_id, tool_names
from ._provenance import provenance
from .domain import lookup
from .domain.content_types import content_in
from .domain.decisions import mail as mails
from .domain.errors import ImageNotAllowedError, InvalidValueError
from .domain.events import MailCollected, MailDelivered, MailReceived, MailSent
from .domain.evolve import Placed
from .domain.images import images_in
from .domain.mail import Category, Mail, Package, category_named
from .domain.record import moment
from .infrastructure.reading import SessionReader
from .projections.mailboxes import mail_from, mail_of, read_mails

AT_ONCE = 500
"""Mails that are received in one commit: each commit is whole, and none keeps others waiting for long."""

logger = getLogger("turnlog")


def send(
    live: Live,
    sender: ParticipantGiven,
    items: Iterable[object],
    *,
    recipient: ParticipantGiven | None,
    category: str,
    channel: str | None,
    command_id: str | None,
) -> list[Mail]:
    """Puts mails into the outbox of their sender, all or none; a command id makes the same call again harmless."""
    origin = participant(live, sender)
    target = None if recipient is None else participant(live, recipient)
    packages = [
        (new_id(live.id, command_id, f"mail {number}"), packed(live, category, item))
        for number, item in enumerate(items)
    ]
    placed = live.change(
        lambda state: mails.send(state, origin, packages, recipient=target, channel=channel), command_id=command_id
    )
    live.mail.loops.wake()
    return _sent(live, placed, command_id)


def packed(live: Live, category: str, item: object) -> Package:
    """A package of what a caller gave; tools and models that are given themselves are known to the handle by name."""
    if isinstance(item, Package):
        return item
    match category_named(category):
        case Category.TOOL:
            names = tool_names(item)
            live.equipment.take_tools(item)
            live.equipment.named_tools |= {name_of(tool) for tool in _each(item) if not isinstance(tool, str)}
            return Package(category, list(names))
        case Category.IMODEL:
            if not isinstance(item, str):
                live.equipment.take_model(item)
                live.equipment.named_models.add(name_of(item))
            return Package(category, name_of(item))
        case _:
            package = Package(category, item)
            if package.category == Category.MESSAGE:
                for url in images_in(package.item.content):
                    live.images.check(url)
            return package


def collect(live: Live, senders: ParticipantsGiven) -> int:
    """Brings outboxes to the exchange; answers how many mails that were."""
    chosen = participants(live, senders)
    with live.mail.turn:
        placed = live.change(lambda state: mails.collect(state, chosen))
    return sum(len(event.mails) for _, _, event in placed if isinstance(event, MailCollected))


def deliver(live: Live, recipients: ParticipantsGiven) -> int:
    """Brings what is in the exchange to inboxes; answers how many mails reached somebody."""
    chosen = participants(live, recipients)
    with live.mail.turn:
        return _reached(live.change(lambda state: mails.deliver(state, chosen)))


def sync(live: Live, senders: ParticipantsGiven = None) -> int:
    """Collects and delivers in one commit; answers how many mails reached somebody."""
    chosen = participants(live, senders)
    with live.mail.turn:
        return _reached(live.change(lambda state: mails.sync(state, chosen)))


def sync_piece_by_piece(live: Live) -> int:
    """Collects from each and delivers to each by itself; what fails is logged, and the rest goes its way."""
    with live.mail.turn:
        with live.current() as state:
            senders = list(state.post.outboxes)
        for sender in senders:
            _tried(live, "collect", sender)
        with live.current() as state:
            waiting = list(state.post.exchange)
        return sum(_tried(live, "deliver", addressed) for addressed in waiting)


def receive(live: Live, branch: int, categories: Collection[str], sender: ParticipantGiven | None) -> list[Mail]:
    """Receives what waits for a branch, in commits of some mails each, and answers with what was received."""
    with live.mail.turn:
        with live.current() as state:
            origin = None if sender is None else mails.get_participant(state, participant(live, sender))
            waiting, parked = mails.receivable(state, branch, categories, origin)
            reader = SessionReader(live.store, state)
        tried = [(line, _receive(live, reader, branch, line[:1])) for line in parked]
        again = [mail for _, first in tried for mail in first]
        rest = sorted(chain(waiting, *(line[1:] for line, first in tried if first)))
        return [*again, *(mail for some in _pieces(rest) for mail in _receive(live, reader, branch, some))]


def receive_all(live: Live) -> int:
    """Receives whatever waits for any branch; answers how many mails that were."""
    with live.mail.turn:
        with live.current() as state:
            waiting = {*state.post.inboxes, *state.post.parked}
            branches = [branch.number for branch in state.live if branch.id in waiting]
        return sum(len(receive(live, branch, RECEIVED, None)) for branch in branches)


def pop(live: Live, owner: ParticipantGiven, sender: ParticipantGiven | None) -> Mail | None:
    """Takes the oldest mail out of an inbox; it is read first, so that none is taken out and not handed over."""
    whose, origin = participant(live, owner), None if sender is None else participant(live, sender)
    with live.mail.turn:
        while True:
            with live.current() as state:
                box = mails.get_participant(state, whose)
                from_whom = None if origin is None else mails.get_participant(state, origin)
                oldest = mails.next_mail(state, box, from_whom)
                if oldest is None:
                    return None
                mail = mail_of(SessionReader(live.store, state).read_event(oldest), live.id, oldest)
            if _acknowledge(live, box, [oldest]):
                return mail


def acknowledge(live: Live, owner: ParticipantGiven, done: Iterable[Mail]) -> int:
    """Takes mails that were looked at out of an inbox; answers how many of them were still there."""
    whose, positions = participant(live, owner), [_position(live, mail) for mail in done]
    with live.mail.turn:
        with live.current() as state:
            box = mails.get_participant(state, whose)
        return sum(_acknowledge(live, box, some) for some in _pieces(positions))


RECEIVED = (Category.MESSAGE, Category.TOOL, Category.IMODEL)
"""What receiving does something with; data stays in the inbox until somebody takes it out."""


def _sent(live: Live, placed: Sequence[Placed], command_id: str | None) -> list[Mail]:
    found = [(position, time, event) for position, time, event in placed if isinstance(event, MailSent)]
    actor = provenance().actor
    if command_id is not None and found:  # perhaps it was somebody else who sent it first
        with live.current() as state:
            actor = SessionReader(live.store, state).read_event(found[0][0]).actor
    return [mail_from(event, live.id, position, moment(time), actor) for position, time, event in found]


def _receive(live: Live, reader: SessionReader, branch: int, some: Sequence[int]) -> list[Mail]:
    opened = dict(read_mails(reader, some))
    sent = {position: event.event for position, event in opened.items() if isinstance(event.event, MailSent)}
    unfit = {position: reason for position, mail in sent.items() if (reason := _unfit(live, mail)) is not None}
    placed = live.change(lambda state: mails.receive(state, branch, sent, live.mail.known, unfit))
    received = [mail for _, _, event in placed if isinstance(event, MailReceived) for mail in event.mails]
    return [mail_of(opened[position], live.id, position) for position in received]


def _unfit(live: Live, mail: MailSent) -> str | None:
    """Why a message cannot be taken by this handle: its images are not such as it takes."""
    if mail.message is None:
        return None
    try:
        for url in images_in(content_in(mail.message)):
            live.images.check(url)
    except ImageNotAllowedError as refusal:
        return f"an image is not taken here: {refusal.reason}"
    return None


def _acknowledge(live: Live, box: str, some: Sequence[int]) -> int:
    placed = live.change(lambda state: mails.acknowledge(state, box, some))
    return sum(len(event.mails) for _, _, event in placed if isinstance(event, MailReceived))


def _tried(live: Live, step: str, whose: str) -> int:
    try:
        if step == "collect":
            live.change(lambda state: mails.collect_from(state, whose))
            return 0
        return _reached(live.change(lambda state: mails.deliver_to(state, whose)))
    except Exception:
        logger.exception("the mail of one participant stays where it is", extra={"session": live.id, "step": step})
        return 0


def _reached(placed: Sequence[Placed]) -> int:
    return len({mail for _, _, event in placed if isinstance(event, MailDelivered) for mail in event.mails})


def _position(live: Live, mail: Mail) -> int:
    if not isinstance(mail, Mail):
        raise InvalidValueError("a mail", f"is a {type(mail).__name__}: expected one that was received")
    if mail.session != live.id:
        raise InvalidValueError("a mail", f"is of session {mail.session}: expected one of session {live.id}")
    with live.current() as state:
        return lookup.position_in(state, mail.sent_at)


def _pieces(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    return (positions[start : start + AT_ONCE] for start in range(0, len(positions), AT_ONCE))


def _each(given: object) -> Iterable[object]:
    return given if isinstance(given, list | tuple | set | frozenset) else [given]
