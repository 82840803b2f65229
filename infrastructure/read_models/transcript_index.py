"""Where words may be found: by the index of the transcript as far as it goes, and in what came after it."""

from collections.abc import Iterator, Sequence

from ...domain.errors import NotSupportedError
from ...domain.recorded_event import RecordedEvent
from ...projections.full_text import Phrase, matches
from ...projections.recorded_messages import message_from_recorded
from ...projections.table_schema import TableCodec
from ...projections.transcript import TRANSCRIPT, Transcript
from ..recorder import Recorder
from ..stored_event import to_recorded_events
from .ledger import Ledger, ledger_shapes
from .open_row_store import row_store_of
from .row_store import RowStore

PAGE = 200
"""Keys that are asked of the index at a time, and events of the feed times ten."""

WRITTEN = ("message.appended", "branch.system_set")


def find_candidates(
    recorder: Recorder, target: RowStore | None, phrases: Sequence[Phrase], under: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """The session and position of messages that may have all the phrases, the newest first.

    Without an index, all that was ever said is looked through.
    """
    rows = _own_target(recorder) if target is None else target
    reached, indexed = (0, False) if rows is None else _indexed_position(rows)
    yield from reversed(list(_behind(recorder, reached, phrases, under)))
    skip = 0
    while rows is not None and indexed:
        with rows.reading() as transaction:
            found = transaction.search(_shape(rows), phrases, "global_position", under=under, skip=skip, limit=PAGE)
        yield from found
        if len(found) < PAGE:
            return
        skip += PAGE


def _own_target(recorder: Recorder) -> RowStore | None:
    try:
        return row_store_of(recorder)
    except NotSupportedError:
        return None


def _indexed_position(target: RowStore) -> tuple[int, bool]:
    """Up to which global position there is an index, and whether there is one."""
    with target.reading() as transaction:
        if not transaction.exists(ledger_shapes(target)[-1]):
            return 0, False
        ledger = Ledger(target, transaction)
        name = ledger.find_name(Transcript.name)
        if name is None or name.version != Transcript.version:
            return 0, False
        checkpoints = ledger.checkpoints(name.projection, name.version)
        return min((each.global_position for each in checkpoints), default=0), True


def _shape(target: RowStore) -> TableCodec:
    (shape,) = [each for each in target.shapes(Transcript()) if each.table.name == TRANSCRIPT.name]
    return shape


def _behind(
    recorder: Recorder, reached: int, phrases: Sequence[Phrase], under: Sequence[str]
) -> Iterator[tuple[str, int]]:
    last = recorder.last_global_position()
    while reached < last:
        page = recorder.read_all(after=reached, until=last, names=WRITTEN, limit=10 * PAGE)
        for row in page:
            if (not under or row.session in under) and _has(to_recorded_events(row), phrases):
                yield row.session, row.position
        reached = page[-1].global_position if page else last


def _has(event: RecordedEvent, phrases: Sequence[Phrase]) -> bool:
    try:
        text = message_from_recorded(event).text
    except TypeError:  # a system message that was taken away
        return False
    return matches(text, phrases)
