"""A log gets an id and a time when it is first kept."""

from collections.abc import Callable
from uuid import uuid4

from msgspec.structs import replace

from ...domain.log import Log
from ...domain.recorded_event import to_datetime


def new_id() -> str:
    """An id that no other log has."""
    return str(uuid4())


def stamp_log(log: Log, now: int, fresh: Callable[[], str] = new_id) -> Log:
    """The log with an id and a time; those it has it keeps."""
    if log.id is not None and log.created_at is not None:
        return log
    return replace(log, id=fresh() if log.id is None else log.id, created_at=log.created_at or to_datetime(now))
