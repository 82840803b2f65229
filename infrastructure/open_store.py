"""From an address to an open store."""

import re
from collections.abc import Sequence

import structlog

from ..domain.errors import StoreError
from ..domain.optional_dependencies import require
from ..projections.projection import Projection
from .memory.recorder import MemoryRecorder
from .read_models.catch_up import finish_redactions
from .recorder import OpenMode, Recorder
from .redis.address import SCHEMES as REDIS_SCHEMES
from .redis.address import parse_address as redis_address
from .settings import Settings, settings_from
from .sqlite.recorder import SQLiteRecorder
from .store import Store
from .store_addresses import (
    MEMORY,
    POSTGRES_SCHEMES,
    AddressGiven,
    address_error,
    durability_in,
    normalize,
    scheme_of,
    sqlite_file,
)

log = structlog.get_logger("turnlog")


def open_store(
    address: AddressGiven | None = None, *, inline: Sequence[Projection] = (), compress: bool = False
) -> Store:
    """The store at an address, made if it is not there.

    `sqlite:///file.db` or the path `file.db` (text or os.PathLike), `postgresql://user@host/database`,
    `redis://host/0?ttl=3600` or `memory://`.
    Without an address the settings decide: TURNLOG_STORE, then `store` in ./turnlog.toml, then ./turnlog.db.
    The projections given are attached: their rows are kept in the transactions that append. With `compress` what is
    said from now on is kept compressed, in SQLite and Redis; who reads it needs not ask for that.
    """
    if address is None:
        store = configured_store(settings_from(), compress)
    else:
        store = Store(open_recorder(address, compress=compress))
    try:
        for projection in inline:
            store.attach(projection)
        _finish_redactions(store)
    except BaseException:
        store.close()
        raise
    return store


def _finish_redactions(store: Store) -> None:
    """Remove what an interrupted redaction has left in the files of the database; later, if readers prevent it."""
    if store.recorder.needs_scrub():
        try:
            finish_redactions(store.recorder)
        except StoreError as reason:
            log.warning("redaction pending", store=store.address, reason=str(reason))


def open_existing(address: AddressGiven | None = None) -> Store:
    """The store at an address, or of the settings, as it is: nothing is made, and nothing brought up to date.

    One that is not there is refused as `StoreNotFoundError`, one of an older version as `SchemaMismatchError`.
    """
    if address is None:
        return configured_store(settings_from(), opening=OpenMode.EXISTING)
    return Store(open_recorder(address, opening=OpenMode.EXISTING))


def configured_store(settings: Settings, compress: bool = False, opening: OpenMode = OpenMode.MAKING) -> Store:
    """The store that settings name, as they want it."""
    store = Store(configured_recorder(settings, compress, opening), most_bytes=settings.most_bytes)
    store.query_limits = store.query_limits.with_changes(settings.sql_timeout, settings.sql_memory)
    return store


def configured_recorder(settings: Settings, compress: bool = False, opening: OpenMode = OpenMode.MAKING) -> Recorder:
    """The recorder of the store that settings name."""
    return open_recorder(
        _with_ttl(settings.address, settings.ttl),
        durability=settings.durability,
        connections=settings.connection_pool_size,
        compress=compress or settings.compress_messages,
        opening=opening,
    )


def check_address(address: AddressGiven) -> None:
    """Raise InvalidValueError for an address that means no store; nothing is opened."""
    address = normalize(address)
    if scheme_of(address) in POSTGRES_SCHEMES:
        from .postgres.address import parse_address  # here, because the driver takes as long to import as all the rest

        parse_address(address)
    elif scheme_of(address) in REDIS_SCHEMES:
        redis_address(address)
    elif scheme_of(address) == "sqlite":
        durability_in(sqlite_file(address)[1], "full")
    elif address != MEMORY:
        raise address_error(address)


def open_recorder(
    address: AddressGiven,
    *,
    durability: str | None = None,
    connections: int | None = None,
    compress: bool = False,
    opening: OpenMode = OpenMode.MAKING,
) -> Recorder:
    """The recorder of the store at an address; what the address says of durability counts first."""
    address = normalize(address)
    if scheme_of(address) in POSTGRES_SCHEMES:
        return _postgres(address, connections, opening)
    if scheme_of(address) in REDIS_SCHEMES:
        return _redis(address, compress, opening)
    if address == MEMORY:
        return MemoryRecorder()
    if scheme_of(address) != "sqlite":
        raise address_error(address)
    path, options = sqlite_file(address)
    kept = durability_in(options, durability or "full")
    return SQLiteRecorder(path, kept, connections, compress=compress, opening=opening)


def _postgres(address: str, connections: int | None, opening: OpenMode) -> Recorder:
    from .postgres.recorder import PostgresRecorder  # here, because the driver takes as long to import as all the rest

    return PostgresRecorder(address, connections, opening)


def _redis(address: str, compress: bool, opening: OpenMode) -> Recorder:
    found = redis_address(address)
    with require("redis", extra="redis"):
        from .redis.recorder import RedisRecorder
    return RedisRecorder(found, compress=compress, opening=opening)


def _with_ttl(address: str, ttl: int | None) -> str:
    """A Redis server lets sessions expire by itself; elsewhere they do when somebody sweeps."""
    if ttl is None or scheme_of(address) not in REDIS_SCHEMES or re.search(r"[?&]ttl=", address):
        return address
    return f"{address}{'&' if '?' in address else '?'}ttl={ttl}"
