"""SQL over a store: DuckDB, which reads the frames that a query names as it goes, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from ...domain.errors import TurnlogError
from ...domain.frame_errors import QueryFailed
from ...projections.extras import needed
from ..twins import awaited_read
from .frame import Frame
from .store_frames import Frames

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]
"""Values for `?` in their order, or for `$name` by their names."""


class Query:
    """A query over the frames of a store. It is answered anew, of what is on the record then, each time it is asked.

    All that one answer is made of is of one moment, up to the same global position. The database is in memory, and
    has no way to files or to the network unless it is let.
    """

    def __init__(self, frames: Frames, text: str, parameters: Parameters, external_access: bool) -> None:
        if not isinstance(text, str):
            raise QueryFailed(f"it is a {type(text).__name__}: expected a str")
        self._frames = frames
        self._text = text
        self._parameters = parameters
        self._external_access = external_access
        with self._asked() as answer:
            self.columns = tuple(answer.columns)
        if len(set(self.columns)) < len(self.columns):
            raise QueryFailed(f"its columns are {', '.join(self.columns)}: expected names that differ")

    def __repr__(self) -> str:
        return f"<query for {', '.join(self.columns)}>"

    def rows(self) -> list[dict[str, Any]]:
        """The rows, as values by the names of their columns."""
        with self._asked() as answer:
            whole = [name for name, kind in zip(answer.columns, answer.types, strict=True) if kind == "HUGEINT"]
            rows: list[dict[str, Any]] = answer.to_arrow_table().to_pylist()
        for row in rows:  # sums, which Arrow has as decimals
            row.update({name: int(row[name]) for name in whole if row[name] is not None})
        return rows

    def to_arrow(self) -> "pyarrow.Table":
        """The rows as an Arrow table."""
        with self._asked() as answer:
            table: pyarrow.Table = answer.to_arrow_table()
            return table

    def to_df(self) -> "pandas.DataFrame":
        """The rows as a pandas DataFrame."""
        with needed("pandas", "frames"):
            import pandas
        with self._asked() as answer:
            frame: pandas.DataFrame = answer.df()
            return frame

    def to_polars(self) -> "polars.DataFrame":
        """The rows as a Polars DataFrame."""
        with needed("polars", "frames"):
            import polars as pl
        return pl.DataFrame(self.to_arrow())

    def __iter__(self) -> Iterator["pyarrow.RecordBatch"]:
        """The rows as Arrow record batches, made while they are taken."""
        with needed("pyarrow", "frames"):
            import pyarrow as pa
        with self._asked() as answer:
            yield from pa.RecordBatchReader.from_stream(answer)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of the rows as an Arrow PyCapsule, made while it is taken."""
        with needed("pyarrow", "frames"):
            import pyarrow as pa
        with self._asked() as answer:
            schema = answer.limit(0).to_arrow_table().schema
        stream = pa.RecordBatchReader.from_batches(schema, iter(self))
        return stream.__arrow_c_stream__(requested_schema)

    @contextmanager
    def _asked(self) -> Iterator["duckdb.DuckDBPyRelation"]:
        """The relation that a query is, in a database of its own, for as long as it is needed."""
        with needed("duckdb", "frames"):
            import duckdb
        with needed("pyarrow", "frames"):
            import pyarrow  # noqa: F401 (the frames are made with it)
        tables = [_Table(frame) for frame in self._frames.tables()]
        connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        try:
            for table in tables:
                connection.register(table.frame.name, table)
            connection.execute("SET TimeZone = 'UTC'")
            if not self._external_access:
                connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield _relation(connection, self._text, self._parameters)
        except duckdb.Error as reason:
            for table in tables:
                if table.failure is not None:
                    raise table.failure from reason
            raise QueryFailed(_told(reason)) from None
        finally:
            connection.close()

    arows = awaited_read(rows)
    ato_arrow = awaited_read(to_arrow)
    ato_df = awaited_read(to_df)
    ato_polars = awaited_read(to_polars)


class _Table:
    """A frame as DuckDB takes it: a stream of its own for each time that a query names it."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.failure: TurnlogError | None = None

    def __arrow_c_schema__(self) -> object:
        return self.frame.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        stream = pa.RecordBatchReader.from_batches(self.frame.schema, self._batches())
        return stream.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator["pyarrow.RecordBatch"]:
        try:
            yield from self.frame
        except TurnlogError as failure:  # DuckDB tells it in words of its own
            self.failure = failure
            raise


def _told(reason: "duckdb.Error") -> str:
    """What DuckDB says, without the values that it could not work with: those may be words of the record."""
    import duckdb

    said = str(reason).strip()
    return said.partition("'")[0].partition('"')[0].strip() if isinstance(reason, duckdb.DataError) else said


def _relation(connection: "duckdb.DuckDBPyConnection", text: str, parameters: Parameters) -> "duckdb.DuckDBPyRelation":
    import duckdb

    statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryFailed("it is no single SELECT: expected one query, which changes nothing")
    given = parameters if isinstance(parameters, Mapping) else list(parameters)
    return connection.sql(text, params=given or None)
