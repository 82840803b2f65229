"""Which versions of a projection there are in a database: how one comes, takes over from the one before, and goes."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from ...domain.errors import InvalidValueError, ProjectionChangedError
from ...domain.errors.base import projection_not_found
from ...projections.projection import Projection
from ...projections.table_schema import TableCodec
from .ledger import (
    KINDS,
    LEDGER,
    CurrentVersion,
    Definition,
    E,
    Ledger,
    ShardCheckpoint,
    Version,
    entry_of,
    ledger_shapes,
    prepare,
)
from .row_store import RowStore, RowTransaction


def register(target: RowStore, projection: Projection, shards: int) -> None:
    """Makes the tables of a version that is new, to be built beside the old one; the first one counts at once."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        if _is_registered(target, ledger, projection, shards):
            _check_tables(target, transaction, ledger, projection)
            return
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        if _is_registered(target, ledger, projection, shards):
            return
        for shape in target.shapes(projection):
            transaction.create(shape)
        written = definition_of(projection)
        ledger.note(Version(projection.name, projection.version, shards, written))
        for shard in range(shards):
            ledger.note(ShardCheckpoint(projection.name, projection.version, shard))
        if ledger.find_name(projection.name) is None:
            _point(target, transaction, ledger, CurrentVersion(projection.name, projection.version), written)
        ledger.save()


def take_over(target: RowStore, projection: Projection) -> bool:
    """Lets a version count that has read all there is and no less than the one before; answers whether it does."""
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        name, version = _standing(target, ledger, projection)
        mine = ledger.checkpoints(name.projection, version.version)
        if not version.building:
            return True
        if not all(each.complete for each in mine):
            return False
        if name.version < version.version:
            theirs = ledger.checkpoints(name.projection, name.version)
            if min(each.global_position for each in mine) < max((each.global_position for each in theirs), default=0):
                return False
            _inherit_reactions(ledger, theirs, mine)
            name.version = version.version
            _point(target, transaction, ledger, name, version.definition)
        version.building = False
        ledger.note(version)
        ledger.save()
    return True


def rebuild(target: RowStore, projection: str) -> None:
    """Empties the rows of the version that counts and has them built from the start, without reacting again."""
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        name = _get_current(target, ledger, projection)
        version = check_counting(ledger, name)
        before = ledger.checkpoints(projection, version.version)  # locked first, as whoever writes rows does
        _point(target, transaction, ledger, name, None)
        for shape in _shapes(target, ledger, version):
            transaction.drop(shape)
        for shape in _shapes(target, ledger, version):
            transaction.create(shape)
        _point(target, transaction, ledger, name, version.definition)
        for letter in ledger.letters(projection, version.version):
            ledger.strike(letter)
        for old in before:
            ledger.note(
                ShardCheckpoint(projection, version.version, old.shard, reacted=old.reacted, token=old.token + 1)
            )
        version.building = True
        ledger.note(version)
        ledger.save()


def begin_anew(target: RowStore, projection: Projection) -> None:
    """Drop all versions of a projection, whose entries may be damaged, and make this version the one that counts.

    Its rows are to be built from the start. Reactions begin where a readable checkpoint says that they ended, else at
    the beginning.
    """
    with target.reading() as transaction:
        if not any(map(transaction.exists, ledger_shapes(target))):
            raise projection_not_found(target.name, projection.name, ())
    prepare(target)
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        places = transaction.places(target.place_prefix(projection.name))
        if not places and not any(ledger.raw(kind, projection.name) for kind in KINDS):
            raise projection_not_found(target.name, projection.name, ())
        before = _readable(ledger, ShardCheckpoint, projection.name)
        shards = max((each.shard + 1 for each in before), default=1)
        for place in places:
            transaction.point(target.view(projection.name, place.split("__")[1]), None)
            transaction.drop(TableCodec(LEDGER, place))
        for kind in KINDS:
            ledger.strike_all(kind, projection.name)
        for shard in range(shards):
            mine = [each for each in before if each.shard == shard]
            reacted, token = (max((getattr(each, name) for each in mine), default=0) for name in ("reacted", "token"))
            ledger.note(ShardCheckpoint(projection.name, projection.version, shard, reacted=reacted, token=token + 1))
        for shape in target.shapes(projection):
            transaction.create(shape)
        written = definition_of(projection)
        ledger.note(Version(projection.name, projection.version, shards, written))
        _point(target, transaction, ledger, CurrentVersion(projection.name, projection.version), written)
        ledger.save()


def _readable(ledger: Ledger, kind: type[E], projection: str) -> list[E]:
    """The entries of a kind that are not damaged."""
    found = []
    for row in ledger.raw(kind, projection):
        with suppress(msgspec.ValidationError):
            found.append(entry_of(kind, row))
    return found


def drop(target: RowStore, projection: str, version: int) -> None:
    """Takes away a version that does not count any more, with its rows."""
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        name = _get_current(target, ledger, projection)
        gone = ledger.find_version(projection, version)
        if gone is None or version == name.version:
            others = [str(each.version) for each in ledger.versions(projection) if each.version != name.version]
            expected = (
                f"expected one of {', '.join(others)}" if others else "there is no other than the one that counts"
            )
            raise InvalidValueError(
                f"the version {version} of the projection {projection!r}", f"cannot be dropped: {expected}"
            )
        checkpoints = ledger.checkpoints(projection, version)  # locked first, as whoever writes rows does
        for shape in _shapes(target, ledger, gone):
            transaction.drop(shape)
        for letter in ledger.letters(projection, version):
            ledger.strike(letter)
        for checkpoint in checkpoints:
            ledger.strike(checkpoint)
        ledger.strike(gone)
        ledger.save()


def definition_of(projection: Projection) -> str:
    """What the rows of a projection depend on, as it is written down beside them."""
    return msgspec.json.encode(Definition(sorted(projection.names), list(projection.tables))).decode()


def _is_registered(target: RowStore, ledger: Ledger, projection: Projection, shards: int) -> bool:
    known = ledger.find_version(projection.name, projection.version)
    if known is None:
        name = ledger.find_name(projection.name)
        if name is not None and projection.version < name.version:
            reason = f"version {name.version} counting, and this one dropped"
            raise ProjectionChangedError(target.name, projection.name, projection.version, reason)
        if name is not None:
            check_counting(ledger, name)
        return False
    check_entries(ledger, known)
    for what, found, wanted in [
        ("other tables or stored names", known.definition, definition_of(projection)),
        (f"{known.shards} shards", known.shards, shards),
    ]:
        if found != wanted:
            raise ProjectionChangedError(target.name, projection.name, projection.version, what)
    return True


def check_kept(target: RowStore, projection: Projection) -> None:
    """Raise ItemNotFoundError if a database has no rows of a projection, and what `check_entries` raises."""
    with target.reading() as transaction:
        there = [transaction.exists(shape) for shape in ledger_shapes(target)]
        if not any(there):
            raise projection_not_found(target.name, projection.name, ())
        ledger = Ledger(target, transaction)
        if not all(there):
            raise ledger.damage_error(projection.name, "a table with entries about projections is missing")
        versions = ledger.versions(projection.name)
        for version in versions:
            check_entries(ledger, version)
        check_counting(ledger, _get_current(target, ledger, projection.name))
        missing = [shape.place for each in versions for shape in _shapes(target, ledger, each)]
        missing = [place for place in missing if place not in transaction.places(target.place_prefix())]
        if missing:
            raise ledger.damage_error(projection.name, f"the table {missing[0]} is missing")


def check_counting(ledger: Ledger, name: CurrentVersion) -> Version:
    """The version that counts; raises LedgerDamagedError if there is none."""
    version = ledger.find_version(name.projection, name.version)
    if version is None:
        raise ledger.damage_error(name.projection, f"version {name.version}, which counts, is not among its versions")
    return version


def check_entries(ledger: Ledger, version: Version) -> None:
    """Raise LedgerDamagedError if a version has no name, other shards than it says, or no tables that can be read."""
    ledger.tables(version)
    if ledger.find_name(version.projection) is None:
        raise ledger.damage_error(version.projection, "none of its versions counts")
    found = [each.shard for each in ledger.checkpoints(version.projection, version.version)]
    if found != list(range(version.shards)):
        reason = f"version {version.version} has {version.shards} shards, and checkpoints of the shards {found}"
        raise ledger.damage_error(version.projection, reason)


def _check_tables(target: RowStore, transaction: RowTransaction, ledger: Ledger, projection: Projection) -> None:
    missing = [shape.place for shape in target.shapes(projection) if not transaction.exists(shape)]
    if missing:
        reason = f"its checkpoint, but without the table {missing[0]}"
        raise ProjectionChangedError(target.name, projection.name, projection.version, reason)


def _point(
    target: RowStore, transaction: RowTransaction, ledger: Ledger, name: CurrentVersion, definition: str | None
) -> None:
    """Makes the views show the version of the name; without a definition, takes them away."""
    views = {
        target.view(name.projection, table.name): None
        for version in ledger.versions(name.projection)
        for table in ledger.tables(version)
    }
    places: dict[str, TableCodec | None] = dict(views)
    counting = Version(name.projection, name.version, 1, definition or "")
    for table in ledger.tables(counting) if definition else ():
        place = target.place(name.projection, table.name, name.version)
        places[target.view(name.projection, table.name)] = TableCodec(table, place)
    for view, shape in places.items():
        transaction.point(view, shape)
    ledger.note(name)


def _inherit_reactions(ledger: Ledger, theirs: Sequence[ShardCheckpoint], mine: Sequence[ShardCheckpoint]) -> None:
    least = min((each.reacted for each in theirs), default=0)
    same = {each.shard: each.reacted for each in theirs} if len(theirs) == len(mine) else {}
    for each in mine:
        each.reacted = same.get(each.shard, least)
        ledger.note(each)


def _standing(target: RowStore, ledger: Ledger, projection: Projection) -> tuple[CurrentVersion, Version]:
    name, version = (
        _get_current(target, ledger, projection.name),
        ledger.find_version(projection.name, projection.version),
    )
    if version is None:
        wanted = f"{projection.name} in version {projection.version}"
        raise projection_not_found(target.name, wanted, (name.projection,))
    check_entries(ledger, version)
    return name, version


def _get_current(target: RowStore, ledger: Ledger, projection: str) -> CurrentVersion:
    name = ledger.find_name(projection)
    if name is None:
        raise projection_not_found(target.name, projection, tuple(each.projection for each in ledger.names()))
    return name


def _shapes(target: RowStore, ledger: Ledger, version: Version) -> list[TableCodec]:
    return [
        TableCodec(table, target.place(version.projection, table.name, version.version))
        for table in ledger.tables(version)
    ]
