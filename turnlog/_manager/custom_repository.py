"""Sessions in storage of one's own: worked on in memory, handed over whole, and never over what others saved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from .._session.default_store import use_as_default
from ..domain.errors import InvalidValueError, KeyTakenError, NotSupportedError, PositionConflictError
from ..domain.instant import Instant
from ..domain.validation import validate_name
from ..infrastructure.after_fork import register
from ..infrastructure.clock import wall_clock
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.store import Store
from ..infrastructure.sweep import SweepResult
from ..projections.selection import Order, Selection
from ..projections.session_info import Listing, SessionInfo
from ..session import Session
from .repository import NewSession, SaveResult, SessionRepository, close_in_child, for_each_collecting_errors
from .storage import StorageAdapter

K = TypeVar("K")


class CustomStorageRepository(SessionRepository):
    """The sessions of a storage, each in a memory of its own while somebody has it in hand."""

    def __init__(self, backing: StorageAdapter, most_bytes: int | None) -> None:
        super().__init__(Store(MemoryRecorder()))
        self._backing = backing
        self._most_bytes = most_bytes
        self._lock = RLock()
        self._in_hand: dict[str, _CheckedOut] = {}
        self._called = False
        register(self)

    def after_fork(self) -> None:
        """Leaves to the parent process what is the parent's to save."""
        close_in_child(mine.session for mine in self._in_hand.values())
        self._lock, self._in_hand = RLock(), {}

    def find(self, name: str) -> Session | None:
        with self._lock:
            mine = self._in_hand.get(name)
            if mine is not None and mine.waits:
                return mine.session
            found = self._load(name)
            if found is None:
                self._in_hand.pop(name, None)
                return None
            if mine is not None and _content(found) == mine.saved:
                return mine.session
            self._in_hand[name] = _CheckedOut(found, _content(found))
            return found

    def find_by_id(self, session_id: str) -> Session | None:
        if self._backing.by_id:
            return self.find(session_id)
        with self._lock:
            for mine in self._in_hand.values():
                if mine.session.id == session_id and mine.session.status != "deleted":
                    return mine.session
        info = next((info for info in self._infos() if info.session_id == session_id), None)
        return None if info is None or info.name is None else self.find(info.name)

    def get_or_start(self, name: str, beginning: NewSession) -> Session:
        with self._lock:  # of two who find nothing, the second would put its session in the place of the first one's
            return super().get_or_start(name, beginning)

    def start(self, name: str | None, beginning: NewSession) -> Session:
        user, metadata, system = beginning
        id = str(uuid4()) if name is None or not self._backing.by_id else name
        key = id if name is None else name
        title = name if self._backing.by_id else key  # storage by ids may rebuild a session, which then has no name
        place = self._new_store()
        started = Session(system, name=title, key=key, session_id=id, user=user, metadata=metadata, store=place)
        return self._remember(started)

    def fork(self, source: Session, name: str, beginning: NewSession) -> Session:
        with self._lock:
            if self.find(validate_name(name, "a session name")) is not None:
                raise KeyTakenError(None, name)
            return self._fork(source, name, beginning)

    def _fork(self, source: Session, name: str, beginning: NewSession) -> Session:
        there = Session.from_record(source.record(), store=self._new_store())
        fork = there.fork_session(
            name=name,
            key=name,
            session_id=name if self._backing.by_id else None,
            user=there.user if beginning.user is None else beginning.user,
            metadata={**there.metadata, **(beginning.metadata or {})},
            self_contained=True,
        )
        if beginning.system is not None:
            fork.default_branch.set_system(beginning.system)
        return self._remember(fork)

    def has(self, session: Session) -> bool:
        return True  # whatever it is in: storage takes every session

    def save(self, session: Session) -> SaveResult:
        with self._lock:
            mine = next((each for each in self._in_hand.values() if each.session._stream is session._stream), None)
            self._hand_over(_CheckedOut(session, None) if mine is None else mine)
        entry = session._stream.store.get_session(session.id)
        return SaveResult(session.id, entry.position, entry.messages, entry.bytes)

    def save_all(self) -> None:
        with self._lock:
            if self._called:  # the storage asks the manager for something while it is called itself
                return
            for_each_collecting_errors(self._hand_over, [mine for mine in self._in_hand.values() if mine.waits])

    def discard(self, session: Session) -> None:
        with self._lock:
            kept = {name: mine for name, mine in self._in_hand.items() if mine.session._stream is not session._stream}
            self._in_hand = kept

    def rename(self, session: Session, name: str) -> None:
        before = self._name(session)
        if self._backing.by_id:
            raise NotSupportedError(
                "storage by ids", "another name for a session", "start a new session, or a fork of it"
            )
        if self.find(name) is not None:
            raise KeyTakenError(session.id, name)
        with self._lock:
            super().rename(session, name)
            mine = self._in_hand.pop(before, _CheckedOut(session, None))
            self._in_hand[name] = mine
            self._call_delete(before)

    def delete(self, session: Session, reason: str | None = None) -> None:
        with self._lock:
            name = self._name(session)
            self._in_hand.pop(name, None)
            self._call_delete(name)
            session.delete(reason)

    def delete_all(self, reason: str) -> int:
        count = 0
        with self._lock:
            for info in self._infos():
                if info.name is not None:
                    self._call_delete(info.name)
                    count += 1
            self._in_hand.clear()
        return count

    def archive_unused(self, until: int, reason: str) -> list[str]:
        archived = []
        for info in self.all(Selection(statuses=("active",), updated_until=until)):
            found = None if info.name is None else self.find(info.name)
            if found is not None and found.updated_at <= Instant.at(until):
                self.change(found, "archive", reason)
                archived.append(found.id)
        return archived

    def sweep(self, ttl: int) -> SweepResult:
        until, ended = wall_clock() - ttl * 1_000_000, []
        for info in self.all(Selection(updated_until=until - 1)):
            if info.name is not None and (found := self.find(info.name)) is not None:
                ended.append(found.id)
                self.delete(found, f"not used for {ttl} seconds")
        return SweepResult(tuple(ended), ())

    # What there is

    def find_info(self, name: str) -> SessionInfo | None:
        if self._backing.by_id:
            found = self.find(name)
            return None if found is None else _info(found)
        self.save_all()
        return next((info for info in self._infos() if info.name == name), None)

    def find_info_by_id(self, session_id: str) -> SessionInfo | None:
        found = self.find_by_id(session_id)
        return None if found is None else _info(found)

    def infos(self, selection: Selection) -> Iterator[SessionInfo]:
        return iter(self.all(selection))

    @property
    def address(self) -> str:
        return self._backing.name

    def page(self, selection: Selection, after: str | None, limit: int) -> Listing:
        found = self.all(selection)
        start = int(after) if after is not None and after.isdecimal() else 0
        some = found[start : start + limit]
        return Listing(some, str(start + limit) if len(found) > start + limit else None)

    def all(self, selection: Selection) -> Listing:
        self.save_all()
        taken = [info for info in self._infos() if _matches(selection, info)]
        return Listing(sorted(taken, key=_SORT_KEYS[selection.order], reverse=selection.descending))

    def for_user(self, selection: Selection) -> list[Session]:
        self.save_all()
        with self._calling():
            answer = self._backing.for_user(selection.user or "")
        found = [self._require_kind(each, Session, "for the sessions of a user") for each in answer]
        names = [self._name(session) for session in found]
        sessions = [session for name in names if (session := self.find(name)) is not None]
        kept = [session for session in sessions if session.status in selection.statuses]
        return sorted(kept, key=lambda session: session.updated_at, reverse=selection.descending)

    def open_all(self) -> Iterator[Session]:
        names = [info.name for info in self.all(Selection()) if info.name is not None]
        return (session for name in names if (session := self.find(name)) is not None)

    def export_record(self, path: Path, chosen: list[Session], *, overwrite: bool) -> None:
        together = self._new_store()
        for session in chosen or self.open_all():
            together.import_record(session.record())
        together.export_record(path, overwrite=overwrite)

    def taking_over(self) -> Store:
        advice = "import into a store, or load the messages into sessions by `replace_messages`"
        raise NotSupportedError(self.address, "an import of a file", advice)

    def close(self) -> None:
        self.save_all()
        self._backing.close()

    # Handing over

    def _hand_over(self, mine: "_CheckedOut") -> None:
        """Gives a session to the storage, unless it holds what somebody else saved since it was taken from there."""
        name = self._name(mine.session)
        handed_over = Session.from_record(
            mine.session.record(), store=self._new_store()
        )  # what is said later is not in it
        with self._calling():
            there = self._load_session(name)
            if there is not None and _content(there) != mine.saved:
                raise PositionConflictError(mine.session.id, mine.session.position, there.position)
            self._backing.save(handed_over)
        mine.saved = _content(handed_over)
        self._in_hand[name] = mine

    def _load(self, name: str) -> Session | None:
        with self._calling():
            return self._load_session(name)

    def _load_session(self, name: str) -> Session | None:
        found = self._backing.load(name)
        return None if found is None else self._require_kind(found, Session, "to load a session")

    def _infos(self) -> list[SessionInfo]:
        return [self._require_kind(each, SessionInfo, "for what there is") for each in self._backing.infos()]

    def _require_kind(self, answer: object, kind: type[K], asked: str) -> K:
        """What the storage answered, refused if it is nothing of the kind."""
        if not isinstance(answer, kind):
            what = f"answers with a {type(answer).__name__} when it is asked {asked}"
            raise InvalidValueError(self._backing.name, f"{what}: expected a {kind.__name__}")
        return answer

    def _call_delete(self, name: str) -> None:
        with self._calling():
            self._backing.delete(name)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Around calls of the storage: sessions that it makes without naming a store are kept in memory."""
        called, self._called = self._called, True
        try:
            with use_as_default(self._new_store()):
                yield
        finally:
            self._called = called

    def _new_store(self) -> Store:
        return Store(MemoryRecorder(), most_bytes=self._most_bytes)

    def _remember(self, session: Session) -> Session:
        with self._lock:
            self._in_hand[self._name(session)] = _CheckedOut(session, None)
            return session

    def _name(self, session: Session) -> str:
        name = session.id if self._backing.by_id else session.key or session.name
        return session.id if name is None else name


class _CheckedOut:
    """A session in hand, and what it said when it was last taken from the storage or given to it."""

    def __init__(self, session: Session, saved: bytes | None) -> None:
        self.session = session
        self.saved = saved

    @property
    def waits(self) -> bool:
        """Whether there is something that the storage has not got."""
        return self.session.status != "deleted" and _content(self.session) != self.saved


def _content(session: Session) -> bytes:
    """All that a session says, whatever record it is kept in."""
    said = [(message.content, message.sender, message.recipient, message.metadata) for message in session.messages]
    kept = [session.name, session.user, session.status, session.metadata, session.state, len(session.branches)]
    other = [[message.content for message in branch.messages] for branch in list(session.branches)[1:]]
    return msgspec.json.encode([said, kept, other], order="deterministic")


def _info(session: Session) -> SessionInfo:
    return SessionInfo(
        name=session.key or session.name,
        message_count=session.message_count,
        created_at=session.created_at,
        updated_at=session.updated_at,
        metadata=session.metadata,
        size_bytes=session._stream.store.get_session(session.id).bytes,
        session_id=session.id,
        user=session.user,
        status=session.status,
    )


def _matches(selection: Selection, info: SessionInfo) -> bool:
    def within(since: int | None, time: object, until: int | None) -> bool:
        assert isinstance(time, Instant)
        return (since is None or time >= Instant.at(since)) and (until is None or time <= Instant.at(until))

    name = info.name or ""
    return (
        info.status in selection.statuses
        and selection.user in (None, info.user)
        and selection.name in (None, info.name)
        and name.startswith(selection.name_prefix or "")
        and name.startswith(selection.key_prefix or "")
        and (selection.contains or "").casefold() in name.casefold()
        and within(selection.created_since, info.created_at, selection.created_until)
        and within(selection.updated_since, info.updated_at, selection.updated_until)
        and all(key in info.metadata and info.metadata[key] == value for key, value in selection.metadata.items())
    )


_SORT_KEYS: dict[Order, Callable[[SessionInfo], tuple[Any, ...]]] = {
    Order.CREATED: lambda info: (info.created_at, info.name or ""),
    Order.UPDATED: lambda info: (info.updated_at, info.name or ""),
    Order.NAME: lambda info: (info.name or "", info.created_at),
    Order.POSITION: lambda info: (info.message_count, info.name or ""),
}
