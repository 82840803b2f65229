"""What test_replaced_files.py runs, by rounds.py: a process loses SQLite's locks, and is killed.

Arguments: the address of the store, the id of a session, the path of the ledger, and how: "hash" reads the bytes of the
file once; "race" reads them all the time while appending; "unheld" is "hash" without the locks of open file
descriptions, which some systems do not have. Meanwhile this process opens and closes the store, as `turnlog sessions`
does.
"""

import os
import signal
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread

from turnlog import Session, open_store
from turnlog.errors import DatabaseError
from turnlog.infrastructure.sqlite import open_files


def main(address: str, session: str, ledger: str, how: str) -> None:
    """Runs one round."""
    commands, to_do = os.pipe()
    answers, done = os.pipe()
    writer = os.fork()
    if writer == 0:
        if how == "unheld":
            open_files._hold = lambda *_: None
        Writer(address, session, ledger, done).run(commands, racing=how == "race")
    os.read(answers, 1)
    for _ in range(20 if how == "race" else 2):
        with open_store(address) as store:
            list(store.sessions())
        if how != "race":
            os.write(to_do, b".")
            os.read(answers, 1)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)


class Writer:
    """Appends until it is killed."""

    def __init__(self, address: str, session: str, ledger: str, done: int) -> None:
        self.path = Path(address.removeprefix("sqlite:///"))
        self.acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.branch = Session.open(session, store=open_store(address)).default_branch
        self.number = 0
        self.done = done

    def run(self, commands: int, *, racing: bool) -> None:
        """Appends; then a round of appends for each byte that comes, or all the time."""
        self.append(1)
        if racing:
            Thread(target=self.read_all_the_time, daemon=True).start()
            os.write(self.done, b".")
            self.append(sys.maxsize)
        sha256(self.path.read_bytes()).hexdigest()
        self.append(5)
        while True:
            os.write(self.done, b".")
            os.read(commands, 1)
            with suppress(DatabaseError):  # then they are not acknowledged
                self.append(25)

    def append(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            position = self.branch.add(f"text {self.number}").position
            os.write(self.acknowledged, f"{position} text {self.number}\n".encode())

    def read_all_the_time(self) -> None:
        while True:
            self.path.read_bytes()
