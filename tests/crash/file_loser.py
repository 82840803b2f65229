"""What test_replaced_files.py runs: appends with one store open, does as it is told on its input, and is killed.

Arguments: the address of the store, the id of a session, the path of the ledger. Lines of input: "append N" appends N
times; "read" reads. After each line it prints how many appends were acknowledged, or the name of the error.
"""

import os
import sys

from turnlog import Session, open_store
from turnlog.errors import TurnlogError


def main(address: str, session: str, ledger: str) -> None:
    """Does what the lines say."""
    acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    store = open_store(address)
    branch = Session.open(session, store=store).default_branch
    number = 0
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        count = 0
        try:
            if command == "read":
                store.last_global_position()
            for _ in range(int(argument or 0)):
                number += 1
                position = branch.add(f"text {number}").position
                os.write(acknowledged, f"{position} text {number}\n".encode())
                count += 1
            said = str(count)
        except TurnlogError as reason:
            said = type(reason).__name__
        sys.stdout.write(said + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
