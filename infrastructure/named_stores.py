"""Stores by the names that session managers elsewhere have for them."""

import re
from urllib.parse import quote

from ..domain.errors import InvalidValueError
from .open_store import open_recorder
from .paths import PathLike, validate_path
from .sqlite.views import name_sessions
from .store import Store
from .store_addresses import MEMORY, normalize

SESSIONS = "sessions"
"""The view of the sessions that every database of Turnlog's has."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_PREFIX = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")


class SQLiteSessionStore(Store):
    """Sessions in a SQLite file.

    A file holds one store. `table_name` is what the sessions are called in it for whoever asks in SQL: the view
    `sessions`, and under another name a view beside it that shows the same.
    """

    def __init__(
        self,
        path: PathLike = "sessions.db",
        table_name: str = SESSIONS,
        *,
        durability: str = "full",
        compress: bool = False,
    ) -> None:
        address = normalize(validate_path(path, "the path"))
        if address == MEMORY:
            raise InvalidValueError("the path", "is ':memory:', which is not a file: use MemorySessionStore")
        if not isinstance(table_name, str) or not _IDENTIFIER.fullmatch(table_name):
            expected = "expected at most 63 letters, digits and underscores, no digit first"
            raise InvalidValueError("table_name", f"is {table_name!r}: {expected}")
        recorder = open_recorder(f"{address}?durability={durability}", compress=compress)
        try:
            name_sessions(recorder, table_name)
        except BaseException:
            recorder.close()
            raise
        super().__init__(recorder)


class PostgresSessionStore(Store):
    """Sessions in a PostgreSQL database, in the tables of a schema that begin with a prefix."""

    def __init__(self, dsn: str, *, schema: str = "public", prefix: str = "turnlog_") -> None:
        options = f"schema={quote(str(schema), safe='')}&prefix={quote(str(prefix), safe='')}"
        super().__init__(open_recorder(_with_options(dsn, ("postgresql", "postgres"), options)))


class RedisSessionStore(Store):
    """Sessions on a Redis server, under keys with a prefix; with a `ttl`, gone so many seconds after their last use.

    The prefix is in braces, as the hash tag of the keys; with a `hash_tag` of its own, the keys begin with the prefix,
    and the tag is in braces behind it.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        prefix: str = "turnlog",
        ttl: int | None = None,
        *,
        hash_tag: str | None = None,
        compress: bool = False,
    ) -> None:
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise InvalidValueError("prefix", f"is {prefix!r}: expected 1 to 100 letters, digits and _ . : / -")
        if ttl is not None and (not isinstance(ttl, int) or isinstance(ttl, bool) or ttl < 1):
            raise InvalidValueError("ttl", f"is {ttl!r}: expected whole seconds, 1 or more, or None")
        given = {"prefix": prefix, "hash_tag": hash_tag, "ttl": ttl}
        options = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in given.items() if value is not None)
        super().__init__(open_recorder(_with_options(url, ("redis", "rediss", "unix"), options), compress=compress))


class MemorySessionStore(Store):
    """Sessions in memory, gone when the store is closed."""

    def __init__(self) -> None:
        super().__init__(open_recorder("memory://"))


def _with_options(address: str, schemes: tuple[str, ...], options: str) -> str:
    """The address with what the arguments say; it may say the same by itself, and then that counts."""
    if not isinstance(address, str) or address.partition("://")[0].lower() not in schemes:
        raise InvalidValueError("the address", f"is not understood: expected one that begins with {schemes[0]}://")
    said = {part.partition("=")[0] for part in address.partition("?")[2].split("&")}
    more = "&".join(part for part in options.split("&") if part.partition("=")[0] not in said)
    return address if not more else f"{address}{'&' if '?' in address else '?'}{more}"
