"""A branch in the hand: what it shows, and what can be done on it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from ._mail.branch_mail import BranchMail
from ._models.imodel import LanguageModel
from ._models.registry import registration_steps
from ._models.tools import Tool
from ._operations.act import requests_from
from ._operations.builtin import OPERATIONS
from ._operations.params import InstructionLike, ModelLike, OperationResult
from ._operations.run import parse_params, run_operation, stream_operation
from ._session.arguments import (
    MISSING,
    Missing,
    SystemLike,
    ToolsLike,
    derived_id,
    imported_messages,
    message_argument,
    require_list,
    require_messages,
    system_content,
    system_with_timestamp,
    tool_names,
)
from ._session.as_of import AsOf, resolve_branch_position, resolve_position
from ._session.context import SessionContext
from ._session.default_store import StoreLike, resolve_store
from ._session.logs import SessionLogs
from ._session.stream import SessionStream
from .branch_view import BranchView
from .domain.content import ActionResponseContent
from .domain.decisions import branch as branches
from .domain.decisions import history, message
from .domain.decisions import session as sessions
from .domain.decisions.branch import UNCHANGED, Access, AccessGiven, Unchanged
from .domain.decisions.compose import sequence
from .domain.decisions.new_branch import BranchPlan, create_with, fork_with
from .domain.events import BranchCreated, Event, MessageAppended, SystemSet
from .domain.evolve import Placed
from .domain.expected_position import ANY, Expected
from .domain.json_values import Json
from .domain.message import ContentGiven, Message, to_message
from .domain.state import State
from .infrastructure.async_methods import awaited
from .projections.recorded_messages import message_from_event

__all__ = ["Branch"]


class Branch(BranchView):
    """A line of messages inside a session; every change of it is one event."""

    def __init__(
        self,
        *,
        system: SystemLike | None = None,
        system_datetime: bool | str | None = None,
        system_sender: str | None = None,
        user: str | None = None,
        name: str | None = None,
        chat_model: ModelLike = None,
        parse_model: ModelLike = None,
        tools: ToolsLike = None,
        messages: Iterable[Message | ContentGiven] | None = None,
        capabilities: Access = None,
        resources: Access = None,
        metadata: Mapping[str, Json] | None = None,
        store: StoreLike | None = None,
    ) -> None:
        """Create a branch in a session of its own; a session creates its branches with `create_branch`."""
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
        )
        context = SessionContext(SessionStream(resolve_store(store), State(str(uuid4()))), OPERATIONS)
        fresh = str(uuid4())
        context.registry.add_tools(tools)
        steps = registration_steps(context.registry, chat_model, parse_model, None)
        context.stream.transact(
            lambda state: sequence(
                state,
                lambda state: sessions.start(state, user=user),
                lambda state: create_with(state, plan, id=fresh),
                *steps,
            )
        )
        self._attach(context, 0)

    @classmethod
    def _of(cls, context: SessionContext, number: int) -> "Branch":
        branch = cls.__new__(cls)
        branch._attach(context, number)
        return branch

    def _attach(self, context: SessionContext, number: int) -> None:
        super().__init__(context.stream, number)
        self._context, self._stream = context, context.stream

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
        """Puts a message on the record, at the end of the branch, and answers with it.

        Text stands for an instruction, the keys of a dict choose the kind of content, two things are a role and what
        it says. A system message is set in front if nothing is shown yet. `expected` is the position the session must
        be at. A `command_id` that was used before writes nothing: the same message is returned as it was recorded
        first, and another one raises CommandIdReusedError.
        """
        said = message_argument(content, body, role)
        given = to_message(said, sender=sender, recipient=recipient, metadata=metadata)
        return self._add([given], expected, command_id)[0]

    def add_many(
        self,
        contents: Iterable[Message | ContentGiven],
        *,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> list[Message]:
        """Puts several messages on the record in one commit: all of them, or none."""
        return self._add([to_message(content) for content in require_list(contents)], expected, command_id)

    @property
    def logs(self) -> SessionLogs:
        """The account of what was called, denied and logged on this branch; what is written there is one event."""
        return SessionLogs(self._stream, self.number)

    def fork(
        self,
        at: AsOf | None = None,
        name: str | None = None,
        *,
        capabilities: AccessGiven = UNCHANGED,
        resources: AccessGiven = UNCHANGED,
        system: SystemLike | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
        tools: ToolsLike | Literal[Unchanged.UNCHANGED] = UNCHANGED,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> "Branch":
        """A new branch that shows what this one showed at a moment, or shows now; nothing is copied.

        What it may use, its system message and its tools are those of this branch, or just as given.
        """
        fork = fork_plan(
            self._context,
            self.number,
            None if at is None else resolve_branch_position(self._stream, self.number, at),
            name=name,
            capabilities=capabilities,
            resources=resources,
            system=system,
            tools=tools,
        )
        return new_branch(self._context, fork, expected, command_id)

    def set_system(
        self, content: SystemLike | None, *, sender: str | None = None, metadata: Mapping[str, Json] | None = None
    ) -> None:
        """Sets the system message in front of all others; None takes it away."""
        system = None if content is None else system_content(content)
        self._stream.transact(
            lambda state: branches.set_system(state, self.number, system, sender=sender, metadata=metadata)
        )

    def rename(self, name: str) -> None:
        """Gives the branch another name; the old one is free again."""
        self._stream.transact(lambda state: branches.rename(state, self.number, name))

    def change_access(self, *, capabilities: AccessGiven = UNCHANGED, resources: AccessGiven = UNCHANGED) -> None:
        """Sets what the branch may use from here on: None is everything, an empty set nothing."""
        self._stream.transact(
            lambda state: branches.change_access(state, self.number, capabilities=capabilities, resources=resources)
        )

    def rewind(self, to: AsOf) -> None:
        """Shows again what was shown at an earlier moment; what is left out stays readable where it was."""
        point = resolve_branch_position(self._stream, self.number, to)
        self._stream.transact(lambda state: history.rewind(state, self.number, point))

    def replace(self, messages: Iterable[Message | ContentGiven]) -> None:
        """Show these messages instead of the present ones, in one commit; the old ones stay recorded.

        They count as loaded. A system message among them becomes the one of the branch; without one it has none.
        """
        given = imported_messages(require_list(messages))
        self._stream.transact(lambda state: history.replace(state, self.number, given))

    def truncate(self, keep_last: int, *, keep_system: bool = True) -> None:
        """Show only the last messages, and the system message unless `keep_system` is false: then it counts as one."""
        self._stream.transact(lambda state: history.truncate(state, self.number, keep_last, keep_system=keep_system))

    def clear(self) -> None:
        """Shows nothing but the system message."""
        self._stream.transact(lambda state: history.clear(state, self.number))

    def retract(self, retracted: Message) -> None:
        """Shows the message no longer; other branches go on showing it."""
        point = resolve_position(self._stream, retracted)
        self._stream.transact(lambda state: message.retract(state, self.number, point))

    def undo(self) -> None:
        """Takes back the last rewind, retraction, clearing or truncation; what was added since stays, at the end."""
        self._stream.transact(lambda state: history.undo(state, self.number))

    def share(self, messages: Iterable[Message]) -> None:
        """Shows messages of other branches too, at the end; those it shows already it shows once."""
        points = [resolve_position(self._stream, each) for each in require_messages(messages)]
        self._stream.transact(lambda state: history.share(state, self.number, points))

    def reorder(self, order: Iterable[Message]) -> None:
        """Shows its messages in another order."""
        points = [resolve_position(self._stream, each) for each in require_messages(order)]
        self._stream.transact(lambda state: history.reorder(state, self.number, points))

    @property
    def mail(self) -> BranchMail:
        """The mailbox of the branch; send and receive mail with it."""
        return BranchMail(self._context, self.number, self.id)

    async def chat(self, instruction: InstructionLike = None, **given: Any) -> str:
        """Send an instruction to the model; return the text of its response."""
        return str(await self._run("chat", instruction=instruction, **given))

    async def communicate(self, instruction: InstructionLike = None, **given: Any) -> Any:
        """Send an instruction to the model; return the text, or a value of the `response_format`.

        With `tools`, the model may call them; their results are sent to it until it responds.
        """
        return await self._run("communicate", instruction=instruction, **given)

    def stream(self, instruction: InstructionLike = None, **given: Any) -> AsyncIterator[str]:
        """Send an instruction to the model; yield its text piece by piece. It is recorded when it is complete."""
        return stream_operation(lambda heard: self._run("communicate", instruction=instruction, heard=heard, **given))

    async def generate(self, instruction: InstructionLike = None, **given: Any) -> Any:
        """Return the response of the model without adding messages to the branch; the call is recorded."""
        return await self._run("generate", instruction=instruction, **given)

    async def operate(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Send an instruction to the model and run the tool calls that it requests."""
        done: OperationResult = await self._run("operate", instruction=instruction, **given)
        return done

    async def react(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Alternate model calls and tool calls, for at most `max_steps` steps."""
        done: OperationResult = await self._run("react", instruction=instruction, **given)
        return done

    async def act(self, requests: object, **given: Any) -> list[ActionResponseContent]:
        """Call tools; return the results in order. A call that fails raises, and is recorded like the others."""
        done: list[ActionResponseContent] = await self._run("act", requests=requests_from(requests), **given)
        return done

    async def parse(self, text: str, request_type: object = None, **given: Any) -> Any:
        """Parse a text into `request_type`; the parse model repairs what does not match."""
        return await self._run("parse", text=text, request_type=request_type, **given)

    async def interpret(self, text: str, **given: Any) -> str:
        """Return a text rewritten so that a model understands it better."""
        return str(await self._run("interpret", text=text, **given))

    def set_model(self, model: LanguageModel | str | None, purpose: str = "generate") -> None:
        """Set the model that this branch uses for a purpose: "generate", "parse" or "interpret"."""
        self._context.set_model(model, purpose, self.number)

    def register_tools(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        """Make tools available on this branch."""
        self._context.register_tools(tools, self.number)

    aset_model = awaited(set_model)
    aregister_tools = awaited(register_tools)

    async def _run(self, operation: str, **given: Any) -> Any:
        return await run_operation(
            self._context, operation, self.number, parse_params(self._context, operation, None, given)
        )

    def _add(self, messages: list[Message], expected: Expected, command_id: str | None) -> list[Message]:
        placed = self._stream.transact(
            lambda state: message.append(state, self.number, messages), expected=expected, command_id=command_id
        )
        return messages_from_events(self.session_id, placed)

    aadd = awaited(add)
    aadd_many = awaited(add_many)
    afork = awaited(fork)
    aset_system = awaited(set_system)
    arename = awaited(rename)
    achange_access = awaited(change_access)
    arewind = awaited(rewind)
    areplace = awaited(replace)
    atruncate = awaited(truncate)
    aclear = awaited(clear)
    aretract = awaited(retract)
    aundo = awaited(undo)
    ashare = awaited(share)
    areorder = awaited(reorder)


def fork_plan(
    context: SessionContext,
    source: int,
    point: int | None,
    *,
    system: SystemLike | Literal[Unchanged.UNCHANGED] | None,
    tools: ToolsLike | Literal[Unchanged.UNCHANGED],
    **rest: Any,
) -> Callable[[State, str], Sequence[Event]]:
    """The decision to fork a branch, from what a caller gave."""
    content = system if system is UNCHANGED or system is None else system_content(system)
    names = tools if tools is UNCHANGED else tool_names(tools)
    return lambda state, id: fork_with(state, source, id=id, at=point, system=content, tools=names, **rest)


def new_branch(
    context: SessionContext, decide: Callable[[State, str], Sequence[Event]], expected: Expected, command_id: str | None
) -> Branch:
    """Records the creation of a branch under a new id, and answers with the branch."""
    id = derived_id(context.stream.id, command_id, "branch")
    placed = context.stream.transact(lambda state: decide(state, id), expected=expected, command_id=command_id)
    created = [event.branch for _, _, event in placed if isinstance(event, BranchCreated)]
    return Branch._of(context, created[-1])


def messages_from_events(session: str, placed: Sequence[Placed]) -> list[Message]:
    """The messages among what was recorded."""
    return [message_from_event(session, *each) for each in placed if isinstance(each[2], MessageAppended | SystemSet)]
