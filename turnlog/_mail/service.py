"""What is done with mail through a handle: send, collect, deliver, receive, acknowledge."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from logging import getLogger
from typing import TypeAlias
from uuid import UUID

from .._models.tools import each_tool
from .._session.arguments import derived_id, tool_name, tool_names
from .._session.as_of import StateSource
from .._session.context import SessionContext
from ..branch_view import BranchView
from ..domain import branch_lookup
from ..domain.content_types import content_from_stored
from ..domain.decisions import mail as mails
from ..domain.errors import ImageNotAllowedError, InvalidBranchError, InvalidValueError
from ..domain.events import MailCollected, MailDelivered, MailReceived, MailSent
from ..domain.events.mail import Category, parse_category
from ..domain.evolve import Placed
from ..domain.images import images_in
from ..domain.mail import Mail, Package
from ..domain.recorded_event import to_datetime
from ..infrastructure.session_reader import SessionReader
from ..infrastructure.store import is_same_record
from ..projections.mail_sequence import mail_of, mail_of_event, read_mails
from ..provenance import provenance

ParticipantLike: TypeAlias = BranchView | UUID | str | int
"""A branch, its name, id or number, or the name of a registered participant."""

ParticipantsLike: TypeAlias = ParticipantLike | Iterable[ParticipantLike] | None
"""One participant, several, or None for all."""

BATCH_SIZE = 500
"""Mails that are received in one commit: each commit is whole, and none keeps others waiting for long."""

logger = getLogger("turnlog")


def send(
    context: SessionContext,
    sender: ParticipantLike,
    items: Iterable[object],
    *,
    recipient: ParticipantLike | None,
    category: str,
    channel: str | None,
    command_id: str | None,
) -> list[Mail]:
    """Puts mails into the outbox of their sender, all or none; a command id makes the same call again harmless."""
    origin = resolve_participant(context.stream, sender)
    target = None if recipient is None else resolve_participant(context.stream, recipient)
    packages = [
        (derived_id(context.stream.id, command_id, f"mail {number}"), to_package(context, category, item))
        for number, item in enumerate(items)
    ]
    placed = context.stream.transact(
        lambda state: mails.send(state, origin, packages, recipient=target, channel=channel), command_id=command_id
    )
    context.mail.loops.wake()
    return _new_mails(context, placed, command_id)


def to_package(context: SessionContext, category: str, item: object) -> Package:
    """A package of what a caller gave; tools and models that are given themselves are known to the handle by name."""
    if isinstance(item, Package):
        return item
    match parse_category(category):
        case Category.TOOL:
            names = tool_names(item)
            context.registry.add_tools(item)
            context.registry.named_tools |= {tool_name(tool) for tool in each_tool(item) if not isinstance(tool, str)}
            return Package(category, list(names))
        case Category.IMODEL:
            if not isinstance(item, str):
                context.registry.add_model(item)
                context.registry.named_models.add(tool_name(item))
            return Package(category, tool_name(item))
        case _:
            package = Package(category, item)
            if package.category == Category.MESSAGE:
                for url in images_in(package.item.content):
                    context.stream.images.check(url)
            return package


def collect(context: SessionContext, senders: ParticipantsLike) -> int:
    """Brings outboxes to the exchange; answers how many mails that were."""
    chosen = resolve_participants(context.stream, senders)
    with context.mail.turn:
        placed = context.stream.transact(lambda state: mails.collect(state, chosen))
    return sum(len(event.mails) for _, _, event in placed if isinstance(event, MailCollected))


def deliver(context: SessionContext, recipients: ParticipantsLike) -> int:
    """Brings what is in the exchange to inboxes; answers how many mails reached somebody."""
    chosen = resolve_participants(context.stream, recipients)
    with context.mail.turn:
        return _deliverable(context.stream.transact(lambda state: mails.deliver(state, chosen)))


def route(context: SessionContext, senders: ParticipantsLike = None) -> int:
    """Collects and delivers in one commit; answers how many mails reached somebody."""
    chosen = resolve_participants(context.stream, senders)
    with context.mail.turn:
        return _deliverable(context.stream.transact(lambda state: mails.sync(state, chosen)))


def route_in_batches(context: SessionContext) -> int:
    """Collects from each and delivers to each by itself; what fails is logged, and the rest goes its way."""
    with context.mail.turn:
        with context.stream.state() as state:
            senders = list(state.post.outboxes)
        for sender in senders:
            _attempt(context, "collect", sender)
        with context.stream.state() as state:
            waiting = list(state.post.exchange)
        return sum(_attempt(context, "deliver", addressed) for addressed in waiting)


def receive(
    context: SessionContext, branch: int, categories: Collection[str], sender: ParticipantLike | None
) -> list[Mail]:
    """Receives what waits for a branch, in commits of some mails each, and answers with what was received."""
    with context.mail.turn:
        with context.stream.state() as state:
            origin = (
                None if sender is None else mails.get_participant(state, resolve_participant(context.stream, sender))
            )
            waiting, parked = mails.receivable(state, branch, categories, origin)
            reader = SessionReader(context.stream.store.recorder, state)
        tried = [(line, _receive(context, reader, branch, line[:1])) for line in parked]
        again = [mail for _, first in tried for mail in first]
        rest = sorted(chain(waiting, *(line[1:] for line, first in tried if first)))
        return [*again, *(mail for some in _batches(rest) for mail in _receive(context, reader, branch, some))]


def receive_all(context: SessionContext) -> int:
    """Receives whatever waits for any branch; answers how many mails that were."""
    with context.mail.turn:
        with context.stream.state() as state:
            waiting = {*state.post.inboxes, *state.post.parked}
            branches = [branch.number for branch in state.live if branch.id in waiting]
        return sum(len(receive(context, branch, RECEIVED, None)) for branch in branches)


def pop(context: SessionContext, owner: ParticipantLike, sender: ParticipantLike | None) -> Mail | None:
    """Takes the oldest mail out of an inbox; it is read first, so that none is taken out and not handed over."""
    whose, origin = (
        resolve_participant(context.stream, owner),
        None if sender is None else resolve_participant(context.stream, sender),
    )
    with context.mail.turn:
        while True:
            with context.stream.state() as state:
                box = mails.get_participant(state, whose)
                from_whom = None if origin is None else mails.get_participant(state, origin)
                oldest = mails.next_mail(state, box, from_whom)
                if oldest is None:
                    return None
                mail = mail_of(
                    SessionReader(context.stream.store.recorder, state).read_event(oldest), context.stream.id, oldest
                )
            if _acknowledge(context, box, [oldest]):
                return mail


def acknowledge(context: SessionContext, owner: ParticipantLike, done: Iterable[Mail]) -> int:
    """Takes mails that were looked at out of an inbox; answers how many of them were still there."""
    whose, positions = resolve_participant(context.stream, owner), [_position(context, mail) for mail in done]
    with context.mail.turn:
        with context.stream.state() as state:
            box = mails.get_participant(state, whose)
        return sum(_acknowledge(context, box, some) for some in _batches(positions))


RECEIVED = (Category.MESSAGE, Category.TOOL, Category.IMODEL)
"""What receiving does something with; data stays in the inbox until somebody takes it out."""


def _new_mails(context: SessionContext, placed: Sequence[Placed], command_id: str | None) -> list[Mail]:
    found = [(position, time, event) for position, time, event in placed if isinstance(event, MailSent)]
    actor = provenance().actor
    if command_id is not None and found:  # perhaps it was somebody else who sent it first
        with context.stream.state() as state:
            actor = SessionReader(context.stream.store.recorder, state).read_event(found[0][0]).actor
    return [
        mail_of_event(event, context.stream.id, position, to_datetime(time), actor) for position, time, event in found
    ]


def _receive(context: SessionContext, reader: SessionReader, branch: int, some: Sequence[int]) -> list[Mail]:
    opened = dict(read_mails(reader, some))
    sent = {position: event.event for position, event in opened.items() if isinstance(event.event, MailSent)}
    unfit = {position: reason for position, mail in sent.items() if (reason := _unusable(context, mail)) is not None}
    placed = context.stream.transact(
        lambda state: mails.receive(state, branch, sent, context.registry.known_names, unfit)
    )
    received = [mail for _, _, event in placed if isinstance(event, MailReceived) for mail in event.mails]
    return [mail_of(opened[position], context.stream.id, position) for position in received]


def _unusable(context: SessionContext, mail: MailSent) -> str | None:
    """Why a message cannot be taken by this handle: its images are not such as it takes."""
    if mail.message is None:
        return None
    try:
        for url in images_in(content_from_stored(mail.message)):
            context.stream.images.check(url)
    except ImageNotAllowedError as refusal:
        return f"an image is not taken here: {refusal.reason}"
    return None


def _acknowledge(context: SessionContext, box: str, some: Sequence[int]) -> int:
    placed = context.stream.transact(lambda state: mails.acknowledge(state, box, some))
    return sum(len(event.mails) for _, _, event in placed if isinstance(event, MailReceived))


def _attempt(context: SessionContext, step: str, whose: str) -> int:
    try:
        if step == "collect":
            context.stream.transact(lambda state: mails.collect_from(state, whose))
            return 0
        return _deliverable(context.stream.transact(lambda state: mails.deliver_to(state, whose)))
    except Exception:
        logger.exception(
            "the mail of one participant stays where it is", extra={"session": context.stream.id, "step": step}
        )
        return 0


def _deliverable(placed: Sequence[Placed]) -> int:
    return len({mail for _, _, event in placed if isinstance(event, MailDelivered) for mail in event.mails})


def _position(context: SessionContext, mail: Mail) -> int:
    if not isinstance(mail, Mail):
        raise InvalidValueError("a mail", f"is a {type(mail).__name__}: expected one that was received")
    if mail.session != context.stream.id:
        raise InvalidValueError("a mail", f"is of session {mail.session}: expected one of session {context.stream.id}")
    with context.stream.state() as state:
        return branch_lookup.position_in(state, mail.sent_at)


def _batches(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    return (positions[start : start + BATCH_SIZE] for start in range(0, len(positions), BATCH_SIZE))


def resolve_participant(source: StateSource, given: ParticipantLike) -> str | int:
    """What a participant is looked up by; a branch of another session is refused."""
    if isinstance(given, BranchView):
        if given.session_id != source.id or not is_same_record(source.store, given._source.store):
            raise InvalidBranchError(
                source.id,
                repr(given.name),
                f"it belongs to session {given.session_id} in {given._source.store.address}",
            )
        return given.number
    if isinstance(given, UUID):
        return str(given)
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise InvalidValueError("a participant", f"is a {type(given).__name__}: expected a branch, or a name or id")
    return given


def resolve_participants(source: StateSource, given: ParticipantsLike) -> Sequence[str | int] | None:
    """What several participants are looked up by, or None for all."""
    if given is None:
        return None
    if isinstance(given, BranchView | UUID | str | int) or not isinstance(given, Iterable):
        return [resolve_participant(source, given)]
    return [resolve_participant(source, each) for each in given]
