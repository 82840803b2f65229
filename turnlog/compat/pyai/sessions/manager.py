"""The sessions of all users."""

from typing import Any, Self

from .... import Session as OrdinarySession
from .... import SessionManager as OrdinaryManager
from .... import Store
from ....errors import InvalidValueError, SessionNotFoundError
from ....manager import AsyncSessionStorage
from .base import Session, SessionStore
from .records import RecordStore

__all__ = ["SessionManager"]


class SessionManager:
    """The sessions of a store; `turnlog` is the ordinary manager.

    Without a store, they are in the default store. What is added to a session is on the record when the call returns,
    except in a custom store, where `save` writes it.
    """

    def __init__(self, store: SessionStore | Store | str | None = None) -> None:
        self.store = store if isinstance(store, SessionStore) else RecordStore(_place(store))
        self.turnlog = (
            self.store.manager
            if isinstance(self.store, RecordStore)
            else OrdinaryManager(store=_CustomStore(self.store))
        )

    def __repr__(self) -> str:
        return f"<SessionManager of {self.store!r}>"

    def create_session(self, user_id: str | None = None, metadata: dict[str, Any] | None = None) -> Session:
        """Create a session for a user."""
        return Session.of(self.turnlog.create_session(user=user_id, metadata=metadata))

    def get_session(self, session_id: str) -> Session | None:
        """Return the session with an id, or None if there is none."""
        try:
            return Session.of(self.turnlog.get_session(session_id))
        except SessionNotFoundError:
            return None

    def get_sessions_for_user(self, user_id: str) -> list[Session]:
        """Return the sessions of a user that are not archived, the one used last first."""
        return [Session.of(found) for found in self.turnlog.get_sessions_for_user(user_id)]

    def save(self, session: Session) -> None:
        """Write a session to the store; one that was created there is on its record already."""
        if isinstance(self.store, RecordStore):
            self.store.take(session)
        else:
            self.turnlog.save(session.turnlog)

    def archive(self, session_id: str) -> None:
        """Archive a session: it can be read, not changed."""
        self.turnlog.archive(session_id)

    def archive_inactive(self, days: float = 30) -> list[str]:
        """Archive the sessions that were not used for so many days, and return their ids."""
        return self.turnlog.archive_inactive(days)

    def delete(self, session_id: str) -> None:
        """Delete a session; what was recorded stays, marked as deleted."""
        self.turnlog.delete(session_id)

    def clear_all(self) -> int:
        """Delete all sessions, and return how many there were."""
        return self.turnlog.clear_all(confirm=True)

    def close(self) -> None:
        """Save what a custom store does not have yet; a store that was passed stays open."""
        self.turnlog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _CustomStore(AsyncSessionStorage):
    """A custom store, as the ordinary manager uses it."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    async def save(self, session: OrdinarySession) -> None:
        await self._store.save(Session.of(session))

    async def get(self, session_id: str) -> OrdinarySession | None:
        found: OrdinarySession | None = _ordinary(await self._store.get(session_id))
        return found

    async def delete(self, session_id: str) -> None:
        await self._store.delete(session_id)

    async def list_for_user(self, user_id: str) -> list[OrdinarySession]:
        return [_ordinary(found) for found in await self._store.list_for_user(user_id) or ()]


def _ordinary(found: Any) -> Any:
    """The ordinary session; the ordinary manager raises for anything else."""
    return found.turnlog if isinstance(found, Session) else found


def _place(store: object) -> Any:
    if store is not None and not isinstance(store, Store | str):
        raise InvalidValueError("the store", f"is a {type(store).__name__}: expected a SessionStore")
    return store
