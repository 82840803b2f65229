"""Hansard: the verbatim record of conversations between people, models and agents."""

from ._current import add_session, working_on
from ._provenance import acting, carried
from .branch import Branch
from .branch_view import BranchView
from .domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    MessageRole,
    ResponseFormat,
    SystemContent,
    Usage,
)
from .domain.content_types import UnknownContent, content_type
from .domain.decisions.branch import UNCHANGED
from .domain.errors import (
    AnswerMisfit,
    BranchNotYet,
    CheckpointMismatch,
    ContentTypeTaken,
    DefinitionChanged,
    DeliveryFailed,
    ForeignBranch,
    HansardError,
    ImageRefused,
    InvalidBranch,
    InvalidContent,
    InvalidMerge,
    InvalidOrder,
    InvalidValue,
    ItemNotFoundError,
    KeyTaken,
    LogStoreFull,
    MissingExtra,
    NameTaken,
    NothingToUndo,
    NotSupported,
    OutcomeUnknown,
    PositionConflict,
    PositionNotReached,
    ProjectionFailed,
    PromptTooLong,
    RecordedElsewhere,
    Refused,
    RemovedBranch,
    SchemaMismatch,
    SessionError,
    SessionExists,
    SessionNotActive,
    SessionNotFoundError,
    SessionReferenced,
    StoreClosed,
    StoreError,
    StoreFailed,
    StoreNotEmpty,
    UnknownBranch,
    UnknownFormat,
    UnknownMessage,
    UnknownPosition,
    UnknownProjection,
    UnknownState,
    UnreadableEvent,
    ValueIsReadOnly,
    ViewIsReadOnly,
)
from .domain.expectation import ANY, NO_STREAM
from .domain.images import ImagePolicy
from .domain.log import Log, LogType
from .domain.message import Message, MessageDict
from .domain.ranges import Origin
from .domain.record import RecordedEvent
from .infrastructure.answers import validate_answer
from .infrastructure.logs.adapter import LogAdapter
from .infrastructure.logs.broadcaster import LogBroadcaster
from .infrastructure.logs.delivery import LogDelivery
from .infrastructure.logs.lines import write_line
from .infrastructure.logs.postgres import PostgresLogAdapter
from .infrastructure.logs.redactor import LogRedactor
from .infrastructure.logs.s3 import S3LogSubscriber
from .infrastructure.logs.sqlite import SQLiteWALLogAdapter
from .infrastructure.logs.store import Flushed, LogStore
from .infrastructure.logs.subscriber import AdapterLogSubscriber, LogBatch, LogSubscriber, Retry
from .infrastructure.logs.webhook import WebhookLogSubscriber
from .infrastructure.opening import open_store
from .infrastructure.projecting.lease import Pace
from .infrastructure.projecting.runner import Runner
from .infrastructure.store import Store
from .infrastructure.subscription import AwaitedSubscription, Subscription
from .infrastructure.verification import Fault, Verification
from .logs import Logs, LogsView
from .projections.activity import Activity, timeline
from .projections.branch_tree import BranchTree
from .projections.definition import Projection
from .projections.difference import Difference
from .projections.log_filter import LogSummary
from .projections.messages import Messages
from .projections.prices import PRICES, Price
from .projections.prompts.anthropic import AnthropicPrompt
from .projections.rows import Rows
from .projections.tables import Kind, Table
from .projections.transcript import Transcript
from .projections.usage import TokenUsage, used
from .replay import Replay
from .search import Found, search
from .session import Session
from .session_view import SessionView

__all__ = [
    "ANY",
    "ActionRequestContent",
    "ActionResponseContent",
    "Activity",
    "AdapterLogSubscriber",
    "AnswerMisfit",
    "AnthropicPrompt",
    "AssistantResponseContent",
    "AwaitedSubscription",
    "Branch",
    "BranchNotYet",
    "BranchTree",
    "BranchView",
    "CheckpointMismatch",
    "ContentTypeTaken",
    "DefinitionChanged",
    "DeliveryFailed",
    "Difference",
    "Fault",
    "Flushed",
    "ForeignBranch",
    "Found",
    "HansardError",
    "ImagePolicy",
    "ImageRefused",
    "InstructionContent",
    "InvalidBranch",
    "InvalidContent",
    "InvalidMerge",
    "InvalidOrder",
    "InvalidValue",
    "ItemNotFoundError",
    "KeyTaken",
    "Kind",
    "Log",
    "LogAdapter",
    "LogBatch",
    "LogBroadcaster",
    "LogDelivery",
    "LogRedactor",
    "LogStore",
    "LogStoreFull",
    "LogSubscriber",
    "LogSummary",
    "LogType",
    "Logs",
    "LogsView",
    "Message",
    "MessageContent",
    "MessageDict",
    "MessageRole",
    "Messages",
    "MissingExtra",
    "NO_STREAM",
    "NameTaken",
    "NotSupported",
    "NothingToUndo",
    "Origin",
    "OutcomeUnknown",
    "PRICES",
    "Pace",
    "PositionConflict",
    "PositionNotReached",
    "PostgresLogAdapter",
    "Price",
    "Projection",
    "ProjectionFailed",
    "PromptTooLong",
    "RecordedElsewhere",
    "RecordedEvent",
    "Refused",
    "RemovedBranch",
    "Replay",
    "ResponseFormat",
    "Retry",
    "Rows",
    "Runner",
    "S3LogSubscriber",
    "SQLiteWALLogAdapter",
    "SchemaMismatch",
    "Session",
    "SessionError",
    "SessionExists",
    "SessionNotActive",
    "SessionNotFoundError",
    "SessionReferenced",
    "SessionView",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreFailed",
    "StoreNotEmpty",
    "Subscription",
    "SystemContent",
    "Table",
    "TokenUsage",
    "Transcript",
    "UNCHANGED",
    "UnknownBranch",
    "UnknownContent",
    "UnknownFormat",
    "UnknownMessage",
    "UnknownPosition",
    "UnknownProjection",
    "UnknownState",
    "UnreadableEvent",
    "Usage",
    "ValueIsReadOnly",
    "Verification",
    "ViewIsReadOnly",
    "WebhookLogSubscriber",
    "acting",
    "add_session",
    "carried",
    "content_type",
    "open_store",
    "search",
    "timeline",
    "used",
    "validate_answer",
    "working_on",
    "write_line",
]
