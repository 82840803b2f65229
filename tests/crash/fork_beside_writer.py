"""What test_fork.py runs: forks 24 children while a thread of the parent appends; every child appends too.

Arguments: the address of the store, the id of a session, the path of the ledger. The thread appends to a session of its
own. A child uses the store it inherited, or opens its own. A child that fails prints its error.
"""

import os
import sys
from threading import Event, Thread

from turnlog import Branch, Session, open_store
from turnlog.errors import TurnlogError

CHILDREN = 24


def main(address: str, session: str, ledger: str) -> None:
    """Appends in a thread and in all children."""
    acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    enough = Event()

    def append(name: str, branch: Branch) -> None:
        position = branch.add(name).position
        os.write(acknowledged, f"{position} {name}\n".encode())

    def append_all_the_time() -> None:
        number = 0
        while not enough.is_set():
            append(f"parent {number}", others)
            number += 1

    def child(number: int) -> None:
        if number % 2:
            append(f"child {number}", branch)
        else:
            with open_store(address) as own:
                append(f"child {number}", Session.open(session, store=own).default_branch)

    with open_store(address) as store:
        branch = Session.open(session, store=store).default_branch
        others = Session(store=store).default_branch
        thread = Thread(target=append_all_the_time)
        thread.start()
        try:
            for number in range(CHILDREN):
                if os.fork() == 0:
                    try:
                        child(number)
                    except TurnlogError as reason:
                        os.write(1, f"child {number}: {reason}\n".encode())
                    os._exit(0)
            for _ in range(CHILDREN):
                os.wait()
        finally:
            enough.set()
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
