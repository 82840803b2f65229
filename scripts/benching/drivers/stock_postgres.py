"""The stock `eventsourcing` application with its own PostgreSQL recorder."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict

from .speaking import TEXT, serve
from .stock_sqlite import Stock


class StockOnPostgres(Stock):
    """As it comes: a table lock for each save, and no functions in the database, which would lose events."""

    cannot = {**Stock.cannot, "rebuild": "a projection is followed, never rebuilt"}

    def fill(self, session: str, count: int, text: str = TEXT, batch: int = 100) -> None:
        """A hundred to a save: of a thousand, its pipelined insert may never come back."""
        super().fill(session, count, text, min(batch, 100))

    def environment(self) -> dict[str, str]:
        parts = conninfo_to_dict(self.address)
        names = {"dbname": "dbname", "host": "host", "port": "port", "user": "user", "password": "password"}
        given = {f"POSTGRES_{ours.upper()}": str(parts.get(theirs) or "") for ours, theirs in names.items()}
        given["POSTGRES_PASSWORD"] = given["POSTGRES_PASSWORD"] or "none"
        given["POSTGRES_PORT"] = given["POSTGRES_PORT"] or "5432"
        return {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_POOL_SIZE": "16", **given}

    def durability(self) -> str:
        recorder: Any = self.application.recorder  # PostgreSQL's, which has a datastore
        with recorder.datastore.get_connection() as connection:
            says = {name: connection.execute(f"SHOW {name}").fetchone()[name] for name in SETTINGS}
        return ", ".join(f"{name}={value}" for name, value in says.items())


SETTINGS = "server_version", "fsync", "synchronous_commit"

if __name__ == "__main__":
    serve(StockOnPostgres)
