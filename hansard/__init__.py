"""Hansard: the verbatim record of conversations between people, models and agents."""

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
from .domain.mail import Mail, Package, Parked
from .domain.mail_errors import InvalidMail, InvalidPackage, OutOfTurn, UnknownCategory, UnknownParticipant
from .domain.message import Message, MessageDict
from .domain.ranges import Origin
from .domain.record import RecordedEvent
from .exchange import Exchange
from .exchange_view import ExchangeView
from .infrastructure.answers import validate_answer
from .infrastructure.opening import open_store
from .infrastructure.projecting.lease import Pace
from .infrastructure.projecting.runner import Runner
from .infrastructure.store import Store
from .infrastructure.subscription import AwaitedSubscription, Subscription
from .infrastructure.verification import Fault, Verification
from .mail_manager import MailManager
from .mailbox import Mailbox
from .projections.activity import Activity, timeline
from .projections.branch_tree import BranchTree
from .projections.definition import Projection
from .projections.difference import Difference
from .projections.mailboxes import Mails
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
    "Difference",
    "Exchange",
    "ExchangeView",
    "Fault",
    "ForeignBranch",
    "Found",
    "HansardError",
    "ImagePolicy",
    "ImageRefused",
    "InstructionContent",
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
    "Mail",
    "MailManager",
    "Mailbox",
    "Mails",
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
    "OutOfTurn",
    "OutcomeUnknown",
    "PRICES",
    "Pace",
    "Package",
    "Parked",
    "PositionConflict",
    "PositionNotReached",
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
    "Rows",
    "Runner",
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
    "UnknownCategory",
    "UnknownContent",
    "UnknownFormat",
    "UnknownMessage",
    "UnknownParticipant",
    "UnknownPosition",
    "UnknownProjection",
    "UnknownState",
    "UnreadableEvent",
    "Usage",
    "ValueIsReadOnly",
    "Verification",
    "ViewIsReadOnly",
    "acting",
    "carried",
    "content_type",
    "open_store",
    "search",
    "timeline",
    "used",
    "validate_answer",
]
