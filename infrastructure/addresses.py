"""Addresses of stores as they are given: with a scheme, or the path of a SQLite file. No error shows a password."""

import re
from difflib import get_close_matches
from urllib.parse import quote

from ..domain.errors import InvalidValue
from .redis.address import SCHEMES as REDIS_SCHEMES

DEFAULT_ADDRESS = "sqlite:///turnlog.db"
MEMORY = "memory://"
POSTGRES_SCHEMES = ("postgresql", "postgres")
SCHEMES = ("sqlite", "memory", *POSTGRES_SCHEMES, *REDIS_SCHEMES)
IN_MEMORY = (":memory:", "sqlite:///:memory:", "sqlite://:memory:")
"""What SQLite and SQLAlchemy call a database that is kept in no file."""

_SCHEME_ALONE = re.compile(r"[a-z][a-z0-9+.-]+(?=:)", re.IGNORECASE)


def normalised(address: object) -> str:
    """Return an address with its scheme; text without one is the path of a SQLite file."""
    if not isinstance(address, str):
        raise not_understood(address)
    if not address.strip():
        raise InvalidValue("the store address", f"{address!r} is empty: expected {_KNOWN}")
    if address in IN_MEMORY:
        return MEMORY
    if "://" in address:
        if scheme_of(address) not in SCHEMES:
            raise not_understood(address)
        return address
    if "\0" in address or _SCHEME_ALONE.match(address) or address.lower() in SCHEMES:
        raise not_understood(address)
    try:
        return f"sqlite:///{quote(address)}"
    except UnicodeEncodeError:
        raise not_understood(address) from None


def scheme_of(address: str) -> str:
    """The scheme of an address, in lower case."""
    return address.partition("://")[0].lower()


def not_understood(address: object) -> InvalidValue:
    """The error for an address that means no store; what may hold a password is not repeated, wherever it is."""
    shown = address
    if isinstance(address, str) and re.search("[@=]", address):
        scheme = re.match(r"[a-z][a-z0-9+]{0,20}(?=://)", address, re.IGNORECASE)
        shown = f"{scheme[0]}://..." if scheme else "..."
    return InvalidValue("the store address", f"{shown!r} is not understood: expected {_KNOWN}{_suggestion(address)}")


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
