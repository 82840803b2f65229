"""What test_redaction_kill.py kills: redacts messages one after the other, and says so before and after each.

Arguments: the address of the store, the id of the session, and the positions of the messages.
"""

import sys

from turnlog import Session, open_store
from turnlog.projections import Transcript


def main(address: str, session: str, *positions: str) -> None:
    """Redact until killed."""
    with open_store(address, inline=[Transcript()]) as store:
        opened = Session.open(session, store=store)
        for position in positions:
            sys.stdout.write(f"redacting {position}\n")
            sys.stdout.flush()
            opened.redact(int(position), reason="asked for")
            sys.stdout.write(f"redacted {position}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
