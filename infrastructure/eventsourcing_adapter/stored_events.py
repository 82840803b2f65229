"""Between the library's stored events and our appends and rows; what refuses on our side, in the library's errors."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from time import time_ns
from uuid import UUID

from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    StoredEvent,
)

from ...domain.errors import (
    InvalidOperationError,
    KeyTakenError,
    PositionConflictError,
    StoreClosedError,
    StoreError,
    UnreadableEventError,
)
from ...domain.events import STORED_NAMES
from ...domain.recorded_event import NO_PROVENANCE, Provenance
from ...domain.validation import check_columns, check_time
from ..stored_event import AppendRequest, AppendResult, EncodedEvent, Row, check_salt, validate_encoded


class RowNotification(Notification):
    """A row as the library wants it; our mapper finds the whole row inside."""

    row: Row

    def __init__(self, row: Row, originator_id: UUID | str) -> None:
        vars(self).update(  # the dataclass is frozen, and its own way of assigning takes three times as long
            originator_id=originator_id,
            originator_version=row.position,
            topic=row.name,
            state=row.payload or b"",
            id=row.global_position,
            row=row,
        )

    def __eq__(self, other: object) -> bool:
        """Equal to the stored event it was made from, as the library's own recorders have it."""
        if not isinstance(other, StoredEvent):
            return NotImplemented
        same_id = not isinstance(other, Notification) or self.id == other.id
        return same_id and _identity(self) == _identity(other)

    def __hash__(self) -> int:
        return hash(_identity(self))


def to_appends(
    stored_events: Sequence[StoredEvent],
    *,
    provenance: Provenance = NO_PROVENANCE,
    command_id: str | None = None,
    time: int | None = None,
) -> list[AppendRequest]:
    """One append per run of events that follow each other in one stream; each expects the position before it.

    A stream starts at 1, or at 0 if its first event says so. What has a stored name of ours must be one of our
    events, so that the catalogue and the indexes know of it; all else is kept as it comes.
    """
    time = time_ns() // 1000 if time is None else time
    check_time(time)
    for each in stored_events:
        check_columns(str(each.originator_id), provenance, command_id)
    return [
        AppendRequest(
            session=str(run[0].originator_id),
            drafts=[_draft(each) for each in run],
            expected=run[0].originator_version - 1,
            provenance=provenance,
            time=time,
            command_id=command_id,
            start=min(run[0].originator_version, 1),
        )
        for run in _runs(stored_events)
    ]


def notification_ids(appended: Iterable[AppendResult]) -> list[int]:
    """The global positions that events got, one by one."""
    return list(chain.from_iterable(range(each.global_position, _end(each)) for each in appended))


@contextmanager
def library_errors() -> Iterator[None]:
    """What our stores raise, as the errors that the library's callers catch."""
    try:
        yield
    except (PositionConflictError, KeyTakenError) as reason:
        raise IntegrityError(str(reason)) from reason
    except (InvalidOperationError, UnreadableEventError) as reason:
        raise DataError(str(reason)) from reason
    except StoreClosedError as reason:
        raise InterfaceError(str(reason)) from reason
    except StoreError as reason:
        raise OperationalError(str(reason)) from reason


def _runs(stored_events: Sequence[StoredEvent]) -> Iterator[list[StoredEvent]]:
    run: list[StoredEvent] = []
    for each in stored_events:
        if run and (each.originator_id, each.originator_version) != _after(run[-1]):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _after(stored: StoredEvent) -> tuple[UUID | str, int]:
    return stored.originator_id, stored.originator_version + 1


def _draft(stored: StoredEvent) -> EncodedEvent:
    if stored.topic not in STORED_NAMES:
        return EncodedEvent(stored.topic, None, stored.state, None)
    draft = validate_encoded(stored.topic, stored.state, str(stored.originator_id), stored.originator_version)
    check_salt(stored.topic, stored.state)
    return draft


def _end(appended: AppendResult) -> int:
    return appended.global_position + appended.last - appended.first + 1


def _identity(stored: StoredEvent) -> tuple[UUID | str, int, str, bytes]:
    return stored.originator_id, stored.originator_version, stored.topic, stored.state
