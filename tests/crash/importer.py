"""What test_import_kill.py kills: imports a file into a store, and says so before and after.

Arguments: the address of the store, and the file.
"""

import sys

from turnlog import open_store


def main(address: str, path: str) -> None:
    """Imports the file once."""
    with open_store(address) as store:
        sys.stdout.write("importing\n")
        sys.stdout.flush()
        store.import_record(path)
        sys.stdout.write("imported\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
