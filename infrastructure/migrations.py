"""Numbered steps that make the schema: `schema.sql` is step 1, later ones are in the folder `migrations`."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from ..domain.errors import SchemaMismatchError, StoreNotFoundError


class Migration(NamedTuple):
    """One step: applied once, in its own transaction, and never changed once released."""

    number: int
    name: str
    script: str


def migrations_of(package: str) -> list[Migration]:
    """Return `schema.sql` of a package and the files of its folder `migrations`, such as `0002_what_it_does.sql`."""
    folder = files(package)
    later = []
    for file in folder.joinpath("migrations").iterdir() if folder.joinpath("migrations").is_dir() else ():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            later.append(Migration(int(number), name, file.read_text("utf-8")))
    return [Migration(1, "schema", folder.joinpath("schema.sql").read_text("utf-8")), *sorted(later)]


def pending(store: str, applied: int, migrations: Sequence[Migration]) -> Sequence[Migration]:
    """The steps that a database with this many applied still needs; one that has more is refused."""
    if applied > len(migrations):
        newest = len(migrations)
        raise SchemaMismatchError(store, f"schema {applied}", f"schema {newest} or older; a newer Turnlog wrote it")
    return migrations[applied:]


def check_present(store: str, applied: int, migrations: Sequence[Migration]) -> None:
    """Refuses a database that has no schema yet, or an older one: whoever only reads it changes nothing."""
    if not applied:
        raise StoreNotFoundError(store)
    if pending(store, applied, migrations):
        newest = len(migrations)
        raise SchemaMismatchError(
            store, f"schema {applied}", f"schema {newest}; open_store or `turnlog migrate` brings it up"
        )


def differences(expected: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    """What differs between the objects that a schema should have and those it has, by kind and name."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"the {name} is missing from the schema"
        elif name not in expected:
            yield f"the {name} was added to the schema"
        elif expected[name] != found[name]:
            yield f"the {name} of the schema was changed"
