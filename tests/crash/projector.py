"""What test_runner_kill.py kills: keeps a projection until it is stopped, in two shards.

Arguments: the address of the store, and that of the target. It says a line when it begins.
"""

import sys
from collections.abc import Sequence

from turnlog import Kind, Pace, Projection, RecordedEvent, Rows, Runner, Table, open_store

WORDS = Table("words", {"session": Kind.TEXT, "messages": Kind.INTEGER, "last": Kind.TEXT}, key=("session",))


class Words(Projection):
    """Counts messages."""

    name = "words"
    names = ("message.appended",)
    tables = (WORDS,)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows[WORDS].find(event.session) or {"session": event.session, "messages": 0}
            rows[WORDS].put({**row, "messages": row["messages"] + 1, "last": str(event.position)})


def main(address: str, target: str) -> None:
    """Runs until stopped."""
    with open_store(address) as store:
        runner = Runner(store, [Words()], target, shards=2, pace=Pace(batch=7, lease=0.2, poll=0.05))
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        runner.run()
        runner.close()
        sys.stdout.write("stopped\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
