"""Where every mail under way lies: in lines of positions, by whose it is, without a word of what it says.

A mail is named by the position at which it was sent. One that was received is in no line any more, so that the state
weighs as much as what is pending: eight bytes a mail.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import msgspec

from .ranges import Positions

Queues: TypeAlias = dict[str, Positions]
"""Mails that lie in one place, each line in the order they were sent; a `Line` says what they have in common."""

QueueItems: TypeAlias = Collection[tuple[str, Positions]]
"""Some mails, line by line."""

BoxesByOwner: TypeAlias = dict[str, Queues]
"""Lines by whose they are; whoever has none is not in it."""


class QueueKey(NamedTuple):
    """What its mails have in common: category, whom they are from (in an outbox: for), and why they are parked."""

    category: str
    other: str
    reason: str = ""

    @property
    def key(self) -> str:
        """The line as text; no category has a space, no participant a line break."""
        return f"{self.category} {self.other}\n{self.reason}" if self.reason else f"{self.category} {self.other}"


class MailState(msgspec.Struct):
    """The mail under way, place by place, and what was ever said on each channel."""

    outboxes: BoxesByOwner = {}  # by sender; in a line for everybody the other one is empty
    exchange: BoxesByOwner = {}  # by whom it is for
    inboxes: BoxesByOwner = {}
    parked: BoxesByOwner = {}
    channels: Queues = {}


def parse_queue_key(key: str) -> QueueKey:
    """The line that a text says."""
    category, _, rest = key.partition(" ")
    other, _, reason = rest.partition("\n")
    return QueueKey(category, other, reason)


def sorted_mails(lines: Iterable[Positions]) -> list[int]:
    """All mails of some lines, the oldest first."""
    return sorted(chain.from_iterable(lines))


def find_mails(lines: Iterable[Positions], mails: Collection[int]) -> list[int]:
    """Those of some mails that lie in one of the lines, the oldest first."""
    if not mails:
        return []
    first, last, wanted = min(mails), max(mails), set(mails)
    within = (places[bisect_left(places, first) : bisect_right(places, last)] for places in lines)
    return sorted(mail for places in within for mail in places if mail in wanted)


def count(lines: Queues) -> int:
    """How many mails there are."""
    return sum(map(len, lines.values()))


def route(
    lines: QueueItems, sender: str, everybody: Callable[[], list[str]]
) -> Iterator[tuple[str, QueueKey, Positions]]:
    """Whom the mails of an outbox are for, one by one; what is for everybody is for all but the sender."""
    for key, places in lines:
        category, recipient, _ = parse_queue_key(key)
        for each in (recipient,) if recipient else everybody():
            if recipient or each != sender:
                yield each, QueueKey(category, sender), places


def add_sent(
    post: MailState, mail: int, sender: str, recipient: str | None, category: str, channel: str | None
) -> None:
    """A new mail in the outbox of its sender."""
    lines, key = post.outboxes.setdefault(sender, {}), QueueKey(category, recipient or "").key
    if key in lines:  # a session may have had very many mails
        lines[key].append(mail)
    else:
        lines[key] = array("q", [mail])
    if channel is not None:
        post.channels.setdefault(channel, array("q")).append(mail)


def move_to_exchange(post: MailState, sender: str, mails: Sequence[int], everybody: Callable[[], list[str]]) -> None:
    """Mails from an outbox, brought to the exchange."""
    taken = _items_of(mails, sender, post.outboxes)
    for recipient, line, places in route(taken, sender, everybody):
        _insert(post.exchange, recipient, line, places)


def move_to_inbox(post: MailState, recipient: str, mails: Sequence[int], addressed: str) -> None:
    """Mails from the exchange, or that were parked, put into an inbox."""
    for key, places in _items_of(mails, addressed, post.exchange, post.parked):
        _insert(post.inboxes, recipient, parse_queue_key(key)._replace(reason=""), places)


def remove_received(post: MailState, owner: str, mails: Sequence[int]) -> None:
    """Mails that are under way no more."""
    _items_of(mails, owner, post.inboxes, post.parked)


def park(post: MailState, owner: str, mails: Sequence[int], reason: str) -> None:
    """Mails from the exchange or an inbox, put aside; or that were, and now are for another reason."""
    for key, places in _items_of(mails, owner, post.exchange, post.inboxes, post.parked):
        _insert(post.parked, owner, parse_queue_key(key)._replace(reason=reason), places)


def copy(post: MailState) -> MailState:
    """A post of one's own, equal to the one given."""
    return MailState(
        outboxes=_own_boxes(post.outboxes),
        exchange=_own_boxes(post.exchange),
        inboxes=_own_boxes(post.inboxes),
        parked=_own_boxes(post.parked),
        channels=_own(post.channels),
    )


def _own_boxes(boxes: BoxesByOwner) -> BoxesByOwner:
    return {owner: _own(lines) for owner, lines in boxes.items()}


def _own(lines: Queues) -> Queues:
    return {key: array("q", places) for key, places in lines.items()}


def _insert(boxes: BoxesByOwner, owner: str, line: QueueKey, mails: Sequence[int]) -> None:
    places = boxes.setdefault(owner, {}).setdefault(line.key, array("q"))
    overtaken = bool(places) and places[-1] > mails[0]  # by mails that were parked meanwhile
    places.extend(mails)
    if overtaken:
        places[:] = array("q", sorted(places))


def _items_of(mails: Sequence[int], owner: str, *places: BoxesByOwner) -> QueueItems:
    """Mails, in ascending order, taken out of the boxes of an owner; each has to be in one of them."""
    taken = [found for boxes in places for found in _remove(boxes, owner, mails)]
    if not mails or sum(len(found) for _, found in taken) != len(mails):
        raise LookupError(f"not all of the mails {mails[:3]} are where {owner!r} has them")
    return taken


def _remove(boxes: BoxesByOwner, owner: str, mails: Sequence[int]) -> Iterator[tuple[str, Positions]]:
    lines, wanted = boxes.get(owner, {}), set(mails)
    for key, places in list(lines.items()):
        start, stop = bisect_left(places, mails[0]), bisect_right(places, mails[-1])
        within = places[start:stop]
        found = array("q", [mail for mail in within if mail in wanted])
        if not found:
            continue
        places[start:stop] = array("q", [mail for mail in within if mail not in wanted])
        if not places:
            del lines[key]
        yield key, found
    if not lines:
        boxes.pop(owner, None)


_NONE: Positions = array("q")
