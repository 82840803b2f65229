"""Logs in a PostgreSQL database."""

from collections.abc import Callable, Sequence

from ...domain.log import Log
from ...projections.call_log_filter import LogFilter
from ..clock import wall_clock
from ..logs.adapter import LogAdapter
from ..logs.redaction.redactor import STANDARD, LogRedactor


class PostgresLogAdapter(LogAdapter):
    """Keeps logs in a table of a PostgreSQL database, which is made if it is not there.

    The address is `postgresql://user:password@host/database?schema=public`; all other options are libpq's.
    """

    def __init__(
        self,
        address: str,
        *,
        table: str = "logs",
        redactor: LogRedactor | None = STANDARD,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        from .log_table import PostgresTable  # here, because the driver takes as long to import as all the rest

        super().__init__(redactor=redactor, clock=clock)
        self._table = PostgresTable(address, table)
        self.name = self._table.name

    def close(self) -> None:
        self._table.close()

    def _insert(self, logs: Sequence[Log]) -> int:
        return self._table.insert(logs)

    def _select(self, wanted: LogFilter, limit: int, offset: int) -> list[Log]:
        return self._table.select(wanted, limit, offset)

    def _prune(self, before: int, now: int) -> int:
        return self._table.prune(before, now)
