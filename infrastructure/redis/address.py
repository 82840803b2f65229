"""Where a Redis server is and which of its keys are ours, read from an address. No error shows a password."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec

from ...domain.errors import InvalidValueError

SCHEMES = ("redis", "rediss", "unix")
DEFAULT_PREFIX = "turnlog"
LONGEST_TTL = 100 * 366 * 24 * 60 * 60

_KEY_PART = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
_EXPECTED = (
    "expected redis://[user:password@]host[:port][/database], rediss:// for TLS, or "
    "unix://[user:password@]/path[?db=database], with the options prefix=, hash_tag= and ttl= (seconds)"
)


class RedisAddress(msgspec.Struct, frozen=True):
    """What an address says; `name` is the address without its secrets."""

    name: str
    scheme: str
    host: str | None = None
    port: int = 6379
    path: str | None = None
    database: int = 0
    user: str | None = None
    password: str | None = None
    prefix: str = DEFAULT_PREFIX
    hash_tag: str | None = None
    ttl: int | None = None

    def __repr__(self) -> str:
        return f"Address({self.name!r})"

    @property
    def key_base(self) -> str:
        """What all keys begin with: the prefix as a hash tag, or the prefix and the hash tag behind it."""
        return f"{{{self.prefix}}}:" if self.hash_tag is None else f"{self.prefix}{{{self.hash_tag}}}:"


def parse_address(address: str) -> RedisAddress:
    """What an address says, refused if it is not understood."""
    found = _split(address)
    if found is None:
        raise InvalidValueError("the address of the Redis store", f"is not understood: {_EXPECTED}")
    parts, port, options = found
    prefix = _key_part(options.pop("prefix", DEFAULT_PREFIX), "the prefix of the keys")
    tag = options.pop("hash_tag", None)
    hash_tag = None if tag is None else _key_part(tag, "the hash tag of the keys")
    ttl = _ttl(options.pop("ttl", None))
    local = parts.scheme == "unix"
    database = _database(options.pop("db", "") if local else parts.path.removeprefix("/"))
    if options:
        raise InvalidValueError("the address of the Redis store", f"has the options {', '.join(options)}: {_EXPECTED}")
    path, host = (unquote(parts.path), None) if local else (None, parts.hostname or "localhost")
    where = (
        f"unix://{path}?db={database}&" if local else f"{parts.scheme}://{_without_password(host)}:{port}/{database}?"
    )
    return RedisAddress(
        name=f"{where}{_written({'prefix': prefix, 'hash_tag': hash_tag, 'ttl': ttl})}",
        scheme=parts.scheme,
        host=host,
        port=port,
        path=path,
        database=database,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        prefix=prefix,
        hash_tag=hash_tag,
        ttl=ttl,
    )


def _split(address: str) -> tuple[SplitResult, int, dict[str, str]] | None:
    """The parts of an address, or nothing: what Python says about a wrong one may quote the password."""
    try:
        parts = urlsplit(address)
        port = parts.port or 6379
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except (AttributeError, TypeError, ValueError):
        return None
    if parts.scheme not in SCHEMES or parts.fragment or "@" in parts.path + parts.query:
        return None
    if parts.scheme == "unix" and (parts.hostname or len(parts.path) < 2 or "\0" in unquote(parts.path)):
        return None
    return parts, port, options


def _written(options: Mapping[str, object]) -> str:
    return "&".join(f"{name}={value}" for name, value in options.items() if value is not None)


def _without_password(host: str | None) -> str:
    return f"[{host}]" if host and ":" in host else str(host)


def _key_part(text: str, what: str) -> str:
    if not _KEY_PART.fullmatch(text):
        raise InvalidValueError(what, f"is {text!r}: expected 1 to 100 letters, digits and _ . : / -")
    return text


def _ttl(seconds: str | None) -> int | None:
    if seconds is None:
        return None
    if not (_is_number(seconds) and 1 <= int(seconds) <= LONGEST_TTL):
        raise InvalidValueError("ttl", f"is {seconds!r}: expected whole seconds, from 1 to {LONGEST_TTL}")
    return int(seconds)


def _database(number: str) -> int:
    if number and not _is_number(number):
        raise InvalidValueError("the database", f"is {number!r}: expected its number")
    return int(number or 0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def connection_options(address: RedisAddress) -> Mapping[str, Any]:
    """What the driver has to know to connect."""
    where = {"path": address.path} if address.path is not None else {"host": address.host, "port": address.port}
    return {**where, "db": address.database, "username": address.user, "password": address.password}
