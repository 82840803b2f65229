"""A branch in the hand: what it shows, and what can be done on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from ._arguments import (
    MISSING,
    Missing,
    SystemLike,
    ToolsLike,
    derived_id,
    message_argument,
    require_list,
    system_content,
    tool_names,
)
from ._as_of import AsOf, resolve_position
from ._branch_operations import BranchOperations
from ._default_store import StoreLike
from ._mail import service
from ._mail.lock import async_with_mail_lock
from ._mail.participants import ParticipantLike
from ._operations.params import ModelLike
from ._session_context import SessionContext
from ._session_logs import SessionLogs
from ._standalone_branch import standalone_stream
from .branch_view import BranchView
from .domain.decisions import branch as branches
from .domain.decisions import history, message
from .domain.decisions.branch import UNCHANGED, Access, AccessGiven, Unchanged
from .domain.decisions.new_branch import fork_with
from .domain.errors import InvalidValueError
from .domain.events import BranchCreated, Event, MessageAppended, SystemSet
from .domain.evolve import Placed
from .domain.expected_position import ANY, Expected
from .domain.json_values import Json
from .domain.mail import Category, Mail
from .domain.message import ContentGiven, Message, to_message
from .domain.state import State
from .infrastructure.async_methods import awaited
from .projections.messages import message_from_event


class Branch(BranchView, BranchOperations):
    """A line of messages inside a session; every change of it is one event."""

    def __init__(
        self,
        context: SessionContext | None = None,
        number: int = 0,
        *,
        system: SystemLike | None = None,
        system_datetime: bool | str | None = None,
        user: str | None = None,
        name: str | None = None,
        chat_model: ModelLike = None,
        parse_model: ModelLike = None,
        tools: ToolsLike = None,
        tool_manager: object = None,
        messages: Iterable[Message | ContentGiven] | None = None,
        capabilities: Access = None,
        resources: Access = None,
        store: StoreLike | None = None,
    ) -> None:
        """A branch of a session of its own; those of a session are got from it, by `create_branch` or `branches`."""
        self._context = context or standalone_stream(
            system=system,
            system_datetime=system_datetime,
            user=user,
            name=name,
            chat_model=chat_model,
            parse_model=parse_model,
            tools=tools,
            tool_manager=tool_manager,
            messages=messages,
            capabilities=capabilities,
            resources=resources,
            store=store,
        )
        self._stream = self._context.stream
        super().__init__(self._stream, number)

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
            self._context, at, name=name, capabilities=capabilities, resources=resources, system=system, tools=tools
        )
        return new_branch(self._context, lambda state, id: fork(state, self.number, id), expected, command_id)

    def set_system(self, content: SystemLike | None, *, sender: str | None = None) -> None:
        """Sets the system message in front of all others; None takes it away."""
        system = None if content is None else system_content(content)
        self._stream.transact(lambda state: branches.set_system(state, self.number, system, sender=sender))

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
        point = resolve_position(self._stream, to)
        self._stream.transact(lambda state: history.rewind(state, self.number, point))

    def truncate(self, keep_last: int) -> None:
        """Shows only the last messages, and the system message."""
        self._stream.transact(lambda state: history.truncate(state, self.number, keep_last))

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
        points = [resolve_position(self._stream, each) for each in _messages(messages)]
        self._stream.transact(lambda state: history.share(state, self.number, points))

    def reorder(self, order: Iterable[Message]) -> None:
        """Shows its messages in another order."""
        points = [resolve_position(self._stream, each) for each in _messages(order)]
        self._stream.transact(lambda state: history.reorder(state, self.number, points))

    def send(
        self,
        recipient: ParticipantLike | None,
        category: str = Category.MESSAGE,
        item: Any = None,
        channel: str | None = None,
        *,
        command_id: str | None = None,
    ) -> Mail:
        """Puts a mail into its outbox: a message, tools, a model or any JSON; with None for everybody else.

        Tools and models are sent by their names; those that are given themselves are known to this handle from then
        on. A name that nobody has yet may be a recipient: the mail waits for them.
        """
        return self.send_many([item], recipient, category, channel, command_id=command_id)[0]

    def send_many(
        self,
        items: Iterable[Any],
        recipient: ParticipantLike | None,
        category: str = Category.MESSAGE,
        channel: str | None = None,
        *,
        command_id: str | None = None,
    ) -> list[Mail]:
        """Puts several mails into its outbox in one commit: all of them, or none."""
        return service.send(
            self._context,
            self,
            require_list(items),
            recipient=recipient,
            category=category,
            channel=channel,
            command_id=command_id,
        )

    def receive(
        self, sender: ParticipantLike | None = None, message: bool = False, tool: bool = False, imodel: bool = False
    ) -> list[Mail]:
        """Receives what waits for it, from one sender or all, and answers with what was received.

        Messages are added to its own, tools registered, a model becomes the one it chats with; those of the
        categories named, or of all if none is. Data stays until it is taken out of the inbox.
        """
        named = dict(zip(service.RECEIVED, (message, tool, imodel), strict=True))
        chosen = [category for category, wanted in named.items() if wanted] or service.RECEIVED
        return service.receive(self._context, self.number, chosen, sender)

    def receive_all(self) -> list[Mail]:
        """Receives whatever waits for it, from whomever."""
        return self.receive()

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
    atruncate = awaited(truncate)
    aclear = awaited(clear)
    aretract = awaited(retract)
    aundo = awaited(undo)
    ashare = awaited(share)
    areorder = awaited(reorder)
    asend = awaited(send)
    asend_many = awaited(send_many)
    areceive = async_with_mail_lock(receive)
    areceive_all = async_with_mail_lock(receive_all)


def fork_plan(
    context: SessionContext,
    at: AsOf | None,
    *,
    system: SystemLike | Literal[Unchanged.UNCHANGED] | None,
    tools: ToolsLike | Literal[Unchanged.UNCHANGED],
    **rest: Any,
) -> Callable[[State, int, str], Sequence[Event]]:
    """The decision to fork a branch, from what a caller gave."""
    point = None if at is None else resolve_position(context.stream, at)
    content = system if system is UNCHANGED or system is None else system_content(system)
    names = tools if tools is UNCHANGED else tool_names(tools)
    return lambda state, source, id: fork_with(state, source, id=id, at=point, system=content, tools=names, **rest)


def new_branch(
    context: SessionContext, decide: Callable[[State, str], Sequence[Event]], expected: Expected, command_id: str | None
) -> Branch:
    """Records the creation of a branch under a new id, and answers with the branch."""
    id = derived_id(context.stream.id, command_id, "branch")
    placed = context.stream.transact(lambda state: decide(state, id), expected=expected, command_id=command_id)
    created = [event.branch for _, _, event in placed if isinstance(event, BranchCreated)]
    return Branch(context, created[-1])


def _messages(given: Iterable[Message]) -> Iterable[Message]:
    one_alone: object = given
    if isinstance(one_alone, str | Message) or not isinstance(given, Iterable):
        raise InvalidValueError("the messages", f"are a {type(given).__name__}: expected a list of messages")
    return given


def messages_from_events(session: str, placed: Sequence[Placed]) -> list[Message]:
    """The messages among what was recorded."""
    return [message_from_event(session, *each) for each in placed if isinstance(each[2], MessageAppended | SystemSet)]
