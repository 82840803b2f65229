"""What test_replaced_files.py runs: appends, while a thread reads the bytes of the file again and again; until killed.

Arguments: the address of the store, the id of a session, the path of the ledger.
"""

import os
import sys
from pathlib import Path
from threading import Thread

from turnlog import Session, open_store


def main(address: str, session: str, ledger: str) -> None:
    """Appends for ever."""
    acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    path = Path(address.removeprefix("sqlite:///"))

    def read() -> None:
        while True:
            path.read_bytes()

    with open_store(address) as store:
        branch = Session.open(session, store=store).default_branch
        Thread(target=read, daemon=True).start()
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        number = 0
        while True:
            number += 1
            position = branch.add(f"text {number}").position
            os.write(acknowledged, f"{position} text {number}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
