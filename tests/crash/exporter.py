"""What test_export_kill.py kills: exports a store into a folder, over and over.

Arguments: the address of the store, and the folder. It says a line when it begins.
"""

import sys

from turnlog import open_store


def main(address: str, folder: str) -> None:
    """Exports until it is killed."""
    with open_store(address) as store:
        store.export_parquet(folder, events_per_file=3)
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        while True:
            store.export_parquet(folder, events_per_file=3)


if __name__ == "__main__":
    main(*sys.argv[1:])
