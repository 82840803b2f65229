"""What test_fork.py runs: forks with connections of projections and logs open, and continues with them in the child.

Arguments: the address of the store, the id of a session, the path of the ledger. The rows of the projection and the
logs are in files of their own beside the ledger. The parent closes them and exits while the child continues; each log
and each row whose write was acknowledged is a line in the ledger.
"""

import os
import sys
from pathlib import Path

from turnlog import Session, open_store
from turnlog.domain.events.work import LogType
from turnlog.domain.log import Log
from turnlog.infrastructure.sqlite.log_table import SQLiteWALLogAdapter
from turnlog.infrastructure.sqlite.row_store import SQLiteFileRowStore
from turnlog.projections.rows import TableChange
from turnlog.projections.table_schema import ColumnType, Table, TableCodec

SHAPE = TableCodec(Table("rows", {"text": ColumnType.TEXT}, key=("text",)))


def main(address: str, session: str, ledger: str) -> None:
    """Writes rows and logs in the parent and in a child that outlives it."""
    acknowledged = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    end, parent = os.pipe()
    rows, logs = SQLiteFileRowStore(Path(f"{ledger}.rows")), SQLiteWALLogAdapter(f"{ledger}.logs")

    def write(name: str) -> None:
        for number in range(5):
            with rows.writing() as transaction:
                transaction.write([TableChange(SHAPE, [(f"{name} {number}",)], [])])
            os.write(acknowledged, f"row {name} {number}\n".encode())
            logs.write([Log(LogType.INFO, f"{name} {number}")])
            os.write(acknowledged, f"log {name} {number}\n".encode())

    with open_store(address) as store:
        Session.open(session, store=store).add("beside the rows and logs")
        with rows.writing() as transaction:
            transaction.create(SHAPE)
        write("before")
        if os.fork() == 0:
            os.close(parent)
            write("beside")
            os.read(end, 1)  # until the parent has exited
            write("after")
            os._exit(0)
        write("parent")
        rows.close()
        logs.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
