"""The base classes of sessions, branches and messages, and what names one."""

from abc import ABC, abstractmethod
from asyncio import Task, ensure_future
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID, uuid4

from ... import Branch, Message, Session
from ...errors import InvalidValueError

__all__ = [
    "Communicatable",
    "Element",
    "Event",
    "ID",
    "JsonValue",
    "Node",
    "Observable",
    "Relational",
    "SenderRecipient",
]

JsonValue: TypeAlias = Any
"""A text, number, list, dict, ... of JSON."""


@runtime_checkable
class Observable(Protocol):
    """Has an id."""

    @property
    def id(self) -> str | None:
        """The id; None before it is recorded."""
        ...


SenderRecipient: TypeAlias = Observable | UUID | str
"""A branch, a user, a role or an id."""


class ID:
    """What names an element."""

    Ref: TypeAlias = Observable | UUID | str
    """An element or its id; for a branch, its name as well."""

    RefSeq: TypeAlias = Ref | Iterable[Ref]
    """One or several of them."""

    @staticmethod
    def get_id(reference: SenderRecipient) -> str:
        """Return the id."""
        id = reference if isinstance(reference, UUID | str) else getattr(reference, "id", None)
        if id is None:
            raise InvalidValueError("an id", f"cannot be a {type(reference).__name__}: pass an element or its id")
        return str(id)


class Element(ABC):
    """Has an id and metadata; `turnlog` is the ordinary object behind it."""

    turnlog: Branch | Session

    @property
    def id(self) -> str:
        """The id."""
        return self.turnlog.id

    @property
    def metadata(self) -> dict[str, JsonValue]:
        """A copy of the metadata."""
        return self.turnlog.metadata

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Element) and other.turnlog == self.turnlog

    def __hash__(self) -> int:
        return hash(self.turnlog)


class Node(Element):
    """An element with content, such as a message."""


Node.register(Message)


class Relational(Element):
    """Has a name and an owner: a session or a branch."""

    @property
    def name(self) -> str | None:
        """The name."""
        return self.turnlog.name

    @property
    def user(self) -> str | None:
        """The owner."""
        return self.turnlog.user


class Communicatable(ABC):
    """Sends mail."""

    @abstractmethod
    def send(self, *args: Any, **options: Any) -> Any:
        """Send mail."""


class Event:
    """Work that is done once, however often it is invoked."""

    def __init__(self) -> None:
        self.id = str(uuid4())
        self._task: Task[JsonValue] | None = None

    async def invoke(self) -> JsonValue:
        """Do the work, or wait for it, and return its response; a failure is raised, each time."""
        if self._task is None:
            self._task = ensure_future(self._work())
        return await self._task

    @property
    def status(self) -> str:
        """One of pending, processing, completed, failed and cancelled."""
        if self._task is None or not self._task.done():
            return "pending" if self._task is None else "processing"
        if self._task.cancelled():
            return "cancelled"
        return "completed" if self._task.exception() is None else "failed"

    @property
    def response(self) -> JsonValue:
        """The response; None if it has none."""
        return self._task.result() if self._task is not None and self.status == "completed" else None

    def _work(self) -> Coroutine[Any, Any, JsonValue]:
        raise NotImplementedError


def participant(given: SenderRecipient | None) -> str | None:
    """Return what is recorded of a user or sender."""
    return None if given is None else ID.get_id(given)


def reference(given: ID.Ref) -> Any:
    """Return what the ordinary session finds a branch by: the ordinary branch, or a name or id."""
    branch = getattr(given, "turnlog", None)
    return branch if isinstance(branch, Branch) else ID.get_id(given)


def references(given: ID.RefSeq | None) -> list[Any] | None:
    """Return what the ordinary session finds branches by; None for all."""
    if given is None:
        return None
    if isinstance(given, Observable | UUID | str) or not isinstance(given, Iterable):
        return [reference(given)]
    return [reference(each) for each in given]
