"""From an address, or from a store, to the database that rows of projections are kept in."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...domain.errors import InvalidValue
from ...domain.store_errors import NotSupported, StoreNotFound
from ..addresses import MEMORY, POSTGRES_SCHEMES, normalised, scheme_of
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
    raise NotSupported(
        recorder.name, "keeping the rows of projections", "give the address of a SQLite file or a PostgreSQL database"
    )


def open_target(address: str, opening: Opening = Opening.MAKING) -> Target:
    """The database at an address; rows may be kept elsewhere than in their store's."""
    address = normalised(address)
    scheme, rest = scheme_of(address), address.partition("://")[2]
    if scheme in POSTGRES_SCHEMES:
        from .postgres import PostgresTarget  # here, because the driver takes long to import

        return PostgresTarget.at(address)
    if address == MEMORY:
        return MemoryTarget()
    parts = urlsplit(address)
    if scheme == "sqlite" and len(parts.path) > 1 and not (parts.netloc or parts.query or "\0" in rest):
        path = Path(unquote(parts.path[1:])).expanduser()
        if opening is Opening.EXISTING and not path.exists():
            raise StoreNotFound(f"sqlite:///{path.absolute()}")
        return SQLiteFile(path)
    raise InvalidValue(
        "the address of the target", "is not understood: expected 'sqlite:///rows.db' or 'postgresql://host/database'"
    )
