"""What test_fork.py runs: forks while a connection is in use that cannot be closed, or could not be known of.

Arguments: the address of the store, the id of a session, the path of the ledger, and what is in use. The child prints
what becomes of an append by the store it inherited, and by one that it opens.
"""

import os
import sqlite3
import sys
from collections.abc import Sequence
from itertools import islice
from threading import Event, Thread

from turnlog import Projection, Session, Store, open_store
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.errors import TurnlogError
from turnlog.infrastructure.sqlite import fork_gate
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder
from turnlog.projections.rows import Rows


def attempt(store: Store, session: str) -> str:
    """Appends, and says what became of it."""
    try:
        Session.open(session, store=store).add("child")
    except TurnlogError as reason:
        return f"{type(reason).__name__}{' spawn' if 'spawn' in str(reason) else ''}"
    return "appended"


def child(address: str, session: str, inherited: Store) -> None:
    """What can be done in the child."""
    said = [attempt(inherited, session)]
    try:
        with open_store(address) as own:
            said.append(attempt(own, session))
    except TurnlogError as reason:
        said.append(f"{type(reason).__name__}{' spawn' if 'spawn' in str(reason) else ''}")
    os.write(1, f"child: {', '.join(said)}\n".encode())


class Forking(Projection):
    """Forks in the transaction that appends; the child goes on from there as if nothing had happened."""

    name = "forking"
    names = ("message.appended",)
    is_child = False

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        if os.fork() == 0:
            self.is_child = True
        else:
            os.wait()


def in_a_transaction(address: str, session: str, store: Store) -> None:
    """An inline projection forks."""
    projection = Forking()
    store.attach(projection)
    opened = Session.open(session, store=store)
    try:
        opened.add("parent")
    except TurnlogError as reason:
        os.write(1, f"the interrupted append: {type(reason).__name__}\n".encode())
    if projection.is_child:
        child(address, session, store)
        os._exit(0)


def fork(address: str, session: str, store: Store) -> None:
    """A child, and then an append by the parent."""
    if os.fork() == 0:
        child(address, session, store)
        os._exit(0)
    os.wait()
    Session.open(session, store=store).add("parent")


def beside_a_reader(address: str, session: str, store: Store) -> None:
    """A thread reads for longer than a fork waits."""
    fork_gate.PATIENCE = 0.05
    recorder, reads, enough = store.recorder, Event(), Event()
    assert isinstance(recorder, SQLiteRecorder)

    def read() -> None:
        with recorder.connections.reading() as connection:
            connection.execute("SELECT count(*) FROM events").fetchone()
            reads.set()
            enough.wait()

    thread = Thread(target=read)
    thread.start()
    reads.wait()
    try:
        fork(address, session, store)
    finally:
        enough.set()
        thread.join()


def beside_a_writer(address: str, session: str, store: Store) -> None:
    """A thread has the connection that writes, for longer than a fork waits."""
    fork_gate.PATIENCE = 0.05
    recorder, writes, enough = store.recorder, Event(), Event()
    assert isinstance(recorder, SQLiteRecorder)

    def write() -> None:
        with recorder.connections.writing():
            writes.set()
            enough.wait()

    thread = Thread(target=write)
    thread.start()
    writes.wait()
    if os.fork() == 0:
        child(address, session, store)
        os._exit(0)
    os.wait()
    enough.set()
    thread.join()
    Session.open(session, store=store).add("parent")


def beside_a_connection_of_its_own(address: str, session: str, store: Store) -> None:
    """The program has the file open with sqlite3."""
    connection = sqlite3.connect(address.removeprefix("sqlite:///"))
    connection.execute("SELECT count(*) FROM events").fetchone()
    fork(address, session, store)
    connection.close()


def in_an_iteration(address: str, session: str, store: Store) -> None:
    """Pages of events are being read; between two pages no connection is in use."""
    events = Session.open(session, store=store).events()
    list(islice(events, 1))
    fork(address, session, store)


CASES = {
    "transaction": in_a_transaction,
    "reader": beside_a_reader,
    "writer": beside_a_writer,
    "connection": beside_a_connection_of_its_own,
    "iteration": in_an_iteration,
}

if __name__ == "__main__":
    with open_store(sys.argv[1]) as opened:
        CASES[sys.argv[4]](sys.argv[1], sys.argv[2], opened)
