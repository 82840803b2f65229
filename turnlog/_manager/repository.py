"""Sessions in a store, each written through: what a manager works on if nothing else is asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from .._session.arguments import SystemLike
from ..domain.decisions import session as sessions
from ..domain.errors import (
    KeyTakenError,
    PositionConflictError,
    SessionNotFoundError,
    SessionReferencedError,
)
from ..domain.json_values import Json
from ..domain.validation import validate_name
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.retry import CONFLICT_ATTEMPTS
from ..infrastructure.store import Store, is_same_record
from ..infrastructure.sweep import SweepResult
from ..projections.catalogue import CatalogueEntry
from ..projections.selection import Selection
from ..projections.session_info import Listing, SessionInfo, session_info
from ..provenance import provenance
from ..session import Session

PAGE = 500


T = TypeVar("T")


def for_each_collecting_errors(save: Callable[[T], None], waiting: Iterable[T]) -> None:
    """Saves each; one that cannot be saved keeps no other from it, and the first refusal is raised at the end."""
    refusals: list[Exception] = []
    for each in waiting:
        try:
            save(each)
        except Exception as refusal:  # noqa: BLE001 a storage of one's own raises what it likes
            refusals.append(refusal)
    if refusals:
        raise refusals[0]


def close_in_child(sessions: Iterable[Session]) -> None:
    """Has sessions in memory refuse what is said in a child process, where nobody would save it."""
    closed = Store(MemoryRecorder())
    closed.close()
    for session in sessions:
        session._stream.store = closed


class SaveResult(NamedTuple):
    """What is on the record for certain: the session up to this position, its messages and what it weighs."""

    session_id: str
    position: int
    message_count: int
    size_bytes: int


class NewSession(NamedTuple):
    """What a session that is not there yet is to begin with."""

    user: str | None = None
    metadata: Mapping[str, Json] | None = None
    system: SystemLike | None = None


class SessionRepository:
    """The sessions of a store, by their names, which are their keys, or by their ids."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def find(self, name: str) -> Session | None:
        """The session that has a name."""
        entry = self.store.find_key(name)
        return None if entry is None else self.open(entry)

    def find_by_id(self, session_id: str) -> Session | None:
        """The session that has an id, if it has not been deleted."""
        entry = self.store.find_session(session_id)
        return None if entry is None or entry.status == "deleted" else self.open(entry)

    def open(self, entry: CatalogueEntry) -> Session:
        """The session of an entry, to work on."""
        return Session.open(entry.session, store=self.store)

    def get_or_start(self, name: str, beginning: NewSession) -> Session:
        """The session that has a name, or a new one; of many who ask at once, one starts it."""
        for _ in range(CONFLICT_ATTEMPTS):
            found = self.find(name)
            if found is not None:
                if beginning.user is not None and found.user != beginning.user:
                    raise KeyTakenError(None, name, "a session of another user")
                return found
            try:
                return self.start(name, beginning)
            except KeyTakenError as taken:
                lost = taken
        raise lost

    def start(self, name: str | None, beginning: NewSession) -> Session:
        """A new session."""
        user, metadata, system = beginning
        started = Session(system, name=name, key=name, user=user, metadata=metadata, store=self.store)
        return self.adopt(started)

    def fork(self, source: Session, name: str, beginning: NewSession) -> Session:
        """A new session that goes on from another; a name that is taken is refused."""
        if self.store.find_key(validate_name(name, "a session name")) is not None:
            raise KeyTakenError(None, name)
        there = Session.open(source.id, store=self.store)
        fork = there.fork_session(
            name=name,
            key=name,
            user=there.user if beginning.user is None else beginning.user,
            metadata={**there.metadata, **(beginning.metadata or {})},
        )
        if beginning.system is not None:
            fork.default_branch.set_system(beginning.system)
        return self.adopt(fork)

    def adopt(self, session: Session) -> Session:
        """A session of the store, as it is worked on."""
        return session

    def has(self, session: Session) -> bool:
        """Whether a session that somebody has in hand is one of these."""
        return is_same_record(session._stream.store, self.store)

    def save(self, session: Session) -> SaveResult:
        """Says what is on the record; whatever was called before is."""
        entry = self.store.get_session(session.id)
        return SaveResult(session.id, entry.position, entry.messages, entry.bytes)

    def save_all(self) -> None:
        """Nothing waits to be saved."""

    def discard(self, session: Session) -> None:
        """There is nothing that waits, and so nothing to give up."""

    def rename(self, session: Session, name: str) -> None:
        """Gives a session another name, which no other may have."""
        stream = session._stream
        stream.transact(lambda state: sessions.rename(state, name, key=name))
        self.save(session)

    def change(self, session: Session, what: str, reason: str | None) -> None:
        """Archives, restores or deletes a session."""
        getattr(session, what)(reason)
        self.save(session)

    def delete(self, session: Session, reason: str | None = None) -> None:
        """Ends a session."""
        Session.open(session.id, store=self.store).delete(reason)

    def delete_all(self, reason: str) -> int:
        """Ends all sessions, those that go on from others first; answers how many those were."""
        self.save_all()
        left = [entry.session for entry in self.entries(Selection())]
        count = 0
        while left:
            stayed = []
            for session in left:
                try:
                    Session.open(session, store=self.store).delete(reason)
                    count += 1
                except SessionReferencedError as referenced:
                    refusal = referenced
                    stayed.append(session)
                except SessionNotFoundError:
                    continue
            if len(stayed) == len(left):
                raise refusal
            left = stayed
        return count

    def archive_unused(self, until: int, reason: str) -> list[str]:
        """Archives the active sessions that were last used up to a time; one that is used meanwhile stays active."""
        self.save_all()
        archived = []
        for entry in list(self.entries(Selection(statuses=("active",), updated_until=until))):
            here = Session.open(entry.session, store=self.store)._stream
            with here.state() as state:
                position = state.position
            newest = self.store.find_session(entry.session)
            if newest is None or newest.updated != entry.updated:
                continue
            try:
                if here.transact(lambda state: sessions.archive(state, reason), expected=position):
                    archived.append(entry.session)
            except PositionConflictError:
                continue
        return archived

    def sweep(self, ttl: int) -> SweepResult:
        """Ends the sessions that nobody has used for so many seconds."""
        self.save_all()
        return self.store.sweep(ttl, provenance())

    # Reading the catalogue

    def find_info(self, name: str) -> SessionInfo | None:
        """What is known of the session that has a name."""
        entry = self.store.find_key(name)
        return None if entry is None else session_info(entry)

    def find_info_by_id(self, session_id: str) -> SessionInfo | None:
        """What is known of the session that has an id."""
        entry = self.store.find_session(session_id)
        return None if entry is None or entry.status == "deleted" else session_info(entry)

    def infos(self, selection: Selection) -> Iterator[SessionInfo]:
        """What is known of the sessions of a selection, a page at a time."""
        self.save_all()
        return map(session_info, self.entries(selection))

    @property
    def address(self) -> str:
        """Where they are kept."""
        return self.store.address

    def page(self, selection: Selection, after: str | None, limit: int) -> Listing:
        """A page of sessions."""
        self.save_all()
        found = self.store.select_sessions(selection, after=after, limit=limit)
        return Listing([session_info(entry) for entry in found.entries], found.mark)

    def all(self, selection: Selection) -> Listing:
        """All sessions of a selection."""
        return Listing(list(self.infos(selection)))

    def entries(self, selection: Selection) -> Iterator[CatalogueEntry]:
        """The entries of a selection, a page at a time."""
        mark = None
        while True:
            page = self.store.select_sessions(selection, after=mark, limit=PAGE)
            yield from page.entries
            if page.mark is None:
                return
            mark = page.mark

    def for_user(self, selection: Selection) -> list[Session]:
        """The sessions of a selection, opened."""
        self.save_all()
        return [self.open(entry) for entry in self.entries(selection)]

    def open_all(self) -> Iterator[Session]:
        """All sessions that are not deleted, opened one after the other."""
        return map(self.open, self.entries(Selection()))

    def export_record(self, path: Path, chosen: list[Session], *, overwrite: bool) -> None:
        """Writes the exact record of sessions to a file, or of all if there are none."""
        self.store.export_record(path, *(session.id for session in chosen), overwrite=overwrite)

    def taking_over(self) -> Store:
        """The store that takes over what a file holds."""
        self.save_all()
        return self.store

    def close(self) -> None:
        """Nothing waits to be saved."""
