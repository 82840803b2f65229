"""The statements of queries.sql by name; `Tables` says on which tables they work."""

from functools import lru_cache
from typing import NamedTuple

from ..sql_files import load_statements

SQL = load_statements(__package__)


class Tables(NamedTuple):
    """The tables of the store: those in a schema whose names begin with a prefix."""

    schema: str
    prefix: str

    @property
    def channel(self) -> str:
        """Where appends are announced; short enough for a channel, since schema and prefix are."""
        return f"{self.schema}.{self.prefix}"

    def with_names(self, statement: str) -> str:
        """The statement with the names of these tables in it."""
        return _with_names(self, statement)


@lru_cache
def _with_names(tables: Tables, statement: str) -> str:
    for place in ("schema", "prefix", "channel"):
        statement = statement.replace(f"{{{place}}}", getattr(tables, place))
    return statement


def select_entries(conditions: str) -> str:
    """Return the query of the entries that conditions, an order and a limit select."""
    return f"{SQL['select_entries']} WHERE {conditions}"
