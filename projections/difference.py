"""What two lines of messages have in common, and what each has of its own."""

from collections.abc import Iterable
from difflib import unified_diff
from typing import NamedTuple

import msgspec

from ..domain.content import MessageRole
from ..domain.message import Message
from .messages import Messages


class SystemMessages(NamedTuple):
    """The system message in front of each of two lines, or None where there is none."""

    left: Message | None
    right: Message | None


class Difference(msgspec.Struct, frozen=True):
    """Two lines of messages: the beginning they share, and how each continues.

    `system` has the system messages in front where these differ, which are then in none of the lines; else it is None.
    """

    common: Messages
    left: Messages
    right: Messages
    system: SystemMessages | None = None

    @property
    def same(self) -> bool:
        """Whether both have the same content from beginning to end."""
        return self.system is None and not self.left and not self.right

    @property
    def replaced(self) -> list[tuple[Message, Message]]:
        """What stands in the one where something else stands in the other, pair by pair."""
        pairs = list(zip(self.left, self.right, strict=False))
        match self.system:
            case SystemMessages(Message() as left, Message() as right):
                return [(left, right), *pairs]
            case _:
                return pairs

    @property
    def text(self) -> str:
        """What is changed in front, and how each continues, as a unified diff of what is said."""
        left, right = self.system or (None, None)
        ours = _lines([*([left] if left else []), *self.left])
        theirs = _lines([*([right] if right else []), *self.right])
        return "\n".join(unified_diff(ours, theirs, "left", "right", lineterm=""))


def difference(left: Messages, right: Messages) -> Difference:
    """The common beginning (the same messages, or other ones that say the same in the same role) and the two ends.

    A line whose system message in front is another one has its beginning in common all the same.
    """
    system = _system_change(left, right)
    if system is not None:
        left, right = left[system.left is not None :], right[system.right is not None :]
    count = _same_messages(left, right)
    for one, other in zip(left[count:], right[count:], strict=False):
        if one.content != other.content:
            break
        count += 1
    return Difference(left[:count], left[count:], right[count:], system)


def _system_change(left: Messages, right: Messages) -> SystemMessages | None:
    """The system messages in front of both, if they differ."""
    if left[:1].ids == right[:1].ids:
        return None
    found = SystemMessages(_system(left), _system(right))
    ours, theirs = (None if each is None else each.content for each in found)
    return None if ours == theirs else found


def _system(messages: Messages) -> Message | None:
    return next((first for first in messages[:1] if first.role is MessageRole.SYSTEM), None)


def _same_messages(left: Messages, right: Messages) -> int:
    """How many messages at the beginning are one and the same, found without reading any."""
    count = 0
    for one, other in zip(left.ids, right.ids, strict=False):
        if one != other:
            break
        count += 1
    return count


def _lines(messages: Iterable[Message]) -> list[str]:
    return [line for message in messages for line in f"{message.role.value}: {message.text}".splitlines() or [""]]
