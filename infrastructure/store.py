"""The store: sessions' events in and out, and what is read, queried and exported over all of them, on any recorder."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from threading import Event as Flag
from typing import Self

from ..domain.errors import InvalidValueError, SessionNotFoundError
from ..domain.events import Event
from ..domain.expected_position import ANY, Expected
from ..domain.recorded_event import NO_PROVENANCE, Provenance, RecordedEvent
from ..domain.state import State
from ..domain.validation import is_valid_name
from ..projections.catalogue import CatalogueEntry
from ..projections.projection import Projection, fold, validate_event_names
from ..projections.rows import Rows
from ..projections.selection import EVERYTHING, Page, Selection
from .appender import Appender
from .async_methods import awaited, awaited_read
from .catalogue_query import select_page
from .clock import wall_clock
from .copy_store import copy_store
from .digest import store_digest
from .eventsourcing_adapter.application import TurnlogApplication
from .feed import all_rows
from .frames.parquet import EVENTS, ExportResult, ParquetExport
from .frames.query import Query
from .frames.query_limits import QueryLimits
from .frames.query_process import Parameters
from .frames.store_frames import Frames
from .memory.recorder import MemoryRecorder
from .paths import PathLike, validate_path
from .progress import Progress
from .read_models.catch_up import catch_up as catch_up_read_models
from .read_models.catch_up import finish_redactions
from .read_models.inline import InlineProjections
from .read_models.open_row_store import row_store_of
from .read_models.read_rows import read_rows
from .record_file.exporter import export_lines
from .record_file.importer import ImportResult, import_lines
from .record_file.io import Target, lines_of, write_record
from .recorder import Recorder
from .session_reference import resolve_reference
from .stored_event import (
    LAST,
    AppendRequest,
    AppendResult,
    EncodedEvent,
    check_changes,
    encode_events,
    to_projected_event,
    to_recorded_event,
    to_recorded_events,
)
from .subscription import AsyncSubscription, Subscription
from .sweep import SweepResult, sweep
from .verification import Verification, verify


class Store:
    """Appends and reads the streams of sessions in one database; a context manager that closes it."""

    query_limits = QueryLimits()
    """The limits of queries that name none; for a store of the settings, those of the settings."""

    def __init__(
        self, recorder: Recorder, clock: Callable[[], int] = wall_clock, *, most_bytes: int | None = None
    ) -> None:
        self.recorder = recorder
        self._inline: InlineProjections | None = None
        self._clock = clock
        self._most_bytes = most_bytes
        self._appender = Appender(recorder)
        self._closing = Flag()

    @cached_property
    def application(self) -> TurnlogApplication:
        """The application of the `eventsourcing` library over the same record; closing either of them closes both."""
        application = TurnlogApplication(self.recorder)
        application.closing = self._closing
        return application

    @property
    def closed(self) -> bool:
        """Whether the store has been closed."""
        return self._closing.is_set()

    @property
    def address(self) -> str:
        """The address of the store."""
        return self.recorder.name

    def append(
        self,
        session: str,
        events: Sequence[Event],
        *,
        expected: Expected = ANY,
        command_id: str | None = None,
        provenance: Provenance = NO_PROVENANCE,
        drafts: Sequence[EncodedEvent] | None = None,
        created: int | None = None,
        state: State | None = None,
    ) -> AppendResult:
        """Append events, all or none, and return the positions that they got.

        A session that is not at the expected position raises PositionConflictError. A `command_id` that was used before
        writes nothing: it returns the first result for the same content and raises CommandIdReusedError for other
        content. Events that do not follow from those before them raise InvalidEventError, and nothing is written.
        A redaction erases the content of the event that it names in the same transaction, and then from read models
        and files. If that is prevented, it is recorded and RedactionPendingError is raised.

        `drafts` are the encoded events, `state` is what the caller decided on. In a store that forgets, `created`
        tells sessions of the same id apart.
        """
        ready, most = encode_events(events) if drafts is None else drafts, self._most_bytes
        request = AppendRequest(
            session, ready, expected, provenance, self._clock(), command_id, created=created, most_bytes=most
        )
        return self._appender.append(request, state)

    def append_together(
        self,
        changes: Sequence[tuple[str, Sequence[Event], Expected, int | None]],
        provenance: Provenance = NO_PROVENANCE,
        *,
        not_before: int = 0,
        states: Sequence[State] | None = None,
    ) -> list[AppendResult]:
        """Append events of several sessions, each at its expected position: all of them, or none.

        Each change ends with what `append` takes as `created`. No event's time is before `not_before` (microseconds).
        A caller that decided on the `states` at the expected positions passes them, as to `append`.
        """
        check_changes(changes)
        time, most = max(self._clock(), not_before), self._most_bytes
        requests = [
            AppendRequest(session, encode_events(events), expected, provenance, time, created=created, most_bytes=most)
            for session, events, expected, created in changes
        ]
        return self._appender.append_together(requests, states)

    def read(
        self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """Iterate over the events of a session after one position and up to another, included."""
        until = None if until is None else min(until, LAST)
        rows = self.recorder.read(session, after=min(after, LAST), until=until, backwards=backwards)
        return map(to_recorded_event, rows)

    def read_all(self, *, after: int = 0, limit: int = 1000) -> list[RecordedEvent]:
        """Return the events of all sessions after a global position, in the order they were committed."""
        if limit < 1:
            raise InvalidValueError("the limit", f"is {limit}: expected 1 or more")
        rows = self.recorder.read_all(after=min(after, LAST), limit=min(limit, LAST))
        return [to_recorded_events(row) for row in rows]

    def project(self, projection: Projection, *, session: str | None = None, until: int | None = None) -> Rows:
        """Fold the events of a session up to a position, or of all sessions up to a global position, into rows."""
        last = LAST if until is None else min(until, LAST)
        if session is not None:
            return fold(projection, self.read(session, until=last))
        newest = min(last, self.recorder.last_global_position())
        return fold(projection, to_projected_event(all_rows(self.recorder, newest, projection.names)))

    def attach(self, projection: Projection) -> None:
        """Bring a projection up to date and keep its rows in the transactions that append, until the store is closed.

        Events appended by stores that have not attached it are applied with the next append by one that has.
        """
        if self._inline is None:
            self._inline = InlineProjections(self.recorder, row_store_of(self.recorder))
            self.recorder.inline = self._inline
        self._inline.attach(projection)

    def detach(self, projection: str) -> None:
        """Stop keeping an attached projection; its rows stay as they are."""
        if self._inline is None:
            raise InvalidValueError(f"the projection {projection!r}", "is not attached: expected one that is")
        self._inline.detach(projection)

    def rows(self, projection: Projection) -> Rows:
        """Return the rows of a projection that are kept in the store's database; each read sees the newest."""
        return read_rows(row_store_of(self.recorder), projection)

    def subscribe(self, *, after: int = 0, names: Sequence[str] = (), session: str | None = None) -> Subscription:
        """Iterate over the events after a global position, or of one session after a position, and wait for new ones.

        Each event comes once, in order. With stored names, only the events that have one of them.
        """
        self.recorder.last_global_position()
        return Subscription(self.recorder, min(after, LAST), validate_event_names(names), session)

    def asubscribe(self, *, after: int = 0, names: Sequence[str] = (), session: str | None = None) -> AsyncSubscription:
        """Subscribe for `async for`."""
        return AsyncSubscription(Subscription(self.recorder, min(after, LAST), validate_event_names(names), session))

    def tail(self, last: int = 10, *, names: Sequence[str] = (), session: str | None = None) -> Subscription:
        """Subscribe from so many positions before the end of the store, or of a session."""
        if last < 0:
            raise InvalidValueError("the number of events", f"is {last}: expected 0 or more")
        end = self.last_global_position() if session is None else self.get_session(session).position
        return self.subscribe(after=max(end - last, 0), names=names, session=session)

    def atail(self, last: int = 10, *, names: Sequence[str] = (), session: str | None = None) -> AsyncSubscription:
        """Tail for `async for`."""
        return AsyncSubscription(self.tail(last, names=names, session=session))

    def last_global_position(self) -> int:
        """Return the global position of the newest event; 0 if there is none."""
        return self.recorder.last_global_position()

    def find_session(self, session: str) -> CatalogueEntry | None:
        """Return the catalogue entry of a session, if it exists."""
        return self.recorder.find_entry(session) if is_valid_name(session) else None

    def get_session(self, session: str) -> CatalogueEntry:
        """Return the catalogue entry of a session; raise SessionNotFoundError if it does not exist."""
        entry = self.find_session(session)
        if entry is None:
            raise SessionNotFoundError(session)
        return entry

    def resolve(self, reference: str) -> CatalogueEntry:
        """Return the catalogue entry of a session named by its id, a unique prefix of it, its key or a unique name.

        `@last` is the session that was used last. An error for an ambiguous reference lists the candidates.
        """
        return resolve_reference(self.recorder, reference)

    def sessions(self) -> Iterator[CatalogueEntry]:
        """Iterate over the catalogue, in the order the sessions were started."""
        return self.recorder.read_entries()

    def find_key(self, key: str) -> CatalogueEntry | None:
        """Return the catalogue entry of the session that has a key, if there is one."""
        return self.recorder.find_key(key) if is_valid_name(key) else None

    def select_sessions(self, selection: Selection = EVERYTHING, *, after: str | None = None, limit: int = 50) -> Page:
        """Return a page of the selected sessions, read without their messages; the next page begins after its mark."""
        return select_page(self.recorder, selection, after, limit)

    @property
    def frames(self) -> Frames:
        """Messages, events and usage of all sessions as Arrow batches, in memory that does not grow with the store."""
        return Frames(self.recorder)

    def sql(
        self,
        query: str,
        parameters: Parameters = (),
        *,
        external_access: bool = False,
        timeout: float | None = None,
        memory: float | None = None,
    ) -> Query:
        """Return the result of a DuckDB query over `messages`, `events`, `usage` and `sessions`.

        Parameters are for `?` in their order, or for `$name` by name. Only the tables that the query names are read,
        batch by batch. DuckDB runs in a process of its own, which can reach neither files nor the network unless
        `external_access` is true. A query that runs longer than `timeout` seconds, or needs more than `memory`
        megabytes, is killed and raises QueryLimitError; the defaults are `query_limits`.
        """
        return Query(
            self.frames.tables, query, parameters, external_access, self.query_limits.with_changes(timeout, memory)
        )

    def export_parquet(self, path: PathLike, *, events_per_file: int = EVENTS) -> ExportResult:
        """Bring a folder of Parquet files up to date: messages, usage and events by day, and the sessions.

        Each event is exported once, however often this is called or interrupted. Content that was redacted is removed
        from existing files. While an export runs, another one to the same folder raises an error.
        """
        folder = validate_path(path, "the folder")
        return ParquetExport(self.recorder, folder, events_per_file, self.frames.sessions()).run()

    def copy_to(self, target: "Store", *, progress: Progress | None = None) -> int:
        """Copy all events as they are into an empty store of any kind, and return their number."""
        if not isinstance(target, Store):
            raise InvalidValueError(
                "the target", f"must be a Store, not {type(target).__name__!r}: open it with open_store"
            )
        copied = copy_store(self.recorder, target.recorder, progress)
        if target._inline is not None:
            target._inline.catch_up()
        return copied

    def export_record(
        self, path: Target, *sessions: str, overwrite: bool = False, progress: Progress | None = None
    ) -> int:
        """Write the exact record of sessions and of their ancestors to a file or stream; without ids, of all.

        Return the number of events. A file is there when it is complete; one that exists is overwritten on request.
        """
        return write_record(path, export_lines(self.recorder, sessions or None, progress), overwrite=overwrite)

    def record_of(self, *sessions: str) -> bytes:
        """Return the exact record of sessions as `export_record` writes it."""
        return b"".join(export_lines(self.recorder, sessions or None))

    def import_record(self, source: PathLike | bytes, *, progress: Progress | None = None) -> ImportResult:
        """Import an exact record from a file or bytes; all of it is checked before anything is written.

        A record that is already here writes nothing. A session that differs from the one of its id here is an error.
        """
        taken = import_lines(self.recorder, lines_of(source), self._most_bytes, progress)
        if taken.events and self.recorder.needs_scrub():
            finish_redactions(self.recorder)
        return taken

    def backup(self, path: PathLike) -> None:
        """Write a copy of the database to a new file, which appears when it is complete; others can go on working.

        The copy has no redacted content; RedactionPendingError is raised if it cannot be cleaned of it.
        """
        file, marks = validate_path(path, "the backup"), self.recorder.redaction_marks()
        if marks:
            catch_up_read_models(self.recorder)
        self.recorder.backup(file, marks)

    def digest(self) -> str:
        """Return one SHA-256 digest of all sessions, equal for its copies and backups."""
        return store_digest(self.recorder)

    def vacuum(self) -> None:
        """Give back unused space and refresh the statistics of the database's tables."""
        if self.recorder.needs_scrub():
            catch_up_read_models(self.recorder)
        self.recorder.vacuum()

    def verify(
        self,
        session: str | None = None,
        *,
        projections: bool | Sequence[Projection] = False,
        progress: Progress | None = None,
    ) -> Verification:
        """Prove that a session, or the whole store, is as it was recorded, or report what is not.

        With `projections`, the rows in the store's database are compared with the events, which takes as long as to
        build them anew. Those of the package and those attached are known; pass a list to have others compared too.
        """
        own = [] if isinstance(projections, bool) else projections
        return verify(self.recorder, session, progress, None if projections is False else own)

    def sweep(self, ttl: int, provenance: Provenance = NO_PROVENANCE) -> SweepResult:
        """Delete the sessions that were not used for more than `ttl` seconds, with a tombstone for each."""
        return sweep(self.recorder, ttl, self._clock(), provenance)

    def now(self) -> int:
        """Return the time of what is recorded now, in microseconds since 1970."""
        return self._clock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}{', closed' if self.closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; closing twice does nothing. A store that is garbage-collected closes nothing."""
        self._closing.set()
        self.recorder.close()

    aappend = awaited(append)
    aproject = awaited_read(project)
    aattach = awaited(attach)
    alast_global_position = awaited_read(last_global_position)
    adetach = awaited(detach)
    aappend_together = awaited(append_together)
    aread_all = awaited_read(read_all)
    afind_session = awaited_read(find_session)
    aget_session = awaited_read(get_session)
    aresolve = awaited_read(resolve)
    afind_key = awaited_read(find_key)
    aselect_sessions = awaited_read(select_sessions)
    acopy_to = awaited(copy_to)
    aexport_record = awaited(export_record)
    arecord_of = awaited_read(record_of)
    aimport_record = awaited(import_record)
    abackup = awaited(backup)
    adigest = awaited(digest)
    avacuum = awaited(vacuum)
    averify = awaited_read(verify)
    asweep = awaited(sweep)
    asql = awaited_read(sql)
    aexport_parquet = awaited(export_parquet)


def store_in_memory(like: Store) -> Store:
    """Return an empty store in memory with the clock and the limits of another one."""
    return Store(MemoryRecorder(), like._clock, most_bytes=like._most_bytes)


def is_same_record(one: Store, other: Store) -> bool:
    """Return whether two stores are over the same record, as far as their addresses tell."""
    return one is other or (one.address == other.address and not one.address.startswith("memory:"))
