"""The manager of sessions by name."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ..... import Session as OrdinarySession
from ..... import SessionManager as OrdinaryManager
from ..... import Store
from .....catalogue import SessionInfo as OrdinaryInfo
from .....errors import InvalidValueError, KeyTakenError
from .session import Session
from .storage import SessionInfo, SessionStorage, StorageAdapter

__all__ = ["SessionManager"]

DEFAULTS: dict[str, Any] = {
    "message_cache_size": 1000,
    "autosave_interval": 300,
    "compress_messages": True,
    "max_session_size": 100,
}
"""Settings of sessions, wherever they are."""

FOLDER_DEFAULTS: dict[str, Any] = {"storage_path": "~/.coda/sessions", "connection_pool_size": 5}
"""Settings of sessions in a folder."""

PLACE = ("store", "backend", "storage_path", "connection_pool_size")
"""Settings that say where sessions are."""


class SessionManager:
    """Creates, loads, saves and deletes sessions; `turnlog` is the ordinary manager."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        storage: SessionStorage | None = None,
        *,
        store: Store | str | None = None,
    ) -> None:
        """Manage the sessions of the place that the `session` settings name, of a storage, or of a store."""
        if storage is not None and not isinstance(storage, SessionStorage):
            raise InvalidValueError("the storage", f"is a {type(storage).__name__}: expected a SessionStorage")
        adapter = None if storage is None else StorageAdapter(storage)
        has_place = storage is not None or store is not None
        settings = _with_defaults({} if config is None else config, has_place=has_place)
        self.turnlog = OrdinaryManager(settings, storage=adapter, store=store)
        self._storage = storage
        self._saved: dict[str, int] = {}
        """By the id of a session, the position up to which it is known to be saved."""

    def __repr__(self) -> str:
        return repr(self.turnlog)

    def create_session(self, name: str, branch_from: str | None = None) -> Session:
        """Return the session with a name, or a new one, with `branch_from` a fork of that session.

        A session with the name that is not a fork of `branch_from` raises KeyTakenError.
        """
        try:
            return self._session(self.turnlog.create_session(name, branch_from))
        except KeyTakenError:
            session = self.turnlog.get(name)
            if branch_from is None or self.turnlog.get(branch_from).id not in dict(session.lineage()):
                raise
            return self._session(session)

    def load_session(self, name: str) -> Session:
        """Return the session with a name; without one, raise SessionNotFoundError."""
        return self._session(self.turnlog.get(name))

    def save_session(self, session: Session) -> None:
        """Store a session: one that was created without a manager, or is deferred, or is in a storage of one's own."""
        if not isinstance(session, Session):
            raise InvalidValueError("the session", f"is a {type(session).__name__}: expected a Session")
        if session._before_change is None:  # it was created without a manager
            self._adopt(session)
        saved = self.turnlog.save(session.turnlog)
        self._saved[saved.session_id] = saved.position

    def delete_session(self, name: str) -> None:
        """Delete the session with a name, which is free again; its events stay on the record."""
        self.turnlog.delete(name)

    def list_sessions(self) -> list[SessionInfo]:
        """Return information on all sessions, oldest first, without reading messages."""
        infos = map(self._info, self.turnlog.list_sessions())
        return [info for info in infos if info is not None]

    def get_session_info(self, name: str) -> SessionInfo | None:
        """Return information on the session with a name, without reading messages."""
        info = self.turnlog.get_session_info(name)
        return None if info is None else self._info(info)

    def close(self) -> None:
        """Save what is not saved, and close the store if the manager opened it."""
        self.turnlog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _session(self, ordinary: OrdinarySession) -> Session:
        self._saved.setdefault(ordinary.id, ordinary.position)
        return Session._of(ordinary, self._limit_unsaved)

    def _adopt(self, session: Session) -> None:
        if self._storage is None:
            self.turnlog.store.import_record(session.turnlog.record())
            session.turnlog = self.turnlog.get_session(session.turnlog.id)
        session._before_change = self._limit_unsaved

    def _limit_unsaved(self, session: Session) -> None:
        """Save a session that has as many unsaved changes in memory as messages may be there."""
        if self._storage is None and not self.turnlog.settings.deferred:
            return
        unsaved = session.turnlog.position - self._saved.get(session.turnlog.id, 0)
        if unsaved >= self.turnlog.settings.message_cache_size:
            self.save_session(session)

    def _info(self, info: OrdinaryInfo) -> SessionInfo | None:
        """Information on a session that has a name, with the number of messages that it has now."""
        if self._storage is not None or info.session_id is None:
            return SessionInfo._of(info, info.message_count)
        session = OrdinarySession.open(info.session_id, store=self.turnlog.store)
        return None if session.key is None else SessionInfo._of(info, len(session.messages))


def _with_defaults(config: Mapping[str, Any], *, has_place: bool) -> dict[str, Any]:
    """The configuration with the defaults of coda; without the place if a storage or store was passed instead."""
    section = config.get("session", {}) if isinstance(config, Mapping) else None
    if not isinstance(section, Mapping):
        raise InvalidValueError("the configuration", "must be a dict, with a dict of settings under 'session'")
    if has_place:
        section = {key: value for key, value in section.items() if key not in PLACE}
    elif "store" not in section and section.get("backend") != "memory":
        section = {**FOLDER_DEFAULTS, **section}
    return {**config, "session": {**DEFAULTS, **section}}
