"""Whether the rows of projections are those that the events make: they are built anew in memory, and compared."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import NamedTuple

from ...domain.errors import DatabaseError
from ...domain.recorded_event import RecordedEvent
from ...domain.redaction import REDACTIONS
from ...projections.projection import Projection, fold
from ...projections.table_schema import Key, Stored, TableCodec
from ..recorder import Recorder
from ..stored_event import to_recorded_event
from .ledger import Ledger, ProjectionMethod, Version, is_kept, shard_of
from .row_store import RowStore
from .versions import definition_of

MOST = 10
"""Rows of one table that are reported one by one."""

PAGE = 1000


class RowFindings(NamedTuple):
    """What is wrong with rows, and what could not be examined; a sentence each."""

    flaws: list[str]
    unchecked: list[str]


class _Progress(NamedTuple):
    """Which events the rows of a version hold: up to where, by shard, and of some sessions only those before one."""

    by_shard: Mapping[int, int]
    held: Mapping[str, int]

    def holds(self, event: RecordedEvent) -> bool:
        """Whether the rows hold what an event changed."""
        if event.position >= self.held.get(event.session, event.position + 1):
            return False
        return event.global_position <= self.by_shard.get(shard_of(event.session, len(self.by_shard)), 0)


class _Table(NamedTuple):
    """The rows of one table, as they are stored."""

    shape: TableCodec
    rows: dict[Key, Stored]


def examine_rows(recorder: Recorder, target: RowStore, projections: Sequence[Projection]) -> RowFindings:
    """Compares the rows of all versions in a database; of projections that are not given, nothing can be said."""
    known = {(projection.name, projection.version): projection for projection in projections}
    examined = RowFindings([], [])
    for version, has_tables in _versions(target):
        what = f"the projection {version.projection!r} in version {version.version}"
        projection = known.get((version.projection, version.version))
        if not has_tables:
            continue
        if projection is None:
            examined.unchecked.append(f"{what}: pass it to have its rows checked")
        elif definition_of(projection) != version.definition:
            examined.unchecked.append(f"{what}: it was built with other tables or stored names")
        else:
            flaws, unchecked = _examine(recorder, target, projection, version)
            examined.flaws.extend(f"{what} {flaw}" for flaw in flaws)
            examined.unchecked.extend(f"{what}: {reason}" for reason in unchecked)
    return examined


def _versions(target: RowStore) -> list[tuple[Version, bool]]:
    """The versions that there are, and whether each has tables."""
    with target.snapshot() as transaction:
        if not is_kept(target, transaction):
            return []
        ledger = Ledger(target, transaction)
        found = [version for name in ledger.names() for version in ledger.versions(name.projection)]
        return [(version, bool(ledger.tables(version))) for version in found]


def _examine(recorder: Recorder, target: RowStore, projection: Projection, version: Version) -> RowFindings:
    shapes = target.shapes(projection)
    with target.snapshot() as transaction:
        ledger = Ledger(target, transaction)
        which = (version.projection, version.version)
        letters = [letter for letter in ledger.letters(*which) if letter.hook == ProjectionMethod.APPLY]
        reached = _Progress(
            {each.shard: each.global_position for each in ledger.checkpoints(*which)},
            {letter.session: letter.position for letter in letters},
        )
        found = [_Table(shape, {shape.key_of(row): row for row in transaction.scan(shape, ())}) for shape in shapes]
    try:
        rows = fold(projection, _events(recorder, projection, reached))
        expected = [{t.shape.key_of(s): s for s in map(t.shape.to_stored, rows[t.shape.table])} for t in found]
    except DatabaseError:
        raise
    except Exception as reason:  # noqa: BLE001 (the code of a projection may raise anything)
        return RowFindings([], [f"its rows could not be built anew: {type(reason).__name__}"])
    flaws = [flaw for table, rows in zip(found, expected, strict=True) for flaw in _differences(table, rows)]
    index_flaws = [flaw for table in found for flaw in _index_flaws(target, table.shape)]
    if flaws and _is_redacted_since(recorder, min(reached.by_shard.values(), default=0)):
        return RowFindings(index_flaws, ["events were redacted that it has not read yet: let it catch up first"])
    return RowFindings(flaws + index_flaws, [])


def _events(recorder: Recorder, projection: Projection, reached: _Progress) -> Iterator[RecordedEvent]:
    after, until = 0, max(reached.by_shard.values(), default=0)
    while page := recorder.read_all(after=after, until=until, names=projection.names, limit=PAGE):
        yield from filter(reached.holds, map(to_recorded_event, page))
        after = page[-1].global_position


def _is_redacted_since(recorder: Recorder, global_position: int) -> bool:
    return bool(recorder.read_all(after=global_position, names=tuple(REDACTIONS), limit=1))


def _differences(table: _Table, expected: Mapping[Key, Stored]) -> Iterator[str]:
    name = table.shape.table.name
    said = 0
    for key in sorted(expected.keys() | table.rows.keys()):
        found, wanted = table.rows.get(key), expected.get(key)
        if found is not None and wanted is not None and _is_same(found, wanted):
            continue
        said += 1
        if said <= MOST:
            how = "is missing" if found is None else "was added" if wanted is None else "was changed"
            yield f"differs from the events: the row {key} of the table {name!r} {how}"
    if said > MOST:
        yield f"differs from the events in {said - MOST} more rows of the table {name!r}"


def _is_same(found: Stored, expected: Stored) -> bool:
    return all(
        one == other
        or (isinstance(one, float) and isinstance(other, float) and isclose(one, other, rel_tol=1e-9, abs_tol=1e-12))
        for one, other in zip(found, expected, strict=True)  # sums depend on how events were cut into batches
    )


def _index_flaws(target: RowStore, shape: TableCodec) -> Iterator[str]:
    if shape.table.search and not target.is_searchable(shape):
        yield f"has a full-text index that does not fit its table {shape.table.name!r}"
