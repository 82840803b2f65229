"""A branch: messages, tools, models and mail of one line of a session."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from .... import Branch as OrdinaryBranch
from .... import Message, Tool
from ....content import ActionResponseContent
from ....logs import SessionLogs
from ....mail import BranchMail, Mail
from ....models import ActionManager, LanguageModel
from ....operations import OperationResult
from ..messages import MessageManager, System
from ..piles import Pile
from ..protocols import ID, Communicatable, JsonValue, Relational, SenderRecipient, participant, reference

__all__ = ["Branch"]

ToolLike: TypeAlias = Tool | Callable[..., object] | str


class Branch(Relational, Communicatable):
    """A line of messages; `turnlog` is the ordinary branch."""

    turnlog: OrdinaryBranch

    def __init__(
        self,
        system: System | JsonValue = None,
        *,
        system_sender: SenderRecipient | None = None,
        user: SenderRecipient | None = None,
        imodel: LanguageModel | str | None = None,
        chat_model: LanguageModel | str | None = None,
        tool_manager: ActionManager | None = None,
        tools: ToolLike | Iterable[ToolLike] | None = None,
        **options: Any,
    ) -> None:
        """Create a branch in a session of its own; a session creates its branches with `new_branch`.

        `options` may be `system_datetime`, `name`, `parse_model`, `messages`, `metadata` and `store`.
        """
        self.turnlog = OrdinaryBranch(
            system=system,
            system_sender=participant(system_sender),
            user=participant(user),
            chat_model=chat_model if imodel is None else imodel,
            tools=all_tools(tool_manager, tools),
            **options,
        )

    @classmethod
    def of(cls, branch: OrdinaryBranch) -> "Branch":
        """Return an ordinary branch as one of this package."""
        found = cls.__new__(cls)
        found.turnlog = branch
        return found

    def __repr__(self) -> str:
        return f"Branch({self.name!r}, messages={len(self.messages)})"

    @property
    def msgs(self) -> MessageManager:
        """The messages, and methods that change them."""
        return MessageManager(self.turnlog)

    @property
    def messages(self) -> Pile[Message]:
        """The messages, the system message first."""
        return self.msgs.messages

    @property
    def logs(self) -> SessionLogs:
        """What was called and logged; `logs.log(text)` adds a log."""
        return self.turnlog.logs

    # Tools and models

    @property
    def tools(self) -> frozenset[str]:
        """The names of the tools."""
        return self.turnlog.tools

    def register_tools(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        """Add tools."""
        self.turnlog.register_tools(*tools)

    async def communicate(self, instruction: JsonValue = None, guidance: JsonValue = None, **options: Any) -> Any:
        """Send an instruction to the model, with the tools of the branch; return the text, or a `response_format`."""
        return await self.turnlog.communicate(instruction, guidance=guidance, **{"tools": True, **options})

    async def operate(self, instruction: JsonValue = None, **options: Any) -> OperationResult:
        """Send an instruction to the model and make the tool calls that it requests; one that fails raises."""
        return await self.turnlog.operate(instruction, **{"suppress_errors": False, **options})

    async def parse(self, text: str, handle_validation: str = "return_value", **options: Any) -> Any:
        """Parse a text into `request_type`; the parse model repairs what does not match."""
        return await self.turnlog.parse(text, handle_validation=handle_validation, **options)

    async def invoke_action(self, action: Any, suppress_errors: bool = False) -> ActionResponseContent:
        """Call a tool as an action request says: a message, or a dict with function and arguments."""
        (response,) = await self.turnlog.act([action], suppress_errors=suppress_errors)
        return response

    # Mail

    @property
    def mailbox(self) -> BranchMail:
        """The mail that it received, and that it sent and was not collected."""
        return self.turnlog.mail

    def send(self, recipient: ID.Ref | None, category: str = "message", item: Any = None) -> Mail:
        """Put a message, tools or a model into the outbox; with None for all other branches."""
        return self.mailbox.send(None if recipient is None else reference(recipient), item, category=category)

    def receive(
        self, sender: ID.Ref | None = None, message: bool = False, tool: bool = False, imodel: bool = False
    ) -> list[Mail]:
        """Add messages, register tools or set the model that came by mail; without a category, all of them."""
        return self.mailbox.receive(None if sender is None else reference(sender), message, tool, imodel)

    def receive_all(self) -> list[Mail]:
        """Receive all mail that was delivered."""
        return self.receive()


def all_tools(manager: ActionManager | None, tools: ToolLike | Iterable[ToolLike] | None) -> list[Any]:
    """Return the tools of a manager and others; of two with one name the other is used."""
    known = [] if manager is None else list(manager.values())
    if tools is None or isinstance(tools, str) or not isinstance(tools, Iterable):
        return known if tools is None else [*known, tools]
    return [*known, *tools]
