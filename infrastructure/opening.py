"""From an address to an open store."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog

from ..domain.errors import InvalidValue, StoreError
from ..projections.definition import Projection
from ..projections.extras import needed
from .memory import MemoryRecorder
from .recorder import Opening, Recorder
from .redis.address import SCHEMES as REDIS_SCHEMES
from .redis.address import parsed as redis_address
from .settings import DEFAULT_ADDRESS, Settings, settings_from
from .sqlite.recorder import SQLiteRecorder
from .store import Store

log = structlog.get_logger("turnlog")

DURABILITIES = ("full", "normal")
POSTGRES_SCHEMES = ("postgres", "postgresql")


def open_store(address: str | None = None, *, inline: Sequence[Projection] = (), compress: bool = False) -> Store:
    """The store at an address, made if it is not there.

    `sqlite:///file.db`, `postgresql://user@host/database`, `redis://host/0?ttl=3600` or `memory://`.
    Without an address the settings decide: TURNLOG_STORE, then `store` in ./turnlog.toml, then ./turnlog.db.
    The projections given are attached: their rows are kept in the transactions that append. With `compress` what is
    said from now on is kept compressed, in SQLite and Redis; who reads it needs not ask for that.
    """
    store = Store(open_recorder(address, compress=compress)) if address else configured_store(settings_from(), compress)
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
    if store.recorder.unscrubbed():
        try:
            store.scrub()
        except StoreError as reason:
            log.warning("redaction pending", store=store.address, reason=str(reason))


def open_existing(address: str | None = None) -> Store:
    """The store at an address, or of the settings, as it is: nothing is made, and nothing brought up to date.

    One that is not there is refused as `StoreNotFound`, one of an older version as `SchemaMismatch`.
    """
    if address:
        return Store(open_recorder(address, opening=Opening.EXISTING))
    return configured_store(settings_from(), opening=Opening.EXISTING)


def configured_store(settings: Settings, compress: bool = False, opening: Opening = Opening.MAKING) -> Store:
    """The store that settings name, as they want it."""
    return Store(configured_recorder(settings, compress, opening), most_bytes=settings.most_bytes)


def configured_recorder(settings: Settings, compress: bool = False, opening: Opening = Opening.MAKING) -> Recorder:
    """The recorder of the store that settings name."""
    return open_recorder(
        _with_ttl(settings.address, settings.ttl),
        durability=settings.durability,
        connections=settings.connection_pool_size,
        compress=compress or settings.compress_messages,
        opening=opening,
    )


def open_recorder(
    address: str,
    *,
    durability: str | None = None,
    connections: int | None = None,
    compress: bool = False,
    opening: Opening = Opening.MAKING,
) -> Recorder:
    """The recorder of the store at an address; what the address says of durability counts first."""
    if _scheme(address) in POSTGRES_SCHEMES:
        return _postgres(address, connections, opening)
    if _scheme(address) in REDIS_SCHEMES:
        return _redis(address, compress, opening)
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = Path(unquote(parts.path[1:])).expanduser()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        raise _not_understood(address) from None  # what Python says of an address may quote its password
    if address == "memory://":
        return MemoryRecorder()
    if (
        _scheme(address) == "sqlite"
        and len(parts.path) > 1
        and not (parts.netloc or parts.fragment or "\0" in str(path))
    ):
        kept = _durability(options, durability or "full")
        return SQLiteRecorder(path, kept, connections, compress=compress, opening=opening)
    raise _not_understood(address)


def _postgres(address: str, connections: int | None, opening: Opening) -> Recorder:
    from .postgres.recorder import PostgresRecorder  # here, because the driver takes as long to import as all the rest

    return PostgresRecorder(address, connections, opening)


def _redis(address: str, compress: bool, opening: Opening) -> Recorder:
    found = redis_address(address)
    with needed("redis", extra="redis"):
        from .redis.recorder import RedisRecorder
    return RedisRecorder(found, compress=compress, opening=opening)


def _with_ttl(address: str, ttl: int | None) -> str:
    """A Redis server lets sessions expire by itself; elsewhere they do when somebody sweeps."""
    if ttl is None or _scheme(address) not in REDIS_SCHEMES or re.search(r"[?&]ttl=", address):
        return address
    return f"{address}{'&' if '?' in address else '?'}ttl={ttl}"


def _scheme(address: object) -> str:
    return address.partition("://")[0].lower() if isinstance(address, str) else ""


def _not_understood(address: object) -> InvalidValue:
    """The refusal of an address; what may hold a password is not repeated, wherever in it that may be."""
    shown = address
    if isinstance(address, str) and re.search("[@=]", address):
        scheme = re.match(r"[a-z][a-z0-9+]{0,20}(?=://)", address, re.IGNORECASE)
        shown = f"{scheme[0]}://..." if scheme else "..."
    known = f"{DEFAULT_ADDRESS!r}, 'postgresql://host/database', 'redis://host' or 'memory://'"
    return InvalidValue("the store address", f"{shown!r} is not understood: expected {known}")


def _durability(options: dict[str, str], default: str) -> str:
    durability = options.pop("durability", default)
    if options or durability not in DURABILITIES:
        given = ", ".join([*options, durability])
        raise InvalidValue("the store address", f"has the options {given}: expected durability=full or normal")
    return durability
