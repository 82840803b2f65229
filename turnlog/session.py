"""A session in the hand: start it, open it anywhere, branch it, and go back in its time."""

from asyncio import to_thread
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self, TypeVar, overload
from uuid import uuid4

from ._mail.session_mail import SessionMail
from ._models.imodel import LanguageModel
from ._models.registry import registration_steps
from ._models.tools import Tool
from ._operations.builtin import OPERATIONS
from ._operations.params import InstructionLike, ModelLike, OperationResult
from ._operations.rerun import BranchComparison, compare_branches, rerun
from ._session.arguments import (
    MISSING,
    Missing,
    SystemLike,
    ToolLike,
    ToolsLike,
    imported_messages,
    message_argument,
    require_list,
    require_messages,
    system_with_timestamp,
    tool_name,
    tool_names,
)
from ._session.as_of import AsOf, require_on_branch, resolve_position
from ._session.context import SessionContext
from ._session.copies import delete_session, fork_by_copy, fork_by_reference
from ._session.default_store import StoreLike, resolve_existing_store, resolve_store
from ._session.logs import SessionLogs
from ._session.operations import SessionOperations
from ._session.redact import redact_event
from ._session.stream import Decision, SessionStream, image_policy
from .branch import Branch, fork_plan, messages_from_events, new_branch
from .branch_view import Absent, Branches, BranchView
from .domain.branch_lookup import get_default_branch
from .domain.decisions import branch as branches
from .domain.decisions import history, message
from .domain.decisions import session as sessions
from .domain.decisions.branch import UNCHANGED, Access, AccessGiven, Unchanged
from .domain.decisions.compose import sequence
from .domain.decisions.history import Strategy
from .domain.decisions.new_branch import BranchPlan, create_with
from .domain.errors import InvalidValueError
from .domain.errors.sessions import LAST_SESSION
from .domain.expected_position import ANY, Expected
from .domain.images import ImagePolicy
from .domain.instant import Instant
from .domain.json_values import Json
from .domain.message import ContentGiven, Message, to_message
from .domain.ranges import Origin
from .domain.recorded_event import RecordedEvent
from .domain.state import State
from .domain.validation import validate_name
from .infrastructure.async_methods import awaited, awaited_read
from .infrastructure.state_loader import load_state
from .projections.messages import Messages
from .replay import SessionReplay
from .session_view import SessionView

__all__ = ["Session"]

D = TypeVar("D")


class Session(SessionView):
    """One conversation's whole life, and the root of its branches; every change of it is one event."""

    def __init__(
        self,
        system: SystemLike | None = None,
        *,
        name: str | None = None,
        key: str | None = None,
        user: str | None = None,
        session_id: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        messages: Iterable[Message | ContentGiven] | None = None,
        default_branch: str | None = "main",
        default_capabilities: Access = None,
        default_resources: Access = None,
        default_generate_model: ModelLike = None,
        default_parse_model: ModelLike = None,
        tools: ToolsLike = None,
        store: StoreLike | None = None,
        images: ImagePolicy | None = None,
    ) -> None:
        """Start a session with a default branch; with `default_branch=None`, the first one created is the default.

        A `key` is unique in the store; a `SessionManager` finds the session by it. `store` is a store or its address,
        which is opened once per process; without it the settings name the store, or else ./turnlog.db. `images` says
        which images this object records; without it, those at public https URLs and small data URLs. The models are
        those that branches use to generate and to parse responses.
        """
        plan = BranchPlan(
            name=default_branch,
            capabilities=default_capabilities,
            resources=default_resources,
            system=system_with_timestamp(system, None),
            messages=imported_messages(messages),
        )
        id = str(uuid4()) if session_id is None else validate_name(session_id, "a session id")
        if default_branch is None and plan != BranchPlan():
            raise InvalidValueError("default_branch", "is None, so nothing can be given for it: name the branch")
        branch_id = str(uuid4())
        self._attach(SessionContext(SessionStream(resolve_store(store), State(id), images), OPERATIONS))
        steps: list[Decision] = [
            lambda state: sessions.start(state, name=name, key=key, user=user, metadata=metadata),
            lambda state: [] if default_branch is None else create_with(state, plan, id=branch_id),
            *registration_steps(self._context.registry, default_generate_model, default_parse_model, tools),
        ]
        self._stream.transact(lambda state: sequence(state, *steps))

    @classmethod
    def open(cls, session_id: str, *, store: StoreLike | None = None, images: ImagePolicy | None = None) -> Self:
        """The session with this id, started in whatever process; `images` says which images this handle takes."""
        if not isinstance(session_id, str) or session_id == LAST_SESSION:
            raise InvalidValueError(
                "session_id", f"must be the id of a session, not {session_id!r}; store.resolve() finds one by its name"
            )
        kept = resolve_store(None) if store is None else resolve_existing_store(store)
        policy = image_policy(images)
        return cls._of(SessionContext(SessionStream(kept, load_state(kept.recorder, session_id), policy), OPERATIONS))

    @classmethod
    async def aopen(cls, session_id: str, *, store: StoreLike | None = None, images: ImagePolicy | None = None) -> Self:
        """The session with this id, started in whatever process; `images` says which images this handle takes."""
        return await to_thread(cls.open, session_id, store=store, images=images)

    @classmethod
    def from_record(cls, record: bytes, *, store: StoreLike | None = None) -> Self:
        """The session whose exact record this is, taken over into a store if it is not there already."""
        kept = resolve_store(store)
        taken = kept.import_record(record)
        if taken.last is None:
            raise InvalidValueError("the record", "has no session: expected that of one")
        return cls.open(taken.last, store=kept)

    def record(self) -> bytes:
        """The exact record of the session, and of those it goes on from, as a file would have it."""
        return self._stream.store.record_of(self.id)

    arecord = awaited_read(record)

    @property
    def updated_at(self) -> Instant:
        """When the session was last used, which putting it away is not."""
        return Instant.at(self._stream.store.get_session(self.id).updated)

    # Branches

    @property
    def branches(self) -> Branches[Branch]:
        """The branches, by name, id or number."""
        return Branches(self._stream, self._branch)

    @property
    def default_branch(self) -> Branch:
        """The default branch; a session without one raises BranchNotFoundError."""
        return self._branch(super().default_branch.number)

    def create_branch(
        self,
        name: str | None = None,
        *,
        system: SystemLike | None = None,
        system_datetime: bool | str | None = None,
        system_sender: str | None = None,
        user: str | None = None,
        model: ToolLike | None = None,
        parse_model: ToolLike | None = None,
        tools: ToolsLike = None,
        messages: Iterable[Message | ContentGiven] | None = None,
        share: Iterable[Message] = (),
        capabilities: Access = None,
        resources: Access = None,
        metadata: Mapping[str, Json] | None = None,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> Branch:
        """Create a branch; it becomes the default branch if there is none.

        `messages` are recorded as loaded; `share` shows messages of other branches after them, and copies nothing.
        Models and tools are recorded by name, and registered with this session object if they are objects.
        """
        points = [resolve_position(self._stream, each) for each in require_messages(share)]
        plan = BranchPlan(
            name=name,
            user=user,
            metadata=dict(metadata or {}),
            capabilities=capabilities,
            resources=resources,
            system=system_with_timestamp(system, system_datetime),
            system_sender=system_sender,
            messages=imported_messages(messages),
            tools=tool_names(tools),
            model=None if model is None else tool_name(model),
            parse_model=None if parse_model is None else tool_name(parse_model),
        )
        self._context.registry.add_tools(tools)
        self._context.registry.add_model(model)
        self._context.registry.add_model(parse_model)
        return new_branch(
            self._context,
            lambda state, id: sequence(
                state,
                lambda state: create_with(state, plan, id=id),
                lambda state: history.share(state, len(state.branches) - 1, points),
            ),
            expected,
            command_id,
        )

    def fork(
        self,
        branch: BranchView | str | int | None = None,
        at: AsOf | None = None,
        name: str | None = None,
        *,
        capabilities: AccessGiven = UNCHANGED,
        resources: AccessGiven = UNCHANGED,
        system: SystemLike | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
        tools: ToolsLike | Literal[Unchanged.UNCHANGED] = UNCHANGED,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> Branch:
        """A new branch that shows what another showed at a moment, or shows now; nothing is copied.

        What it may use, its system message and its tools are those of the other, or just as given.
        """
        when = branch.seen_at if at is None and isinstance(branch, BranchView) else at
        point = None if when is None else resolve_position(self._stream, when)
        source = self.default_branch.number if branch is None else self._number_then(branch, point)
        require_on_branch(self._stream, source, when, point)
        fork = fork_plan(
            self._context,
            source,
            point,
            name=name,
            capabilities=capabilities,
            resources=resources,
            system=system,
            tools=tools,
        )
        return new_branch(self._context, fork, expected, command_id)

    def split(self, branch: BranchView | str | int, name: str | None = None) -> Branch:
        """A new branch with the messages of another as they are now, marked as cloned."""
        source = self._number_now(branch)
        return new_branch(
            self._context,
            lambda state, id: branches.fork(state, source, id=id, name=name, origin=Origin.CLONED),
            ANY,
            None,
        )

    def fork_session(
        self,
        at: AsOf | None = None,
        name: str | None = None,
        *,
        user: str | None = None,
        key: str | None = None,
        session_id: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        self_contained: bool = False,
    ) -> "Session":
        """A new session that goes on from this one as it was at a moment, or is now; nothing is copied.

        It has the same branches, metadata and state; what was recorded here stays readable there, at positions that
        count backwards from 0. This session cannot be deleted as long as the other one is there, unless that one is to
        be `self_contained`: then what is shown at the moment is copied, and neither knows of the other.
        """
        point = None if at is None else resolve_position(self._stream, at)
        fork = fork_by_copy if self_contained else fork_by_reference
        stream = fork(self._stream, point, name=name, user=user, key=key, session_id=session_id, metadata=metadata)
        return type(self)._of(SessionContext(stream, OPERATIONS))

    def merge(
        self,
        source: BranchView | str | int,
        into: BranchView | str | int,
        *,
        since: AsOf | None = None,
        strategy: str = Strategy.APPEND,
    ) -> None:
        """Takes over into one branch what only the other shows, after its own messages or interleaved by position."""
        theirs, ours = self._number_now(source), self._number_now(into)
        start = None if since is None else resolve_position(self._stream, since)
        self._stream.transact(
            lambda state: history.merge(state, theirs, ours, since=start, strategy=history.parse_strategy(strategy))
        )

    @overload
    def get_branch(self, branch: BranchView | str | int) -> Branch: ...
    @overload
    def get_branch(self, branch: BranchView | str | int, default: D) -> Branch | D: ...
    def get_branch(self, branch: BranchView | str | int, default: D | Absent = Absent.ABSENT) -> Branch | D:
        """Return a branch by name, id or number; without a default, one that does not exist is an error."""
        if default is Absent.ABSENT:
            return self._branch(super().get_branch(branch).number)
        found = super().get_branch(branch, default)
        return self._branch(found.number) if isinstance(found, BranchView) else found

    def remove_branch(self, branch: BranchView | str | int) -> None:
        """Remove the branch; if it was the default, the oldest remaining one becomes the default.

        Its messages stay recorded, and readable at earlier positions.
        """
        number = self._number_now(branch)
        self._stream.transact(lambda state: branches.remove(state, number))

    def change_default_branch(self, branch: BranchView | str | int) -> None:
        """Makes the branch the one that is meant when none is named."""
        number = self._number_now(branch)
        self._stream.transact(lambda state: branches.change_default(state, number))

    def replay(self) -> SessionReplay[SessionView, Branch]:
        """A walk through the session, event by event, forwards and backwards, from which it can be forked."""
        return SessionReplay(self._stream, SessionView, self._fork_at)

    areplay = awaited(replay)

    # Messages

    def add(
        self,
        content: Message | ContentGiven | Missing = MISSING,
        body: Json = MISSING,
        *,
        role: str | None = None,
        sender: str | None = None,
        recipient: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> Message:
        """Puts a message on the record, at the end of the default branch; two things given are a role and a body."""
        argument = message_argument(content, body, role)
        given = to_message(argument, sender=sender, recipient=recipient, metadata=metadata)
        placed = self._stream.transact(
            lambda state: message.append(state, get_default_branch(state).number, [given]),
            expected=expected,
            command_id=command_id,
        )
        return messages_from_events(self.id, placed)[0]

    @property
    def messages(self) -> Messages:
        """What the default branch shows; nothing if there is none. Assign to replace them, as `Branch.replace`."""
        return super().messages

    @messages.setter
    def messages(self, messages: Iterable[Message | ContentGiven]) -> None:
        given = imported_messages(require_list(messages))
        self._stream.transact(lambda state: history.replace(state, get_default_branch(state).number, given))

    def redact(self, event: Message | RecordedEvent | int, reason: str | None = None) -> int:
        """Remove the content of a message, or of any other event, from the record for good.

        The event is named by itself or by its position. Its kind, time, branch and actor stay, and so does the proof
        of the record. What an ancestor of this session has recorded is redacted there. Redacting it again writes
        nothing, and removes what an interrupted redaction has left in the files of the store. Returns the position of
        the redaction.
        """
        return redact_event(self._stream, event, reason)

    @property
    def logs(self) -> SessionLogs:
        """The account of what was called, denied and logged; what is written there is one event."""
        return SessionLogs(self._stream, None)

    @property
    def mail(self) -> SessionMail:
        """The mail of the session: participants, mailboxes, and routing between them."""
        return SessionMail(self._context)

    @property
    def operations(self) -> SessionOperations:
        """The operations that were recorded, and running, resuming and redacting them."""
        return SessionOperations(self._context, self._number_or_default)

    async def chat(self, instruction: InstructionLike = None, **given: Any) -> str:
        """Send an instruction to the model on the default branch; return the text of its response."""
        return await self.default_branch.chat(instruction, **given)

    async def operate(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Send an instruction to the model on the default branch, and run the tool calls that it requests."""
        return await self.default_branch.operate(instruction, **given)

    async def rerun(
        self,
        branch: BranchView | str | int | None = None,
        at: AsOf | None = None,
        *,
        model: LanguageModel | str | None = None,
        tools: str = "recorded",
        edits: Mapping[Message | int | str, Message | ContentGiven] | None = None,
        name: str | None = None,
    ) -> Branch:
        """Fork a branch at a position and run its operations again on the fork; return the fork.

        Without `model`, recorded responses are used for identical requests, so nothing is sent; from the first
        difference on, the model of the branch is called. With `model`, that model is called for all requests.
        `edits` replaces the contents of messages. `tools` is "recorded" or "live".
        """
        number = self._number_or_default(branch)
        fork = await rerun(self._context, number, at, model=model, tools=tools, edits=edits or {}, name=name)
        return self._branch(fork)

    def compare(self, left: BranchView | str | int, right: BranchView | str | int) -> BranchComparison:
        """Compare two branches: their differences, and the usage of each."""
        return compare_branches(self._context, self._number_now(left), self._number_now(right))

    def set_model(self, model: LanguageModel | str | None, purpose: str = "generate") -> None:
        """Set the model for branches without one of their own, for a purpose: "generate", "parse" or "interpret"."""
        self._context.set_model(model, purpose, None)

    def register_tools(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        """Make tools available on all branches; needed again after the session was opened in another process."""
        self._context.register_tools(tools, None)

    # Lifecycle

    def rename(self, name: str | None) -> None:
        """Change the name of the session, or remove it."""
        self._stream.transact(lambda state: sessions.rename(state, name))

    def update_metadata(self, changes: Mapping[str, Json]) -> None:
        """Merge changes into the metadata, key by key."""
        self._stream.transact(lambda state: sessions.update_metadata(state, changes))

    def set_state(self, key: str, value: Json) -> None:
        """Set the value of a state key."""
        self._stream.transact(lambda state: sessions.set_state(state, key, value))

    def remove_state(self, key: str) -> None:
        """Remove a state key."""
        self._stream.transact(lambda state: sessions.remove_state(state, key))

    def archive(self, reason: str | None = None) -> None:
        """Archive the session: it can be read and restored, not changed."""
        self._stream.transact(lambda state: sessions.archive(state, reason))

    def restore(self, reason: str | None = None) -> None:
        """Restore an archived session."""
        self._stream.transact(lambda state: sessions.restore(state, reason))

    def delete(self, reason: str | None = None) -> None:
        """Mark the session as deleted; its events stay.

        A session that others are forked from cannot be deleted, because they read their beginning from it.
        """
        delete_session(self._stream, reason)

    arename = awaited(rename)
    aupdate_metadata = awaited(update_metadata)
    aset_state = awaited(set_state)
    aremove_state = awaited(remove_state)
    aarchive = awaited(archive)
    arestore = awaited(restore)
    adelete = awaited(delete)

    aset_model = awaited(set_model)
    aregister_tools = awaited(register_tools)
    acompare = awaited_read(compare)
    asplit = awaited(split)
    afork_session = awaited(fork_session)
    acreate_branch = awaited(create_branch)
    afork = awaited(fork)
    amerge = awaited(merge)
    aremove_branch = awaited(remove_branch)
    achange_default_branch = awaited(change_default_branch)
    aadd = awaited(add)
    aredact = awaited(redact)

    def _number_now(self, branch: BranchView | str | int) -> int:
        """The number of a branch that is meant as it is; one seen as it was cannot be changed or taken over."""
        if isinstance(branch, BranchView) and branch.seen_at is not None:
            raise InvalidValueError(
                "the branch", f"is seen as it was at {branch.seen_at}: expected it as it is, or a fork of it"
            )
        return self._number(branch)

    def _fork_at(self, view: SessionView, at: int, branch: BranchView | str | int | None, name: str | None) -> Branch:
        reference = branch.number if isinstance(branch, BranchView) else branch
        source = view.default_branch if reference is None else view.branches[reference]
        return self._branch(source.number).fork(at, name)

    def _number_or_default(self, branch: BranchView | str | int | None) -> int:
        return self.default_branch.number if branch is None else self._number_now(branch)

    @classmethod
    def _of(cls, context: SessionContext) -> Self:
        session = cls.__new__(cls)
        session._attach(context)
        return session

    def _attach(self, context: SessionContext) -> None:
        super().__init__(context.stream)
        self._context, self._stream = context, context.stream

    def _branch(self, number: int) -> Branch:
        return Branch._of(self._context, number)
