"""Messages, and those of a branch."""

from typing import Any

from ... import Branch, Message
from ... import Message as RoledMessage
from ...content import SystemContent as System
from .piles import Pile, Progression
from .protocols import JsonValue, SenderRecipient, participant

__all__ = ["MessageManager", "RoledMessage", "System"]


class MessageManager:
    """The messages of a branch; `turnlog` is the ordinary branch."""

    def __init__(self, branch: Branch) -> None:
        self.turnlog = branch

    @property
    def messages(self) -> Pile[Message]:
        """The messages, the system message first."""
        return Pile(self.turnlog.messages)

    @property
    def progression(self) -> Progression:
        """The ids of the messages."""
        return Progression(self.turnlog.messages.ids)

    @property
    def system(self) -> Message | None:
        """The system message."""
        return self.turnlog.system

    def set_system(self, system: System | JsonValue, sender: SenderRecipient | None = None) -> None:
        """Set the system message; it replaces the present one."""
        self.turnlog.set_system(system, sender=participant(sender))

    def add_message(
        self, *, sender: SenderRecipient | None = None, recipient: SenderRecipient | None = None, **content: Any
    ) -> Message:
        """Add a message whose keys name its kind: `instruction=`, `assistant_response=`, `function=`, ..."""
        return self.turnlog.add(content, sender=participant(sender), recipient=participant(recipient))

    def clear_messages(self) -> None:
        """Show the system message alone; the others stay recorded."""
        self.turnlog.clear()

    def to_chat_msgs(self) -> list[dict[str, JsonValue]]:
        """Return the messages as a model gets them."""
        return self.turnlog.to_chat()
