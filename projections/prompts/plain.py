"""A prompt in words alone: role and text of each message, for people and for models of any make."""

from collections.abc import Sequence

from ...domain.content_parts import call_text
from ...domain.message import Message
from .message_items import message_items
from .message_parts import Item, TextItem, ToolCallItem, ToolResultItem, plain_text
from .tool_turns import newest_instruction


def plain_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Role and text, message by message."""
    newest = newest_instruction(messages)
    return [{"role": each.role.value, "content": message_text(each, each is newest)} for each in messages]


def message_text(message: Message, newest: bool = False) -> str:
    """All that a message says, calls and results too, as text."""
    return "\n\n".join(text for item in message_items(message, newest) if (text := _item_text(item)))


def _item_text(item: Item) -> str:
    match item:
        case TextItem():
            return plain_text(item.parts)
        case ToolCallItem():
            return f"call{_label(item.id)}: {call_text(item.name, item.arguments)}"
        case ToolResultItem():
            return f"{'error' if item.failed else 'result'}{_label(item.id)}: {item.text}"


def _label(id: str | None) -> str:
    return "" if id is None else f" {id}"
