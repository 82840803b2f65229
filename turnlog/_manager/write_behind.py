"""Sessions of a store that are worked on in memory, and written to the store together from time to time."""

from contextlib import AbstractContextManager
from itertools import groupby
from threading import RLock

from ..domain.branch_lookup import get_branch
from ..domain.decisions import session as sessions
from ..domain.errors import PositionConflictError, SessionExistsError
from ..domain.events import MessageAppended, MetadataUpdated, StateRemoved, StateSet, SystemSet
from ..domain.recorded_event import Provenance, RecordedEvent
from ..domain.state import State
from ..infrastructure.after_fork import register
from ..infrastructure.command_ids import check_repeats, is_recorded
from ..infrastructure.retry import CONFLICT_ATTEMPTS
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store, store_in_memory
from ..infrastructure.stored_event import AppendRequest, EncodedEvent, encode_events
from ..projections.catalogue import CatalogueEntry
from ..projections.session_info import SessionInfo
from ..session import Session
from .repository import NewSession, SaveResult, SessionRepository, close_in_child, for_each_collecting_errors

MAX_BUFFERED = 1000
"""Sessions in memory, those aside in which something waits."""

COMMUTING_EVENTS = (MessageAppended, MetadataUpdated, StateSet, StateRemoved, SystemSet)
"""What means the same wherever it stands, so that it can be put behind what others wrote meanwhile."""


class WriteBehindRepository(SessionRepository):
    """A store in front of which each session has a place in memory.

    What was said stands in memory until it is saved: by hand, by the manager every so often, or at the end. A session
    of more messages than `most` is not taken into memory, and one that grows beyond leaves it when it is saved.
    """

    def __init__(self, store: Store, most: int) -> None:
        super().__init__(store)
        self._most = most
        self._lock = RLock()
        self._at_work: dict[str, _BufferedSession] = {}
        register(self)

    def after_fork(self) -> None:
        """Leaves to the parent process what is the parent's to save."""
        close_in_child(at_work.session for at_work in self._at_work.values())
        self._lock, self._at_work = RLock(), {}

    def open(self, entry: CatalogueEntry) -> Session:
        with self._lock:
            at_work = self._at_work.get(entry.session)
            if at_work is None:
                return self.adopt(super().open(entry))
            with at_work.held():
                if not at_work.waits and entry.position != at_work.saved:  # others went on with it
                    self._take(at_work)
            return at_work.session

    def start(self, name: str | None, beginning: NewSession) -> Session:
        with self._lock:  # whoever finds it by its name meanwhile gets this one, and not another in memory
            started = super().start(name, beginning)
            if not started.branches:  # two who each made a first branch would have made two
                started.create_branch("main")
                self.save(started)
            return started

    def fork(self, source: Session, name: str, beginning: NewSession) -> Session:
        with self._lock:
            self.save(source)  # what waits there is part of what the new one goes on from
            return super().fork(source, name, beginning)

    def adopt(self, session: Session) -> Session:
        if session.message_count > self._most:
            return session
        with self._lock:
            there = self._at_work.get(session.id)
            if there is not None:  # in its place, what is said there would be saved by nobody
                return there.session
            at_work = self._at_work[session.id] = _BufferedSession(session)
            self._take(at_work)
            self._make_room()
            return session

    def has(self, session: Session) -> bool:
        at_work = self._at_work.get(session.id)
        return super().has(session) or (at_work is not None and at_work.session._stream is session._stream)

    def save(self, session: Session) -> SaveResult:
        with self._lock:
            at_work = self._at_work.get(session.id)
            if at_work is not None and at_work.session._stream is session._stream:
                self._write(at_work)
        return super().save(session)

    def save_all(self) -> None:
        with self._lock:
            for_each_collecting_errors(self._write, list(self._at_work.values()))

    def discard(self, session: Session) -> None:
        with self._lock:
            at_work = self._at_work.get(session.id)
            if at_work is not None and at_work.session._stream is session._stream:
                with at_work.held():
                    self._take(at_work)

    def delete(self, session: Session, reason: str | None = None) -> None:
        with self._lock:
            self.save(session)
            at_work = self._at_work.pop(session.id, None)
            if at_work is not None:
                at_work.session._stream.rebind(self.store)
        super().delete(session, reason)

    def delete_all(self, reason: str) -> int:
        with self._lock:
            self.save_all()
            for at_work in self._at_work.values():
                at_work.session._stream.rebind(self.store)
            self._at_work.clear()
        return super().delete_all(reason)

    def find_info(self, name: str) -> SessionInfo | None:
        self.save_all()
        return super().find_info(name)

    def close(self) -> None:
        with self._lock:
            self.save_all()
            for at_work in self._at_work.values():  # what is said from here on would wait for nobody
                at_work.session._stream.rebind(self.store)
            self._at_work.clear()

    def _take(self, at_work: "_BufferedSession") -> None:
        """Takes what the store has of a session into memory, in place of what was there."""
        at_work.session._stream.rebind(self._in_memory(at_work.session.id))
        at_work.saved = at_work.session.position

    def _make_room(self) -> None:
        """Has sessions that nothing waits in written through from here on, if there are too many in memory."""
        for session, at_work in list(self._at_work.items()):
            if len(self._at_work) <= MAX_BUFFERED:
                return
            with at_work.held():
                if not at_work.waits:
                    at_work.session._stream.rebind(self.store)
                    del self._at_work[session]

    def _write(self, at_work: "_BufferedSession") -> None:
        with at_work.held():  # nothing is said meanwhile, so nothing falls between what is written and what is moved
            if at_work.waits:
                try:
                    self.store.import_record(at_work.session._stream.store.record_of())
                except (SessionExistsError, PositionConflictError):
                    self._write_behind(at_work)
                at_work.saved = at_work.session.position
            self._let_go(at_work)

    def _let_go(self, at_work: "_BufferedSession") -> None:
        """Has a session that is too long for memory written through from here on."""
        if at_work.session.message_count > self._most:
            at_work.session._stream.rebind(self.store)
            self._at_work.pop(at_work.session.id, None)

    def _write_behind(self, at_work: "_BufferedSession") -> None:
        """Puts what was said here behind what others wrote meanwhile, if it means the same there."""
        session = at_work.session
        waiting = list(session._stream.store.read(session.id, after=at_work.saved))
        dependent = next((each for each in waiting if not isinstance(each.event, COMMUTING_EVENTS)), None)
        if dependent is not None:
            raise PositionConflictError(session.id, at_work.saved, self.store.get_session(session.id).position)
        for _ in range(CONFLICT_ATTEMPTS):
            appends = _rebase(self.store, load_state(self.store.recorder, session.id), waiting, at_work.saved)
            try:
                appended = self.store.recorder.append_together(appends) if appends else []
                check_repeats(self.store.recorder, appends, appended)
                break
            except PositionConflictError as conflict:
                lost = conflict
        else:
            raise lost
        session._stream.rebind(self._in_memory(session.id))

    def _in_memory(self, session_id: str) -> Store:
        memory = store_in_memory(self.store)
        memory.import_record(self.store.record_of(session_id))
        return memory


class _BufferedSession:
    """A session in memory, and the position up to which it is in the store."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.saved = session.position

    def held(self) -> AbstractContextManager[object]:
        """Around what must not be changed in between."""
        return self.session._stream.state()

    @property
    def waits(self) -> bool:
        """Whether something waits to be written."""
        return self.session.position > self.saved


def _rebase(store: Store, state: State, waiting: list[RecordedEvent], saved: int) -> list[AppendRequest]:
    """What was recorded elsewhere, behind what is recorded here: by whom, when and by which command it was then."""
    sessions.require_active(state)
    for each in waiting:
        if each.branch is not None:
            get_branch(state, each.branch)
    appends, position = [], state.position
    for (time, correlation_id, command_id), group in groupby(waiting, key=_write_batch):
        drafts = [_draft(each, saved) for each in group]
        who = Provenance(correlation_id=correlation_id)
        append = AppendRequest(state.session, drafts, position, who, time, command_id, created=state.created)
        if not is_recorded(store.recorder, append):
            appends.append(append)
            position += len(drafts)
    return appends


def _draft(each: RecordedEvent, saved: int) -> EncodedEvent:
    """An event with its own actor and cause; a cause that is recorded elsewhere itself has another position here."""
    cause = each.causation if each.causation is None or each.causation <= saved else None
    return encode_events([each.event])[0]._replace(actor=each.actor, cause=cause)


def _write_batch(each: RecordedEvent) -> tuple[int, str | None, str | None]:
    return each.time, each.correlation_id, each.command_id
