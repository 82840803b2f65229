"""Stores that have a record: the base of the stores in SQLite, Redis and memory."""

from asyncio import to_thread
from typing import Self

from .... import Session as OrdinarySession
from .... import SessionManager as OrdinaryManager
from .... import Store
from ....errors import InvalidValueError, SessionNotFoundError
from .base import Session, SessionStore

__all__ = ["RecordStore"]


class RecordStore(SessionStore):
    """Sessions on the record of an ordinary store, which is `turnlog`; `manager` is an ordinary manager of it."""

    def __init__(self, store: Store | str | None = None) -> None:
        self.manager = OrdinaryManager(store=store)
        self.turnlog = self.manager.store

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.turnlog.address}>"

    def take(self, session: Session) -> None:
        """Record a session that is in memory, or in another store; from then on its changes are recorded here."""
        try:
            self.manager.save(session.turnlog)
        except InvalidValueError:  # it is in memory or in another store
            self.turnlog.import_record(session.turnlog.record())
            session.turnlog = OrdinarySession.open(session.session_id, store=self.turnlog)

    async def save(self, session: Session) -> None:
        """Record a session that is in memory, or in another store; one of this store is on the record already."""
        await to_thread(self.take, session)

    async def get(self, session_id: str) -> Session | None:
        """Return the session with an id, if there is one."""
        try:
            return Session.of(await self.manager.aget_session(session_id))
        except SessionNotFoundError:
            return None

    async def delete(self, session_id: str) -> None:
        """Delete a session; what was recorded stays, marked as deleted."""
        await self.manager.adelete(session_id)

    async def list_for_user(self, user_id: str) -> list[Session]:
        """Return the sessions of a user that are not archived, the one used last first."""
        return [Session.of(found) for found in await self.manager.aget_sessions_for_user(user_id)]

    def close(self) -> None:
        """Close the store."""
        self.turnlog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
