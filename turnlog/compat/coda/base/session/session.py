"""A session: a name, a list of messages that are plain dicts, and metadata."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from ..... import Session as OrdinarySession
from ..... import open_store
from .containers import MessageList, MetadataDict

__all__ = ["Session"]


class Session:
    """One conversation; `turnlog` is the ordinary session, which has the record.

    Sessions of a manager are recorded there by each call. One that is created without a manager is recorded in memory,
    and in the store of a manager from its first `SessionManager.save_session` on.
    """

    def __init__(
        self,
        name: str,
        messages: list[dict[str, Any]] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        store = open_store("memory://")
        self.turnlog = OrdinarySession(name=name, key=name, messages=messages, metadata=metadata, store=store)
        self._before_change: Callable[[Session], None] | None = None

    @classmethod
    def _of(cls, ordinary: OrdinarySession, before_change: Callable[["Session"], None] | None = None) -> Self:
        """Return the session for an ordinary one; a manager has it called before each change."""
        session = cls.__new__(cls)
        session.turnlog, session._before_change = ordinary, before_change
        return session

    def __repr__(self) -> str:
        return f"<Session {self.name!r}: {len(self.turnlog.messages)} messages>"

    @property
    def name(self) -> str:
        """The name, which no other session of a manager has."""
        return self.turnlog.key or self.turnlog.id

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, oldest first; what is appended is added, and a list that is assigned replaces them."""
        return MessageList(self.get_messages(), lambda added: self._changing().default_branch.add_many(added))

    @messages.setter
    def messages(self, messages: Iterable[Mapping[str, Any]]) -> None:
        self._changing().messages = messages

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata; keys that are set are recorded."""
        return MetadataDict(self.turnlog.metadata, self.update_metadata)

    @property
    def created_at(self) -> datetime:
        """When the session was created, in local time; it compares with naive times."""
        return self.turnlog.created_at.astimezone()

    @property
    def updated_at(self) -> datetime:
        """When the session was last changed, in local time; it compares with naive times."""
        return self.turnlog.updated_at.astimezone()

    def add_message(self, message: Mapping[str, Any]) -> None:
        """Add a message with a role, a content and any further keys."""
        self._changing().add(message)

    def get_messages(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return copies of the messages, or of the last ones, oldest first."""
        return [dict(message) for message in self.turnlog.get_messages(limit)]

    def clear_messages(self) -> None:
        """Remove all messages, system messages as well; they stay readable at earlier positions."""
        self._changing().messages = []

    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Merge metadata into that of the session, key by key."""
        self._changing().update_metadata(metadata)

    def get_token_count(self) -> int:
        """Return the approximate number of tokens of the messages."""
        return self.turnlog.token_count()

    def truncate_messages(self, max_messages: int) -> None:
        """Keep only the most recent messages; the others stay readable at earlier positions."""
        self._changing().default_branch.truncate(max_messages, keep_system=False)

    def _changing(self) -> OrdinarySession:
        if self._before_change is not None:
            self._before_change(self)
        return self.turnlog
