"""Recorded events checked as if they were about to be recorded, session by session: for imports, and for `verify`."""

from collections.abc import Iterable, Mapping

import msgspec

from ..domain.consistency import follow
from ..domain.errors import InvalidEventError, InvalidValueError
from ..domain.events import STORED_NAMES, Event, SessionStarted
from ..domain.evolve import fork_state
from ..domain.inherited_history import inherit
from ..domain.recorded_event import Provenance
from ..domain.state import State, Status
from ..domain.validation import check_columns, check_payload, check_time
from .state_loader import StateSource, load_state
from .stored_event import Row, check_salt, validate_encoded

Points = Mapping[str, set[int]]
"""By session, the positions at which other sessions are forked from it."""

_FORKED = b'"forked_from"'


def decode_checked(row: Row) -> Event | None:
    """The event of a row, which the public API could have recorded; None if its name is not one of a session's events.

    Raises if it may not enter the record.
    """
    check_columns(row.session, Provenance(row.actor, row.correlation, row.cause), row.command_id)
    check_time(row.time)
    if row.name not in STORED_NAMES:
        check_payload(row.payload or b"")
        if not row.name.isprintable() or row.branch is not None:
            raise InvalidValueError(f"the event {row.name!r}", "has a branch, or a name with control characters")
        return None
    draft = validate_encoded(row.name, row.payload or b"", row.session, row.position)
    if draft.branch != row.branch:
        raise InvalidValueError(
            f"the event {row.name}", f"is on branch {draft.branch}, and its row on branch {row.branch}"
        )
    if row.payload_hash is None:
        check_salt(row.name, row.payload or b"")
    return draft.event


class RecordReplay:
    """Folds one session after the other, and keeps the states that others are forked from."""

    def __init__(self, store: StateSource, points: Points | None = None) -> None:
        self._store = store
        self._points = points or {}
        self._kept: dict[tuple[str, int], State] = {}
        self._state = State("")

    def begin(self, session: str, position: int) -> None:
        """Begin a session, or a stream of the eventsourcing library, with its first event at a position."""
        self._state = State(session, position=position - 1)

    def take(self, row: Row, event: Event | None) -> None:
        """Fold an event; raises if it does not follow from those before it."""
        if event is None:
            self._pass_over(row)
            return
        if isinstance(event, SessionStarted):
            self._start(row, event)
        follow(self._state, row.position, row.time, event)
        if row.position in self._points.get(row.session, ()):
            self._kept[row.session, row.position] = fork_state(self._state)

    def _pass_over(self, row: Row) -> None:
        """Leave out an event of the eventsourcing library, whose streams are not sessions."""
        if self._state.status is not Status.UNSTARTED:
            raise InvalidEventError(
                row.session, row.position, row.name, "this version of Turnlog does not know its name"
            )
        self._state.position = row.position

    def _start(self, row: Row, event: SessionStarted) -> None:
        if row.position != 1:
            raise InvalidEventError(row.session, row.position, row.name, "a session starts at position 1")
        origin, at = event.forked_from, event.forked_at
        if origin is not None and at is not None:
            source = self._kept.get((origin, at)) or load_state(self._store, origin, at)
            self._state = inherit(source, row.session, at)


def fork_points(lines: Iterable[bytes]) -> Points:
    """The positions at which sessions of a file are forked from others; lines that are no events are passed over."""
    points: dict[str, set[int]] = {}
    for line in lines:
        if _FORKED not in line:
            continue
        try:
            started = _decode(line).payload
        except (ValueError, RecursionError):
            continue
        if started.forked_from is not None and started.forked_at is not None:
            points.setdefault(started.forked_from, set()).add(started.forked_at)
    return points


class _ForkOrigin(msgspec.Struct):
    forked_from: str | None = None
    forked_at: int | None = None


class _Line(msgspec.Struct):
    payload: _ForkOrigin


_decode = msgspec.json.Decoder(_Line).decode
