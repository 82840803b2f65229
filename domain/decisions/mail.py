"""Decisions on mail: who takes part, send, collect, deliver, receive; what cannot get on is parked, never dropped."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple, cast

from msgspec.structs import replace

from ..branch_lookup import get_branch, is_taken
from ..content import Content
from ..content_types import content_from_stored, content_to_stored
from ..errors import ItemNotFoundError, NameTakenError
from ..events import (
    Event,
    MailCollected,
    MailDelivered,
    MailParked,
    MailReceived,
    MailSent,
    MessageAppended,
    ModelSet,
    ParticipantRegistered,
    ParticipantUnregistered,
    ToolRegistered,
)
from ..events.mail import Category
from ..immutable import NO_KEYS
from ..json_values import to_json_value
from ..mail import Package
from ..mail_state import find_mails, parse_queue_key, route, sorted_mails
from ..ranges import Origin
from ..state import BranchState, ModelState, State
from ..validation import validate_name
from .session import require_active

CHAT = "generate"
"""The purpose of the model that a branch chats with."""

NO_REASONS: Mapping[int, str] = MappingProxyType({})


class KnownNames(NamedTuple):
    """The tools and models that whoever receives knows by name, beside those on the record."""

    tools: Set[str] = frozenset()
    models: Set[str] = frozenset()


# Who takes part


def register(state: State, name: str) -> list[Event]:
    """Lets somebody who is no branch take part, by name; who does already, does."""
    require_active(state)
    if validate_name(name, "a participant") in state.participants:
        return []
    if is_taken(state, name):
        raise NameTakenError(state.session, name)
    return [ParticipantRegistered(name)]


def unregister(state: State, name: str) -> list[Event]:
    """Ends somebody's part; what waits for them is parked, what they sent goes its way."""
    require_active(state)
    if validate_name(name, "a participant") not in state.participants:
        raise _participant_not_found(state, repr(name), tuple(state.participants))
    return [*park_all_of(state, name, f"{name!r} was unregistered"), ParticipantUnregistered(name)]


def park_all_of(state: State, owner: str, reason: str) -> list[Event]:
    """What becomes of the mail of somebody who goes: it is parked."""
    boxes = (state.post.exchange, state.post.inboxes)
    waiting = [places for each in boxes for places in each.get(owner, {}).values()]
    return [MailParked(owner, sorted_mails(waiting), reason)] if waiting else []


def find_participant(state: State, reference: str | int) -> str | None:
    """The id of the branch, or the name of the participant, that is meant; None if nobody is."""
    if isinstance(reference, str):
        if reference in state.participants:
            return reference
        number = state.names.get(reference, state.ids.get(reference))
    else:
        number = reference if 0 <= reference < len(state.branches) else None
    if number is None or state.branches[number].removed_at is not None:
        return None
    return state.branches[number].id


def get_participant(state: State, reference: str | int) -> str:
    """The id of the branch, or the name of the participant, that is meant."""
    found = find_participant(state, reference)
    if found is None:
        raise _participant_not_found(state, repr(reference), (*state.names, *state.participants))
    return found


# Send, collect, deliver


def send(
    state: State,
    sender: str | int,
    packages: Sequence[tuple[str, Package]],
    *,
    recipient: str | int | None,
    channel: str | None = None,
) -> list[Event]:
    """Puts mails, each under an id, into the outbox of their sender.

    A name that nobody has is kept as it is: the mail waits for somebody of that name.
    """
    require_active(state)
    origin = get_participant(state, sender)
    target = None if recipient is None else _target(state, recipient)
    if channel is not None:
        validate_name(channel, "a channel")
    return [_sent_events(id, origin, target, channel, package) for id, package in packages]


def collect(state: State, senders: Iterable[str | int] | None = None) -> list[MailCollected]:
    """Brings what lies in outboxes to the exchange: those of some participants, or all."""
    boxes = require_active(state).post.outboxes
    chosen = boxes if senders is None else dict.fromkeys(get_participant(state, each) for each in senders)
    return [each for owner in chosen for each in collect_from(state, owner)]


def collect_from(state: State, owner: str) -> list[MailCollected]:
    """Brings what lies in one outbox to the exchange."""
    lines = require_active(state).post.outboxes.get(owner)
    return [MailCollected(owner, sorted_mails(lines.values()))] if lines else []


def deliver(
    state: State, recipients: Iterable[str | int] | None = None, collected: Iterable[MailCollected] = ()
) -> list[Event]:
    """Brings what is in the exchange, and what is just being collected, to the inboxes of some, or of all.

    What nobody can be found for is parked, unless it is asked for some only; what was parked is delivered once there
    is somebody.
    """
    require_active(state)
    wanted = None if recipients is None else {get_participant(state, each) for each in recipients}

    def wants(addressed: str) -> bool:
        return wanted is None or find_participant(state, addressed) in wanted

    waiting = _pending(state, collected, wants)
    return [_delivery_event(state, addressed, mails) for addressed, mails in waiting.items()]


def deliver_to(state: State, addressed: str) -> list[Event]:
    """Brings what is in the exchange for one participant to the inbox, or parks it."""
    lines = require_active(state).post.exchange.get(addressed)
    return [_delivery_event(state, addressed, sorted_mails(lines.values()))] if lines else []


def sync(state: State, senders: Iterable[str | int] | None = None) -> list[Event]:
    """Collects from some participants, or all, and delivers all that is in the exchange then."""
    collected = collect(state, senders)
    return [*collected, *deliver(state, collected=collected)]


# Receive


def receivable(
    state: State, branch: int, categories: Collection[str], sender: str | None = None
) -> tuple[list[int], list[list[int]]]:
    """The mails in the inbox of a branch that it can receive, and those that it could not before, line by line.

    The oldest come first. What could not be received for one reason still cannot, if the first of them cannot.
    """
    owner = get_branch(state, branch).id
    inbox, parked = (
        [
            places
            for key, places in boxes.get(owner, {}).items()
            if (line := parse_queue_key(key)).category in categories and (sender is None or line.other == sender)
        ]
        for boxes in (state.post.inboxes, state.post.parked)
    )
    return sorted_mails(inbox), sorted(map(list, parked))


def receive(
    state: State, branch: int, mails: Mapping[int, MailSent], known: KnownNames, unfit: Mapping[int, str] = NO_REASONS
) -> list[Event]:
    """Does what the mails are for, and takes them out of the inbox.

    Those whose names nobody knows are parked, and so are those that are unfit for a reason that the caller gives.
    """
    require_active(state)
    place = get_branch(state, branch)
    inbox, parked = (boxes.get(place.id, {}) for boxes in (state.post.inboxes, state.post.parked))
    parked_for = {
        mail: parse_queue_key(key).reason for key, places in parked.items() for mail in find_mails([places], mails)
    }
    receiver = _Receiver(state, place, known)
    for position in sorted([*find_mails(inbox.values(), mails), *parked_for]):
        receiver.take(position, mails[position], unfit.get(position))
    return receiver.decide(parked_for)


def next_mail(state: State, owner: str, sender: str | None = None) -> int | None:
    """The oldest mail in an inbox, on request of those from one sender."""
    lines = state.post.inboxes.get(owner, {})
    chosen = (places[0] for key, places in lines.items() if sender is None or parse_queue_key(key).other == sender)
    return min(chosen, default=None)


def acknowledge(state: State, owner: str, mails: Iterable[int]) -> list[Event]:
    """Takes mails out of an inbox; those that are not there any more were taken out before."""
    require_active(state)
    lines = state.post.inboxes.get(owner, {}).values()
    there = find_mails(lines, list(mails))
    return [MailReceived(owner, there)] if there else []


class _Receiver:
    """What comes of receiving, mail by mail."""

    def __init__(self, state: State, branch: BranchState, known: KnownNames) -> None:
        self._branch = branch
        self._tools = known.tools | state.tools.keys()
        self._has = {tool for tool, owners in state.tools.items() if branch.number in owners or None in owners}
        self._models: dict[str, ModelState | None] = {model.model: model for model in state.models.values()}
        self._models = {**dict.fromkeys(known.models), **self._models}
        chat = state.models.get(f"{branch.number}/{CHAT}")
        self._model = None if chat is None else chat.model
        self._received: list[int] = []
        self._effects: list[Event] = []
        self._unknown: dict[str, list[int]] = {}

    def take(self, position: int, mail: MailSent, unfit: str | None) -> None:
        reason = unfit or self._unusable(mail)
        if reason is None:
            self._received.append(position)
            self._effects += self._effect(position, mail)
        else:
            self._unknown.setdefault(reason, []).append(position)

    def decide(self, parked_for: Mapping[int, str]) -> list[Event]:
        owner, events = self._branch.id, list(self._effects)
        if self._received:
            events.insert(0, MailReceived(owner, self._received))
        for reason, mails in self._unknown.items():
            parked = [mail for mail in mails if parked_for.get(mail) != reason]
            events += [MailParked(owner, parked, reason)] if parked else []
        return events

    def _unusable(self, mail: MailSent) -> str | None:
        if mail.category == Category.TOOL:
            unknown = [tool for tool in mail.content if tool not in self._tools]
            return f"nobody here knows a tool {unknown[0]!r}" if unknown else None
        if mail.category == Category.IMODEL and mail.content not in self._models:
            return f"nobody here knows a model {mail.content!r}"
        return None

    def _effect(self, position: int, mail: MailSent) -> list[Event]:
        number = self._branch.number
        if mail.message is not None:
            content = cast(Content, content_from_stored(mail.message))  # or one of an application's own
            author = mail.sender if mail.author is None else mail.author
            said = MessageAppended(number, content, author, mail.recipient, mail.metadata, Origin.MAILED, mail.lineage)
            return [replace(said, mail=position)]
        if mail.category == Category.TOOL:
            news = [tool for tool in dict.fromkeys(mail.content) if tool not in self._has]
            self._has.update(news)
            return [ToolRegistered(tool, number) for tool in news]
        if mail.category == Category.IMODEL and mail.content != self._model:
            self._model = mail.content
            like = self._models[mail.content]
            chat = ModelSet(CHAT, mail.content, branch=number)
            return [chat if like is None else replace(chat, provider=like.provider, settings=like.settings)]
        return []


def _target(state: State, recipient: str | int) -> str:
    found = find_participant(state, recipient)
    if found is not None:
        return found
    if isinstance(recipient, int) or recipient in state.ids:  # nobody else will ever be called that
        return get_branch(state, recipient).id
    return validate_name(recipient, "a recipient")


def _sent_events(id: str, sender: str, recipient: str | None, channel: str | None, package: Package) -> MailSent:
    mail = MailSent(id, sender, recipient, package.category, channel)
    if package.category != Category.MESSAGE:
        return replace(mail, content=package.item)
    message = package.item
    metadata = to_json_value(message.metadata, "metadata") if message.metadata else NO_KEYS
    form = content_to_stored(message.content)
    return replace(mail, message=form, author=message.sender, metadata=metadata, lineage=message.lineage)


def _pending(state: State, collected: Iterable[MailCollected], wants: Callable[[str], bool]) -> dict[str, list[int]]:
    """What is to be delivered to those who are wanted, by whom it is for."""
    post = state.post
    waiting = {owner: sorted_mails(lines.values()) for owner, lines in post.exchange.items() if wants(owner)}
    for sender in (each.sender for each in collected):
        for recipient, _, places in route(post.outboxes[sender].items(), sender, lambda: state.owners):
            if wants(recipient):
                waiting.setdefault(recipient, []).extend(places)
    found = (post.parked.keys() & state.names.keys()) | (post.parked.keys() & state.participants.keys())
    for addressed in filter(wants, sorted(found)):
        waiting.setdefault(addressed, []).extend(sorted_mails(post.parked[addressed].values()))
    return waiting


def _delivery_event(state: State, addressed: str, mails: Iterable[int]) -> Event:
    owner = find_participant(state, addressed)
    if owner is None:
        return MailParked(addressed, sorted(mails), _absence(state, addressed))
    return MailDelivered(owner, sorted(mails), None if owner == addressed else addressed)


def _absence(state: State, addressed: str) -> str:
    number = state.ids.get(addressed)
    if number is None:
        return f"nobody is called {addressed!r}"
    return f"branch {state.branches[number].name!r} was removed"


def _participant_not_found(state: State, name: str, known: tuple[str, ...]) -> ItemNotFoundError:
    return ItemNotFoundError("participant", name, f"session {state.session}", known)
