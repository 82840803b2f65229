"""The events of a session: what can happen in one, in the past tense.

Stored names and fields are the storage format: add, never alter. A field that is added has a default; a default, once
released, stays as it is. Session, position, time and who did it are columns of the record, never fields here.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from .content import Content, SystemContent
from .immutable import NO_KEYS
from .json_values import Json
from .log import LogType
from .ranges import Origin, Ranges


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """The root of all events."""


class UnknownEvent(Event, frozen=True):
    """An event that this version of Turnlog cannot read, with its payload as far as it is JSON; never recorded.

    A newer version wrote it, or a program that uses the eventsourcing library. Or its payload was damaged.
    """

    reason: str
    payload: Json = None


class BranchEvent(Event, frozen=True):
    """Something that happened on one branch, which is named by its number."""

    branch: int


# session


class SessionStarted(Event, frozen=True):
    """The first event of a session; if it goes on from another one, it says from which position of it."""

    name: str | None = None
    user: str | None = None
    key: str | None = None
    metadata: dict[str, Json] = {}
    forked_from: str | None = None
    forked_at: int | None = None
    forked_digest: str | None = None
    inherited_messages: int = 0


class SessionForked(Event, frozen=True):
    """Another session goes on from this one at a position, and reads what was recorded up to there from here."""

    fork: str
    at: int


class ForkEnded(Event, frozen=True):
    """A session that went on from this one was deleted, and needs it no longer."""

    fork: str


class SessionRenamed(Event, frozen=True):
    """Another label, or none; with a key, the session is found by that one from here on."""

    name: str | None
    key: str | None = None


class MetadataUpdated(Event, frozen=True):
    """These keys of the metadata have these values from here on; other keys stay as they are."""

    changes: dict[str, Json]


class StateSet(Event, frozen=True):
    """A key of the session's own state has this value from here on."""

    key: str
    value: Json


class StateRemoved(Event, frozen=True):
    """The session's own state has this key no longer."""

    key: str


class SessionArchived(Event, frozen=True):
    """The session is put away: it can be read and restored, and not changed."""

    reason: str | None = None


class SessionRestored(Event, frozen=True):
    """The session can be changed again."""

    reason: str | None = None


class SessionDeleted(Event, frozen=True):
    """A tombstone: the session takes no more changes and gives back its key; what was recorded stays."""

    reason: str | None = None


# branch


class BranchCreated(BranchEvent, frozen=True):
    """A new line of messages; with a parent, it shows what the parent showed at position `at`."""

    id: str
    name: str
    parent: int | None = None
    at: int | None = None
    origin: Origin = Origin.INHERITED
    user: str | None = None
    capabilities: list[str] | None = None
    resources: list[str] | None = None
    metadata: dict[str, Json] = {}


class BranchRenamed(BranchEvent, frozen=True):
    """The branch has another name from here on."""

    name: str


class BranchRemoved(BranchEvent, frozen=True):
    """The branch is gone from here on; what it showed stays readable at earlier positions."""


class DefaultBranchChanged(Event, frozen=True):
    """Another branch, or none, is meant from here on when none is named."""

    branch: int | None


class AccessChanged(BranchEvent, frozen=True):
    """What the branch may use from here on: None is everything, an empty list nothing."""

    capabilities: list[str] | None
    resources: list[str] | None


class SystemSet(BranchEvent, frozen=True):
    """The system message in front of the branch from here on, or None for none."""

    content: SystemContent | None
    sender: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    lineage: tuple[str, ...] = ()


class MessagesShared(BranchEvent, frozen=True):
    """Messages of other branches, shown at the end of this one too."""

    ranges: Ranges


class BranchRewound(BranchEvent, frozen=True):
    """The branch shows again what it showed at position `to`."""

    to: int


class BranchTruncated(BranchEvent, frozen=True):
    """The branch shows only its last messages, and its system message."""

    keep_last: int


class BranchCleared(BranchEvent, frozen=True):
    """The branch shows no messages but its system message."""


class BranchMerged(BranchEvent, frozen=True):
    """What a branch shows after taking over messages of `source`: its `keep_first` first messages, then `ranges`."""

    source: int
    at: int
    strategy: str
    keep_first: int
    ranges: Ranges
    since: int | None = None


class BranchReordered(BranchEvent, frozen=True):
    """The branch shows the messages of `ranges` in this order, each once."""

    ranges: Ranges


class ChangeUndone(BranchEvent, frozen=True):
    """What the branch shows after a rewind, a retraction, a clearing or a truncation at `undone` was taken back."""

    undone: int
    ranges: Ranges
    system: int | None = None


# message


class MessageAppended(BranchEvent, frozen=True):
    """A message at its place, in any role; of a copy, `lineage` has the ids of what it was made of, up to the first."""

    content: Content  # or one of an application's own, see codec
    sender: str | None = None
    recipient: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    origin: Origin = Origin.AUTHORED
    lineage: tuple[str, ...] = ()
    mail: int | None = None  # the position of the mail that brought it


class MessageRetracted(BranchEvent, frozen=True):
    """The branch shows the message no longer; other branches do as before."""

    message: int


class MessageRedacted(Event, frozen=True):
    """The content of a message was removed from the record; `left` is the payload that the message has since."""

    message: int
    left: str
    reason: str | None = None


class EventRedacted(Event, frozen=True):
    """The content of an event that is no message was removed; `left` is the payload that the event has since."""

    event: int
    left: str
    reason: str | None = None


def is_message(event: Event) -> bool:
    """Whether an event records a message: one appended to a branch, or a system message set in front of it."""
    return isinstance(event, MessageAppended) or (isinstance(event, SystemSet) and event.content is not None)


# mail


class ParticipantRegistered(Event, frozen=True):
    """Somebody who is no branch takes part in the mail from here on: a user, a tool, another system."""

    name: str


class ParticipantUnregistered(Event, frozen=True):
    """Somebody who was registered takes part in the mail no longer."""

    name: str


class MailSent(Event, frozen=True):
    """A mail lies in its sender's outbox; without a recipient it is for everybody else.

    A participant is named by the id of its branch, or by the name it was registered under. A recipient may also be a
    name that nobody has yet. What is mailed is a `message`, as contents are stored, with what comes along with it, or
    else any `content`.
    """

    mail: str
    sender: str
    recipient: str | None = None
    category: str = "message"
    channel: str | None = None
    content: Json = None
    message: dict[str, Json] | None = None
    author: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    lineage: tuple[str, ...] = ()


class MailCollected(Event, frozen=True):
    """Mails, by the positions at which they were sent, went from the outbox of their sender to the exchange."""

    sender: str
    mails: list[int]


class MailDelivered(Event, frozen=True):
    """Mails went from the exchange into an inbox; `addressed` if they were sent to a name that nobody had then."""

    recipient: str
    mails: list[int]
    addressed: str | None = None


class MailReceived(Event, frozen=True):
    """Mails have done their work, and are in the inbox no more."""

    recipient: str
    mails: list[int]


class MailParked(Event, frozen=True):
    """Mails that could not be delivered or received wait until they can."""

    recipient: str
    mails: list[int]
    reason: str


# work


class ToolRegistered(Event, frozen=True):
    """A tool is in reach of a branch, or of all, from here on."""

    tool: str
    branch: int | None = None
    schema: Json = None


class ToolRemoved(Event, frozen=True):
    """A tool is out of reach of a branch, or of all, from here on."""

    tool: str
    branch: int | None = None


class ModelSet(Event, frozen=True):
    """The model used for a purpose ("generate", "parse") from here on, or None for none."""

    purpose: str
    model: str | None
    provider: str | None = None
    branch: int | None = None
    settings: dict[str, Json] = {}


class OperationStarted(Event, frozen=True):
    """Something is done with models and tools; what it says and asks goes back to this by its causes."""

    operation: str
    name: str
    branch: int | None = None
    params: Json = None


class OperationResumed(Event, frozen=True):
    """Somebody goes on with an operation that was interrupted; whoever was at it before does not any more."""

    operation: str


class OperationCompleted(Event, frozen=True):
    """An operation has come to its end, with this result."""

    operation: str
    result: Json = None


class OperationFailed(Event, frozen=True):
    """An operation has come to nothing: the class of the error, and what it said."""

    operation: str
    error: str
    reason: str


class ModelCalled(Event, frozen=True):
    """A model was asked; what it answered follows as messages whose cause this is, or is in `response`.

    `service` is the name it goes by here. Of the request there is where its messages stand, those that stand nowhere,
    and the digest of all of it.
    """

    model: str
    provider: str | None = None
    operation: str | None = None
    branch: int | None = None
    request: Json = None
    response: Json = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: float | None = None
    service: str | None = None
    attempts: int = 1


class AccessDenied(Event, frozen=True):
    """A branch asked for what it may not use."""

    kind: str
    requested: list[str]
    branch: int | None = None
    available: list[str] = []


# log


class LogRecorded(Event, frozen=True):
    """A line was written into the account of calls."""

    type: LogType
    source: str | None = None
    message: str | None = None
    data: Json = None
    branch: int | None = None
    model: str | None = None
    provider: str | None = None
    request: Json = None
    response: Json = None
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    error: str | None = None


STORED_NAMES: Mapping[str, type[Event]] = MappingProxyType(
    {
        "session.started": SessionStarted,
        "session.forked": SessionForked,
        "session.fork_ended": ForkEnded,
        "session.renamed": SessionRenamed,
        "session.metadata_updated": MetadataUpdated,
        "session.state_set": StateSet,
        "session.state_removed": StateRemoved,
        "session.archived": SessionArchived,
        "session.restored": SessionRestored,
        "session.deleted": SessionDeleted,
        "branch.created": BranchCreated,
        "branch.renamed": BranchRenamed,
        "branch.removed": BranchRemoved,
        "branch.default_changed": DefaultBranchChanged,
        "branch.access_changed": AccessChanged,
        "branch.system_set": SystemSet,
        "branch.messages_shared": MessagesShared,
        "branch.rewound": BranchRewound,
        "branch.truncated": BranchTruncated,
        "branch.cleared": BranchCleared,
        "branch.merged": BranchMerged,
        "branch.reordered": BranchReordered,
        "branch.change_undone": ChangeUndone,
        "message.appended": MessageAppended,
        "message.retracted": MessageRetracted,
        "message.redacted": MessageRedacted,
        "event.redacted": EventRedacted,
        "mail.participant_registered": ParticipantRegistered,
        "mail.participant_unregistered": ParticipantUnregistered,
        "mail.sent": MailSent,
        "mail.collected": MailCollected,
        "mail.delivered": MailDelivered,
        "mail.received": MailReceived,
        "mail.parked": MailParked,
        "work.tool_registered": ToolRegistered,
        "work.tool_removed": ToolRemoved,
        "work.model_set": ModelSet,
        "work.operation_started": OperationStarted,
        "work.operation_resumed": OperationResumed,
        "work.operation_completed": OperationCompleted,
        "work.operation_failed": OperationFailed,
        "work.model_called": ModelCalled,
        "work.access_denied": AccessDenied,
        "log.recorded": LogRecorded,
    }
)
