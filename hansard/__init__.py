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
    SystemContent,
)
from .domain.decisions.branch import UNCHANGED
from .domain.errors import (
    BranchNotYet,
    ForeignBranch,
    HansardError,
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
    UnknownMessage,
    UnknownPosition,
    UnknownState,
    UnreadableEvent,
    ViewIsReadOnly,
)
from .domain.expectation import ANY, NO_STREAM
from .domain.message import Message
from .domain.ranges import Origin
from .domain.record import RecordedEvent
from .infrastructure.opening import open_store
from .infrastructure.store import Store
from .infrastructure.verification import Fault, Verification
from .projections.difference import Difference
from .projections.messages import Messages
from .replay import Replay
from .session import Session
from .session_view import SessionView

__all__ = [
    "ANY",
    "ActionRequestContent",
    "ActionResponseContent",
    "AssistantResponseContent",
    "Branch",
    "BranchNotYet",
    "BranchView",
    "Difference",
    "Fault",
    "ForeignBranch",
    "HansardError",
    "InstructionContent",
    "InvalidBranch",
    "InvalidContent",
    "InvalidMerge",
    "InvalidOrder",
    "InvalidValue",
    "ItemNotFoundError",
    "KeyTaken",
    "Message",
    "MessageContent",
    "MessageRole",
    "Messages",
    "MissingExtra",
    "NO_STREAM",
    "NameTaken",
    "NotSupported",
    "NothingToUndo",
    "Origin",
    "OutcomeUnknown",
    "PositionConflict",
    "RecordedElsewhere",
    "RecordedEvent",
    "Refused",
    "RemovedBranch",
    "Replay",
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
    "SystemContent",
    "UNCHANGED",
    "UnknownBranch",
    "UnknownMessage",
    "UnknownPosition",
    "UnknownState",
    "UnreadableEvent",
    "Verification",
    "ViewIsReadOnly",
    "acting",
    "carried",
    "open_store",
]
