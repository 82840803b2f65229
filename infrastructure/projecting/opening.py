"""From an address, or from a store, to the database that rows of projections are kept in."""

from ...domain.errors import InvalidValueError, NotSupportedError, StoreNotFoundError
from ..addresses import MEMORY, POSTGRES_SCHEMES, AddressGiven, normalised, scheme_of, sqlite_file
from ..memory import MemoryRecorder
from ..recorder import Opening, Recorder
from ..sqlite.recorder import SQLiteRecorder
from .memory import MemoryTarget
from .sqlite import SQLiteFile, SQLiteTarget
from .target import Target


def target_of(recorder: Recorder) -> Target:
    """The database that a store is in."""
    if isinstance(recorder, MemoryRecorder):
        return recorder.target
    if isinstance(recorder, SQLiteRecorder):
        connections = recorder.connections
        return SQLiteTarget(recorder.name, connections.writing, connections.reading, connections.alone)
    if recorder.name.startswith("postgres"):
        from ..postgres.recorder import PostgresRecorder  # here, because the driver takes long to import
        from .postgres import PostgresTarget

        if isinstance(recorder, PostgresRecorder):
            return PostgresTarget(recorder.connections)
    raise NotSupportedError(
        recorder.name, "keeping the rows of projections", "give the address of a SQLite file or a PostgreSQL database"
    )


def open_target(address: AddressGiven, opening: Opening = Opening.MAKING) -> Target:
    """The database at an address; rows may be kept elsewhere than in their store's."""
    address = normalised(address)
    scheme = scheme_of(address)
    if scheme in POSTGRES_SCHEMES:
        from .postgres import PostgresTarget  # here, because the driver takes long to import

        return PostgresTarget.at(address)
    if address == MEMORY:
        return MemoryTarget()
    path, options = sqlite_file(address) if scheme == "sqlite" else (None, {})
    if path is None or options:
        expected = "expected 'sqlite:///rows.db' or 'postgresql://host/database'"
        raise InvalidValueError("the address of the target", f"is not understood: {expected}")
    if opening is Opening.EXISTING and not path.exists():
        raise StoreNotFoundError(f"sqlite:///{path.absolute()}")
    return SQLiteFile(path)
