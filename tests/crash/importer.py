"""What test_import_kill.py kills: imports a file into a store, and prints when it begins, writes and has ended.

Arguments: the address of the store, the file, and the step at which it kills itself; 0 is none. A step is before or
after each call that sends something to the database or receives something from it. Their number is printed at the end.
"""

import os
import signal
import sys
from typing import Any

import psycopg
import redis

from turnlog import open_store
from turnlog.infrastructure.sqlite.open_files import Connection

CALLS: list[tuple[Any, str]] = [
    (Connection, "execute"),
    (Connection, "executemany"),
    (psycopg.Connection, "wait"),
    (redis.connection.AbstractConnection, "send_packed_command"),
    (redis.connection.AbstractConnection, "read_response"),
]


class Steps:
    """Counts steps, and kills the process at one of them."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self._last = last

    def take(self) -> None:
        """One more step."""
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Take a step before and after each call of a method."""
        original = getattr(owner, name)

        def stepping(*arguments: Any, **named: Any) -> Any:
            self.take()
            result = original(*arguments, **named)
            self.take()
            return result

        setattr(owner, name, stepping)


def say(what: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(address: str, path: str, last: str) -> None:
    """Imports the file once."""
    steps = Steps(int(last))
    with open_store(address) as store:
        list(store.sessions())  # all connections are open
        say("importing")
        for call in CALLS:
            steps.around(*call)
        store.import_record(path)
        say("imported")
        say(str(steps.count))


if __name__ == "__main__":
    main(*sys.argv[1:])
