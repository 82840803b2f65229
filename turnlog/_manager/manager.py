"""Sessions by name: created or loaded, listed, searched, put away; the whole life of many conversations."""

import atexit
import os
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from .._session.arguments import SystemLike
from ..domain.errors import InvalidValueError, SessionNotFoundError
from ..domain.instant import Instant
from ..domain.json_values import Json
from ..domain.recorded_event import to_microseconds
from ..domain.validation import is_valid_name, validate_name
from ..infrastructure.async_methods import awaited, awaited_read
from ..infrastructure.open_store import configured_store
from ..infrastructure.paths import PathLike, validate_path
from ..infrastructure.record_file.io import read_bytes
from ..infrastructure.settings import Settings, settings_from
from ..infrastructure.store import Store
from ..infrastructure.store_addresses import normalize
from ..infrastructure.sweep import SweepResult
from ..projections.selection import EVERYTHING, PRESENT, Order, Selection, parse_order, validate_limit
from ..projections.session_info import Listing, SessionInfo
from ..projections.statistics import Statistics, activity, statistics
from ..session import Session
from .autosave import Autosave
from .custom_repository import CustomStorageRepository
from .files import RECORD, check_exact, form_of, read_documents, write_documents
from .repository import NewSession, SaveResult, SessionRepository
from .storage import AsyncSessionStorage, SessionStorage, StorageForm, StorageLike, storage_adapter
from .templates import Template, get_template
from .text_match import matches_text
from .validation import parse_status, validate_days, validate_time
from .write_behind import WriteBehindRepository

DAY = 24 * 60 * 60 * 1_000_000


class SessionManager:
    """Many sessions, each by a name that no other has; use it as a context manager, or close it.

    It keeps them where the settings say, or in what `store` or `storage` (which take the same) is: an address, the path
    of a SQLite file, an open `Store`, or your own `SessionStorage` or `SessionStore`. What is added to a session is on
    the record when the call returns, unless the settings ask for `deferred`.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | PathLike | Settings | None = None,
        *,
        store: StorageLike | None = None,
        storage: StorageLike | None = None,
    ) -> None:
        if store is not None and storage is not None:
            raise InvalidValueError("storage", "is given beside a store: expected one of the two")
        self.settings = settings_from(config)
        self._own: Store | None = None
        self._kept = self._keeping(store) if storage is None else self._keeping(storage, SessionStorage)
        may_wait = type(self._kept) is not SessionRepository
        self._autosave = Autosave(self._kept.save_all, self.settings.autosave_interval if may_wait else 0)
        self._closed = False
        if may_wait:  # unsaved changes must not depend on garbage collection
            atexit.register(self.close)

    def _keeping(self, place: StorageLike | None, form: StorageForm = AsyncSessionStorage) -> SessionRepository:
        """What keeps the sessions; storage that is not derived from either form is taken to be of the one given."""
        if isinstance(place, str | os.PathLike):
            self.settings = replace(self.settings, store=normalize(place), backend=None, storage_path=None)
            place = None
        if place is None:
            place = self._own = configured_store(self.settings)
        if isinstance(place, Store):
            return (
                WriteBehindRepository(place, self.settings.message_cache_size)
                if self.settings.deferred
                else SessionRepository(place)
            )
        return CustomStorageRepository(storage_adapter(place, form), self.settings.most_bytes)

    # One session

    def create_session(
        self,
        name: str | None = None,
        branch_from: str | None = None,
        *,
        user: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        system: SystemLike | None = None,
    ) -> Session:
        """The session that has this name, or a new one; without a name always a new one.

        With `branch_from` it goes on from the session of that name, and a name that is taken is refused. Metadata and
        system message are what a new session begins with; one that is there keeps its own.
        """
        beginning = NewSession(user, metadata, system)
        if branch_from is not None:
            if name is None:
                raise InvalidValueError("branch_from", "is given without a name: expected one for the new session")
            return self._kept.fork(self.get(branch_from), name, beginning)
        if name is None:
            return self._kept.start(None, beginning)
        return self._kept.get_or_start(validate_name(name, "a session name"), beginning)

    def create_from_template(
        self,
        template: str | Template,
        name: str,
        /,
        *,
        user: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        **values: str,
    ) -> Session:
        """The session of this name that was made of the template with these values, or a new one made so.

        A session of that name that was not is refused.
        """
        chosen = template if isinstance(template, Template) else get_template(template)
        return chosen.get_or_start(self._kept, validate_name(name, "a session name"), user, metadata, values)

    def get_session(self, session_id: str) -> Session:
        """Return the session with this id, or raise SessionNotFoundError."""
        found = self._kept.find_by_id(session_id) if is_valid_name(session_id) else None
        if found is None:
            raise SessionNotFoundError(str(session_id))
        return found

    def get(self, reference: Session | str) -> Session:
        """Return the session with this name, or else with this id, or raise SessionNotFoundError."""
        if isinstance(reference, Session):
            return self._ours(reference)
        found = (self._kept.find(reference) or self._kept.find_by_id(reference)) if is_valid_name(reference) else None
        if found is None:
            raise SessionNotFoundError(str(reference))
        return found

    def save(self, session: Session) -> SaveResult:
        """Save a deferred session, or one in a storage of your own; return what is on the record.

        Any other session is on the record already: nothing is written.
        """
        return self._kept.save(self._ours(session))

    def discard(self, session: Session) -> None:
        """Gives up what was said in the session and waits to be saved, such as after a conflict."""
        self._kept.discard(session)

    def delete(self, reference: Session | str, reason: str | None = None) -> None:
        """Delete a session, and free its name; its events stay on the record."""
        self._kept.delete(self.get(reference), reason)

    def archive(self, reference: Session | str, reason: str | None = None) -> None:
        """Puts the session away: it can be read and restored, not changed; it does not count as used by that."""
        self._kept.change(self.get(reference), "archive", reason)

    def restore(self, reference: Session | str, reason: str | None = None) -> None:
        """Takes an archived session out again."""
        self._kept.change(self.get(reference), "restore", reason)

    def rename(self, reference: Session | str, name: str) -> Session:
        """Gives the session another name, under which it is found from here on; one that is taken is refused."""
        session = self.get(reference)
        self._kept.rename(session, validate_name(name, "a session name"))
        return session

    def _ours(self, session: Session) -> Session:
        if not isinstance(session, Session) or not self._kept.has(session):
            raise InvalidValueError("the session", f"is {session!r}: expected one of {self._kept.address}")
        return session

    # Many sessions

    def get_session_info(self, name: str) -> SessionInfo | None:
        """What is known of the session that has this name, or this id, without a message being read."""
        if not is_valid_name(name):
            return None
        found = self._kept.find_info(name)
        return found if found is not None else self._kept.find_info_by_id(name)

    def list_sessions(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        user: str | None = None,
        status: str | None = None,
        prefix: str | None = None,
        contains: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        created_since: datetime | None = None,
        created_until: datetime | None = None,
        updated_since: datetime | None = None,
        updated_until: datetime | None = None,
        forked_from: str | None = None,
        order: str = Order.CREATED,
        descending: bool = False,
    ) -> Listing:
        """What is known of the sessions, in the order they were started, without a message being read.

        All of them, or with a limit a page, whose `mark` is where the next one begins (`after`). Ordered by "created",
        "updated", "name" or "position"; those that were deleted only by `status="deleted"`.
        """
        selection = Selection(
            user=user,
            statuses=PRESENT if status is None else (parse_status(status),),
            name_prefix=prefix,
            contains=contains,
            metadata=metadata or {},
            created_since=validate_time(created_since),
            created_until=validate_time(created_until),
            updated_since=validate_time(updated_since),
            updated_until=validate_time(updated_until),
            forked_from=forked_from,
            order=parse_order(order),
            descending=descending,
        )
        if limit is None and after is None:
            return self._kept.all(selection)
        return self._kept.page(selection, after, 50 if limit is None else limit)

    def get_sessions_for_user(self, user: str, *, include_archived: bool = False) -> list[Session]:
        """The sessions of a user, the one that was used last first; archived ones on request."""
        if not isinstance(user, str):  # None would mean everybody
            raise InvalidValueError("user", f"is {user!r}: expected a str")
        statuses = PRESENT if include_archived else ("active",)
        selection = Selection(user=user, statuses=statuses, order=Order.UPDATED, descending=True)
        return self._kept.for_user(selection)

    def search(
        self,
        text: str | None = None,
        *,
        metadata: Mapping[str, Json] | None = None,
        user: str | None = None,
        limit: int = 50,
    ) -> list[SessionInfo]:
        """The sessions that have a text in their name, metadata or messages, in upper or lower case; used last first.

        With `metadata` only those that have these values. The messages of the default branch are read one by one, so
        in a large store this takes its time.
        """
        validate_limit(limit)
        if text is not None and not isinstance(text, str):
            raise InvalidValueError("the text", f"is a {type(text).__name__}: expected a str")
        selection = Selection(user=user, metadata=metadata or {}, order=Order.UPDATED, descending=True)
        found: list[SessionInfo] = []
        for info in self._kept.infos(selection):
            if len(found) == limit:
                break
            if text is None or matches_text(info, partial(self.get, info.session_id or info.name or ""), text):
                found.append(info)
        return found

    def get_statistics(self) -> Statistics:
        """How many sessions, messages and megabytes there are, and the names of the sessions used last."""
        return statistics(self._kept.all(EVERYTHING))

    def get_activity_timeline(self, days: int = 7) -> dict[date, int]:
        """By local day, how many messages the sessions have that were last used on it."""
        validate_days(days)
        since = Instant.at(self._kept.store.now()) - timedelta(days=days)
        return activity(self._kept.all(Selection(updated_since=to_microseconds(since))), since)

    def archive_inactive(self, days: float = 30) -> list[str]:
        """Archives the sessions that nobody has used for so many days, and answers with their ids."""
        validate_days(days)
        until = self._kept.store.now() - int(days * DAY)
        return self._kept.archive_unused(until, f"not used for {days:g} days")

    def clear_all(self, *, confirm: bool = False) -> int:
        """Ends every session for good, if `confirm=True` says that this is meant; answers how many those were."""
        if confirm is not True:
            raise InvalidValueError("clear_all", "ends every session for good: expected confirm=True, if that is meant")
        return self._kept.delete_all("all sessions were cleared")

    def sweep(self, ttl: int | None = None) -> SweepResult:
        """Ends the sessions that nobody has used for so many seconds, by default for the `ttl` of the settings."""
        seconds = self.settings.ttl if ttl is None else ttl
        if seconds is None:
            raise InvalidValueError("ttl", "is neither given nor set: expected seconds")
        return self._kept.sweep(seconds)

    # Files

    def export_sessions(
        self, path: PathLike, *references: Session | str, form: str | None = None, overwrite: bool = False
    ) -> Path:
        """Write sessions, or all if none is named, to a file, and return its path.

        The form is "record" (exact, `.jsonl`), "json", "markdown" (`.md`), "html" (one session), "openai" or
        "sharegpt" (lines to train a model with); if none is named, the one the file is named for. A file that exists
        raises OutputExistsError unless `overwrite` is true.
        """
        file = validate_path(path)
        chosen = form_of(file, form)
        self._kept.save_all()
        named = [self.get(reference) for reference in references]
        if chosen == RECORD:
            self._kept.export_record(file, named, overwrite=overwrite)
        else:
            write_documents(file, chosen, named or self._kept.open_all(), overwrite=overwrite)
        return file

    def import_sessions(
        self, path: PathLike | bytes, *, name: str | None = None, replace: bool = False
    ) -> list[Session]:
        """Takes over the sessions of a file, or of its bytes, and answers with them: all, or none if one cannot be.

        It may be an exact record; a JSON document as `export_sessions` writes it; messages alone, for which there is a
        `name`; or the conversations.json of ChatGPT, whose branches become forks. A session of a JSON document keeps
        its id, key, name and user; one that exists raises KeyTakenError or SessionExistsError, unless `replace` is
        set: then its messages are replaced (in a new event; the old ones stay on the record). An exact record
        and ChatGPT's file take neither `name` nor `replace`.
        """
        text = path if isinstance(path, bytes) else read_bytes(path)
        store = self._kept.taking_over()
        if text.startswith(b'{"turnlog"'):
            check_exact(name, replace=replace)
            taken = store.import_record(text)
            return [Session.open(session, store=store) for session in (*taken.sessions, *taken.unchanged)]
        return read_documents(store, text, name, replace)

    # Its own life

    def close(self) -> None:
        """Saves what waits to be saved, and closes the store if the manager opened it; closing twice does nothing."""
        if self._closed:
            return
        self._autosave.stop()
        self._kept.close()
        self._closed = True
        atexit.unregister(self.close)
        if self._own is not None:
            self._own.close()

    @property
    def store(self) -> Store:
        """The store that the sessions are in; with storage of your own, an empty one in memory."""
        return self._kept.store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __iter__(self) -> Iterator[SessionInfo]:
        return iter(self.list_sessions())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._kept.address}{', closed' if self._closed else ''}>"

    acreate_session = awaited(create_session)
    acreate_from_template = awaited(create_from_template)
    aget_session = awaited(get_session)
    aget = awaited(get)
    asave = awaited(save)
    adiscard = awaited(discard)
    adelete = awaited(delete)
    aarchive = awaited(archive)
    arestore = awaited(restore)
    arename = awaited(rename)
    aget_session_info = awaited_read(get_session_info)
    alist_sessions = awaited_read(list_sessions)
    aget_sessions_for_user = awaited_read(get_sessions_for_user)
    asearch = awaited_read(search)
    aget_statistics = awaited_read(get_statistics)
    aget_activity_timeline = awaited_read(get_activity_timeline)
    aarchive_inactive = awaited(archive_inactive)
    aclear_all = awaited(clear_all)
    asweep = awaited(sweep)
    aexport_sessions = awaited(export_sessions)
    aimport_sessions = awaited(import_sessions)
    aclose = awaited(close)
