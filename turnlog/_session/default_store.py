"""The store that is meant: the one given, one at an address, or the one of the settings; opened once per process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from ..domain.errors import InvalidValueError, SchemaMismatchError
from ..infrastructure.open_store import configured_store, open_existing, open_store
from ..infrastructure.settings import Settings, settings_from
from ..infrastructure.store import Store
from ..infrastructure.store_addresses import AddressGiven, normalize

StoreLike: TypeAlias = Store | AddressGiven
"""A store, its address, or the path of a SQLite file."""

_lock = Lock()
_opened: dict[tuple[int, Path, Settings | str], Store] = {}

_default: ContextVar[Store | None] = ContextVar("turnlog_store", default=None)


@contextmanager
def use_as_default(store: Store) -> Iterator[None]:
    """Has a store meant, where none is named, by what is called inside."""
    token = _default.set(store)
    try:
        yield
    finally:
        _default.reset(token)


def default_store() -> Store:
    """The store of the settings; the same one for as long as they and the working directory say the same."""
    meant = _default.get()
    if meant is not None:
        return meant
    settings = settings_from()
    return _open_once((os.getpid(), Path.cwd(), settings), lambda: configured_store(settings))


def resolve_store(given: StoreLike | None) -> Store:
    """The store given, the one at an address, or without either the default store.

    A store that is given by its address is opened once per process and stays open, as the default store does.
    """
    if given is None:
        return default_store()
    if isinstance(given, Store):
        return given
    if not isinstance(given, str | os.PathLike):
        raise InvalidValueError("the store", f"is a {type(given).__name__}: expected a Store, an address or a path")
    address = normalize(given)
    return _open_once((os.getpid(), Path.cwd(), address), lambda: open_store(address))


def resolve_existing_store(given: StoreLike | None) -> Store:
    """The same for a caller that only reads: StoreNotFoundError is raised for a store that does not exist."""
    is_open = isinstance(given, Store) or (given is None and _default.get() is not None)
    if is_open or not isinstance(given, str | os.PathLike | None):
        return resolve_store(given)
    settings = settings_from() if given is None else normalize(given)
    if (opened := _opened.get((os.getpid(), Path.cwd(), settings))) is not None and not opened.closed:
        return opened
    with suppress(SchemaMismatchError), open_existing(given):  # one of an older version is brought up to date
        pass
    return resolve_store(given)


def _open_once(key: tuple[int, Path, Settings | str], opening: Callable[[], Store]) -> Store:
    with _lock:
        store = _opened.get(key)
        if store is None or store.closed:
            store = _opened[key] = opening()
        return store
