"""News of what others append: a connection that listens, and what to do when it hears nothing."""

from collections.abc import Callable
from selectors import EVENT_READ, DefaultSelector
from socket import socket, socketpair
from threading import Condition, Event, Lock, Thread

import psycopg

from ..after_fork import register
from .connections import Connection

POLL = 0.05
"""Seconds between two looks as long as nothing was heard: behind a pooler nothing ever is."""

POLL_WHEN_HEARING = 1.0
"""Seconds between two looks once announcements are known to arrive."""

RETRY = 1.0
"""Seconds until the next try to listen, after a connection broke."""

PATIENCE = 5.0
"""Seconds to wait for the thread to end; it may be in the middle of connecting."""


class Listener:
    """Wakes those who wait for news. It may miss some: whoever waits looks for himself from time to time."""

    def __init__(self, connect: Callable[[], Connection], channel: str) -> None:
        self._connect = connect
        self._channel = channel
        self._closing = Event()
        self._count = 0
        self._bell: socket | None = None
        self.after_fork()
        register(self)

    def after_fork(self) -> None:
        """Begins without the thread, which stayed in the parent process."""
        if self._bell is not None:
            self._bell.close()  # here; over there it stays open
        self._bell = None
        self._thread: Thread | None = None
        self._hears = False
        self._news = Condition()
        self._starting = Lock()

    def start(self) -> None:
        """Begins to listen, unless it has."""
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._bell, ear = socketpair()
                self._thread = Thread(target=self._run, args=(ear,), name="turnlog-listener", daemon=True)
                self._thread.start()

    @property
    def count(self) -> int:
        """How many times there was news."""
        return self._count

    def announce(self) -> None:
        """Wakes all who wait."""
        with self._news:
            self._count += 1
            self._news.notify_all()

    def pause(self, count: int, longest: float) -> bool:
        """Sleeps until there is more news than that, and answers whether there is; or until it is time to look."""
        with self._news:
            interval = POLL_WHEN_HEARING if self._hears else POLL
            return self._news.wait_for(lambda: self._count != count, min(interval, longest))

    def note_missed(self) -> None:
        """There was news that was not heard of: hearing is not to be relied on."""
        self._hears = False

    def close(self) -> None:
        """Ends the thread and wakes all who wait."""
        with self._starting:
            if self._closing.is_set():
                return
            self._closing.set()
        if self._bell is not None and self._thread is not None:
            self._bell.close()
            self._thread.join(PATIENCE)
        self.announce()

    def _run(self, ear: socket) -> None:
        with ear:
            while not self._closing.is_set():
                try:
                    with self._connect() as connection:
                        connection.execute(f'LISTEN "{self._channel}"')
                        self._follow(connection, ear)
                except psycopg.Error:
                    pass  # those who wait look for themselves
                self._hears = False
                self._closing.wait(RETRY)

    def _follow(self, connection: Connection, ear: socket) -> None:
        with DefaultSelector() as selector:
            selector.register(connection.fileno(), EVENT_READ)
            selector.register(ear, EVENT_READ)  # readable once the bell is closed
            while not self._closing.is_set():
                selector.select()
                connection.pgconn.consume_input()
                heard = False
                while connection.pgconn.notifies() is not None:
                    heard = True
                if heard:
                    self._hears = True
                    self.announce()
