"""What test_runner_kill.py kills: keeps a projection until it is stopped, in two shards.

Arguments: the address of the store, and that of the target. It says a line when it begins.
"""

import sys
from collections.abc import Sequence

from turnlog import Projection, Runner, open_store
from turnlog.projections import ColumnType, Rows, Table
from turnlog.runner import RunnerOptions
from turnlog.stores import RecordedEvent

WORDS = Table(
    "words", {"session": ColumnType.TEXT, "messages": ColumnType.INTEGER, "last": ColumnType.TEXT}, key=("session",)
)


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
        runner = Runner(store, [Words()], target, shards=2, options=RunnerOptions(batch=7, lease=0.2, poll=0.05))
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        runner.run()
        runner.close()
        sys.stdout.write("stopped\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
