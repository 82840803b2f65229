"""Settings: where the record is kept and how, from a dict, the environment and turnlog.toml, read in one way."""

import os
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from ..domain.errors import InvalidValueError
from ..domain.errors.base import nearest
from .frames.query_limits import MOST
from .paths import PathLike, validate_path
from .store_addresses import DEFAULT_ADDRESS, MEMORY, POSTGRES_SCHEMES, normalize, scheme_of
from .toml_file import UnreadableTomlError, read_toml

PREFIX = "TURNLOG_"
OTHERS = ("TURNLOG_MODEL", "TURNLOG_PERSISTENCE")
"""What the environment says to other parts."""

FILE = "turnlog.toml"
LARGEST = 16_384
"""Bytes of a file of settings at most."""

SECTION = "session"
IN_A_FOLDER = "turnlog.db"
"""What the database is called in the folder that `storage_path` names."""

PLACE = ("store", "backend", "storage_path")
"""Where the record is kept; taken together from the first source that names one of them."""

MEGABYTE = 1024 * 1024


class Settings(msgspec.Struct, frozen=True):
    """What can be set. docs/managed-sessions.md says what each does; None stands for what is not limited."""

    store: str | None = None
    backend: str | None = None
    storage_path: str | None = None
    durability: str | None = None
    connection_pool_size: int | None = None
    max_session_size: float | None = None
    ttl: int | None = None
    deferred: bool = False
    autosave_interval: float = 0
    message_cache_size: int = 1000
    compress_messages: bool = False
    sql_timeout: float | None = None
    sql_memory: float | None = None

    @property
    def address(self) -> str:
        """The address of the store."""
        if self.store is not None:
            return normalize(self.store)
        if self.backend == "memory":
            return MEMORY
        if self.storage_path is None:
            return DEFAULT_ADDRESS
        return f"sqlite:///{quote(str(_database(self.storage_path)))}"

    @property
    def most_bytes(self) -> int | None:
        """What a session may weigh at most."""
        return None if self.max_session_size is None else int(self.max_session_size * MEGABYTE)


def settings_from(given: Mapping[str, Any] | PathLike | Settings | None = None) -> Settings:
    """The settings: what is given, then TURNLOG_... of the environment, then ./turnlog.toml, then the defaults.

    A dict or a TOML file has them under `session`; what else is in it is for others.
    """
    if isinstance(given, Settings):
        return given
    sources = [_load(given), _environment(), _file(Path(FILE)) if os.path.lexists(FILE) else {}]
    place = next((source for source in sources if source.keys() & set(PLACE)), {})
    merged = {key: value for source in reversed(sources) for key, value in source.items() if key not in PLACE}
    settings = Settings(**merged, **{key: place[key] for key in PLACE if key in place})
    _check_together(settings)
    return settings


def _load(given: Mapping[str, Any] | PathLike | None) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        path = validate_path(given, "the settings")
        if not path.is_file():
            reason = f"are to be in {path}, which is no file: expected a TOML file"
            raise InvalidValueError("the settings", f"{reason}; the address of a store is passed as `store=`")
        return _file(path)
    if not isinstance(given, Mapping):
        raise InvalidValueError("the settings", f"are a {type(given).__name__}: expected a dict, a path or Settings")
    for key in given:
        if key in FIELDS:
            raise InvalidValueError(f"the setting {key!r}", f"stands alone: expected it under {SECTION!r}")
        _check_spelling(key, [SECTION], "the part")
    return _section(given, "the settings")


def _file(path: Path) -> dict[str, Any]:
    try:
        found = read_toml(path, LARGEST)
    except UnreadableTomlError as reason:
        raise InvalidValueError(path.name, f"cannot be read: {reason}") from reason
    settings = _section(found, path.name)
    for key, value in found.items():
        if key == "store":
            settings.setdefault("store", FIELDS["store"].read(value, f"store in {path.name}"))
        elif not isinstance(value, dict):
            _check_spelling(key, ["store", *FIELDS], f"in {path.name} the setting")
    return settings


def _section(found: Mapping[str, Any], where: str) -> dict[str, Any]:
    section = found.get(SECTION, {})
    if not isinstance(section, Mapping):
        raise InvalidValueError(
            f"{SECTION!r} in {where}", f"is a {type(section).__name__}: expected a table of settings"
        )
    settings = {}
    for key, value in section.items():
        if key not in FIELDS:
            _check_spelling(key, list(FIELDS), f"in {where} the setting", unknown=True)
        settings[key] = FIELDS[key].read(value, f"{key} in {where}")
    return settings


def _environment() -> dict[str, Any]:
    settings = {}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in OTHERS:
            _check_spelling(name, [f"{PREFIX}{key.upper()}" for key in FIELDS], "in the environment", cutoff=0.9)
    for key, field in FIELDS.items():
        name = f"{PREFIX}{key.upper()}"
        text = os.environ.get(name)
        if text:
            settings[key] = field.read(field.parse(text), name)
    return settings


def _check_spelling(key: object, known: list[str], what: str, *, unknown: bool = False, cutoff: float = 0.75) -> None:
    """Refuses a key that was perhaps meant to be another, or, on request, any that is unknown."""
    if key in known:
        return
    near = nearest(str(key), known, cutoff=0.6 if unknown else cutoff)
    if near:
        raise InvalidValueError(f"{what} {key!r}", f"is unknown: {near}")
    if unknown:
        raise InvalidValueError(f"{what} {key!r}", f"is unknown: expected one of {', '.join(sorted(known))}")


def _check_together(settings: Settings) -> None:
    kind = scheme_of(settings.address)
    if settings.store is not None and (settings.backend or settings.storage_path):
        raise InvalidValueError("store", "is set beside backend or storage_path: expected one of the two ways")
    if settings.backend == "memory" and settings.storage_path is not None:
        raise InvalidValueError(
            "storage_path", "is set, and the backend 'memory' keeps nothing there: expected 'sqlite'"
        )
    if settings.durability is not None and kind not in ("sqlite", "memory"):
        raise InvalidValueError("durability", f"is for SQLite, and the store is {kind}: its server decides that")
    if settings.connection_pool_size is not None and kind not in ("sqlite", "memory", *POSTGRES_SCHEMES):
        raise InvalidValueError("connection_pool_size", f"is for SQLite and PostgreSQL, and the store is {kind}")


def _database(storage_path: str) -> Path:
    """The file that a path stands for, its folder made: itself if it looks like a database, or one in it."""
    path = validate_path(storage_path, "storage_path")
    file = path if path.suffix in (".db", ".sqlite", ".sqlite3") or path.is_file() else path / IN_A_FOLDER
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise InvalidValueError(
            "storage_path", f"{storage_path!r} cannot be made a folder: {reason.strerror}"
        ) from reason
    return file.absolute()


# The fields


class Field(NamedTuple):
    """How a setting is read."""

    accepted: str
    takes: Callable[[Any], bool]
    parse: Callable[[str], Any] = str

    def read(self, value: Any, where: str) -> Any:
        """The value, refused if it is not one that is accepted."""
        if not self.takes(value):
            raise InvalidValueError(where, f"is {value!r}: expected {self.accepted}")
        return os.fspath(value) if isinstance(value, os.PathLike) else value


def _is_text(value: Any) -> bool:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    return isinstance(text, str) and bool(text) and "\0" not in text


def _is_whole(first: int, last: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and first <= value <= last


def _is_number(first: float, last: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and first <= value <= last


def _is_limit(first: float) -> Callable[[Any], bool]:
    finite = _is_number(first, MOST)
    return lambda value: finite(value) or value == inf


def _one_of(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in names


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _flag(text: str) -> Any:
    lower = text.lower()
    return True if lower in ("true", "1", "yes", "on") else False if lower in ("false", "0", "no", "off") else text


A_HUNDRED_YEARS = 100 * 366 * 24 * 60 * 60

FIELDS: dict[str, Field] = {
    "store": Field(f"an address, such as {DEFAULT_ADDRESS!r}", _is_text),
    "backend": Field(
        "'sqlite' or 'memory'; for a server, its address as store",
        _one_of("sqlite", "memory"),
    ),
    "storage_path": Field("the path of a folder, or of a file that ends in .db", _is_text),
    "durability": Field("'full' or 'normal'", _one_of("full", "normal")),
    "connection_pool_size": Field("a whole number from 1 to 1000", _is_whole(1, 1000), _number),
    "max_session_size": Field("megabytes, more than 0", _is_number(1 / MEGABYTE, 2**40), _number),
    "ttl": Field(f"whole seconds from 1 to {A_HUNDRED_YEARS}", _is_whole(1, A_HUNDRED_YEARS), _number),
    "deferred": Field("true or false", _is_flag, _flag),
    "autosave_interval": Field("seconds, 0 for none", _is_number(0, A_HUNDRED_YEARS), _number),
    "message_cache_size": Field("a whole number of messages, 1 or more", _is_whole(1, 2**40), _number),
    "compress_messages": Field("true or false", _is_flag, _flag),
    "sql_timeout": Field(f"seconds from 0.001 to {MOST}, or inf", _is_limit(1e-3), _number),
    "sql_memory": Field(f"megabytes from 1 to {MOST}, or inf", _is_limit(1), _number),
}
