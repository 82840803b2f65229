"""What test_import_kill.py kills: imports a file into a store, and prints when it begins, writes and has ended.

Arguments: the address of the store, and the file.
"""

import sys

from turnlog import open_store


def main(address: str, path: str) -> None:
    """Imports the file once."""
    printed = set()

    def say(what: str) -> None:
        if what not in printed:
            printed.add(what)
            sys.stdout.write(f"{what}\n")
            sys.stdout.flush()

    def progress(done: int, total: int) -> None:
        if 2 * done > total:  # the first half is to check the file
            say("writing")

    with open_store(address) as store:
        say("importing")
        store.import_record(path, progress=progress)
        say("imported")


if __name__ == "__main__":
    main(*sys.argv[1:])
