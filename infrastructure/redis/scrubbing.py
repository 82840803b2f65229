"""Removing redacted content from the files of a server: the append-only file, and the snapshot of all data."""

from time import monotonic, sleep

from ...domain.errors import DatabaseError, RedactionPendingError
from .server import Server

PATIENCE = 60.0
"""Seconds to wait for the server to write its files."""

PAUSE = 0.05
"""Seconds between two looks."""


def scrub(server: Server) -> None:
    """Have the server rewrite the files that it keeps, if that is pending; raises if it does not, or if it may not."""
    pending = server.ask("SMEMBERS", server.key("pending_scrubs"))
    if not pending:
        return
    try:
        if _persistence(server)["aof_enabled"] == "1":
            server.ask("BGREWRITEAOF")
            _wait(server, "aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_last_bgrewrite_status")
        if _saves(server):
            server.ask("BGSAVE", "SCHEDULE")
            _wait(server, "rdb_bgsave_in_progress", "", "rdb_last_bgsave_status")
    except DatabaseError as reason:
        raise RedactionPendingError(server.name, f"the server did not rewrite its files: {reason.reason}") from reason
    server.ask("SREM", server.key("pending_scrubs"), *pending)


def _saves(server: Server) -> bool:
    """Whether the server keeps snapshots, as far as it says."""
    if int(_persistence(server).get("rdb_saves", "0")):
        return True
    try:
        configured = server.ask("CONFIG", "GET", "save")
    except DatabaseError:  # managed servers do not say
        return True
    return len(configured) > 1 and bool(configured[1])


def _wait(server: Server, running: str, scheduled: str, status: str) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        told = _persistence(server)
        if "1" not in (told.get(running), told.get(scheduled)):
            break
        if monotonic() > deadline:
            raise RedactionPendingError(
                server.name, f"the server has not rewritten its files in {PATIENCE:.0f} seconds"
            )
        sleep(PAUSE)
    if told.get(status) != "ok":
        raise RedactionPendingError(server.name, f"the server could not rewrite its files ({status})")


def _persistence(server: Server) -> dict[str, str]:
    told = server.ask("INFO", "persistence").decode()
    return dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
