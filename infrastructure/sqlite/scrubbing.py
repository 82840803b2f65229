"""Removing deleted content from the files of a database: full-text indexes, unused parts of pages, write-ahead log.

`secure_delete` is not enough. When SQLite moves rows from one page to another, a copy of them stays in the unused part
of the first page, and a full-text index keeps the text of a deleted row until its segments are merged. So the indexes
are merged and the database is rewritten. An index that does not fit its table, because a trigger was missing for a
time, may keep text of rows that have lost theirs: it is built anew.
"""

import sqlite3
from collections.abc import Iterable
from time import sleep

from ...domain.errors import RedactionPendingError

TRIES = 40
"""How often the write-ahead log is tried to be emptied while somebody reads from it."""

PAUSE = 0.05
"""Seconds between two tries, in which other processes may write."""

ADD_PENDING = "INSERT INTO pending_scrubs (token) VALUES (hex(randomblob(8)))"

_MAKE_PENDING = "CREATE TABLE IF NOT EXISTS pending_scrubs (token TEXT PRIMARY KEY) STRICT, WITHOUT ROWID"
_IS_THERE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'pending_scrubs'"
_FIND_PENDING = "SELECT token FROM pending_scrubs"
_REMOVE_PENDING = "DELETE FROM pending_scrubs WHERE token = ?"
_FIND_INDEXES = """
SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE% USING fts5%'
"""


# The full-text indexes of projections; each has its text in a table that it does not own.
_FIND_OWN_INDEXES = """
SELECT name FROM sqlite_schema
WHERE type = 'table' AND name GLOB 'projection_*__words' AND sql LIKE 'CREATE VIRTUAL TABLE% USING fts5%'
"""

# The tables inside of such indexes whose index was taken out of the schema.
_FIND_LEFT_OVER = """
SELECT name FROM sqlite_schema AS inner_table
WHERE type = 'table' AND name GLOB 'projection_*__words_data'
  AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name || '_data' = inner_table.name)
"""


def note_pending(connection: sqlite3.Connection) -> None:
    """Record, as part of a transaction that removes content, that the files have to be cleaned."""
    connection.execute(_MAKE_PENDING)  # a file with nothing but rows of projections has no such table yet
    connection.execute(ADD_PENDING)


def find_pending(connection: sqlite3.Connection) -> list[str]:
    """The marks of redactions whose content may still be in the files."""
    if connection.execute(_IS_THERE).fetchone() is None:
        return []
    return [token for (token,) in connection.execute(_FIND_PENDING)]


def scrub(connection: sqlite3.Connection, store: str) -> None:
    """Clean the files, if that is pending; raises if a reader prevents it."""
    pending = find_pending(connection)
    if not pending:
        return
    if not _empties_log(connection):  # then it could not be emptied afterwards, with all of the database in it
        raise _pending_error(store)
    _mend_indexes(connection, store)
    compact(connection)
    if not _empties_log(connection):
        raise _pending_error(store)
    connection.executemany(_REMOVE_PENDING, [(token,) for token in pending])


def scrub_copy(connection: sqlite3.Connection, store: str, marks: Iterable[str]) -> None:
    """Clean a copy that is not in use, and remove marks of redactions from it; raises if that is not possible."""
    _mend_indexes(connection, store)
    compact(connection)
    connection.executemany(_REMOVE_PENDING, [(token,) for token in marks])


def compact(connection: sqlite3.Connection) -> None:
    """Leave nothing in the database but what is in its tables."""
    for (index,) in connection.execute(_FIND_INDEXES).fetchall():
        connection.execute(f'INSERT INTO "{index}" ("{index}") VALUES (\'optimize\')')
    connection.execute("VACUUM")


def is_index_sound(connection: sqlite3.Connection, index: str) -> bool:
    """Whether a full-text index has the text of the rows of its table, and no other."""
    try:
        connection.execute(f'INSERT INTO "{index}" ("{index}", rank) VALUES (\'integrity-check\', 1)')
    except sqlite3.DatabaseError as reason:
        damaged = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR  # the latter for a format that SQLite does not know
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF not in damaged:
            raise
        return False
    return True


def _mend_indexes(connection: sqlite3.Connection, store: str) -> None:
    """Build full-text indexes anew that do not fit their tables; raises if one cannot be reached any more."""
    for (table,) in connection.execute(_FIND_LEFT_OVER):
        raise RedactionPendingError(store, f"the table {table} belongs to a full-text index that is missing: drop it")
    for (index,) in connection.execute(_FIND_OWN_INDEXES).fetchall():
        if not is_index_sound(connection, index):
            try:
                connection.execute(f'INSERT INTO "{index}" ("{index}") VALUES (\'rebuild\')')
            except sqlite3.DatabaseError as reason:
                advice = f"the full-text index {index} is damaged ({reason}): rebuild its projection"
                raise RedactionPendingError(store, advice) from reason


def _empties_log(connection: sqlite3.Connection) -> bool:
    """Write all of the log to the database and truncate it; False if readers of an older state prevent that."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        for tried in range(TRIES):
            sleep(PAUSE if tried else 0)
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


def _pending_error(store: str) -> RedactionPendingError:
    return RedactionPendingError(store, "it stays in the write-ahead log until the readers of the file have finished")
