"""What is known of a session without its messages, and storage of one's own."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from ..... import Session as OrdinarySession
from .....catalogue import SessionInfo as OrdinaryInfo
from .....manager import SessionStorage as OrdinaryStorage
from .session import Session

__all__ = ["SessionInfo", "SessionStorage", "StorageAdapter"]


@dataclass
class SessionInfo:
    """Session metadata without the messages; the times are local, and compare with naive times."""

    name: str
    message_count: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any]
    size_bytes: int

    @classmethod
    def _of(cls, info: OrdinaryInfo, message_count: int) -> Self:
        """Return the information on an ordinary session that has a name."""
        created, updated = info.created_at.astimezone(), info.updated_at.astimezone()
        return cls(info.name or "", message_count, created, updated, info.metadata, info.size_bytes)


class SessionStorage(ABC):
    """Storage for sessions by their names."""

    @abstractmethod
    def save(self, session: Session) -> None:
        """Store a session under its name, in place of what was there."""

    @abstractmethod
    def load(self, name: str) -> Session | None:
        """Return the session with a name."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete the session with a name."""

    @abstractmethod
    def list_all(self) -> list[SessionInfo]:
        """Return information on all sessions."""


class StorageAdapter(OrdinaryStorage):
    """Storage for an ordinary manager, over a `SessionStorage`."""

    def __init__(self, storage: SessionStorage) -> None:
        self._storage = storage

    def save(self, session: OrdinarySession) -> None:
        self._storage.save(Session._of(session))

    def load(self, name: str) -> OrdinarySession | None:
        found = self._storage.load(name)
        return found.turnlog if isinstance(found, Session) else found

    def delete(self, name: str) -> None:
        self._storage.delete(name)

    def list_all(self) -> list[OrdinaryInfo]:
        return [OrdinaryInfo(**asdict(info)) for info in self._storage.list_all() or ()]
