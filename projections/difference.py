"""What two lines of messages have in common, and what each has of its own."""

from difflib import unified_diff

import msgspec

from ..domain.message import Message
from .messages import Messages


class Difference(msgspec.Struct, frozen=True):
    """Two lines of messages: the beginning they share, and how each goes on."""

    common: Messages
    left: Messages
    right: Messages

    @property
    def same(self) -> bool:
        """Whether both say the same from beginning to end."""
        return not self.left and not self.right

    @property
    def replaced(self) -> list[tuple[Message, Message]]:
        """What stands in the one where something else stands in the other, pair by pair."""
        return list(zip(self.left, self.right, strict=False))

    @property
    def text(self) -> str:
        """How each goes on, as a unified diff of what is said."""
        return "\n".join(unified_diff(_lines(self.left), _lines(self.right), "left", "right", lineterm=""))


def difference(left: Messages, right: Messages) -> Difference:
    """The common beginning (the same messages, or other ones that say the same in the same role) and the two ends."""
    count = _same_messages(left, right)
    for one, other in zip(left[count:], right[count:], strict=False):
        if one.content != other.content:
            break
        count += 1
    return Difference(left[:count], left[count:], right[count:])


def _same_messages(left: Messages, right: Messages) -> int:
    """How many messages at the beginning are one and the same, found without reading any."""
    count = 0
    for one, other in zip(left.ids, right.ids, strict=False):
        if one != other:
            break
        count += 1
    return count


def _lines(messages: Messages) -> list[str]:
    return [line for message in messages for line in f"{message.role.value}: {message.text}".splitlines() or [""]]
