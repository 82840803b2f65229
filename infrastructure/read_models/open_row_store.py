"""From an address, or from a store, to the database that rows of projections are kept in."""

from ...domain.errors import InvalidValueError, NotSupportedError, StoreNotFoundError
from ..memory.recorder import MemoryRecorder
from ..memory.row_store import MemoryRowStore
from ..recorder import OpenMode, Recorder
from ..sqlite.recorder import SQLiteRecorder
from ..sqlite.row_store import SQLiteFileRowStore, SQLiteRowStore
from ..store_addresses import MEMORY, POSTGRES_SCHEMES, AddressGiven, normalize, scheme_of, sqlite_file
from .row_store import RowStore


def row_store_of(recorder: Recorder) -> RowStore:
    """The database that a store is in."""
    if isinstance(recorder, MemoryRecorder):
        return recorder.target
    if isinstance(recorder, SQLiteRecorder):
        connections = recorder.connections
        return SQLiteRowStore(recorder.name, connections.writing, connections.reading, connections.alone)
    if recorder.name.startswith("postgres"):
        from ..postgres.recorder import PostgresRecorder  # here, because the driver takes long to import
        from ..postgres.row_store import PostgresRowStore

        if isinstance(recorder, PostgresRecorder):
            return PostgresRowStore(recorder.connections)
    raise NotSupportedError(
        recorder.name, "keeping the rows of projections", "give the address of a SQLite file or a PostgreSQL database"
    )


def open_row_store(address: AddressGiven, opening: OpenMode = OpenMode.MAKING) -> RowStore:
    """The database at an address; rows may be kept elsewhere than in their store's."""
    address = normalize(address)
    scheme = scheme_of(address)
    if scheme in POSTGRES_SCHEMES:
        from ..postgres.row_store import PostgresRowStore  # here, because the driver takes long to import

        return PostgresRowStore.at(address)
    if address == MEMORY:
        return MemoryRowStore()
    path, options = sqlite_file(address) if scheme == "sqlite" else (None, {})
    if path is None or options:
        expected = "expected 'sqlite:///rows.db' or 'postgresql://host/database'"
        raise InvalidValueError("the address of the target", f"is not understood: {expected}")
    if opening is OpenMode.EXISTING and not path.exists():
        raise StoreNotFoundError(f"sqlite:///{path.absolute()}")
    return SQLiteFileRowStore(path)
