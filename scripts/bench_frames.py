"""Messages to Arrow, measured in a process of its own, so that the peak of its memory is that of the frame.

Run by scripts/bench in two steps, `write` and `read`; each takes the address of a store.
"""

import resource
import sys
from time import perf_counter

from hansard import Session, open_store

BATCH = 1000


def write(address: str, count: int, text: str) -> None:
    """A session of many messages, half of them answers."""
    with open_store(address) as store:
        main = Session(store=store).default_branch
        for start in range(0, count, BATCH):
            turns = [f"{number} {text}" for number in range(start, start + BATCH)]
            main.add_many([turn if at % 2 else {"assistant_response": turn} for at, turn in enumerate(turns)])


def read(address: str) -> None:
    """Says how many rows were made in a second, the size of the frame, and by how much the memory grew at most."""
    with open_store(address) as store:
        (entry,) = store.sessions()
        messages = Session.open(entry.session, store=store).messages
        messages.last(1).to_arrow()  # what is loaded once
        before, start = peak(), perf_counter()
        table = messages.to_arrow()
        seconds, grown = perf_counter() - start, peak() - before
        print(table.num_rows / seconds, table.nbytes, grown)


def peak() -> int:
    """The most memory that was in use so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    step, address, *how = sys.argv[1:]
    if step == "write":
        write(address, int(how[0]), how[1])
    else:
        read(address)
