"""Hansard: the verbatim record of conversations between people, models and agents."""

from ._current import add_session, working_on
from ._kept import Saved
from ._operations import Operation
from ._provenance import acting, carried
from ._rerunning import Comparison
from .branch import Branch
from .branch_view import BranchView
from .custom_storage import SessionStorage, SessionStore
from .domain.asking import Answer, Asked
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
from .domain.content_errors import (
    AnswerMisfit,
    ContentTypeTaken,
    ImageRefused,
    InvalidContent,
    PromptTooLong,
    UnknownFormat,
    ValueIsReadOnly,
)
from .domain.content_types import UnknownContent, content_type
from .domain.decisions.branch import UNCHANGED
from .domain.errors import (
    BranchNotYet,
    ForeignBranch,
    HansardError,
    InvalidBranch,
    InvalidMerge,
    InvalidOrder,
    InvalidValue,
    ItemNotFoundError,
    KeyTaken,
    MissingExtra,
    NameTaken,
    NothingToUndo,
    PositionConflict,
    RecordedElsewhere,
    Refused,
    RemovedBranch,
    SessionError,
    SessionExists,
    SessionNotActive,
    SessionNotFoundError,
    SessionReferenced,
    SessionTooLarge,
    StoreError,
    UnknownBranch,
    UnknownMessage,
    UnknownPosition,
    UnknownState,
    ViewIsReadOnly,
    WorkFailed,
)
from .domain.expectation import ANY, NO_STREAM
from .domain.frame_errors import ExportBusy, ExportMismatch, QueryFailed
from .domain.images import ImagePolicy
from .domain.log import Log, LogType
from .domain.mail import Mail, Package, Parked
from .domain.mail_errors import InvalidMail, InvalidPackage, OutOfTurn, UnknownCategory, UnknownParticipant
from .domain.message import Message, MessageDict
from .domain.projection_errors import (
    CheckpointMismatch,
    DefinitionChanged,
    PositionNotReached,
    ProjectionFailed,
    ProjectionStopped,
    UnknownProjection,
)
from .domain.ranges import Origin
from .domain.record import RecordedEvent
from .domain.reference_errors import AmbiguousSession
from .domain.store_errors import (
    DamagedRecord,
    DeliveryFailed,
    LogStoreFull,
    NotSupported,
    OutcomeUnknown,
    RecordDiffers,
    SchemaMismatch,
    StoreClosed,
    StoreFailed,
    StoreNotEmpty,
    StoreNotFound,
    UnreadableEvent,
)
from .domain.work_errors import (
    AccessDenied,
    AccessError,
    FlowFailed,
    InvalidArguments,
    ModelFailed,
    ModelTimedOut,
    OperationOver,
    ToolFailed,
    ToolTimedOut,
    UnknownModel,
    UnknownOperation,
    UnknownTool,
    UnrecordedAnswer,
)
from .exchange import Exchange
from .exchange_view import ExchangeView
from .flow import Flow
from .imodel import LanguageModel, iModel
from .infrastructure.answers import validate_answer
from .infrastructure.expiry import Swept
from .infrastructure.frames.frame import Frame
from .infrastructure.frames.parquet import Exported
from .infrastructure.frames.query import Query
from .infrastructure.frames.store_frames import Frames
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
from .infrastructure.models.throttle import Clock
from .infrastructure.named_stores import (
    MemorySessionStore,
    PostgresSessionStore,
    RedisSessionStore,
    SQLiteSessionStore,
)
from .infrastructure.opening import open_existing, open_store
from .infrastructure.projecting.lease import Pace
from .infrastructure.projecting.runner import Runner
from .infrastructure.settings import Settings
from .infrastructure.store import Store
from .infrastructure.subscription import AwaitedSubscription, Subscription
from .infrastructure.transfer.importing import Imported
from .infrastructure.verification import Fault, Verification
from .logs import Logs, LogsView
from .mail_manager import MailManager
from .mailbox import Mailbox
from .manager import SessionManager
from .middleware import SessionMiddleware, code_detection, timestamps, token_estimates
from .operations.operate import Operated
from .operations.work import Work
from .projections.activity import Activity, timeline
from .projections.branch_tree import BranchTree
from .projections.definition import Projection
from .projections.difference import Difference
from .projections.log_filter import LogSummary
from .projections.mailboxes import Mails
from .projections.messages import Messages
from .projections.prices import PRICES, Price
from .projections.prompts.anthropic import AnthropicPrompt
from .projections.rows import Rows
from .projections.selection import EVERYTHING, Order, Page, Selection
from .projections.session_info import Listing, SessionInfo
from .projections.tables import Kind, Table
from .projections.transcript import Transcript
from .projections.usage import TokenUsage, used
from .recorded_model import RecordedModel
from .replay import Replay
from .search import Found, search
from .services import Services
from .session import Session
from .session_view import SessionView
from .templates import TEMPLATES, Template, read_templates
from .tool import ActionManager, Tool

__all__ = [
    "ANY",
    "AccessDenied",
    "AccessError",
    "ActionManager",
    "ActionRequestContent",
    "ActionResponseContent",
    "Activity",
    "AdapterLogSubscriber",
    "AmbiguousSession",
    "Answer",
    "AnswerMisfit",
    "AnthropicPrompt",
    "Asked",
    "AssistantResponseContent",
    "AwaitedSubscription",
    "Branch",
    "BranchNotYet",
    "BranchTree",
    "BranchView",
    "CheckpointMismatch",
    "Clock",
    "Comparison",
    "ContentTypeTaken",
    "DamagedRecord",
    "DefinitionChanged",
    "DeliveryFailed",
    "Difference",
    "EVERYTHING",
    "Exchange",
    "ExchangeView",
    "ExportBusy",
    "ExportMismatch",
    "Exported",
    "Fault",
    "Flow",
    "FlowFailed",
    "Flushed",
    "ForeignBranch",
    "Found",
    "Frame",
    "Frames",
    "HansardError",
    "ImagePolicy",
    "ImageRefused",
    "Imported",
    "InstructionContent",
    "InvalidArguments",
    "InvalidBranch",
    "InvalidContent",
    "InvalidMail",
    "InvalidMerge",
    "InvalidOrder",
    "InvalidPackage",
    "InvalidValue",
    "ItemNotFoundError",
    "KeyTaken",
    "Kind",
    "LanguageModel",
    "Listing",
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
    "Mail",
    "MailManager",
    "Mailbox",
    "Mails",
    "MemorySessionStore",
    "Message",
    "MessageContent",
    "MessageDict",
    "MessageRole",
    "Messages",
    "MissingExtra",
    "ModelFailed",
    "ModelTimedOut",
    "NO_STREAM",
    "NameTaken",
    "NotSupported",
    "NothingToUndo",
    "Operated",
    "Operation",
    "OperationOver",
    "Order",
    "Origin",
    "OutOfTurn",
    "OutcomeUnknown",
    "PRICES",
    "Pace",
    "Package",
    "Page",
    "Parked",
    "PositionConflict",
    "PositionNotReached",
    "PostgresLogAdapter",
    "PostgresSessionStore",
    "Price",
    "Projection",
    "ProjectionFailed",
    "ProjectionStopped",
    "PromptTooLong",
    "Query",
    "QueryFailed",
    "RecordDiffers",
    "RecordedElsewhere",
    "RecordedEvent",
    "RecordedModel",
    "RedisSessionStore",
    "Refused",
    "RemovedBranch",
    "Replay",
    "ResponseFormat",
    "Retry",
    "Rows",
    "Runner",
    "S3LogSubscriber",
    "SQLiteSessionStore",
    "SQLiteWALLogAdapter",
    "Saved",
    "SchemaMismatch",
    "Selection",
    "Services",
    "Session",
    "SessionError",
    "SessionExists",
    "SessionInfo",
    "SessionManager",
    "SessionMiddleware",
    "SessionNotActive",
    "SessionNotFoundError",
    "SessionReferenced",
    "SessionStorage",
    "SessionStore",
    "SessionTooLarge",
    "SessionView",
    "Settings",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreFailed",
    "StoreNotEmpty",
    "StoreNotFound",
    "Subscription",
    "Swept",
    "SystemContent",
    "TEMPLATES",
    "Table",
    "Template",
    "TokenUsage",
    "Tool",
    "ToolFailed",
    "ToolTimedOut",
    "Transcript",
    "UNCHANGED",
    "UnknownBranch",
    "UnknownCategory",
    "UnknownContent",
    "UnknownFormat",
    "UnknownMessage",
    "UnknownModel",
    "UnknownOperation",
    "UnknownParticipant",
    "UnknownPosition",
    "UnknownProjection",
    "UnknownState",
    "UnknownTool",
    "UnreadableEvent",
    "UnrecordedAnswer",
    "Usage",
    "ValueIsReadOnly",
    "Verification",
    "ViewIsReadOnly",
    "WebhookLogSubscriber",
    "Work",
    "WorkFailed",
    "acting",
    "add_session",
    "carried",
    "code_detection",
    "content_type",
    "iModel",
    "open_existing",
    "open_store",
    "read_templates",
    "search",
    "timeline",
    "timestamps",
    "token_estimates",
    "used",
    "validate_answer",
    "working_on",
    "write_line",
]
