"""Addresses of stores as they are given: with a scheme, or the path of a SQLite file. No error shows a password."""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..domain.errors import InvalidValueError
from .redis.address import SCHEMES as REDIS_SCHEMES

DEFAULT_ADDRESS = "sqlite:///turnlog.db"
MEMORY = "memory://"
POSTGRES_SCHEMES = ("postgresql", "postgres")
SCHEMES = ("sqlite", "memory", *POSTGRES_SCHEMES, *REDIS_SCHEMES)
IN_MEMORY = ":memory:"
"""What SQLite calls a database that is kept in no file."""

DURABILITIES = ("full", "normal")

AddressGiven: TypeAlias = str | os.PathLike[str]
"""The address of a store, or the path of a SQLite file."""

_SCHEME_ALONE = re.compile(r"[a-z][a-z0-9+.-]+(?=:)", re.IGNORECASE)


def normalize(address: object) -> str:
    """Return an address with its scheme; a path, or text without a scheme, is that of a SQLite file."""
    if isinstance(address, os.PathLike):
        return _file_address(os.fspath(address))
    if not isinstance(address, str):
        raise address_error(address)
    if not address.strip():
        raise InvalidValueError("the store address", f"{address!r} is empty: expected {_KNOWN}")
    if "://" in address:
        scheme, rest = scheme_of(address), address.partition("://")[2]
        if scheme not in SCHEMES:
            raise address_error(address)
        return MEMORY if scheme == "sqlite" and _is_in_memory(address, rest) else address
    if _SCHEME_ALONE.match(address) or address.lower() in SCHEMES:
        raise address_error(address)
    return _file_address(address)


def sqlite_file(address: str) -> tuple[Path, dict[str, str]]:
    """Return the file that the address of a SQLite store names, and the options of the address."""
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = Path(unquote(parts.path[1:])).expanduser()
    except (ValueError, RuntimeError):
        raise address_error(address) from None  # what Python says of an address may quote its password
    if len(parts.path) < 2 or parts.netloc or parts.fragment or "\0" in str(path):
        raise address_error(address)
    return path, options


def durability_in(options: dict[str, str], default: str) -> str:
    """Return the durability that the options of a SQLite address name; raise InvalidValueError for any other option."""
    options = dict(options)
    durability = options.pop("durability", default)
    if options or durability not in DURABILITIES:
        given = ", ".join([*options, durability])
        raise InvalidValueError("the store address", f"has the options {given}: expected durability=full or normal")
    return durability


def _file_address(path: object) -> str:
    """The address of a SQLite file."""
    if path == IN_MEMORY:
        return MEMORY
    if not isinstance(path, str) or "\0" in path or _begins_in_memory(path):
        raise address_error(path)
    try:
        return f"sqlite:///{quote(path)}"
    except UnicodeEncodeError:
        raise address_error(path) from None


def _is_in_memory(address: str, rest: str) -> bool:
    """Whether an address names SQLite's database in memory; with an option that no store has, it is an error."""
    place, _, query = rest.partition("?")
    path = unquote(place.removeprefix("/"))
    if not _begins_in_memory(path):
        return False
    if path != IN_MEMORY:
        raise address_error(address)
    durability_in(dict(parse_qsl(query, keep_blank_values=True)), "full")
    return True


def _begins_in_memory(path: str) -> bool:
    """Whether a path would be the name of a file by a misunderstanding only."""
    return path.strip().lower().startswith(IN_MEMORY)


def scheme_of(address: str) -> str:
    """The scheme of an address, in lower case."""
    return address.partition("://")[0].lower()


def address_error(address: object) -> InvalidValueError:
    """The error for an address that means no store; what may hold a password is not repeated, wherever it is."""
    shown = address
    if isinstance(address, str) and re.search("[@=]", address):
        scheme = re.match(r"[a-z][a-z0-9+]{0,20}(?=://)", address, re.IGNORECASE)
        shown = f"{scheme[0]}://..." if scheme else "..."
    return InvalidValueError(
        "the store address", f"{shown!r} is not understood: expected {_KNOWN}{_suggestion(address)}"
    )


def _suggestion(address: object) -> str:
    """The beginning of the address that was perhaps meant."""
    if not isinstance(address, str):
        return ""
    found = _SCHEME_ALONE.match(address)
    near = get_close_matches((found[0] if found else address).lower(), SCHEMES, n=1)
    if not near or (near[0] == scheme_of(address) and "://" in address):
        return ""
    return f"; did you mean {near[0] + (':///' if near[0] in ('sqlite', 'unix') else '://')!r}?"


_KNOWN = f"{DEFAULT_ADDRESS!r}, 'postgresql://host/database', 'redis://host', 'memory://' or the path of a file"
