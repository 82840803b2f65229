"""A store into another, of any kind: positions, times, digests and ids as they are."""

from collections.abc import Iterator

from ..projections.catalogue import CatalogueEntry
from .progress import Progress, ProgressCounter
from .recorder import Recorder
from .stored_event import Row, entry_after

PAGE = 1000


def copy_store(source: Recorder, target: Recorder, progress: Progress | None = None) -> int:
    """Copies what the source holds now into a target that holds nothing; answers how many events that were.

    It is read twice: what the catalogue is to say comes first.
    """
    until = source.last_global_position()
    counted = ProgressCounter(progress, 2 * until)
    entries: dict[str, CatalogueEntry] = {}
    count = 0
    for row in counted.count(_rows(source, until)):
        before = entries.get(row.session) or CatalogueEntry(row.session)
        entries[row.session] = entry_after(before, row)
        count += 1
    target.restore(entries.values(), counted.count(_rows(source, until)))
    counted.end()
    return count


def _rows(source: Recorder, until: int) -> Iterator[Row]:
    after = 0
    while page := source.read_all(after=after, until=until, limit=PAGE):
        yield from page
        after = page[-1].global_position
