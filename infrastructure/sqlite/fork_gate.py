"""os.fork and SQLite: all connections are closed before a fork, and opened again on the next use.

SQLite's table of locks is copied into a child process, but the locks in it belong to the parent: a connection that the
child opens on such a table takes no lock at all, and the parent's close deletes the WAL that the child writes to.
"""

import atexit
import ctypes
import os
from threading import Condition, RLock, get_ident
from time import monotonic
from typing import Protocol
from weakref import WeakSet

from .open_files import Connection, FileId, OpenFile, descriptors, forget_open_files

PATIENCE = 10.0
"""Seconds that a fork waits for the transactions and reads in progress."""

UNUSABLE = (
    "it was in use while this process was forked, so that this process cannot lock it: "
    "start processes with 'spawn' (multiprocessing.get_context), or fork when no other connection to the file is open"
)


class Forkable(Protocol):
    """Holds connections to one file."""

    def rest(self) -> tuple[FileId, FileId] | None:
        """Closes all connections, unless one is in use; returns the database and its shared memory as they were."""

    def drop(self, file: OpenFile) -> None:
        """Closes the connections to a file that is no longer the one at its path; they are not used again."""

    def begin_in_child(self) -> None:
        """Begins without connections, and abandons those that were inherited open."""


class Gate:
    """Lets threads use connections; a fork waits until none is used, and holds up those that come meanwhile."""

    def __init__(self) -> None:
        self.begin_in_child()

    def begin_in_child(self) -> None:
        """Keeps no thread but this one inside."""
        me = get_ident()
        depth = getattr(self, "_inside", {}).get(me, 0)
        self._lock = RLock()
        self._news = Condition(self._lock)
        self._inside = {me: depth} if depth else {}
        self._forking: int | None = None

    def enter(self) -> int:
        """Waits while another thread forks, unless this one is inside already; `leave` takes what is returned."""
        me = get_ident()
        with self._lock:
            while self._forking is not None and self._forking != me and me not in self._inside:
                self._news.wait()
            self._inside[me] = self._inside.get(me, 0) + 1
        return me

    def leave(self, thread: int) -> None:
        """Ends what `enter` began, in whichever thread."""
        with self._lock:
            depth = self._inside.pop(thread, 1) - 1
            if depth:
                self._inside[thread] = depth
            elif self._forking is not None:
                self._news.notify_all()

    def shut(self, patience: float) -> None:
        """Waits until no other thread is inside, for so long at most, and lets none in until `open`."""
        me, deadline = get_ident(), monotonic() + patience
        with self._news:
            while self._forking not in (None, me):
                self._news.wait()
            self._forking = me
            while self._inside.keys() - {me} and (left := deadline - monotonic()) > 0:
                self._news.wait(left)

    def open(self) -> None:
        """Lets in all who wait."""
        with self._news:
            self._forking = None
            self._news.notify_all()


GATE = Gate()

_connections: WeakSet[Forkable] = WeakSet()
_closed_before_fork: list[tuple[FileId, FileId]] = []
_unusable: set[FileId] = set()


def register(connections: Forkable) -> None:
    """Has connections closed before every fork, as long as they live."""
    _connections.add(connections)


def drop(file: OpenFile) -> None:
    """Has all connections to a file closed that is no longer the one at its path."""
    for each in list(_connections):
        each.drop(file)


def usable(file: FileId | None) -> bool:
    """Whether this process can lock a file."""
    return file not in _unusable


def lose(file: FileId | None) -> None:
    """Takes a file for one that this process cannot lock."""
    if file is not None:
        _unusable.add(file)


def abandon(connection: Connection) -> None:
    """Keeps a connection from being closed, even at exit, where that would harm others; its file is unusable then."""
    lose(connection.file.id)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _before() -> None:
    GATE.shut(PATIENCE)
    _closed_before_fork[:] = filter(None, [each.rest() for each in list(_connections)])


def _at_exit() -> None:
    for each in list(_connections):
        each.rest()


def _in_child() -> None:
    GATE.begin_in_child()
    for each in list(_connections):
        each.begin_in_child()
    if _closed_before_fork:  # who has the shared memory open is a connection that is not ours
        there = descriptors()
        _unusable.update(file for file, shared in _closed_before_fork if shared in there)
    forget_open_files()


atexit.register(_at_exit)
os.register_at_fork(before=_before, after_in_parent=GATE.open, after_in_child=_in_child)
