"""What the record has taken back: messages that were retracted, or are of sessions that were deleted."""

from collections.abc import Iterable, Iterator, Sequence

from ...domain.events import ChangeUndone, MessageRetracted
from ...domain.state import Status
from ...projections.message_pages import FeedBody
from ...projections.selection import Place, Selection
from ..recorder import Recorder
from ..stored_event import Row, decode_in_feed

RETRACTIONS = ("message.retracted", "branch.change_undone")

AT_A_TIME = 1000


class Retractions:
    """Places on the record, by sessions; as many as were ever taken back, and no others."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._retractions: dict[tuple[str, int], tuple[str, int, int]] = {}
        for row in rows:
            if row.name in RETRACTIONS:
                self._take(row)
        self._retracted = set(self._retractions.values())

    def are_retracted(self, bodies: Sequence[FeedBody]) -> list[bool]:
        """Which messages were taken back on the branch that they were written on, and stayed so."""
        if not self._retracted:
            return [False] * len(bodies)
        return [(body[0], body[5], body[1]) in self._retracted for body in bodies]

    def _take(self, row: Row) -> None:
        match decode_in_feed(row):
            case MessageRetracted(branch, message):
                self._retractions[row.session, row.position] = row.session, branch, message
            case ChangeUndone(undone=position):
                self._retractions.pop((row.session, position), None)


def deleted_sessions(recorder: Recorder) -> frozenset[str]:
    """The sessions that have a tombstone."""
    return frozenset(_find_deleted(recorder))


def _find_deleted(recorder: Recorder) -> Iterator[str]:
    selection = Selection(statuses=(Status.DELETED.value,))
    after: Place | None = None
    while page := recorder.select_entries(selection, after, AT_A_TIME):
        yield from (entry.session for entry in page)
        after = selection.place(page[-1])
