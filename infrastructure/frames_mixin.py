"""What analysts ask a store for: frames, SQL over them, and files that others read."""

from typing import cast

from .async_methods import awaited, awaited_read
from .eventsourcing_adapter.application import TurnlogApplication
from .frames.parquet import EVENTS, ExportResult, ParquetExport
from .frames.query import Query
from .frames.query_limits import QueryLimits
from .frames.query_process import Parameters
from .frames.store_frames import Frames
from .paths import PathLike, validate_path
from .session_reader import SessionSource


class AnalysedStore(TurnlogApplication):
    """The part of a store that answers with frames."""

    query_limits = QueryLimits()
    """The limits of queries that are given no others; those of the settings, where these name the store."""

    @property
    def frames(self) -> Frames:
        """Messages, events and usage of all sessions as Arrow batches, in memory that does not grow with the store."""
        return Frames(self.recorder, cast(SessionSource, self))

    def sql(
        self,
        query: str,
        parameters: Parameters = (),
        *,
        external_access: bool = False,
        timeout: float | None = None,
        memory: float | None = None,
    ) -> Query:
        """What DuckDB answers to a query over `messages`, `events`, `usage` and `sessions`.

        Parameters are for `?` in their order, or for `$name` by name. Only the tables that the query names are read,
        batch by batch. DuckDB runs in a process of its own, and can reach neither files nor the network unless
        `external_access` is true. A query that runs longer than `timeout` seconds, or needs more than `memory`
        megabytes, is killed and raises QueryLimitError; the default is `query_limits`.
        """
        return Query(self.frames, query, parameters, external_access, self.query_limits.with_changes(timeout, memory))

    def export_parquet(self, path: PathLike, *, events_per_file: int = EVENTS) -> ExportResult:
        """Brings a folder of Parquet files up to where the record is: messages, usage and events, by day; and sessions.

        Each event goes into the files once, however often this is called, broken off and called again. Words that were
        redacted are taken out of files that are there already. One export at a time: another one is refused.
        """
        return ParquetExport(
            self.recorder, validate_path(path, "the folder"), events_per_file, self.frames.sessions()
        ).run()

    asql = awaited_read(sql)
    aexport_parquet = awaited(export_parquet)
