"""Events into state: one at a time, by the type of the event, deciding nothing."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec.structs import replace

from . import events as e
from . import mail_state
from .codec import stored_name
from .errors import UnreadableEventError
from .ranges import Origin, Ranges, join, take_first, take_last, with_origin
from .state import BranchState, ModelState, OperationState, State, Status, Visibility, inherited_visibility

Placed: TypeAlias = tuple[int, int, e.Event]
"""An event with its position and its time."""


NOT_FOLDED = 64
"""So many retractions of a branch are kept beside its last showing before they become one."""


def fold(placed: Iterable[Placed], state: State) -> State:
    """The state after these events; the state given stays as it is."""
    after = fork_state(state)
    for position, time, event in placed:
        evolve(after, position, time, event)
    return after


def evolve(state: State, position: int, time: int, event: e.Event) -> None:
    """Takes one event into a state that belongs to the caller; one that cannot be taken in is not passed over."""
    before = state.position, state.time
    state.position = position
    state.time = time
    try:
        _EVOLVE[type(event)](state, event)
    except (LookupError, ValueError) as reason:
        state.position, state.time = before
        name = stored_name(event)
        raise UnreadableEventError(
            state.session, position, name, f"it does not follow from those before it: {reason!r}"
        ) from reason


def place_message(state: State, position: int, time: int, branch: int) -> None:
    """What `evolve` does with a message, which needs none of its words."""
    if branch not in state.written:
        raise UnreadableEventError(
            state.session, position, "message.appended", f"there is no branch {branch} before it"
        )
    places = state.written[branch]
    if not places or places[-1] < position:
        places.append(position)
    state.position, state.time = position, time  # last: who is interrupted before takes the message again


def fork_state(state: State) -> State:
    """A state of one's own, equal to the one given."""
    own = copy(state)
    own.metadata, own.values = dict(state.metadata), dict(state.values)
    own.branches = [_copied(branch) for branch in state.branches]
    own.names, own.ids = dict(state.names), dict(state.ids)
    own.written = {branch: array("q", places) for branch, places in state.written.items()}
    own.ancestors, own.forks = list(state.ancestors), set(state.forks)
    own.redacted, own.models = set(state.redacted), dict(state.models)
    own.participants, own.post = dict(state.participants), mail_state.copy(state.post)
    own.tools = {tool: list(branches) for tool, branches in state.tools.items()}
    own.operations = dict(state.operations)
    return own


def _copied(branch: BranchState) -> BranchState:
    own = copy(branch)
    own.showings, own.undoable = list(branch.showings), list(branch.undoable)
    own.retracted = list(branch.retracted)
    return own


# session


def _started(state: State, event: e.SessionStarted) -> None:
    state.status = Status.ACTIVE
    state.created = state.time
    state.name, state.key = event.name, event.key
    state.user = state.user if event.user is None else event.user
    state.metadata = {**state.metadata, **event.metadata}


def _forked(state: State, event: e.SessionForked) -> None:
    state.forks.add(event.fork)


def _fork_ended(state: State, event: e.ForkEnded) -> None:
    state.forks.remove(event.fork)


def _renamed(state: State, event: e.SessionRenamed) -> None:
    state.name = event.name
    state.key = state.key if event.key is None else event.key


def _metadata_updated(state: State, event: e.MetadataUpdated) -> None:
    state.metadata = {**state.metadata, **event.changes}


def _state_set(state: State, event: e.StateSet) -> None:
    state.values[event.key] = event.value


def _state_removed(state: State, event: e.StateRemoved) -> None:
    del state.values[event.key]


def _archived(state: State, event: e.SessionArchived) -> None:
    state.status = Status.ARCHIVED


def _restored(state: State, event: e.SessionRestored) -> None:
    state.status = Status.ACTIVE


def _deleted(state: State, event: e.SessionDeleted) -> None:
    state.status, state.key = Status.DELETED, None


# branch


def _created(state: State, event: e.BranchCreated) -> None:
    start = Visibility(state.position)
    if event.parent is not None and event.at is not None:
        start = inherited_visibility(state.showing(event.parent, event.at), state.position, event.origin)
    state.branches.append(
        BranchState(
            number=event.branch,
            id=event.id,
            name=event.name,
            created_at=state.position,
            showings=[start],
            parent=event.parent,
            forked_at=event.at,
            user=event.user,
            capabilities=_access(event.capabilities),
            resources=_access(event.resources),
            metadata=event.metadata,
        )
    )
    state.names[event.name] = event.branch
    state.ids[event.id] = event.branch
    state.written.setdefault(event.branch, array("q"))
    if event.parent is not None:
        _set_tools_and_models(state, event.parent, event.branch)
    if state.default is None:
        state.default = event.branch


def _set_tools_and_models(state: State, parent: int, branch: int) -> None:
    """A fork has the tools and models that its parent has."""
    for owners in state.tools.values():
        if parent in owners:
            owners.append(branch)
    for purpose, model in list(state.models.items()):
        if purpose.startswith(f"{parent}/"):
            state.models[f"{branch}/{purpose.partition('/')[2]}"] = model


def _access(members: list[str] | None) -> frozenset[str] | None:
    return None if members is None else frozenset(members)


def _branch_renamed(state: State, event: e.BranchRenamed) -> None:
    branch = state.branches[event.branch]
    del state.names[branch.name]
    branch.name = event.name
    state.names[event.name] = event.branch


def _removed(state: State, event: e.BranchRemoved) -> None:
    branch = state.branches[event.branch]
    branch.removed_at = state.position
    del state.names[branch.name]
    if state.default == event.branch:
        state.default = None


def _default_changed(state: State, event: e.DefaultBranchChanged) -> None:
    state.default = event.branch


def _access_changed(state: State, event: e.AccessChanged) -> None:
    branch = state.branches[event.branch]
    branch.capabilities, branch.resources = _access(event.capabilities), _access(event.resources)


def _system_set(state: State, event: e.SystemSet) -> None:
    shown = state.showing(event.branch)
    system = None if event.content is None else state.position
    state.branches[event.branch].showings.append(Visibility(state.position, shown.ranges, system))


def _shared(state: State, event: e.MessagesShared) -> None:
    shown = state.showing(event.branch)
    _show(state, event.branch, join(shown.ranges, with_origin(event.ranges, Origin.SHARED), state.written))


def _rewound(state: State, event: e.BranchRewound) -> None:
    then = state.showing(event.branch, event.to)
    branch = state.branches[event.branch]
    branch.showings.append(Visibility(state.position, then.ranges, then.system))
    branch.undoable.append(state.position)


def _truncated(state: State, event: e.BranchTruncated) -> None:
    kept = take_last(state.showing(event.branch).ranges, event.keep_last, state.written)
    _show(state, event.branch, kept, undoable=True)


def _cleared(state: State, event: e.BranchCleared) -> None:
    _show(state, event.branch, (), undoable=True)


def _undone(state: State, event: e.ChangeUndone) -> None:
    branch = state.branches[event.branch]
    branch.showings.append(Visibility(state.position, event.ranges, event.system))
    branch.undoable.remove(event.undone)


def _merged(state: State, event: e.BranchMerged) -> None:
    kept = take_first(state.showing(event.branch).ranges, event.keep_first, state.written)
    _show(state, event.branch, join(kept, event.ranges, state.written))


def _reordered(state: State, event: e.BranchReordered) -> None:
    _show(state, event.branch, event.ranges)


def _show(state: State, branch: int, ranges: Ranges, *, undoable: bool = False) -> None:
    """The branch shows these messages from here on, under the system message it has."""
    shown = state.showing(branch)
    state.branches[branch].showings.append(Visibility(state.position, ranges, shown.system))
    if undoable:
        state.branches[branch].undoable.append(state.position)


# message


def _appended(state: State, event: e.MessageAppended) -> None:
    state.written[event.branch].append(state.position)


def _retracted(state: State, event: e.MessageRetracted) -> None:
    branch = state.branches[event.branch]
    branch.retracted.append((state.position, event.message))
    branch.undoable.append(state.position)
    if branch.retracted_since >= NOT_FOLDED:
        _show(state, event.branch, state.showing(event.branch).ranges)


def _redacted(state: State, event: e.MessageRedacted) -> None:
    state.redacted.add(event.message)


def _event_redacted(state: State, event: e.EventRedacted) -> None:
    """A state folded before still has the content: see `loading.catch_up`, which folds it again."""
    state.redacted.add(event.event)


# mail


def _registered(state: State, event: e.ParticipantRegistered) -> None:
    state.participants[event.name] = state.position


def _unregistered(state: State, event: e.ParticipantUnregistered) -> None:
    del state.participants[event.name]


def _mail_sent(state: State, event: e.MailSent) -> None:
    mail_state.add_sent(state.post, state.position, event.sender, event.recipient, event.category, event.channel)


def _mail_collected(state: State, event: e.MailCollected) -> None:
    mail_state.move_to_exchange(state.post, event.sender, event.mails, lambda: state.owners)


def _mail_delivered(state: State, event: e.MailDelivered) -> None:
    mail_state.move_to_inbox(state.post, event.recipient, event.mails, event.addressed or event.recipient)


def _mail_received(state: State, event: e.MailReceived) -> None:
    mail_state.remove_received(state.post, event.recipient, event.mails)


def _mail_parked(state: State, event: e.MailParked) -> None:
    mail_state.park(state.post, event.recipient, event.mails, event.reason)


# work


def _tool_registered(state: State, event: e.ToolRegistered) -> None:
    state.tools.setdefault(event.tool, []).append(event.branch)


def _tool_removed(state: State, event: e.ToolRemoved) -> None:
    state.tools[event.tool].remove(event.branch)


def _model_set(state: State, event: e.ModelSet) -> None:
    purpose = event.purpose if event.branch is None else f"{event.branch}/{event.purpose}"
    state.models.pop(purpose, None)
    if event.model is not None:
        state.models[purpose] = ModelState(event.model, event.provider, event.settings)


def _operation_started(state: State, event: e.OperationStarted) -> None:
    state.operations[event.operation] = OperationState(event.name, event.branch, state.position)


def _operation_resumed(state: State, event: e.OperationResumed) -> None:
    operation = state.operations[event.operation]
    state.operations[event.operation] = replace(operation, attempt=operation.attempt + 1)


def _operation_ended(state: State, event: e.OperationCompleted | e.OperationFailed) -> None:
    del state.operations[event.operation]


def _ignore(state: State, event: e.Event) -> None:
    """Recorded for those who read; no decision depends on it."""


_EVOLVE: Mapping[type[e.Event], Callable[[State, Any], None]] = MappingProxyType(
    {
        e.SessionStarted: _started,
        e.SessionForked: _forked,
        e.ForkEnded: _fork_ended,
        e.SessionRenamed: _renamed,
        e.MetadataUpdated: _metadata_updated,
        e.StateSet: _state_set,
        e.StateRemoved: _state_removed,
        e.SessionArchived: _archived,
        e.SessionRestored: _restored,
        e.SessionDeleted: _deleted,
        e.BranchCreated: _created,
        e.BranchRenamed: _branch_renamed,
        e.BranchRemoved: _removed,
        e.DefaultBranchChanged: _default_changed,
        e.AccessChanged: _access_changed,
        e.SystemSet: _system_set,
        e.MessagesShared: _shared,
        e.BranchRewound: _rewound,
        e.BranchTruncated: _truncated,
        e.BranchCleared: _cleared,
        e.BranchMerged: _merged,
        e.BranchReordered: _reordered,
        e.ChangeUndone: _undone,
        e.MessageAppended: _appended,
        e.MessageRetracted: _retracted,
        e.MessageRedacted: _redacted,
        e.EventRedacted: _event_redacted,
        e.ParticipantRegistered: _registered,
        e.ParticipantUnregistered: _unregistered,
        e.MailSent: _mail_sent,
        e.MailCollected: _mail_collected,
        e.MailDelivered: _mail_delivered,
        e.MailReceived: _mail_received,
        e.MailParked: _mail_parked,
        e.ToolRegistered: _tool_registered,
        e.ToolRemoved: _tool_removed,
        e.ModelSet: _model_set,
        e.OperationStarted: _operation_started,
        e.OperationResumed: _operation_resumed,
        e.OperationCompleted: _operation_ended,
        e.OperationFailed: _operation_ended,
        e.ModelCalled: _ignore,
        e.AccessDenied: _ignore,
        e.LogRecorded: _ignore,
    }
)
