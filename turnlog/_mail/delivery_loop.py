"""The mail lock of a session in this process, and the loops that deliver its mail."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from ..infrastructure.after_fork import register
from .lock import MailLock


class MailRuntime:
    """Shared by a session and the branches got from it; gone with them, which loses no mail."""

    def __init__(self, session: str) -> None:
        self.turn = MailLock(session)
        self.loops = DeliveryLoops()


class DeliveryLoop:
    """One run of an exchange: it sleeps until it is time, there is news, or it is stopped."""

    def __init__(self, stopped: bool) -> None:
        self.stopped = stopped
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Returns after so many seconds, or earlier if there is news."""
        if not self.stopped:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()

    def wake(self) -> None:
        """There is news: from whatever thread."""
        with suppress(RuntimeError):  # its event loop was closed
            self._loop.call_soon_threadsafe(self._news.set)


class DeliveryLoops:
    """The loops of a handle that are running; stopping when none is stops the next one before it does anything."""

    def __init__(self) -> None:
        register(self)
        self.after_fork()

    def after_fork(self) -> None:
        """None is running: a new process has no event loop of its parent's."""
        self._lock = Lock()
        self._running: list[DeliveryLoop] = []
        self._stopped = False

    @contextmanager
    def running(self) -> Iterator[DeliveryLoop]:
        """A loop, from here to the end of the block."""
        with self._lock:
            loop = DeliveryLoop(self._stopped)
            self._stopped = False
            self._running.append(loop)
        try:
            yield loop
        finally:
            with self._lock:
                self._running.remove(loop)

    def stop(self) -> None:
        """Ends the loops that are running, each after what it is just doing, or else the next one."""
        with self._lock:
            self._stopped = not self._running
            for loop in self._running:
                loop.stopped = True
        self.wake()

    def wake(self) -> None:
        """There is new mail."""
        with self._lock:
            running = list(self._running)
        for loop in running:
            loop.wake()
