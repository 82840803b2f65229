"""What test_export_kill.py kills in the middle of an export.

Arguments: the address of the store, the path, `record` or `parquet`, and `named` for a system that cannot write files
without names. It says a line when it is in the middle.
"""

import os
import sys
from time import sleep

from turnlog import open_store
from turnlog.infrastructure import output_file


def halfway(*_: object) -> None:
    """Say so, and wait for the end."""
    sys.stdout.write("halfway\n")
    sys.stdout.flush()
    sleep(600)


def main(address: str, path: str, form: str, system: str) -> None:
    """Export until the middle."""
    if system == "named":
        del os.O_TMPFILE
    with open_store(address) as store:
        if form == "record":
            store.export_record(path, progress=halfway)
        else:
            setattr(output_file._Part, "put", halfway)  # noqa: B010 (when the first file is written)
            store.export_parquet(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
