"""A branch: a named progression of messages with access control."""

from collections.abc import Iterator

from .... import Branch as OrdinaryBranch
from .... import Message
from ....content import SystemContent
from ....projections import Messages
from ..base import Element

__all__ = ["Branch"]


class Branch(Element):
    """A named progression of messages; iterating yields the ids of its messages.

    `turnlog` is the ordinary branch.
    """

    def __init__(self, branch: OrdinaryBranch) -> None:
        self.turnlog = branch

    def __repr__(self) -> str:
        return f"Branch({self.name!r}, messages={len(self)})"

    @property
    def id(self) -> str:
        """The id of the branch."""
        return self.turnlog.id

    @property
    def name(self) -> str:
        """The name; it is unique in the session."""
        return self.turnlog.name

    @name.setter
    def name(self, name: str) -> None:
        self.turnlog.rename(name)

    @property
    def session_id(self) -> str:
        """The id of its session."""
        return self.turnlog.session_id

    @property
    def capabilities(self) -> frozenset[str] | None:
        """The output types allowed; None allows all, an empty set none."""
        return self.turnlog.capabilities

    @property
    def resources(self) -> frozenset[str] | None:
        """The services allowed; None allows all, an empty set none."""
        return self.turnlog.resources

    @property
    def messages(self) -> Messages:
        """The messages, the system message first."""
        return self.turnlog.messages

    @property
    def order(self) -> list[str]:
        """The ids of the messages."""
        return self.turnlog.messages.ids

    @property
    def system_message(self) -> str | None:
        """The id of the system message."""
        system = self.turnlog.system
        return None if system is None else system.id

    def set_system_message(self, system: Message | SystemContent | str) -> None:
        """Set the system message; it replaces the present one."""
        given = system.content if isinstance(system, Message) else system
        self.turnlog.set_system(given)  # type: ignore[arg-type]  # a content that is no system message raises

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.turnlog.messages)

    def __contains__(self, message: object) -> bool:
        return (message.id if isinstance(message, Message) else message) in self.order
