"""SQL over a store: DuckDB, which reads the frames that a query names as it goes, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from ...domain.errors import TurnlogError
from ...domain.frame_errors import QueryFailed
from ...projections.extras import needed
from ..twins import awaited_read
from .frame import Frame
from .query_limits import QueryLimits, Watch
from .store_frames import Frames

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]
"""Values for `?` in their order, or for `$name` by their names."""

BATCH = 100_000
"""Rows of a batch of an answer."""

VECTORS = 50
"""Vectors of 2 048 rows in a part of an answer as a DataFrame."""

ROW, CELL = 300, 60
"""Bytes of a row as a dict, and of a value in it, about."""


class Query:
    """A query over the frames of a store. It is answered anew, of what is on the record then, each time it is asked.

    All that one answer is made of is of one moment, up to the same global position. The database is in memory, and
    has no way to files or to the network unless it is let.
    """

    def __init__(
        self, frames: Frames, text: str, parameters: Parameters, external_access: bool, limits: QueryLimits
    ) -> None:
        if not isinstance(text, str):
            raise QueryFailed(f"it is a {type(text).__name__}: expected a str")
        self._frames = frames
        self._text = text
        self._parameters = parameters
        self._external_access = external_access
        self._limits = limits
        with self._running() as running:
            self.columns = tuple(running.relation().columns)
        if len(set(self.columns)) < len(self.columns):
            raise QueryFailed(f"its columns are {', '.join(self.columns)}: expected names that differ")

    def __repr__(self) -> str:
        return f"<query for {', '.join(self.columns)}>"

    def rows(self) -> list[dict[str, Any]]:
        """The rows, as values by the names of their columns."""
        rows: list[dict[str, Any]] = []
        with self._running() as running:
            answer = running.relation()
            whole = [name for name, kind in zip(answer.columns, answer.types, strict=True) if kind == "HUGEINT"]
            weight = 0
            for batch in running.batches(answer):
                weight += batch.nbytes + batch.num_rows * (ROW + CELL * batch.num_columns)
                running.check_answer(weight)
                rows += batch.to_pylist()
        for row in rows:  # sums, which Arrow has as decimals
            row.update({name: int(row[name]) for name in whole if row[name] is not None})
        return rows

    def to_arrow(self) -> "pyarrow.Table":
        """The rows as an Arrow table."""
        with needed("pyarrow", "frames"):
            import pyarrow as pa
        with self._running() as running:
            reader = running.reader(running.relation())
            found, weight = [], 0
            for batch in running.batches_of(reader):
                weight += batch.nbytes
                running.check_answer(weight)
                found.append(batch)
            return pa.Table.from_batches(found, reader.schema)

    def to_df(self) -> "pandas.DataFrame":
        """The rows as a pandas DataFrame."""
        with needed("pandas", "frames"):
            import pandas
        parts: list[pandas.DataFrame] = []
        with self._running() as running:
            weight = 0
            for part in running.frames():
                weight += int(part.memory_usage(deep=True).sum())
                running.check_answer(weight)
                parts.append(part)
        return pandas.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]

    def to_polars(self) -> "polars.DataFrame":
        """The rows as a Polars DataFrame."""
        with needed("polars", "frames"):
            import polars as pl
        return pl.DataFrame(self.to_arrow())

    def __iter__(self) -> Iterator["pyarrow.RecordBatch"]:
        """The rows as Arrow record batches, made while they are taken."""
        with self._running() as running:
            yield from running.batches(running.relation())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of the rows as an Arrow PyCapsule, made while it is taken."""
        with needed("pyarrow", "frames"):
            import pyarrow as pa
        with self._running() as running:
            schema = running.reader(running.relation().limit(0)).schema
        stream = pa.RecordBatchReader.from_batches(schema, iter(self))
        return stream.__arrow_c_stream__(requested_schema)

    @contextmanager
    def _running(self) -> Iterator["_Running"]:
        """The query in a database of its own, for as long as it is needed."""
        with needed("duckdb", "frames"):
            import duckdb
        with needed("pyarrow", "frames"):
            import pyarrow  # noqa: F401 (the frames are made with it)
        connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        try:
            watch = Watch(self._limits, connection)
            tables = [_Table(frame, watch) for frame in self._frames.tables()]
            for table in tables:
                connection.register(table.frame.name, table)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET temp_directory = ''")  # no content of the record goes to disk
            if isfinite(self._limits.bytes):
                connection.execute(f"SET memory_limit = '{int(self._limits.bytes)}B'")
            if not self._external_access:
                connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield _Running(connection, self._text, self._parameters, watch, tables)
        finally:
            connection.close()

    arows = awaited_read(rows)
    ato_arrow = awaited_read(to_arrow)
    ato_df = awaited_read(to_df)
    ato_polars = awaited_read(to_polars)


class _Running:
    """A query that is being answered, step by step, within its limits."""

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        text: str,
        parameters: Parameters,
        watch: Watch,
        tables: Sequence["_Table"],
    ) -> None:
        self._connection = connection
        self._text = text
        self._parameters = parameters if isinstance(parameters, Mapping) else list(parameters)
        self._watch = watch
        self._tables = tables

    def relation(self) -> "duckdb.DuckDBPyRelation":
        """The relation that the query is."""
        with self._step():
            _check_select(self._connection, self._text)
            return self._connection.sql(self._text, params=self._parameters or None)

    def reader(self, relation: "duckdb.DuckDBPyRelation") -> "pyarrow.RecordBatchReader":
        """The rows of a relation, made while they are taken."""
        with self._step():
            return relation.to_arrow_reader(BATCH)

    def batches(self, relation: "duckdb.DuckDBPyRelation") -> Iterator["pyarrow.RecordBatch"]:
        """The batches of a relation."""
        return self.batches_of(self.reader(relation))

    def batches_of(self, reader: "pyarrow.RecordBatchReader") -> Iterator["pyarrow.RecordBatch"]:
        """The batches of a reader, each a step."""
        while True:
            with self._step():
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    def frames(self) -> Iterator["pandas.DataFrame"]:
        """The rows in pandas DataFrames, each a step; the last one is empty."""
        with self._step():
            _check_select(self._connection, self._text)
            self._connection.execute(self._text, self._parameters or None)
        rows = True
        while rows:
            with self._step():
                part = self._connection.fetch_df_chunk(VECTORS)
            rows = len(part) > 0
            yield part

    def check_answer(self, weight: int) -> None:
        """Raise the error of an answer that is too large."""
        if weight > self._watch.limits.bytes:
            raise self._watch.limits.too_large("its answer")

    @contextmanager
    def _step(self) -> Iterator[None]:
        import duckdb

        try:
            with self._watch.running():
                yield
        except (duckdb.Error, OSError) as reason:  # OSError is how Arrow tells an error of DuckDB in a stream
            for table in self._tables:
                if table.failure is not None:
                    raise table.failure from reason
            self._watch.check()
            if "Out of Memory" in str(reason):
                raise self._watch.limits.too_large("it") from None
            raise QueryFailed(_told(reason)) from None


class _Table:
    """A frame as DuckDB takes it: a stream of its own for each time that a query names it."""

    def __init__(self, frame: Frame, watch: Watch) -> None:
        self.frame = frame
        self.failure: TurnlogError | None = None
        self._watch = watch

    def __arrow_c_schema__(self) -> object:
        return self.frame.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        stream = pa.RecordBatchReader.from_batches(self.frame.schema, self._batches())
        return stream.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator["pyarrow.RecordBatch"]:
        try:
            for batch in self.frame:
                self._watch.check()
                yield batch
        except TurnlogError as failure:  # DuckDB tells it in words of its own
            self.failure = failure
            raise


def _told(reason: "duckdb.Error | OSError") -> str:
    """What DuckDB says, without the values that it could not work with: those may be words of the record."""
    import duckdb

    said = str(reason).strip()
    if isinstance(reason, duckdb.DataError | OSError):
        return said.partition("'")[0].partition('"')[0].strip()
    return said


def _check_select(connection: "duckdb.DuckDBPyConnection", text: str) -> None:
    import duckdb

    statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryFailed("it is no single SELECT: expected one query, which changes nothing")
