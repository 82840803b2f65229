"""Elements and nodes: what sessions, branches, messages, mails and logs have in common."""

from abc import ABC, abstractmethod

from ... import Message
from ...logs import Log
from ...mail import Mail

__all__ = ["Element", "Node"]


class Element(ABC):
    """Something with an id; two elements of a class are equal if their ids are."""

    @property
    @abstractmethod
    def id(self) -> str:
        """The id on the record."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Element) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


class Node(Element):
    """An element with content."""


Node.register(Message)
Element.register(Log)
Element.register(Mail)
