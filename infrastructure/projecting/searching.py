"""Where words may be found: by the index of the transcript as far as it goes, and in what came after it."""

from collections.abc import Iterator, Sequence

from ...domain.errors import NotSupportedError
from ...domain.record import RecordedEvent
from ...projections.messages import recorded_message
from ...projections.tables import Shape
from ...projections.transcript import TRANSCRIPT, Transcript
from ...projections.words import Phrase, found_in
from ..recorder import Recorder
from ..rows import recorded_in_feed
from .ledger import Ledger, ledger_shapes
from .opening import target_of
from .target import Target

PAGE = 200
"""Keys that are asked of the index at a time, and events of the feed times ten."""

WRITTEN = ("message.appended", "branch.system_set")


def places_of(
    recorder: Recorder, target: Target | None, phrases: Sequence[Phrase], under: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """The session and position of messages that may have all the phrases, the newest first.

    Without an index, all that was ever said is looked through.
    """
    rows = _own_target(recorder) if target is None else target
    reached, indexed = (0, False) if rows is None else _reached(rows)
    yield from reversed(list(_behind(recorder, reached, phrases, under)))
    skip = 0
    while rows is not None and indexed:
        with rows.reading() as transaction:
            found = transaction.search(_shape(rows), phrases, "global_position", under=under, skip=skip, limit=PAGE)
        yield from found
        if len(found) < PAGE:
            return
        skip += PAGE


def _own_target(recorder: Recorder) -> Target | None:
    try:
        return target_of(recorder)
    except NotSupportedError:
        return None


def _reached(target: Target) -> tuple[int, bool]:
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


def _shape(target: Target) -> Shape:
    (shape,) = [each for each in target.shapes(Transcript()) if each.table.name == TRANSCRIPT.name]
    return shape


def _behind(
    recorder: Recorder, reached: int, phrases: Sequence[Phrase], under: Sequence[str]
) -> Iterator[tuple[str, int]]:
    last = recorder.last_global_position()
    while reached < last:
        page = recorder.read_all(after=reached, until=last, names=WRITTEN, limit=10 * PAGE)
        for row in page:
            if (not under or row.session in under) and _has(recorded_in_feed(row), phrases):
                yield row.session, row.position
        reached = page[-1].global_position if page else last


def _has(event: RecordedEvent, phrases: Sequence[Phrase]) -> bool:
    try:
        text = recorded_message(event).text
    except TypeError:  # a system message that was taken away
        return False
    return found_in(text, phrases)
