"""From an address to an open store."""

import os
import tomllib
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ..domain.errors import InvalidValue
from .memory import MemoryRecorder
from .recorder import Recorder
from .sqlite.recorder import SQLiteRecorder
from .store import Store

DEFAULT_ADDRESS = "sqlite:///hansard.db"
DURABILITIES = ("full", "normal")


def open_store(address: str | None = None) -> Store:
    """The store at an address, made if it is not there: `sqlite:///file.db` or `memory://`.

    Without an address the settings decide: HANSARD_STORE, then `store` in ./hansard.toml, then ./hansard.db.
    """
    return Store(_recorder(address or configured_address()))


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


def _recorder(address: str) -> Recorder:
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = Path(unquote(parts.path[1:])).expanduser()
    except (AttributeError, TypeError, ValueError, RuntimeError) as reason:
        raise _not_understood(address) from reason
    if address == "memory://":
        return MemoryRecorder()
    if parts.scheme == "sqlite" and len(parts.path) > 1 and not (parts.netloc or parts.fragment or "\0" in str(path)):
        return SQLiteRecorder(path, _durability(options))
    raise _not_understood(address)


def _not_understood(address: object) -> InvalidValue:
    return InvalidValue(
        "the store address", f"{address!r} is not understood: expected {DEFAULT_ADDRESS!r} or 'memory://'"
    )


def _durability(options: dict[str, str]) -> str:
    durability = options.pop("durability", "full")
    if options or durability not in DURABILITIES:
        given = ", ".join([*options, durability])
        raise InvalidValue("the store address", f"has the options {given}: expected durability=full or normal")
    return durability
