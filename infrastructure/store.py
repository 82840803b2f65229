"""The store as the door sees it: events in, events and states out, over any recorder."""

from collections.abc import Callable, Collection, Iterator, Sequence

from eventsourcing.utils import EnvType

from ..domain.errors import InvalidValueError, SessionNotFoundError
from ..domain.events import Event
from ..domain.expected_position import ANY, Expected
from ..domain.ranges import Written
from ..domain.recorded_event import NO_PROVENANCE, Provenance, RecordedEvent
from ..domain.state import State
from ..domain.validation import is_valid_name, validate_name
from ..projections.catalogue import CatalogueEntry
from ..projections.message_pages import Body
from ..projections.projection import Projection, fold, validate_event_names
from ..projections.rows import Rows
from ..projections.selection import (
    EVERYTHING,
    Page,
    Selection,
    page_mark,
    parse_page_mark,
    validate_limit,
    validate_selection,
)
from .async_methods import awaited, awaited_read
from .clock import wall_clock
from .command_ids import check_repeat
from .copy_store import copy_store
from .digest import store_digest
from .erasure import Erasure, erasing
from .fold_check import check_decision
from .frames_mixin import AnalysedStore
from .group_commit import GroupCommit
from .paths import PathLike, validate_path
from .progress import Progress
from .read_models.catch_up import catch_up as catch_up_read_models
from .read_models.catch_up import finish_appended, finish_redactions
from .read_models.inline import InlineProjections
from .read_models.open_row_store import row_store_of
from .read_models.read_rows import read_rows
from .record_file.exporter import export_lines
from .record_file.importer import ImportResult, import_lines
from .record_file.io import Target, lines_of, write_record
from .recorder import Recorder
from .session_reference import resolve_reference
from .settings import A_HUNDRED_YEARS
from .state_loader import catch_up, load
from .stored_event import (
    LAST,
    AppendRequest,
    AppendResult,
    EncodedEvent,
    Row,
    check_changes,
    encode_events,
    to_projected_event,
    to_recorded_event,
    to_recorded_events,
    validate_append,
)
from .subscription import AsyncSubscription, Subscription
from .sweep import SweepResult, sweep
from .verification import Verification, verify


class Store(AnalysedStore):
    """Appends and reads the streams of sessions; use it as a context manager, or close it.

    It is over a recorder, or over the store that an environment names, as applications of `eventsourcing` are.
    """

    name = "turnlog"

    def __init__(
        self,
        source: Recorder | EnvType | None = None,
        clock: Callable[[], int] = wall_clock,
        *,
        env: EnvType | None = None,
        most_bytes: int | None = None,
    ) -> None:
        super().__init__(source, env=env)
        self._recorder = self.recorder
        self._inline: InlineProjections | None = None
        self._clock = clock
        self._most_bytes = most_bytes
        self._commits = GroupCommit(self._recorder.name, self._recorder.append)

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
        """Records the events, all or none, and answers with the positions they got.

        A session that is not where it is expected raises PositionConflictError. A `command_id` that was used before
        writes nothing: it returns the first result for the same content and raises CommandIdReusedError for other
        content.
        `drafts` are the encoded events. In a store that forgets, `created` tells sessions of the same id apart.
        A redaction erases the content of the event that it names in the same transaction, and then from read models
        and files. If that is prevented, it is recorded and RedactionPendingError is raised.

        Events that do not follow from those before them raise InvalidEventError, and nothing is written. A caller that
        decided on the `state` at the expected position passes it; otherwise the store loads it where it is needed.
        """
        ready = encode_events(events) if drafts is None else drafts
        time, most = self._clock(), self._most_bytes
        append = validate_append(
            AppendRequest(session, ready, expected, provenance, time, command_id, created=created, most_bytes=most)
        )
        if state is None:
            outcome = self._recorder.folding.append(append, self._write)
        else:
            check_decision(state, ready)
            outcome = self._write(append)
        finish_appended(self._recorder, [append], [outcome])
        return check_repeat(self._recorder, outcome, ready, command_id)

    def append_together(
        self,
        changes: Sequence[tuple[str, Sequence[Event], Expected, int | None]],
        provenance: Provenance = NO_PROVENANCE,
        *,
        not_before: int = 0,
        states: Sequence[State] | None = None,
    ) -> list[AppendResult]:
        """Records events of several sessions, each expected somewhere: all of them, or none and a refusal is raised.

        Each change ends with what `append` takes as `created`. No event's time is before `not_before` (microseconds).
        A caller that decided on the `states` at the expected positions passes them, as to `append`.
        """
        time, most = max(self._clock(), not_before), self._most_bytes
        check_changes(changes)
        appends = [
            validate_append(
                AppendRequest(
                    session, encode_events(events), expected, provenance, time, created=created, most_bytes=most
                )
            )
            for session, events, expected, created in changes
        ]
        if states is None:
            appends = self._recorder.folding.checked(appends)
        for state, append in zip(states or (), appends, strict=False):
            check_decision(state, append.drafts)
        appended = self._recorder.append_together(erasing(self._recorder, appends))
        finish_appended(self._recorder, appends, appended)
        return appended

    def _write(self, append: AppendRequest) -> AppendResult:
        return self._commits.append(Erasure(self._recorder).checked(append))

    def read(
        self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events of a session after one position and up to another, included."""
        until = None if until is None else min(until, LAST)
        return map(
            to_recorded_event, self._recorder.read(session, after=min(after, LAST), until=until, backwards=backwards)
        )

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The messages written on a branch between two positions, both included."""
        rows = self._recorder.read_messages(session, branch, first, min(last, LAST), backwards=backwards)
        return map(to_recorded_event, rows)

    def read_bodies(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[list[Body]]:
        """The messages written on a branch between two positions, both included, as they are stored, in pages."""
        return self._recorder.read_bodies(session, branch, first, min(last, LAST), backwards=backwards)

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        """What is recorded at these positions, which ascend, as it is stored."""
        return self._recorder.read_bodies_at(session, positions)

    def read_structure(
        self, session: str, names: Collection[str], *, after: int = 0, until: int = LAST
    ) -> Iterator[RecordedEvent]:
        """The events of a session that have one of the stored names, none of them that of messages."""
        rows = self._recorder.read_structure(session, after=min(after, LAST), until=min(until, LAST))
        return (to_recorded_event(row) for row in rows if row.name in names)

    def read_all(self, *, after: int = 0, limit: int = 1000) -> list[RecordedEvent]:
        """The events of all sessions behind a global position, in the order they were committed."""
        if limit < 1:
            raise InvalidValueError("the limit", f"is {limit}: expected 1 or more")
        return [
            to_recorded_events(row) for row in self._recorder.read_all(after=min(after, LAST), limit=min(limit, LAST))
        ]

    def project(self, projection: Projection, *, session: str | None = None, until: int | None = None) -> Rows:
        """The rows that events make, folded now: of one session up to a position, or of all up to a global position."""
        last = LAST if until is None else min(until, LAST)
        if session is not None:
            return fold(projection, self.read(session, until=last))
        newest = min(last, self._recorder.last_global_position())
        return fold(projection, to_projected_event(self._feed(newest, projection.names)))

    def attach(self, projection: Projection) -> None:
        """Catches up with a projection and keeps it in the transactions that append, for as long as this is open.

        Stores opened elsewhere have to attach it themselves. What they append without it, the rows get with the next
        append by a store that has it, or when it is attached.
        """
        if self._inline is None:
            self._inline = InlineProjections(self._recorder, row_store_of(self._recorder))
            self._recorder.inline = self._inline
        self._inline.attach(projection)

    def detach(self, projection: str) -> None:
        """Keeps an attached projection no longer; its rows stay as they are."""
        if self._inline is None:
            raise InvalidValueError(f"the projection {projection!r}", "is not attached: expected one that is")
        self._inline.detach(projection)

    def rows(self, projection: Projection) -> Rows:
        """The rows of a projection that are kept in the store's own database, as they are when they are asked for."""
        return read_rows(row_store_of(self._recorder), projection)

    def subscribe(self, *, after: int = 0, names: Sequence[str] = (), session: str | None = None) -> Subscription:
        """Every event once, in order, from the past into the present; an iterator that waits for what is to come.

        It begins behind a global position, or behind a position of the session if one is given; `after=0` is the
        beginning, `store.last_global_position()` is now. With stored names, only the events that have one of them.
        """
        self._recorder.last_global_position()
        return Subscription(self._recorder, min(after, LAST), validate_event_names(names), session)

    def asubscribe(self, *, after: int = 0, names: Sequence[str] = (), session: str | None = None) -> AsyncSubscription:
        """The same for `async for`."""
        return AsyncSubscription(Subscription(self._recorder, min(after, LAST), validate_event_names(names), session))

    def tail(self, last: int = 10, *, names: Sequence[str] = (), session: str | None = None) -> Subscription:
        """What was recorded last, and then what is to come: an iterator as `subscribe` gives it.

        It begins so many positions before the end of the store, or of a session; with stored names, only the events
        that have one of them.
        """
        if last < 0:
            raise InvalidValueError("the number of events", f"is {last}: expected 0 or more")
        end = self.last_global_position() if session is None else self.get_session(session).position
        return self.subscribe(after=max(end - last, 0), names=names, session=session)

    def atail(self, last: int = 10, *, names: Sequence[str] = (), session: str | None = None) -> AsyncSubscription:
        """The same for `async for`."""
        return AsyncSubscription(self.tail(last, names=names, session=session))

    def last_global_position(self) -> int:
        """The global position of the newest event; 0 if there is none."""
        return self._recorder.last_global_position()

    def find_session(self, session: str) -> CatalogueEntry | None:
        """What the catalogue knows of a session."""
        return self._recorder.find_entry(session) if is_valid_name(session) else None

    def get_session(self, session: str) -> CatalogueEntry:
        """What the catalogue knows of a session that has to be there."""
        entry = self.find_session(session)
        if entry is None:
            raise SessionNotFoundError(session)
        return entry

    def resolve(self, reference: str) -> CatalogueEntry:
        """What the catalogue knows of the session that a person means.

        It may be called by its id, or a beginning of it that no other has, by its key, by a label that no other has, or
        `@last`, which is the one used last. Where several could be meant, they are named.
        """
        return resolve_reference(self._recorder, reference)

    def sessions(self) -> Iterator[CatalogueEntry]:
        """The catalogue, in the order the sessions were started."""
        return self._recorder.read_entries()

    def find_key(self, key: str) -> CatalogueEntry | None:
        """What the catalogue knows of the session that has a key."""
        return self._recorder.find_key(key) if is_valid_name(key) else None

    def select_sessions(self, selection: Selection = EVERYTHING, *, after: str | None = None, limit: int = 50) -> Page:
        """A page of the sessions asked for, without any message being read; the next page begins behind its mark."""
        most = validate_limit(limit)
        found = self._recorder.select_entries(
            validate_selection(selection), parse_page_mark(selection, after), most + 1
        )
        there_is_more = len(found) > most
        return Page(tuple(found[:most]), page_mark(selection, found[most - 1]) if there_is_more else None)

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        """What a command recorded, if it has been."""
        return self._recorder.find_command(session, validate_name(command_id, "a command id"))

    def load(self, session: str, at: int | None = None, written: Written | None = None) -> State:
        """The state of a session at a position, or now, without any message being read.

        Whoever holds the positions of its messages already, up to `at` or beyond, spares the store the reading.
        """
        return load(self._recorder, session, at, written)

    def catch_up(self, state: State) -> None:
        """Takes into a state what has been recorded since."""
        catch_up(self._recorder, state)

    def find_row(self, session: str, position: int) -> Row | None:
        """The event at a position as it is stored."""
        return next(self._recorder.read(session, after=position - 1, until=position), None)

    def scrub(self) -> None:
        """Remove from read models and from the database's files what redactions have left in them."""
        finish_redactions(self._recorder)

    def copy_to(self, target: "Store", *, progress: Progress | None = None) -> int:
        """Copies all that is here now into an empty store of any kind, as it is; answers how many events that were.

        `progress` is called now and then with how much is done, and how much there is to do.
        """
        if not isinstance(target, Store):
            raise InvalidValueError(
                "the target", f"must be a Store, not {type(target).__name__!r}: open it with open_store"
            )
        copied = copy_store(self._recorder, target._recorder, progress)
        if target._inline is not None:
            target._inline.catch_up()
        return copied

    def export_record(
        self, path: Target, *sessions: str, overwrite: bool = False, progress: Progress | None = None
    ) -> int:
        """Write the exact record of sessions and of their ancestors to a file or stream; without ids, of all.

        Return the number of events. A file is there when it is complete; one that exists is overwritten on request.
        """
        return write_record(path, export_lines(self._recorder, sessions or None, progress), overwrite=overwrite)

    def record_of(self, *sessions: str) -> bytes:
        """The exact record of sessions as `export_record` writes it."""
        return b"".join(export_lines(self._recorder, sessions or None))

    def import_record(self, source: PathLike | bytes, *, progress: Progress | None = None) -> ImportResult:
        """Takes over an exact record, from a file or as bytes: all of it is checked before anything is written.

        The same record again writes nothing. A session that differs from the one that is here is refused.
        """
        taken = import_lines(self._recorder, lines_of(source), self._most_bytes, progress)
        if taken.events and self._recorder.unscrubbed():
            self.scrub()
        return taken

    def backup(self, path: PathLike) -> None:
        """Writes a copy of the database to a new file while others go on working; it is there when it is complete.

        The copy has no redacted content; raises RedactionPendingError if it cannot be cleaned of it.
        """
        file, marks = validate_path(path, "the backup"), self._recorder.redaction_marks()
        if marks:
            catch_up_read_models(self._recorder)
        self._recorder.backup(file, marks)

    def digest(self) -> str:
        """Return one SHA-256 digest of all sessions, equal for its copies and backups."""
        return store_digest(self._recorder)

    def vacuum(self) -> None:
        """Gives back space that is not used, and refreshes what the database knows of its tables."""
        if self._recorder.unscrubbed():
            catch_up_read_models(self._recorder)
        self._recorder.vacuum()

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
        return verify(self._recorder, session, progress, None if projections is False else own)

    def sweep(self, ttl: int, provenance: Provenance = NO_PROVENANCE) -> SweepResult:
        """Ends, with a tombstone each, the sessions that nobody has used for more than so many seconds."""
        if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl <= A_HUNDRED_YEARS:
            raise InvalidValueError("ttl", f"is {ttl!r}: expected whole seconds from 0 to {A_HUNDRED_YEARS}")
        return sweep(self._recorder, ttl, self._clock(), provenance)

    @property
    def most_bytes(self) -> int | None:
        """What a session may weigh at most."""
        return self._most_bytes

    def now(self) -> int:
        """The time that is put on what is recorded now, in microseconds since 1970."""
        return self._clock()

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self.closing.is_set()

    def _feed(self, until: int, names: Sequence[str]) -> Iterator[Row]:
        after = 0
        while page := self._recorder.read_all(after=after, until=until, names=names, limit=1000):
            yield from page
            after = page[-1].global_position

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
    afind_command = awaited_read(find_command)
    aload = awaited_read(load)
    acatch_up = awaited(catch_up)
    ascrub = awaited(scrub)
    acopy_to = awaited(copy_to)
    aexport_record = awaited(export_record)
    arecord_of = awaited_read(record_of)
    aimport_record = awaited(import_record)
    abackup = awaited(backup)
    adigest = awaited(digest)
    avacuum = awaited(vacuum)
    averify = awaited_read(verify)
    asweep = awaited(sweep)

    @property
    def address(self) -> str:
        """Where the record is kept."""
        return self._recorder.name

    @property
    def schema(self) -> int:
        """The number of the schema that the database has; 0 where there is none."""
        return self._recorder.schema()

    @property
    def durability(self) -> str:
        """When an append is answered, in the words of the database."""
        return self._recorder.durability()

    @property
    def forgets(self) -> bool:
        """Whether sessions may vanish, and their ids begin anew."""
        return self._recorder.forgets

    def keeps_the_same_as(self, other: "Store") -> bool:
        """Whether both are the same record, as far as their addresses tell."""
        return self is other or (self.address == other.address and not self.address.startswith("memory:"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}{', closed' if self.closed else ''}>"

    def close(self) -> None:
        """Closes the store; closing twice does nothing."""
        super().close()
