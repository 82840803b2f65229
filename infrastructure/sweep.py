"""Sessions that nobody has used for so long that they end: the sweep for stores that do not let them vanish."""

from collections.abc import Iterator

import msgspec

from ..domain.decisions import session as sessions
from ..domain.errors import (
    InvalidValueError,
    PositionConflictError,
    SessionNotFoundError,
    SessionReferencedError,
    UnreadableEventError,
)
from ..domain.recorded_event import Provenance
from ..projections.catalogue import CatalogueEntry
from ..projections.selection import Order, Selection, page_mark, parse_page_mark
from .recorder import Recorder
from .settings import A_HUNDRED_YEARS
from .state_loader import load_state, missing_forks
from .stored_event import AppendRequest, encode_events

SECOND = 1_000_000
PAGE = 500


class SweepResult(msgspec.Struct, frozen=True):
    """The sessions that were ended, and those that others go on from, which therefore stayed."""

    ended: tuple[str, ...]
    kept: tuple[str, ...]


def sweep(recorder: Recorder, ttl: int, now: int, provenance: Provenance) -> SweepResult:
    """End every session that was last used more than `ttl` seconds ago, each with a tombstone that says so.

    One that is used meanwhile stays. Of sessions that go on from others, the last ones end first.
    """
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl <= A_HUNDRED_YEARS:
        raise InvalidValueError("ttl", f"is {ttl!r}: expected whole seconds from 0 to {A_HUNDRED_YEARS}")
    ended: list[str] = []
    kept = _find_expired(recorder, now - ttl * SECOND)
    reason = f"not used for {ttl} seconds"
    while True:
        left = [entry for entry in kept if not _end(recorder, entry, reason, now, provenance, ended)]
        if len(left) in (0, len(kept)):
            return SweepResult(tuple(ended), tuple(entry.session for entry in left))
        kept = left


def _find_expired(recorder: Recorder, until: int) -> list[CatalogueEntry]:
    """The sessions that were last used up to a time; read before any of them ends."""
    return list(_pages(recorder, Selection(updated_until=until - 1, order=Order.UPDATED)))


def _pages(recorder: Recorder, selection: Selection) -> Iterator[CatalogueEntry]:
    mark = None
    while page := recorder.select_entries(selection, parse_page_mark(selection, mark), PAGE):
        yield from page
        mark = page_mark(selection, page[-1])


def _end(
    recorder: Recorder, entry: CatalogueEntry, reason: str, now: int, provenance: Provenance, ended: list[str]
) -> bool:
    """Whether a session is done with: ended, or used since; False if others go on from it."""
    try:
        newest = recorder.find_entry(entry.session)
        if newest is None or newest.updated != entry.updated:
            return True
        state = load_state(recorder, entry.session, newest.position)
        changes = [(state, sessions.delete(state, reason, missing=missing_forks(recorder, state)))]
        if newest.forked_from is not None:
            origin = load_state(recorder, newest.forked_from)
            changes.append((origin, sessions.end_fork(origin, entry.session)))
        time = max(now, *(state.time for state, _ in changes))
        recorder.append_together(
            [
                AppendRequest(state.session, encode_events(events), state.position, provenance, time)
                for state, events in changes
                if events
            ]
        )
    except (SessionReferencedError, UnreadableEventError):
        return False
    except (PositionConflictError, SessionNotFoundError):
        return True
    ended.append(entry.session)
    return True
