"""Beside the record in PostgreSQL: snapshots and checkpoints in the same schema, in tables of their own."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent, Tracking
from psycopg.errors import UniqueViolation

from ..command_ids import check_repeats
from ..erasure import erasing
from ..eventsourcing_adapter.companions import Companions, LibraryProcess, LibraryView, not_ahead
from ..eventsourcing_adapter.stored_events import library_errors, notification_ids, to_appends
from ..recorder import Recorder
from ..server_recorder import StampedAppend
from ..stored_event import LAST
from . import append_protocol
from .connections import Connection
from .recorder import PostgresRecorder

_ADD_SNAPSHOT = """
INSERT INTO "{schema}".{prefix}snapshots (purpose, session, position, name, state) VALUES (%s, %s, %s, %s, %s)
"""

# The snapshots of a stream between two positions.
_READ_SNAPSHOTS = """
SELECT position, name, state FROM "{schema}".{prefix}snapshots
WHERE purpose = %s AND session = %s AND position > %s AND position <= %s ORDER BY position
"""

_FIND_CHECKPOINT = """
SELECT global_position FROM "{schema}".{prefix}checkpoints WHERE projection = %s AND source = %s
"""

# Forwards only: no row is touched if the checkpoint is there already, or further on.
_MOVE_CHECKPOINT = """
INSERT INTO "{schema}".{prefix}checkpoints AS c (projection, source, global_position) VALUES (%s, %s, %s)
ON CONFLICT (projection, source) DO UPDATE SET global_position = excluded.global_position
WHERE c.global_position < excluded.global_position
"""


class PostgresSnapshots(AggregateRecorder):
    """States kept by what they are for; unlike positions of events, theirs may have gaps."""

    def __init__(self, recorder: Recorder, purpose: str) -> None:
        self._recorder = _in_postgres(recorder)
        self._connections = self._recorder.connections
        self._purpose = purpose

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        rows = [
            (self._purpose, str(each.originator_id), each.originator_version, each.topic, each.state)
            for each in stored_events
        ]
        statement = self._connections.tables.with_names(_ADD_SNAPSHOT)
        with library_errors(), self._connections.using() as connection:
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.executemany(statement, rows)
            except UniqueViolation as reason:
                raise IntegrityError(f"a snapshot is there already: {reason.diag.message_primary}") from reason

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        statement = f"{_READ_SNAPSHOTS} {'DESC' if desc else 'ASC'} LIMIT %s"
        bounds = -1 if gt is None else gt, LAST if lte is None else lte, limit
        with library_errors():
            found = self._connections.ask(statement, (self._purpose, str(originator_id), *bounds))
        originator = self._recorder.originator_id(str(originator_id))
        return [StoredEvent(originator, *row) for row in found]


class PostgresView(LibraryView):
    """A read model in tables of its own; its transactions and reads are psycopg's."""

    recorder: PostgresRecorder

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder = _in_postgres(recorder)
        self.connections = self.recorder.connections
        self.name = name
        with library_errors(), self.connections.using() as connection, connection.transaction():
            self.make_tables(connection)

    def make_tables(self, connection: Connection) -> None:
        """Makes the tables of the view, if they are not there, inside a transaction."""

    def named(self, statement: str) -> str:
        """The statement with the schema and the prefix of the store for `{schema}` and `{prefix}`."""
        return self.connections.tables.with_names(statement)

    @contextmanager
    def writing(self, tracking: Tracking) -> Iterator[Connection]:
        with library_errors(), self.connections.using() as connection, connection.transaction():
            self._track(connection, tracking)
            yield connection

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for one short read."""
        return self.connections.using()

    def max_tracking_id(self, application_name: str) -> int | None:
        with library_errors(), self.reading() as connection:
            return self._checkpoint(connection, application_name)

    def close(self) -> None:
        self.recorder.close()

    def _track(self, connection: Connection, tracking: Tracking) -> None:
        source, position = tracking.application_name, tracking.notification_id
        if connection.execute(self.named(_MOVE_CHECKPOINT), (self.name, source, position)).rowcount == 0:
            raise not_ahead(tracking, self._checkpoint(connection, source))

    def _checkpoint(self, connection: Connection, source: str) -> int | None:
        row = connection.execute(self.named(_FIND_CHECKPOINT), (self.name, source)).fetchone()
        return None if row is None else int(row[0])


class PostgresProcess(PostgresView, LibraryProcess):
    """Events and checkpoint in one transaction."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        if tracking is None:
            return self.recorder.insert_events(stored_events, **kwargs)
        with library_errors():
            appends = erasing(self.recorder, self.recorder.folding.fold_appends(to_appends(stored_events, **kwargs)))
            with self.writing(tracking) as connection:
                appended = _Inside(self.recorder, connection).append_together(appends) if appends else []
                check_repeats(self.recorder, appends, appended)
            return notification_ids(appended)


class _Inside(PostgresRecorder):
    """A recorder that appends inside a transaction: all it knows is the other's, only what it sends goes this way.

    If the transaction fails, the other one knows heads that are none, and learns better with its next append.
    """

    def __init__(self, recorder: PostgresRecorder, connection: Connection) -> None:
        self.__dict__ = {**vars(recorder), "_connection": connection}

    def _send(self, attempts: Sequence[StampedAppend], statement: str) -> list[tuple[Any, ...]]:
        connection: Connection = vars(self)["_connection"]
        named = self.connections.tables.with_names(statement)
        answers = connection.execute(named, (*append_protocol.parameters(attempts), False), binary=True).fetchall()
        for answer, attempt in zip(answers, attempts, strict=True):
            if answer[0] == "recorded":
                self._erase(connection, attempt.append.erase)
        return answers


def _in_postgres(recorder: Recorder) -> PostgresRecorder:
    if not isinstance(recorder, PostgresRecorder):
        raise TypeError(f"this stands in PostgreSQL: expected a recorder of it, not that of {recorder.name}")
    return recorder


COMPANIONS = Companions(PostgresSnapshots, PostgresView, PostgresProcess)
