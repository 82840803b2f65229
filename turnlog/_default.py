"""The store that is meant when none is named: the one the settings name, opened once per process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock

from .infrastructure.opening import configured_store
from .infrastructure.settings import Settings, settings_from
from .infrastructure.store import Store

_lock = Lock()
_opened: dict[tuple[int, Path, Settings], Store] = {}


_meant: ContextVar[Store | None] = ContextVar("turnlog_store", default=None)


@contextmanager
def meaning(store: Store) -> Iterator[None]:
    """Has a store meant, where none is named, by what is called inside."""
    token = _meant.set(store)
    try:
        yield
    finally:
        _meant.reset(token)


def default_store() -> Store:
    """The store of the settings; the same one for as long as they and the working directory say the same."""
    meant = _meant.get()
    if meant is not None:
        return meant
    settings = settings_from()
    here = (os.getpid(), Path.cwd(), settings)
    with _lock:
        store = _opened.get(here)
        if store is None or store.closed:
            store = _opened[here] = configured_store(settings)
        return store
