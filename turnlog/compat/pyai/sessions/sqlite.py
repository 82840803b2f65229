"""Sessions in a SQLite file."""

from os import PathLike

from ....stores import SQLiteSessionStore as OrdinaryStore
from .records import RecordStore

__all__ = ["SQLiteSessionStore"]


class SQLiteSessionStore(RecordStore):
    """Sessions in a SQLite file; `table_name` is the view that shows them in SQL."""

    def __init__(self, path: str | PathLike[str] = "sessions.db", table_name: str = "sessions") -> None:
        super().__init__(OrdinaryStore(path, table_name))
