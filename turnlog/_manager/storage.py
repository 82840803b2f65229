"""Storage of one's own behind a `SessionManager`: two forms, one called directly, one awaited."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from threading import Lock, Thread
from typing import Any, TypeAlias, TypeVar

from .._session.default_store import StoreLike
from ..domain.errors import InvalidValueError, NotSupportedError
from ..infrastructure.after_fork import register
from ..projections.session_info import SessionInfo
from ..session import Session

R = TypeVar("R")


class SessionStorage(ABC):
    """Storage that keeps sessions under their names.

    The session that comes carries its whole record: `session.record()` is all of it as bytes, and
    `Session.from_record(...)` makes the same session of them. What is not a `Session` of a record, such as one made of
    a list of messages, is fine too, and keeps what it was made of.
    """

    @abstractmethod
    def save(self, session: Session) -> None:
        """Keeps the session under its name, in place of what was there."""

    @abstractmethod
    def load(self, name: str) -> Session | None:
        """The session that is kept under a name."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Keeps nothing under the name any longer."""

    @abstractmethod
    def list_all(self) -> list[SessionInfo]:
        """What there is, without the messages."""


class AsyncSessionStorage(ABC):
    """Storage that keeps sessions under their ids, and is awaited; all calls come from one event loop of their own."""

    @abstractmethod
    async def save(self, session: Session) -> None:
        """Keeps the session under its id, in place of what was there."""

    @abstractmethod
    async def get(self, session_id: str) -> Session | None:
        """The session that is kept under an id."""

    @abstractmethod
    async def delete(self, session_id: str) -> None:
        """Keeps nothing under the id any longer."""

    @abstractmethod
    async def list_for_user(self, user_id: str) -> list[Session]:
        """The sessions of one user."""


StorageForm: TypeAlias = type[SessionStorage] | type[AsyncSessionStorage]

StorageLike: TypeAlias = StoreLike | SessionStorage | AsyncSessionStorage
"""Where a manager keeps its sessions."""


class StorageAdapter(ABC):
    """What a manager asks of storage of either form."""

    name: str
    """What the storage is called in errors."""

    by_id: bool
    """Whether sessions are kept under their ids, and not under their names."""

    @abstractmethod
    def save(self, session: Session) -> None: ...
    @abstractmethod
    def load(self, name: str) -> Session | None: ...
    @abstractmethod
    def delete(self, name: str) -> None: ...
    @abstractmethod
    def infos(self) -> list[SessionInfo]: ...
    @abstractmethod
    def for_user(self, user: str) -> list[Session]: ...
    @abstractmethod
    def close(self) -> None:
        """Lets go of what it needs to call the storage; the storage itself is its owner's to close."""


class SyncAdapter(StorageAdapter):
    """Over a `SessionStorage`."""

    by_id = False

    def __init__(self, storage: SessionStorage) -> None:
        self._storage = storage
        self.name = type(storage).__name__

    def save(self, session: Session) -> None:
        self._storage.save(session)

    def load(self, name: str) -> Session | None:
        return self._storage.load(name)

    def delete(self, name: str) -> None:
        self._storage.delete(name)

    def infos(self) -> list[SessionInfo]:
        return list(self._storage.list_all() or ())

    def for_user(self, user: str) -> list[Session]:
        found = [self.load(info.name) for info in self.infos() if info.name and info.user in (None, user)]
        return [session for session in found if session is not None and session.user == user]

    def close(self) -> None:
        pass


class AsyncAdapter(StorageAdapter):
    """Over a `SessionStore`, whose coroutines run in an event loop of their own, whoever asks and from wherever."""

    by_id = True

    def __init__(self, store: AsyncSessionStorage) -> None:
        self._store = store
        self.name = type(store).__name__
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = Lock()
        register(self)

    def after_fork(self) -> None:
        """Starts a loop of its own in a child process, where the parent's thread is not."""
        self._loop, self._starting = None, Lock()

    def save(self, session: Session) -> None:
        self._run(self._store.save(session))

    def load(self, name: str) -> Session | None:
        return self._run(self._store.get(name))

    def delete(self, name: str) -> None:
        self._run(self._store.delete(name))

    def infos(self) -> list[SessionInfo]:
        what = "a list of all sessions"
        raise NotSupportedError(self.name, what, "ask for those of a user, or give it a SessionStorage")

    def for_user(self, user: str) -> list[Session]:
        return list(self._run(self._store.list_for_user(user)) or ())

    def close(self) -> None:
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=_run_until_stopped, args=(self._loop,), name="turnlog storage", daemon=True).start()
            return self._loop


def storage_adapter(storage: object, form: StorageForm) -> StorageAdapter:
    """Storage of either form as a manager uses it; raise if it has the methods of neither."""
    other = AsyncSessionStorage if form is SessionStorage else SessionStorage
    if not isinstance(storage, form) and not missing_methods(storage, other):
        form = other
    missing = missing_methods(storage, form)
    if missing:
        what, lacks = f"is a {type(storage).__name__}", ", ".join(missing)
        raise InvalidValueError(
            "the storage", f"{what} without {lacks}: expected a Store, an address or a {form.__name__}"
        )
    return SyncAdapter(storage) if form is SessionStorage else AsyncAdapter(storage)  # type: ignore[arg-type]  # it has the methods


def missing_methods(storage: object, form: StorageForm) -> list[str]:
    """The methods of a form that storage lacks."""
    return [name for name in sorted(form.__abstractmethods__) if not callable(getattr(storage, name, None))]


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
