"""Removing deleted content from the files of a server: versions of rows, statistics, and the write-ahead log.

Every statement commits by itself. What the role may not do is collected, and named at the end.
"""

import re
from time import sleep

import psycopg
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from ...domain.errors import RedactionPendingError
from .address import DEFAULTS
from .connections import Connection
from .queries import Tables

TRIES = 40
"""How often tables are rewritten while an open transaction may still see the versions that are to go."""

PAUSE = 0.05
"""Seconds between two tries."""

LOCK_TIMEOUT = "30s"
"""How long a table is waited for; all who use it meanwhile wait behind."""

PENDING = '"{schema}".{prefix}pending_scrubs'
MAKE_PENDING = f"CREATE TABLE IF NOT EXISTS {PENDING} (token text PRIMARY KEY)"
ADD_PENDING = f"INSERT INTO {PENDING} (token) VALUES (gen_random_uuid()::text)"
FIND_PENDING = f"SELECT token FROM {PENDING}"
REMOVE_PENDING = f"DELETE FROM {PENDING} WHERE token = ANY(%s)"

# The tables of the store, and those of projections beside it.
_FIND_TABLES = """
SELECT format('%%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind = 'r'
  AND (c.relname = ANY(%(names)s) OR starts_with(c.relname, %(projections)s)
       OR %(prefix)s <> '' AND starts_with(c.relname, %(prefix)s))
ORDER BY c.oid
"""
_NAMES = ("catalogue", "counter", "events", "migrations", "checkpoints", "snapshots", "pending_scrubs")

_SEGMENT = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_SEGMENTS = "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
_SWITCH = "SELECT pg_logical_emit_message(false, 'turnlog', ''), pg_switch_wal()"

_DEAD = re.compile(r"\D*(\d+)")


def find_pending(connection: Connection, tables: Tables) -> list[str]:
    """The marks of redactions whose content may still be in the files."""
    return [token for (token,) in connection.execute(tables.with_names(FIND_PENDING))]


def tidy(connection: Connection, tables: Tables) -> None:
    """Give back space within the tables, and refresh what the planner knows of them."""
    connection.execute(f"VACUUM (ANALYZE) {', '.join(_tables(connection, tables))}")


def scrub(connection: Connection, tables: Tables, store: str) -> None:
    """Rewrite all tables and the write-ahead log; raises if something prevents it, or is not permitted.

    Others wait while a table is rewritten. The connection is the caller's own.
    """
    pending = find_pending(connection, tables)
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    try:
        _rewrite(connection, _tables(connection, tables), store)
        denied = [*_rewrite_statistics(connection), *_clean_log(connection, store)]
    except LockNotAvailable as reason:
        raise RedactionPendingError(store, f"a table is in use: {reason.diag.message_primary}") from reason
    if denied:
        advice = f"the role may not {', '.join(denied)}: have a superuser do that, or grant pg_checkpoint and so on"
        raise RedactionPendingError(store, advice)
    connection.execute(tables.with_names(REMOVE_PENDING), [pending])


def _tables(connection: Connection, tables: Tables) -> list[str]:
    prefix = tables.prefix
    projections = f"{'' if prefix == DEFAULTS['prefix'] else prefix}projection_"
    which = {"schema": tables.schema, "names": [prefix + name for name in _NAMES], "prefix": prefix}
    return [name for (name,) in connection.execute(_FIND_TABLES, {**which, "projections": projections})]


def _rewrite(connection: Connection, names: list[str], store: str) -> None:
    """Copy the live rows of tables to new files, once no transaction sees others."""
    for tried in range(TRIES):
        sleep(PAUSE if tried else 0)
        names = [name for name in names if _dead_after(connection, name)]
        if not names:
            return
    seen = f"a transaction, a prepared one or a replication slot still sees older rows of {', '.join(names)}"
    raise RedactionPendingError(store, seen)


def _dead_after(connection: Connection, name: str) -> int:
    """How many versions of rows a rewritten table still has that nobody but an open transaction sees."""
    found = [
        _DEAD.match(detail) for _, detail in _collect_notices(connection, f"VACUUM (FULL, VERBOSE, ANALYZE) {name}")
    ]
    return sum(int(match[1]) for match in found if match)


def _rewrite_statistics(connection: Connection) -> list[str]:
    """What of it is not permitted. Statistics have single values of the columns that are searched by."""
    told = _collect_notices(connection, "VACUUM (FULL) pg_catalog.pg_statistic")
    return ["VACUUM FULL pg_statistic"] if any(severity == "WARNING" for severity, _ in told) else []


def _collect_notices(connection: Connection, statement: str) -> list[tuple[str, str]]:
    """The severity and the detail of each notice that the server sends while it executes a statement."""
    told: list[tuple[str, str]] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:  # it can be read only now
        told.append((notice.severity_nonlocalized or "", notice.message_detail or ""))

    connection.add_notice_handler(note)
    try:
        connection.execute(statement)
    finally:
        connection.remove_notice_handler(note)
    return told


def _clean_log(connection: Connection, store: str) -> list[str]:
    """Remove the segments of the write-ahead log, and overwrite those that were renamed for later use.

    To switch to the next segment fills the one before with zeros. Returns what is not permitted.
    """
    try:
        connection.execute(_SWITCH)
        connection.execute("CHECKPOINT")  # segments before this one are removed, or renamed
        current = _value(connection, _SEGMENT)
        segments = [name for (name,) in connection.execute(_SEGMENTS)]
        kept = [name for name in segments if name[8:] < current[8:]]
        if kept:
            needed = "an archiver, a replication slot or wal_keep_size keeps segments of the write-ahead log"
            raise RedactionPendingError(store, f"{needed}: {min(kept)} and {len(kept) - 1} more")
        while _value(connection, _SEGMENT)[8:] <= max(name[8:] for name in segments):
            connection.execute(_SWITCH)
        connection.execute("CHECKPOINT")
    except InsufficientPrivilege as reason:
        return [f"clean the write-ahead log (CHECKPOINT, pg_switch_wal, pg_ls_waldir: {reason.diag.message_primary})"]
    return []


def _value(connection: Connection, statement: str) -> str:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return str(row[0])
