"""What test_fork.py runs: becomes a daemon (two forks, the parent exits) that continues with the store it inherited.

Arguments: the address of the store, the id of a session, the path of the ledger. Each acknowledged append is a line
there: position and text. The daemon appends before and after its parent has closed the store and exited, and ends
without closing.
"""

import os
import sys

from turnlog import Session, open_store


def main(address: str, session: str, ledger: str) -> None:
    """Appends in the parent and in the daemon."""
    acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    end, parent = os.pipe()

    def append(name: str, count: int) -> None:
        for number in range(count):
            text = f"{name} {number}"
            position = branch.add(text).position
            os.write(acknowledged, f"{position} {text}\n".encode())

    with open_store(address) as store:
        branch = Session.open(session, store=store).default_branch
        append("before", 3)
        if os.fork() == 0:
            if os.fork() == 0:
                os.close(parent)
                append("beside", 5)
                os.read(end, 1)  # until the parent has exited
                append("after", 10)
            os._exit(0)
        append("parent", 5)


if __name__ == "__main__":
    main(*sys.argv[1:])
