"""A branch in the hand: what it shows, and what can be done on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from . import _mailing
from ._default import StoreGiven
from ._live import Live
from ._moments import Moment, position_of
from ._participants import ParticipantGiven
from ._planning import (
    UNSAID,
    SystemGiven,
    ToolsGiven,
    Unsaid,
    new_id,
    several,
    system_content,
    tool_names,
    what_is_said,
)
from ._standalone import alone
from ._turns import awaited_in_turn
from .branch_view import BranchView
from .domain.decisions import branch as branches
from .domain.decisions import history, message
from .domain.decisions.branch import UNCHANGED, Access, AccessGiven, Unchanged
from .domain.decisions.plan import fork_anew
from .domain.errors import InvalidValueError
from .domain.events import BranchCreated, Event, MessageAppended, SystemSet
from .domain.evolve import Placed
from .domain.expectation import ANY, Expected
from .domain.mail import Category, Mail
from .domain.message import ContentGiven, Message, message_from
from .domain.plain import Json
from .domain.state import State
from .infrastructure.twins import awaited
from .logs import Logs
from .operating import Operating
from .operations.params import ModelGiven
from .projections.messages import message_of


class Branch(BranchView, Operating):
    """A line of messages inside a session; every change of it is one event."""

    def __init__(
        self,
        live: Live | None = None,
        number: int = 0,
        *,
        system: SystemGiven | None = None,
        system_datetime: bool | str | None = None,
        user: str | None = None,
        name: str | None = None,
        chat_model: ModelGiven = None,
        parse_model: ModelGiven = None,
        tools: ToolsGiven = None,
        tool_manager: object = None,
        messages: Iterable[Message | ContentGiven] | None = None,
        capabilities: Access = None,
        resources: Access = None,
        store: StoreGiven | None = None,
    ) -> None:
        """A branch of a session of its own; those of a session are got from it, by `create_branch` or `branches`."""
        self._live = live or alone(
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
        super().__init__(self._live, number)

    def add(
        self,
        content: Message | ContentGiven | Unsaid = UNSAID,
        body: Json = UNSAID,
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
        said = what_is_said(content, body, role)
        given = message_from(said, sender=sender, recipient=recipient, metadata=metadata)
        return self._add([given], expected, command_id)[0]

    def add_many(
        self,
        contents: Iterable[Message | ContentGiven],
        *,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> list[Message]:
        """Puts several messages on the record in one commit: all of them, or none."""
        return self._add([message_from(content) for content in several(contents)], expected, command_id)

    @property
    def logs(self) -> Logs:
        """The account of what was called, denied and logged on this branch; what is written there is one event."""
        return Logs(self._live, self.number)

    def fork(
        self,
        at: Moment | None = None,
        name: str | None = None,
        *,
        capabilities: AccessGiven = UNCHANGED,
        resources: AccessGiven = UNCHANGED,
        system: SystemGiven | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
        tools: ToolsGiven | Literal[Unchanged.UNCHANGED] = UNCHANGED,
        expected: Expected = ANY,
        command_id: str | None = None,
    ) -> "Branch":
        """A new branch that shows what this one showed at a moment, or shows now; nothing is copied.

        What it may use, its system message and its tools are those of this branch, or just as given.
        """
        fork = fork_plan(
            self._live, at, name=name, capabilities=capabilities, resources=resources, system=system, tools=tools
        )
        return new_branch(self._live, lambda state, id: fork(state, self.number, id), expected, command_id)

    def set_system(self, content: SystemGiven | None, *, sender: str | None = None) -> None:
        """Sets the system message in front of all others; None takes it away."""
        system = None if content is None else system_content(content)
        self._live.change(lambda state: branches.set_system(state, self.number, system, sender=sender))

    def rename(self, name: str) -> None:
        """Gives the branch another name; the old one is free again."""
        self._live.change(lambda state: branches.rename(state, self.number, name))

    def change_access(self, *, capabilities: AccessGiven = UNCHANGED, resources: AccessGiven = UNCHANGED) -> None:
        """Sets what the branch may use from here on: None is everything, an empty set nothing."""
        self._live.change(
            lambda state: branches.change_access(state, self.number, capabilities=capabilities, resources=resources)
        )

    def rewind(self, to: Moment) -> None:
        """Shows again what was shown at an earlier moment; what is left out stays readable where it was."""
        point = position_of(self._live, to)
        self._live.change(lambda state: history.rewind(state, self.number, point))

    def truncate(self, keep_last: int) -> None:
        """Shows only the last messages, and the system message."""
        self._live.change(lambda state: history.truncate(state, self.number, keep_last))

    def clear(self) -> None:
        """Shows nothing but the system message."""
        self._live.change(lambda state: history.clear(state, self.number))

    def retract(self, retracted: Message) -> None:
        """Shows the message no longer; other branches go on showing it."""
        point = position_of(self._live, retracted)
        self._live.change(lambda state: message.retract(state, self.number, point))

    def undo(self) -> None:
        """Takes back the last rewind, retraction, clearing or truncation; what was added since stays, at the end."""
        self._live.change(lambda state: history.undo(state, self.number))

    def share(self, messages: Iterable[Message]) -> None:
        """Shows messages of other branches too, at the end; those it shows already it shows once."""
        points = [position_of(self._live, each) for each in _messages(messages)]
        self._live.change(lambda state: history.share(state, self.number, points))

    def reorder(self, order: Iterable[Message]) -> None:
        """Shows its messages in another order."""
        points = [position_of(self._live, each) for each in _messages(order)]
        self._live.change(lambda state: history.reorder(state, self.number, points))

    def send(
        self,
        recipient: ParticipantGiven | None,
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
        recipient: ParticipantGiven | None,
        category: str = Category.MESSAGE,
        channel: str | None = None,
        *,
        command_id: str | None = None,
    ) -> list[Mail]:
        """Puts several mails into its outbox in one commit: all of them, or none."""
        return _mailing.send(
            self._live,
            self,
            several(items),
            recipient=recipient,
            category=category,
            channel=channel,
            command_id=command_id,
        )

    def receive(
        self, sender: ParticipantGiven | None = None, message: bool = False, tool: bool = False, imodel: bool = False
    ) -> list[Mail]:
        """Receives what waits for it, from one sender or all, and answers with what was received.

        Messages are added to its own, tools registered, a model becomes the one it chats with; those of the
        categories named, or of all if none is. Data stays until it is taken out of the inbox.
        """
        named = dict(zip(_mailing.RECEIVED, (message, tool, imodel), strict=True))
        chosen = [category for category, wanted in named.items() if wanted] or _mailing.RECEIVED
        return _mailing.receive(self._live, self.number, chosen, sender)

    def receive_all(self) -> list[Mail]:
        """Receives whatever waits for it, from whomever."""
        return self.receive()

    def _add(self, messages: list[Message], expected: Expected, command_id: str | None) -> list[Message]:
        placed = self._live.change(
            lambda state: message.append(state, self.number, messages), expected=expected, command_id=command_id
        )
        return added_messages(self.session_id, placed)

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
    areceive = awaited_in_turn(receive)
    areceive_all = awaited_in_turn(receive_all)


def fork_plan(
    live: Live,
    at: Moment | None,
    *,
    system: SystemGiven | Literal[Unchanged.UNCHANGED] | None,
    tools: ToolsGiven | Literal[Unchanged.UNCHANGED],
    **rest: Any,
) -> Callable[[State, int, str], Sequence[Event]]:
    """The decision to fork a branch, from what a caller gave."""
    point = None if at is None else position_of(live, at)
    content = system if system is UNCHANGED or system is None else system_content(system)
    names = tools if tools is UNCHANGED else tool_names(tools)
    return lambda state, source, id: fork_anew(state, source, id=id, at=point, system=content, tools=names, **rest)


def new_branch(
    live: Live, decide: Callable[[State, str], Sequence[Event]], expected: Expected, command_id: str | None
) -> Branch:
    """Records the creation of a branch under a new id, and answers with the branch."""
    id = new_id(live.id, command_id, "branch")
    placed = live.change(lambda state: decide(state, id), expected=expected, command_id=command_id)
    created = [event.branch for _, _, event in placed if isinstance(event, BranchCreated)]
    return Branch(live, created[-1])


def _messages(given: Iterable[Message]) -> Iterable[Message]:
    one_alone: object = given
    if isinstance(one_alone, str | Message) or not isinstance(given, Iterable):
        raise InvalidValueError("the messages", f"are a {type(given).__name__}: expected a list of messages")
    return given


def added_messages(session: str, placed: Sequence[Placed]) -> list[Message]:
    """The messages among what was recorded."""
    return [message_of(session, *each) for each in placed if isinstance(each[2], MessageAppended | SystemSet)]
