"""What test_fork.py runs: a multiprocessing pool of forked workers that use the store of the parent.

Arguments: the address of the store, the id of a session, the path of the ledger, and "inherited" or "anew": whether a
worker uses the store of the parent or opens its own. The parent appends, closes and opens the store while they work.
"""

import os
import sys
from contextlib import closing
from multiprocessing import get_context

from turnlog import Branch, Session, open_store

branches: list[Branch] = []
acknowledged: list[int] = []


def append(name: str, count: int, branch: Branch) -> None:
    """Appends, and writes each into the ledger as soon as it is acknowledged."""
    for number in range(count):
        text = f"{name} {number}"
        position = branch.add(text).position
        os.write(acknowledged[0], f"{position} {text}\n".encode())


def inherited(task: int) -> None:
    """Appends with the store that the parent had open."""
    append(f"task {task}", 3, branches[0])


def anew(address: str, session: str, task: int) -> None:
    """Appends with a store opened in the worker."""
    with open_store(address) as store:
        append(f"task {task}", 3, Session.open(session, store=store).default_branch)


def main(address: str, session: str, ledger: str, how: str) -> None:
    """Runs the pool."""
    acknowledged.append(os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    store = open_store(address)
    branches.append(Session.open(session, store=store).default_branch)
    append("parent", 3, branches[0])
    with get_context("fork").Pool(3) as pool:
        if how == "inherited":
            results = [pool.apply_async(inherited, (task,)) for task in range(12)]
        else:
            results = [pool.apply_async(anew, (address, session, task)) for task in range(12)]
        append("beside", 3, branches[0])
        store.close()
        with closing(open_store(address)) as again:
            append("again", 3, Session.open(session, store=again).default_branch)
        for result in results:
            result.get()


if __name__ == "__main__":
    main(*sys.argv[1:])
