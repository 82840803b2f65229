"""Sessions, branches, messages, mail and logs."""

from .... import Message
from ....content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    MessageRole,
    SystemContent,
)
from ....logs import (
    Log,
    LogAdapter,
    LogBroadcaster,
    LogStore,
    PostgresLogAdapter,
    S3LogSubscriber,
    SQLiteWALLogAdapter,
    WebhookLogSubscriber,
)
from ....mail import Mail
from .branch import Branch
from .exchange import Exchange
from .session import Session

__all__ = [
    "ActionRequestContent",
    "ActionResponseContent",
    "AssistantResponseContent",
    "Branch",
    "Exchange",
    "InstructionContent",
    "Log",
    "LogAdapter",
    "LogBroadcaster",
    "LogStore",
    "Mail",
    "Message",
    "MessageContent",
    "MessageRole",
    "PostgresLogAdapter",
    "S3LogSubscriber",
    "SQLiteWALLogAdapter",
    "Session",
    "SystemContent",
    "WebhookLogSubscriber",
]
