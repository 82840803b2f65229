"""Which versions of a projection there are in a database: how one comes, takes over from the one before, and goes."""

from collections.abc import Sequence

import msgspec

from ...domain.errors import InvalidValue
from ...domain.projection_errors import DefinitionChanged, UnknownProjection
from ...projections.definition import Projection
from ...projections.tables import Shape, Table
from .ledger import Checkpoint, Ledger, Name, Version
from .target import Target, Transaction


class Definition(msgspec.Struct):
    """What of a projection its rows depend on, as it is written down beside them."""

    names: list[str]
    tables: list[Table]


def register(target: Target, projection: Projection, shards: int) -> None:
    """Makes the tables of a version that is new, to be built beside the old one; the first one counts at once."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        if _is_known(target, ledger, projection, shards):
            _check_tables(target, transaction, ledger, projection)
            return
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        if _is_known(target, ledger, projection, shards):
            return
        for shape in target.shapes(projection):
            transaction.create(shape)
        written = definition_of(projection)
        ledger.note(Version(projection.name, projection.version, shards, written))
        for shard in range(shards):
            ledger.note(Checkpoint(projection.name, projection.version, shard))
        if ledger.find_name(projection.name) is None:
            _point(target, transaction, ledger, Name(projection.name, projection.version), written)
        ledger.save()


def take_over(target: Target, projection: Projection) -> bool:
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


def rebuild(target: Target, projection: str) -> None:
    """Empties the rows of the version that counts and has them built from the start, without reacting again."""
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        name = _named(target, ledger, projection)
        version = ledger.find_version(projection, name.version)
        assert version is not None
        before = ledger.checkpoints(projection, version.version)  # locked first, as whoever writes rows does
        _point(target, transaction, ledger, name, None)
        for shape in _shapes(target, version):
            transaction.drop(shape)
        for shape in _shapes(target, version):
            transaction.create(shape)
        _point(target, transaction, ledger, name, version.definition)
        for letter in list(ledger.letters(projection, version.version)):
            ledger.strike(letter)
        for old in before:
            ledger.note(Checkpoint(projection, version.version, old.shard, reacted=old.reacted, token=old.token + 1))
        version.building = True
        ledger.note(version)
        ledger.save()


def drop(target: Target, projection: str, version: int) -> None:
    """Takes away a version that does not count any more, with its rows."""
    with target.writing() as transaction:
        transaction.alone()
        ledger = Ledger(target, transaction)
        name = _named(target, ledger, projection)
        gone = ledger.find_version(projection, version)
        if gone is None or version == name.version:
            others = [str(each.version) for each in ledger.versions(projection) if each.version != name.version]
            expected = (
                f"expected one of {', '.join(others)}" if others else "there is no other than the one that counts"
            )
            raise InvalidValue(
                f"the version {version} of the projection {projection!r}", f"cannot be dropped: {expected}"
            )
        checkpoints = ledger.checkpoints(projection, version)  # locked first, as whoever writes rows does
        for shape in _shapes(target, gone):
            transaction.drop(shape)
        for letter in list(ledger.letters(projection, version)):
            ledger.strike(letter)
        for checkpoint in checkpoints:
            ledger.strike(checkpoint)
        ledger.strike(gone)
        ledger.save()


def tables_of(version: Version) -> list[Table]:
    """The tables of a version, as they were declared when it was built."""
    return _tables(version.definition)


def definition_of(projection: Projection) -> str:
    """What the rows of a projection depend on, as it is written down beside them."""
    return msgspec.json.encode(Definition(sorted(projection.names), list(projection.tables))).decode()


def _is_known(target: Target, ledger: Ledger, projection: Projection, shards: int) -> bool:
    known = ledger.find_version(projection.name, projection.version)
    if known is None:
        name = ledger.find_name(projection.name)
        if name is not None and projection.version < name.version:
            reason = f"version {name.version} counting, and this one dropped"
            raise DefinitionChanged(target.name, projection.name, projection.version, reason)
        return False
    for what, found, wanted in [
        ("other tables or stored names", known.definition, definition_of(projection)),
        (f"{known.shards} shards", known.shards, shards),
    ]:
        if found != wanted:
            raise DefinitionChanged(target.name, projection.name, projection.version, what)
    return True


def _check_tables(target: Target, transaction: Transaction, ledger: Ledger, projection: Projection) -> None:
    missing = [shape.place for shape in target.shapes(projection) if not transaction.exists(shape)]
    if missing:
        reason = f"its checkpoint, but without the table {missing[0]}"
        raise DefinitionChanged(target.name, projection.name, projection.version, reason)


def _point(target: Target, transaction: Transaction, ledger: Ledger, name: Name, definition: str | None) -> None:
    """Makes the views show the version of the name; without a definition, takes them away."""
    views = {
        target.view(name.projection, table.name): None
        for version in ledger.versions(name.projection)
        for table in _tables(version.definition)
    }
    places: dict[str, Shape | None] = dict(views)
    for table in _tables(definition) if definition else ():
        place = target.place(name.projection, table.name, name.version)
        places[target.view(name.projection, table.name)] = Shape(table, place)
    for view, shape in places.items():
        transaction.point(view, shape)
    ledger.note(name)


def _inherit_reactions(ledger: Ledger, theirs: Sequence[Checkpoint], mine: Sequence[Checkpoint]) -> None:
    least = min((each.reacted for each in theirs), default=0)
    same = {each.shard: each.reacted for each in theirs} if len(theirs) == len(mine) else {}
    for each in mine:
        each.reacted = same.get(each.shard, least)
        ledger.note(each)


def _standing(target: Target, ledger: Ledger, projection: Projection) -> tuple[Name, Version]:
    name, version = _named(target, ledger, projection.name), ledger.find_version(projection.name, projection.version)
    if version is None:
        raise UnknownProjection(target.name, f"{projection.name} in version {projection.version}", (name.projection,))
    return name, version


def _named(target: Target, ledger: Ledger, projection: str) -> Name:
    name = ledger.find_name(projection)
    if name is None:
        raise UnknownProjection(target.name, projection, tuple(each.projection for each in ledger.names()))
    return name


def _tables(definition: str) -> list[Table]:
    return msgspec.json.decode(definition, type=Definition).tables


def _shapes(target: Target, version: Version) -> list[Shape]:
    return [
        Shape(table, target.place(version.projection, table.name, version.version))
        for table in _tables(version.definition)
    ]
