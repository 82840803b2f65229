"""Sessions of a store that are worked on in memory, and written to the store together from time to time."""

from contextlib import AbstractContextManager
from itertools import groupby
from threading import RLock

from ._kept import ATTEMPTS, Beginning, Kept, Saved, every, left_to_the_parent
from .domain.decisions import session as sessions
from .domain.errors import PositionConflictError, SessionExistsError
from .domain.events import MessageAppended, MetadataUpdated, StateRemoved, StateSet, SystemSet
from .domain.lookup import get_branch
from .domain.record import Provenance, RecordedEvent
from .domain.state import State
from .infrastructure.commands import check_repeats, is_recorded
from .infrastructure.forking import tell
from .infrastructure.memory import MemoryRecorder
from .infrastructure.rows import Append, Draft, draft
from .infrastructure.store import Store
from .projections.catalogue import Entry
from .projections.session_info import SessionInfo
from .session import Session

MOST_AT_WORK = 1000
"""Sessions in memory, those aside in which something waits."""

INDEPENDENT = (MessageAppended, MetadataUpdated, StateSet, StateRemoved, SystemSet)
"""What means the same wherever it stands, so that it can be put behind what others wrote meanwhile."""


class Deferred(Kept):
    """A store in front of which each session has a place in memory.

    What was said stands in memory until it is saved: by hand, by the manager every so often, or at the end. A session
    of more messages than `most` is not taken into memory, and one that grows beyond leaves it when it is saved.
    """

    def __init__(self, store: Store, most: int) -> None:
        super().__init__(store)
        self._most = most
        self._lock = RLock()
        self._at_work: dict[str, _AtWork] = {}
        tell(self)

    def forked(self) -> None:
        """Leaves to the parent process what is the parent's to save."""
        left_to_the_parent(at_work.session for at_work in self._at_work.values())
        self._lock, self._at_work = RLock(), {}

    def open(self, entry: Entry) -> Session:
        with self._lock:
            at_work = self._at_work.get(entry.session)
            if at_work is None:
                return self.opened(super().open(entry))
            with at_work.held():
                if not at_work.waits and entry.position != at_work.saved:  # others went on with it
                    self._take(at_work)
            return at_work.session

    def start(self, name: str | None, beginning: Beginning) -> Session:
        with self._lock:  # whoever finds it by its name meanwhile gets this one, and not another in memory
            started = super().start(name, beginning)
            if not started.branches:  # two who each made a first branch would have made two
                started.create_branch("main")
                self.save(started)
            return started

    def fork(self, source: Session, name: str, beginning: Beginning) -> Session:
        with self._lock:
            self.save(source)  # what waits there is part of what the new one goes on from
            return super().fork(source, name, beginning)

    def opened(self, session: Session) -> Session:
        if session.message_count > self._most:
            return session
        with self._lock:
            there = self._at_work.get(session.id)
            if there is not None:  # in its place, what is said there would be saved by nobody
                return there.session
            at_work = self._at_work[session.id] = _AtWork(session)
            self._take(at_work)
            self._make_room()
            return session

    def has(self, session: Session) -> bool:
        at_work = self._at_work.get(session.id)
        return super().has(session) or (at_work is not None and at_work.session._live is session._live)

    def save(self, session: Session) -> Saved:
        with self._lock:
            at_work = self._at_work.get(session.id)
            if at_work is not None and at_work.session._live is session._live:
                self._write(at_work)
        return super().save(session)

    def save_all(self) -> None:
        with self._lock:
            every(self._write, list(self._at_work.values()))

    def discard(self, session: Session) -> None:
        with self._lock:
            at_work = self._at_work.get(session.id)
            if at_work is not None and at_work.session._live is session._live:
                with at_work.held():
                    self._take(at_work)

    def delete(self, session: Session, reason: str | None = None) -> None:
        with self._lock:
            self.save(session)
            at_work = self._at_work.pop(session.id, None)
            if at_work is not None:
                at_work.session._live.move_to(self.store)
        super().delete(session, reason)

    def delete_all(self, reason: str) -> int:
        with self._lock:
            self.save_all()
            for at_work in self._at_work.values():
                at_work.session._live.move_to(self.store)
            self._at_work.clear()
        return super().delete_all(reason)

    def find_info(self, name: str) -> SessionInfo | None:
        self.save_all()
        return super().find_info(name)

    def close(self) -> None:
        with self._lock:
            self.save_all()
            for at_work in self._at_work.values():  # what is said from here on would wait for nobody
                at_work.session._live.move_to(self.store)
            self._at_work.clear()

    def _take(self, at_work: "_AtWork") -> None:
        """Takes what the store has of a session into memory, in place of what was there."""
        at_work.session._live.move_to(self._in_memory(at_work.session.id))
        at_work.saved = at_work.session.position

    def _make_room(self) -> None:
        """Has sessions that nothing waits in written through from here on, if there are too many in memory."""
        for session, at_work in list(self._at_work.items()):
            if len(self._at_work) <= MOST_AT_WORK:
                return
            with at_work.held():
                if not at_work.waits:
                    at_work.session._live.move_to(self.store)
                    del self._at_work[session]

    def _write(self, at_work: "_AtWork") -> None:
        with at_work.held():  # nothing is said meanwhile, so nothing falls between what is written and what is moved
            if at_work.waits:
                try:
                    self.store.import_record(at_work.session._live.store.record_of())
                except (SessionExistsError, PositionConflictError):
                    self._write_behind(at_work)
                at_work.saved = at_work.session.position
            self._let_go(at_work)

    def _let_go(self, at_work: "_AtWork") -> None:
        """Has a session that is too long for memory written through from here on."""
        if at_work.session.message_count > self._most:
            at_work.session._live.move_to(self.store)
            self._at_work.pop(at_work.session.id, None)

    def _write_behind(self, at_work: "_AtWork") -> None:
        """Puts what was said here behind what others wrote meanwhile, if it means the same there."""
        session = at_work.session
        waiting = list(session._live.store.read(session.id, after=at_work.saved))
        dependent = next((each for each in waiting if not isinstance(each.event, INDEPENDENT)), None)
        if dependent is not None:
            raise PositionConflictError(session.id, at_work.saved, self.store.get_session(session.id).position)
        for _ in range(ATTEMPTS):
            appends = _behind(self.store, self.store.load(session.id), waiting, at_work.saved)
            try:
                appended = self.store.recorder.append_together(appends) if appends else []
                check_repeats(self.store.recorder, appends, appended)
                break
            except PositionConflictError as conflict:
                lost = conflict
        else:
            raise lost
        session._live.move_to(self._in_memory(session.id))

    def _in_memory(self, session_id: str) -> Store:
        memory = Store(MemoryRecorder(), self.store.now, most_bytes=self.store.most_bytes)
        memory.import_record(self.store.record_of(session_id))
        return memory


class _AtWork:
    """A session in memory, and the position up to which it is in the store."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.saved = session.position

    def held(self) -> AbstractContextManager[object]:
        """Around what must not be changed in between."""
        return self.session._live.current()

    @property
    def waits(self) -> bool:
        """Whether something waits to be written."""
        return self.session.position > self.saved


def _behind(store: Store, state: State, waiting: list[RecordedEvent], saved: int) -> list[Append]:
    """What was recorded elsewhere, behind what is recorded here: by whom, when and by which command it was then."""
    sessions.active(state)
    for each in waiting:
        if each.branch is not None:
            get_branch(state, each.branch)
    appends, position = [], state.position
    for (time, correlation, command_id), group in groupby(waiting, key=_written_together):
        drafts = [_draft(each, saved) for each in group]
        who = Provenance(correlation=correlation)
        append = Append(state.session, drafts, position, who, time, command_id, created=state.created)
        if not is_recorded(store.recorder, append):
            appends.append(append)
            position += len(drafts)
    return appends


def _draft(each: RecordedEvent, saved: int) -> Draft:
    """An event with its own actor and cause; a cause that is recorded elsewhere itself has another position here."""
    cause = each.cause if each.cause is None or each.cause <= saved else None
    return draft([each.event])[0]._replace(actor=each.actor, cause=cause)


def _written_together(each: RecordedEvent) -> tuple[int, str | None, str | None]:
    return each.time, each.correlation, each.command_id
