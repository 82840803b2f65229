"""Beside the record in SQLite: snapshots and checkpoints in the same file, in tables of their own."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent, Tracking

from ..command_ids import check_repeats
from ..erasure import erasing
from ..eventsourcing_adapter.companions import Companions, LibraryProcess, LibraryView, not_ahead
from ..eventsourcing_adapter.stored_events import library_errors, notification_ids, to_appends
from ..recorder import Recorder
from ..stored_event import LAST
from .recorder import SQLiteRecorder

_ADD_SNAPSHOT = "INSERT INTO snapshots (purpose, session, position, name, state) VALUES (?, ?, ?, ?, ?)"

# The snapshots of a stream between two positions.
_READ_SNAPSHOTS = """
SELECT position, name, state FROM snapshots
WHERE purpose = ? AND session = ? AND position > ? AND position <= ? ORDER BY position {} LIMIT ?
"""

_FIND_CHECKPOINT = "SELECT global_position FROM checkpoints WHERE projection = ? AND source = ?"

# Forwards only: no row is touched if the checkpoint is there already, or further on.
_MOVE_CHECKPOINT = """
INSERT INTO checkpoints (projection, source, global_position) VALUES (?, ?, ?)
ON CONFLICT (projection, source) DO UPDATE SET global_position = excluded.global_position
WHERE checkpoints.global_position < excluded.global_position
"""


class SQLiteSnapshots(AggregateRecorder):
    """States kept by what they are for; unlike positions of events, theirs may have gaps."""

    def __init__(self, recorder: Recorder, purpose: str) -> None:
        self._recorder = _in_sqlite(recorder)
        self._purpose = purpose

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        rows = [
            (self._purpose, str(each.originator_id), each.originator_version, each.topic, each.state)
            for each in stored_events
        ]
        with library_errors(), self._recorder.connections.writing() as connection:
            try:
                connection.executemany(_ADD_SNAPSHOT, rows)
            except sqlite3.IntegrityError as reason:
                raise IntegrityError(f"a snapshot is there already: {reason}") from reason

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        query = _READ_SNAPSHOTS.format("DESC" if desc else "ASC")
        bounds = -1 if gt is None else gt, LAST if lte is None else lte, -1 if limit is None else limit
        with library_errors(), self._recorder.connections.reading() as connection:
            found = connection.execute(query, (self._purpose, str(originator_id), *bounds)).fetchall()
        originator = self._recorder.originator_id(str(originator_id))
        return [StoredEvent(originator, *row) for row in found]


class SQLiteView(LibraryView):
    """A read model in tables of its own; its transactions and reads are sqlite3's."""

    recorder: SQLiteRecorder

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder = _in_sqlite(recorder)
        self.name = name
        with library_errors(), self.recorder.connections.writing() as connection:
            self.make_tables(connection)

    def make_tables(self, connection: sqlite3.Connection) -> None:
        """Makes the tables of the view, if they are not there; one statement after the other, inside a transaction."""

    @contextmanager
    def writing(self, tracking: Tracking) -> Iterator[sqlite3.Connection]:
        with library_errors(), self.recorder.connections.writing() as connection:
            self._track(connection, tracking)
            yield connection

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for one short read."""
        return self.recorder.connections.reading()

    def max_tracking_id(self, application_name: str) -> int | None:
        with library_errors(), self.reading() as connection:
            return self._checkpoint(connection, application_name)

    def close(self) -> None:
        self.recorder.close()

    def _track(self, connection: sqlite3.Connection, tracking: Tracking) -> None:
        source, position = tracking.application_name, tracking.notification_id
        if connection.execute(_MOVE_CHECKPOINT, (self.name, source, position)).rowcount == 0:
            raise not_ahead(tracking, self._checkpoint(connection, source))

    def _checkpoint(self, connection: sqlite3.Connection, source: str) -> int | None:
        row = connection.execute(_FIND_CHECKPOINT, (self.name, source)).fetchone()
        return None if row is None else int(row[0])


class SQLiteProcess(SQLiteView, LibraryProcess):
    """Events and checkpoint in one transaction."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        with library_errors():
            appends = erasing(self.recorder, self.recorder.folding.fold_appends(to_appends(stored_events, **kwargs)))
            with self.recorder.appending(appends) as (connection, appended):
                check_repeats(self.recorder, appends, appended)
                if tracking is not None:
                    self._track(connection, tracking)
            return notification_ids(appended)


def _in_sqlite(recorder: Recorder) -> SQLiteRecorder:
    if not isinstance(recorder, SQLiteRecorder):
        raise TypeError(f"this stands in a SQLite file: expected a recorder of one, not that of {recorder.name}")
    return recorder


COMPANIONS = Companions(SQLiteSnapshots, SQLiteView, SQLiteProcess)
