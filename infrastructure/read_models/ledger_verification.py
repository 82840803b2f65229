"""Whether what a database records about its projections fits together, and whether their tables are as they were made.

No row of a projection is read, so this is part of every verification of a store.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ...domain.errors import DatabaseError, InvalidValueError
from ...projections.table_schema import TableCodec
from ..recorder import Recorder
from .ledger import (
    FORMAT,
    KINDS,
    LEDGER,
    CurrentVersion,
    DeadLetter,
    E,
    Entry,
    Ledger,
    ShardCheckpoint,
    Version,
    damage_of,
    definition_damage,
    entry_of,
    ledger_shapes,
    tables_of,
)
from .row_store import RowStore, RowTransaction


class _Entries(NamedTuple):
    """The entries that can be read, and a sentence for each that cannot."""

    by_kind: dict[type[Entry], list[Entry]]
    flaws: list[str]

    def of(self, kind: type[E]) -> list[E]:
        return [each for each in self.by_kind[kind] if isinstance(each, kind)]


def examine_ledger(recorder: Recorder, target: RowStore) -> list[str]:
    """What is wrong with the entries about projections and with their tables, a sentence each."""
    shapes = ledger_shapes(target)
    with target.snapshot() as transaction:
        missing = [shape.place for shape in shapes if not transaction.exists(shape)]
        if len(missing) == len(shapes):
            return _find_unowned(transaction, target, [])
        there = [shape for shape in shapes if shape.place not in missing]
        flaws = [f"the table {place} of the projections is missing" for place in missing]
        flaws += transaction.schema_flaws(there, {})
    if flaws:
        return flaws
    try:
        entries, flaws = _examine_tables(target)
    except DatabaseError as reason:
        return [f"the entries about projections cannot be read: {reason.reason}"]
    return [*entries.flaws, *_misfits(entries), *_beyond_the_end(recorder, entries), *flaws]


def _examine_tables(target: RowStore) -> tuple[_Entries, list[str]]:
    """The entries, and what is wrong with the tables, indexes, triggers and views that should be there by them."""
    with target.snapshot() as transaction:
        ledger = Ledger(target, transaction)
        entries = _read(ledger)
        counting = {name.projection: name.version for name in entries.of(CurrentVersion)}
        shapes, views, flaws = list[TableCodec](), dict[str, TableCodec](), _format_flaws(target, transaction)
        for version in entries.of(Version):
            try:
                tables = tables_of(version)
            except (msgspec.DecodeError, InvalidValueError, RecursionError) as reason:
                flaws.append(f"the projection {version.projection!r}: {definition_damage(version, reason)}")
                continue
            for table in tables:
                shape = TableCodec(table, target.place(version.projection, table.name, version.version))
                if not transaction.exists(shape):
                    flaws.append(f"{_label(version)} does not have its table {table.name!r}")
                    continue
                shapes.append(shape)
                if counting.get(version.projection) == version.version:
                    views[target.view(version.projection, table.name)] = shape
        flaws += transaction.schema_flaws(shapes, views)
        return entries, flaws + _find_unowned(transaction, target, entries.of(Version))


def _find_unowned(transaction: RowTransaction, target: RowStore, versions: Iterable[Version]) -> list[str]:
    """The tables that are named like those of a version and belong to none."""
    known = tuple((target.place_prefix(each.projection), f"__v{each.version}") for each in versions)
    return [
        f"the table {place} belongs to no version of a projection"
        for place in transaction.places(target.place_prefix())
        if not any(place.startswith(prefix) and place.endswith(end) for prefix, end in known)
    ]


def _format_flaws(target: RowStore, transaction: RowTransaction) -> list[str]:
    rows = list(transaction.scan(ledger_shapes(target)[0], ()))
    if rows == [(1, FORMAT)]:
        return []
    return [f"the table {LEDGER.name!r} of the projections holds {rows}: expected {[(1, FORMAT)]}"]


def _read(ledger: Ledger) -> _Entries:
    entries = _Entries(defaultdict(list), [])
    for kind in KINDS:
        for row in ledger.raw(kind):
            try:
                entries.by_kind[kind].append(entry_of(kind, row))
            except msgspec.ValidationError as reason:
                entries.flaws.append(f"the projection {row['projection']!r}: {damage_of(kind, row, reason)}")
    return entries


def _misfits(entries: _Entries) -> Iterator[str]:
    """Entries that do not fit each other."""
    if entries.flaws:  # what cannot be read may be what seems to be missing
        return
    versions = {(each.projection, each.version): each for each in entries.of(Version)}
    shards = defaultdict(list)
    for name in entries.of(CurrentVersion):
        if (name.projection, name.version) not in versions:
            yield f"the projection {name.projection!r} counts version {name.version}, which is not among its versions"
    for projection in sorted({each for each, _ in versions} - {each.projection for each in entries.of(CurrentVersion)}):
        yield f"the projection {projection!r} has versions, and none of them counts"
    for checkpoint in entries.of(ShardCheckpoint):
        shards[checkpoint.projection, checkpoint.version].append(checkpoint.shard)
    for which in sorted(shards.keys() - versions.keys()):
        yield f"the projection {which[0]!r} has a checkpoint of version {which[1]}, which is not among its versions"
    for which, version in versions.items():
        if shards[which] != list(range(version.shards)):
            found = f"checkpoints of the shards {shards[which]}"
            yield f"{_label(version)} has {found}: expected one for each of {version.shards}"
    for letter in entries.of(DeadLetter):
        known = versions.get((letter.projection, letter.version))
        if known is None or letter.shard >= known.shards:
            yield f"the projection {letter.projection!r} has a dead letter of an unknown version or shard"


def _beyond_the_end(recorder: Recorder, entries: _Entries) -> Iterator[str]:
    """Positions that no event has, and digests that are not those of the events that were read last."""
    last = recorder.last_global_position()  # after the entries were read: it only grows
    for each in entries.of(ShardCheckpoint):
        what = f"{_label(each)}, shard {each.shard},"
        if max(each.global_position, each.reacted) > last:
            at = max(each.global_position, each.reacted)
            yield f"{what} has its checkpoint at global position {at}, and the last event is at {last}"
        elif each.digest is not None:
            at = each.global_position
            rows = recorder.read_all(after=at - 1, until=at, limit=1)
            if [row.digest.hex() for row in rows] != [each.digest]:
                yield f"{what} has the digest of another event than that at global position {at}"
    for letter in entries.of(DeadLetter):
        if letter.global_position > last:
            yield f"{_label(letter)} has a dead letter at global position {letter.global_position}, behind the last"


def _label(entry: Version | ShardCheckpoint | DeadLetter) -> str:
    return f"the projection {entry.projection!r} in version {entry.version}"
