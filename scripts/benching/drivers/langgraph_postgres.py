"""LangGraph's `PostgresSaver`, under the same graph."""

from importlib.metadata import version
from typing import Any

from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from .langgraph_sqlite import LangGraph
from .speaking import serve


class LangGraphOnPostgres(LangGraph):
    """A pool of connections, as its documentation has it."""

    def saver(self) -> Any:
        how: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        self.pool = ConnectionPool(self.address, min_size=1, max_size=16, kwargs=how, open=True)
        saver = PostgresSaver(self.pool)
        saver.setup()
        return saver

    def about(self) -> dict[str, str]:
        names = "langgraph", "langgraph-checkpoint-postgres"
        with self.pool.connection() as connection:
            asked: Any = connection  # its rows are dicts, by `how`
            says = {name: asked.execute(f"SHOW {name}").fetchone()[name] for name in SETTINGS}
        durability = ", ".join(f"{name}={value}" for name, value in says.items())
        return {name: version(name) for name in names} | {"durability": durability}

    def close(self) -> None:
        self.pool.close()


SETTINGS = "server_version", "fsync", "synchronous_commit"

if __name__ == "__main__":
    serve(LangGraphOnPostgres)
