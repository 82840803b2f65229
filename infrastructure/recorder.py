"""The contract that every kind of store keeps: rows go in by atomic appends and come out by position."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from eventsourcing.persistence import NotSupportedError as LibraryNotSupportedError

from ..domain.errors import NotSupportedError
from ..domain.ranges import Positions
from ..projections.catalogue import CatalogueEntry
from ..projections.message_pages import Body, FeedBody
from ..projections.projection import Projection
from ..projections.selection import Place, Selection
from .command_ids import check_repeats, is_recorded
from .erasure import erasing
from .eventsourcing_adapter.stored_events import RowNotification, library_errors, notification_ids, to_appends
from .eventsourcing_adapter.subscription import FeedSubscription
from .feed import Feed
from .fold_check import FoldCheck
from .read_models.row_store import RowTransaction
from .stored_event import AppendRequest, AppendResult, Outcome, Row

PAGE = 1000
"""Messages per page of bodies, where the store has no pages of its own."""


class OpenMode(Enum):
    """What becomes of a store that is not there, or is of an older version, when it is opened."""

    MAKING = "it is made, or brought up to date"
    EXISTING = "it is refused"


R = TypeVar("R")


class AppendHook(Protocol):
    """The projections that are kept in the transactions that append."""

    @property
    def attached(self) -> list[Projection]:
        """The projections that are attached."""
        ...

    def around(self, append: Callable[[], R]) -> R:
        """Append, and catch up first with projections that are far behind."""
        ...

    def keep(
        self, transaction: RowTransaction, read: Callable[[int, int], Sequence[Row]], last: int, appended: int
    ) -> None:
        """Apply the events up to the last one to the rows, in the transaction that appends them."""
        ...


def stored_body(row: Row) -> FeedBody:
    """What a frame of messages needs of a row."""
    place = row.session, row.position, row.global_position, row.time, row.name, row.branch
    return *place, row.payload, row.actor, row.correlation


def message_body(row: Row) -> Body:
    """What a page of a session's messages needs of a row."""
    return row.position, row.time, row.payload, row.global_position, row.actor, row.correlation


class Recorder(ApplicationRecorder):
    """Keeps rows. Every answer is of committed rows only; a row once committed is never different, unless it is erased.

    What the `eventsourcing` library asks of a recorder of applications is answered here, once for every kind of store.
    """

    name: str
    """What the store is called in errors: its address."""

    forgets: bool = False
    """Whether sessions may vanish, and their ids begin anew."""

    inline: AppendHook | None = None
    """The projections that are kept in the transactions that append, if there are any."""

    originator_id_type: type[UUID] | type[str] = str
    """What the library's applications take the id of a stream for; on the record it is text."""

    @cached_property
    def folding(self) -> FoldCheck:
        """The check of appends whose caller has no state of the session."""
        return FoldCheck(self)

    @abstractmethod
    def append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        """Commits several appends at once; each is recorded, refused or fails by itself.

        What is raised instead is true of all of them: none is recorded, or nobody knows (OutcomeUnknownError).
        """

    @abstractmethod
    def append_together(self, appends: Iterable[AppendRequest]) -> list[AppendResult]:
        """Commits several appends at once: all of them, or none and the first refusal is raised.

        They may be iterated over more than once.
        """

    @abstractmethod
    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        """Takes over rows into a store that has none, as they are: positions, times and digests included.

        Rows come in the order of their global positions.
        """

    @abstractmethod
    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        """The rows of a session after one position and up to another."""

    def find_row(self, session: str, position: int) -> Row | None:
        """Return the event at a position as it is stored, if there is one."""
        return next(self.read(session, after=position - 1, until=position), None)

    @abstractmethod
    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        """The messages written on a branch between two positions, both included."""

    def read_bodies(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[list[Body]]:
        """The messages written on a branch between two positions, both included, a page at a time."""
        rows = self.read_messages(session, branch, first, last, backwards=backwards)
        while page := list(map(message_body, islice(rows, PAGE))):
            yield page

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        """What is recorded at these positions, which ascend."""
        rows = (row for place in positions for row in self.read(session, after=place - 1, until=place))
        return list(map(message_body, rows))

    @abstractmethod
    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        """The rows of a session that are no messages."""

    @abstractmethod
    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        """The positions of the messages written on each branch, without the messages."""

    @abstractmethod
    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        """The rows of all sessions behind a global position, in the order they were committed.

        With stored names, only the rows that have one of them.
        """

    def read_all_bodies(
        self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int
    ) -> list[FeedBody]:
        """The same rows, of which only what is needed to make a frame of them."""
        rows = self.read_all(after=after, until=until, names=names, limit=limit)
        return list(map(stored_body, rows))

    @abstractmethod
    def last_global_position(self) -> int:
        """The global position of the newest row; 0 if there is none."""

    @abstractmethod
    def wait(self, after: int, timeout: float) -> bool:
        """Sleeps until there are rows behind a global position; False if the time is up before."""

    @abstractmethod
    def find_entry(self, session: str) -> CatalogueEntry | None:
        """What the catalogue knows of a session."""

    @abstractmethod
    def read_entries(self) -> Iterator[CatalogueEntry]:
        """The whole catalogue, in the order the sessions were started."""

    @abstractmethod
    def find_key(self, key: str) -> CatalogueEntry | None:
        """What the catalogue knows of the session that has a key."""

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]:
        """The first entries of a selection behind a place, in its order; here by looking at all there are."""
        return selection.page(self.read_entries(), after, limit)

    @abstractmethod
    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        """What a command recorded when it first came."""

    def scrub(self) -> None:
        """Remove from the database's files what redactions have left in them, as far as others can go on meanwhile.

        Raises RedactionPendingError if something prevents it; then it is to be tried again.
        """

    def needs_scrub(self) -> bool:
        """Whether content that was redacted may still be in the database's files."""
        return False

    @abstractmethod
    def find_flaws(self) -> list[str]:
        """What is wrong with the store as a whole: rows that no session owns, global positions that are missing."""

    def find_unchecked(self) -> list[str]:
        """What of the store as a whole could not be examined, and why."""
        return []

    def durability(self) -> str:
        """When an append is answered, as far as can be told: in the words of the database."""
        return "none: it is kept in memory"

    def schema(self) -> int:
        """The number of the schema, or layout, that the store has."""
        return 0

    def redaction_marks(self) -> list[str]:
        """The marks of redactions of which content may still be in the database's files, where a backup has them."""
        return []

    def backup(self, path: Path, marks: Sequence[str] = ()) -> None:
        """Writes a copy of the database to a new file, if this kind of store has files.

        If there are marks, of redactions that all rows of projections have taken in, the copy is cleaned.
        """
        raise NotSupportedError(
            self.name, "a backup to a file", "copy it into a SQLite store, or use the server's own means"
        )

    def vacuum(self) -> None:
        """Gives back space that is not used."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of everything; closing twice does nothing."""

    # What the library asks

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Records events at exactly their positions, all or none; answers with their global positions.

        Takes `provenance`, `command_id` and `time` beside them. What a redaction erases stays in the files of the
        database until the store is opened or scrubbed.
        """
        if kwargs.pop("tracking", None) is not None:
            raise LibraryNotSupportedError("a recorder of events keeps no checkpoints: expected a process recorder")
        with library_errors():
            appends = erasing(self, self.folding.fold_appends(to_appends(stored_events, **kwargs)))
            for append in appends:  # before any of them is written
                is_recorded(self, append)
            appended = self.append_together(appends) if appends else []
            check_repeats(self, appends, appended)
            return notification_ids(appended)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of a stream between two positions, from either end."""
        session, after, until = str(originator_id), -1 if gt is None else gt, lte
        with library_errors():
            if desc and limit is not None and (entry := self.find_entry(session)):
                until = entry.position if lte is None else min(lte, entry.position)
                after = max(after, until - limit)
            rows = islice(self.read(session, after=after, until=until, backwards=desc), limit)
            return [RowNotification(row, self.originator_id(row.session)) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RowNotification]:
        """The events of all streams from a global position on."""
        after = 0 if start is None else max(start - inclusive_of_start, 0)
        with library_errors():
            rows = self.read_all(after=after, until=stop, names=topics, limit=limit)
            return [RowNotification(row, self.originator_id(row.session)) for row in rows]

    def max_notification_id(self) -> int | None:
        """The last global position, if there is one."""
        with library_errors():
            return self.last_global_position() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> FeedSubscription:
        """The events of all streams behind a global position, and those to come."""
        return FeedSubscription(self, Feed(self, gt or 0, topics), self.originator_id, gt, topics)

    def originator_id(self, session: str) -> UUID | str:
        """The id of a stream as the library's applications know it."""
        return self.originator_id_type(session)
