"""Saving every so often, in a thread of its own."""

from collections.abc import Callable
from logging import getLogger
from threading import Event, Thread
from weakref import WeakMethod

_logger = getLogger("turnlog")


class Autosave:
    """Calls a method again and again until it is stopped; an error is noted, and the next turn comes all the same."""

    def __init__(self, save: Callable[[], None], interval: float) -> None:
        self._stopped = Event()
        if interval > 0:
            arguments = (WeakMethod(save), interval, self._stopped)
            Thread(target=_save_every, args=arguments, name="turnlog autosave", daemon=True).start()

    def stop(self) -> None:
        """Lets the present turn be the last."""
        self._stopped.set()


def _save_every(save: "WeakMethod[Callable[[], None]]", interval: float, stopped: Event) -> None:
    while not stopped.wait(interval):
        method = save()
        if method is None:
            return
        try:
            method()
        except Exception as reason:  # noqa: BLE001 a storage of one's own raises what it likes, and is tried again
            _logger.warning("autosave failed and will be tried again: %s", reason)
        del method
