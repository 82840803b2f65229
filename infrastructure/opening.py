"""From an address to an open store."""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ..domain.errors import InvalidValue
from ..projections.definition import Projection
from ..projections.extras import needed
from .memory import MemoryRecorder
from .recorder import Recorder
from .redis.address import SCHEMES as REDIS_SCHEMES
from .redis.address import parsed as redis_address
from .sqlite.recorder import SQLiteRecorder
from .store import Store

DEFAULT_ADDRESS = "sqlite:///hansard.db"
DURABILITIES = ("full", "normal")
POSTGRES_SCHEMES = ("postgres", "postgresql")


def open_store(address: str | None = None, *, inline: Sequence[Projection] = ()) -> Store:
    """The store at an address, made if it is not there.

    `sqlite:///file.db`, `postgresql://user@host/database`, `redis://host/0?ttl=3600` or `memory://`.
    Without an address the settings decide: HANSARD_STORE, then `store` in ./hansard.toml, then ./hansard.db.
    The projections given are attached: their rows are kept in the transactions that append.
    """
    store = Store(open_recorder(address or configured_address()))
    try:
        for projection in inline:
            store.attach(projection)
    except BaseException:
        store.close()
        raise
    return store


def configured_address() -> str:
    """The address that the settings name."""
    named = os.environ.get("HANSARD_STORE")
    if named:
        return named
    settings = Path("hansard.toml")
    if not settings.is_file():
        return DEFAULT_ADDRESS
    try:
        found = tomllib.loads(settings.read_text("utf-8")).get("store", DEFAULT_ADDRESS)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise InvalidValue("hansard.toml", f"cannot be read: {reason}") from reason
    if not isinstance(found, str):
        raise InvalidValue("store in hansard.toml", f"is {found!r}: expected an address, such as {DEFAULT_ADDRESS!r}")
    return found


def open_recorder(address: str) -> Recorder:
    """The recorder of the store at an address."""
    if _scheme(address) in POSTGRES_SCHEMES:
        return _postgres(address)
    if _scheme(address) in REDIS_SCHEMES:
        return _redis(address)
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
        return SQLiteRecorder(path, _durability(options))
    raise _not_understood(address)


def _postgres(address: str) -> Recorder:
    from .postgres.recorder import PostgresRecorder  # here, because the driver takes as long to import as all the rest

    return PostgresRecorder(address)


def _redis(address: str) -> Recorder:
    found = redis_address(address)
    with needed("redis", extra="redis"):
        from .redis.recorder import RedisRecorder
    return RedisRecorder(found)


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


def _durability(options: dict[str, str]) -> str:
    durability = options.pop("durability", "full")
    if options or durability not in DURABILITIES:
        given = ", ".join([*options, durability])
        raise InvalidValue("the store address", f"has the options {given}: expected durability=full or normal")
    return durability
