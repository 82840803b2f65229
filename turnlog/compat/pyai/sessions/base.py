"""Sessions, their messages, and what a store does."""

from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from .... import Message as OrdinaryMessage
from .... import Session as OrdinarySession
from .... import Store, open_store
from ....errors import InvalidValueError

__all__ = ["Message", "Session", "SessionStore"]


@dataclass(frozen=True)
class Message:
    """A message of a session; `turnlog` is the ordinary message."""

    turnlog: OrdinaryMessage

    @property
    def role(self) -> str:
        """The role: "user", "assistant", "system" or "tool"."""
        return self.turnlog.role.value

    @property
    def content(self) -> str:
        """The content as text."""
        return self.turnlog.text

    @property
    def timestamp(self) -> datetime | None:
        """When the message was recorded, in UTC."""
        return self.turnlog.created_at


class Session:
    """One conversation of a user, with metadata and state; `turnlog` is the ordinary session, which has the record.

    A manager creates sessions in its store. Otherwise a session is in memory until it is saved.
    """

    def __init__(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        store: Store | str | None = None,
    ) -> None:
        place = open_store("memory://") if store is None else store
        self.turnlog = OrdinarySession(session_id=session_id, user=user_id, metadata=metadata, store=place)

    @classmethod
    def of(cls, ordinary: OrdinarySession) -> Self:
        """Return an ordinary session as one of this class."""
        session = cls.__new__(cls)
        session.turnlog = ordinary
        return session

    def __repr__(self) -> str:
        return f"<Session {self.session_id} of {self.user_id}: {self.message_count} messages>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and other.turnlog == self.turnlog

    def __hash__(self) -> int:
        return hash(self.turnlog)

    @property
    def session_id(self) -> str:
        """The id of the session."""
        return self.turnlog.id

    @property
    def user_id(self) -> str | None:
        """The user of the session."""
        return self.turnlog.user

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of the metadata; `update_metadata` changes it."""
        return self.turnlog.metadata

    def update_metadata(self, changes: Mapping[str, Any]) -> None:
        """Merge changes into the metadata, key by key."""
        self.turnlog.update_metadata(changes)

    @property
    def status(self) -> str:
        """Whether the session is active, archived or deleted."""
        return self.turnlog.status

    @property
    def created_at(self) -> datetime:
        """When the session was created, in UTC."""
        return self.turnlog.created_at

    @property
    def updated_at(self) -> datetime:
        """When the session was last used, in UTC; archiving it does not count."""
        return self.turnlog.updated_at

    # Messages

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages, oldest first."""
        return tuple(map(Message, self.turnlog.messages))

    @property
    def message_count(self) -> int:
        """The number of messages."""
        return len(self.turnlog.messages)

    def add_message(self, role: str, content: str) -> Message:
        """Add a message to the end of the conversation."""
        return Message(self.turnlog.add(role, content))

    # State

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the state; `set_state` changes it."""
        return self.turnlog.state

    def set_state(self, key: str, value: Any) -> None:
        """Set the value of a state key."""
        self.turnlog.set_state(key, value)

    def get_state(self, key: str, default: Any = None) -> Any:
        """Return a copy of the value of a state key, or the default if it has none."""
        return self.turnlog.get_state(key, default)

    def archive(self) -> None:
        """Archive the session: it can be read, not changed."""
        self.turnlog.archive()

    # As a dict, for a custom store

    def to_dict(self) -> dict[str, Any]:
        """Return the session as plain values: its ids, and its exact record."""
        record = b64encode(self.turnlog.record()).decode()
        return {"session_id": self.session_id, "user_id": self.user_id, "record": record}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Return the session that `to_dict` wrote, with all that happened in it, in memory."""
        try:
            record = b64decode(given["record"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise InvalidValueError("a session", "cannot be read: expected the dict that to_dict returns") from None
        return cls.of(OrdinarySession.from_record(record, store=open_store("memory://")))


class SessionStore(ABC):
    """What keeps sessions by their ids; a manager awaits it in an event loop of its own thread."""

    @abstractmethod
    async def save(self, session: Session) -> None:
        """Keep a session in place of the one with its id."""

    @abstractmethod
    async def get(self, session_id: str) -> Session | None:
        """Return the session with an id, if there is one."""

    @abstractmethod
    async def delete(self, session_id: str) -> None:
        """Delete the session with an id."""

    @abstractmethod
    async def list_for_user(self, user_id: str) -> list[Session]:
        """Return the sessions of a user."""
