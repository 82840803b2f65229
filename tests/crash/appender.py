"""What test_kill.py kills: appends to a session for ever, and says so after each append, one line each.

Arguments: the address of the store, the id of the session, and a name to tell the texts of processes apart. Every third
append is a batch.
"""

import sys
from itertools import count

from turnlog import Session, open_store


def main(address: str, session: str, name: str) -> None:
    """Appends until killed."""
    with open_store(address) as store:
        branch = Session.open(session, store=store).default_branch
        for number in count():
            texts = [f"{name} {number} {part}" for part in range(3 if number % 3 == 0 else 1)]
            positions = [message.position for message in branch.add_many(texts)]
            sys.stdout.write(f"{positions[0]} {texts[0]}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
