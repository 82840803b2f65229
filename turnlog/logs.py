"""The call log of a session, and stores, subscribers and filters for logs."""

from ._session.logs import SessionLogs
from ._session.logs_view import SessionLogsView
from .domain.events.work import LogType
from .domain.log import Log
from .infrastructure.logs.adapter import LogAdapter
from .infrastructure.logs.broadcaster import LogBroadcaster
from .infrastructure.logs.delivery import LogDelivery
from .infrastructure.logs.redaction.redactor import LogRedactor
from .infrastructure.logs.s3 import S3LogSubscriber
from .infrastructure.logs.store import FlushResult, LogStore
from .infrastructure.logs.subscriber import AdapterLogSubscriber, LogBatch, LogSubscriber
from .infrastructure.logs.webhook import WebhookLogSubscriber
from .infrastructure.postgres.log_adapter import PostgresLogAdapter
from .infrastructure.retry import RetryPolicy
from .infrastructure.sqlite.log_table import SQLiteWALLogAdapter
from .projections.call_log_filter import LogSummary

__all__ = [
    "AdapterLogSubscriber",
    "FlushResult",
    "Log",
    "LogAdapter",
    "LogBatch",
    "LogBroadcaster",
    "LogDelivery",
    "LogRedactor",
    "LogStore",
    "LogSubscriber",
    "LogSummary",
    "LogType",
    "PostgresLogAdapter",
    "RetryPolicy",
    "S3LogSubscriber",
    "SQLiteWALLogAdapter",
    "SessionLogs",
    "SessionLogsView",
    "WebhookLogSubscriber",
]
