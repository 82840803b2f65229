"""Messages as a DataFrame with the columns of early LionAGI."""

import json
from typing import TYPE_CHECKING, Any

from ... import Message
from ...content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    SystemContent,
)
from ...projections import Messages

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "content_dict", "data_frame", "default_sender"]

COLUMNS = ["node_id", "timestamp", "role", "sender", "content"]


def data_frame(messages: Messages) -> "pandas.DataFrame":
    """Return a new DataFrame with one row for each message; changing it changes no message.

    Roles are system, user and assistant. The content is a JSON object whose key names its kind.
    """
    frame = messages.to_df().rename(columns={"id": "node_id", "created_at": "timestamp"})
    rows = list(messages)
    frame["role"] = ["assistant" if each.role == "tool" else each.role.value for each in rows]
    frame["sender"] = [each.sender or default_sender(each) for each in rows]
    frame["content"] = [json.dumps(content_dict(each), ensure_ascii=False) for each in rows]
    return frame[COLUMNS].astype({"role": "str", "sender": "str", "content": "str"})


def default_sender(message: Message) -> str:
    """The sender of a message that was recorded without one."""
    match message.content:
        case ActionRequestContent():
            return "action_request"
        case ActionResponseContent():
            return "action_response"
        case _:
            return message.role.value


def content_dict(message: Message) -> dict[str, Any]:
    """The content of a message under the keys of early LionAGI."""
    match message.content:
        case SystemContent() as system:
            return {"system_info": system.body}
        case InstructionContent() as asked:
            context = {"context": asked.context[0] if len(asked.context) == 1 else list(asked.context)}
            return {"instruction": asked.body, **(context if asked.context else {})}
        case AssistantResponseContent():
            return {"response": message.text}
        case ActionRequestContent() as request:
            return {"action_request": {"function": request.function, "arguments": dict(request.arguments)}}
        case ActionResponseContent() as response:
            failure = {} if response.error is None else {"error": response.error}
            return {"action_response": {"output": response.result, **failure}}
        case other:
            return {"content": other.body}
