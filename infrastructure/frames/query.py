"""SQL over a store: DuckDB in a process of its own, which reads the frames that a query names as it goes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...domain.errors import QueryError
from ...domain.optional_dependencies import require
from ..async_methods import awaited_read
from .frame import Frame
from .query_limits import QueryLimits
from .query_process import Parameters, QueryProcess

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

PART = 16_000_000
"""Bytes of an answer that are made a part of a DataFrame together, about."""

ROW, CELL = 300, 60
"""Bytes of a row as a dict, and of a value in it, about."""


class Query:
    """A query over the frames of a store. It is answered anew, of what is on the record then, each time it is asked.

    All that one answer is made of is of one moment, up to the same global position. The database is in the memory of
    a process of its own, and has no way to files or to the network unless it is let. `tables` returns the frames that
    the query can name, as of now.
    """

    def __init__(
        self,
        tables: Callable[[], Sequence[Frame]],
        text: str,
        parameters: Parameters,
        external_access: bool,
        limits: QueryLimits,
    ) -> None:
        if not isinstance(text, str):
            raise QueryError(f"it is a {type(text).__name__}: expected a str")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise QueryError("it has surrogates: expected text that can be encoded as UTF-8") from None
        self._tables = tables
        self._text = text
        self._parameters = parameters
        self._external_access = external_access
        self._limits = limits
        process = self._start()
        self.columns = process.columns
        if len(set(self.columns)) < len(self.columns):
            process.end()
            raise QueryError(f"its columns are {', '.join(self.columns)}: expected names that differ")
        self._started = [process]  # for the first answer: most queries are answered once

    def __repr__(self) -> str:
        return f"<query for {', '.join(self.columns)}>"

    def rows(self) -> list[dict[str, Any]]:
        """The rows, as values by the names of their columns."""
        rows: list[dict[str, Any]] = []
        with self._process() as process:
            _, batches = process.run(self._tables(), lossless=False)
            weight = 0
            for batch in batches:
                weight += batch.nbytes + batch.num_rows * (ROW + CELL * batch.num_columns)
                self._check_answer(weight)
                rows += _rows_of(batch)
            whole = [name for name, kind in zip(process.columns, process.types, strict=True) if kind == "HUGEINT"]
        for row in rows:  # sums, which Arrow has as decimals
            row.update({name: int(row[name]) for name in whole if row[name] is not None})
        return rows

    def to_arrow(self) -> "pyarrow.Table":
        """The rows as an Arrow table."""
        with require("pyarrow", "frames"):
            import pyarrow as pa
        with self._process() as process:
            schema, batches = process.run(self._tables(), lossless=False)
            return pa.Table.from_batches(self._limit_memory(batches), schema)

    def to_df(self) -> "pandas.DataFrame":
        """The rows as a pandas DataFrame."""
        with require("pandas", "frames"):
            import pandas
        with require("duckdb", "frames"):
            import duckdb
        parts: list[pandas.DataFrame] = []
        with self._process() as process, duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            schema, batches = process.run(self._tables(), lossless=True)
            weight = 0
            for table in _gather(schema, batches):
                part = connection.from_arrow(table).df()
                weight += int(part.memory_usage(deep=True).sum())
                self._check_answer(weight)
                parts.append(part)
        return pandas.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]

    def to_polars(self) -> "polars.DataFrame":
        """The rows as a Polars DataFrame."""
        with require("polars", "frames"):
            import polars as pl
        return pl.DataFrame(self.to_arrow())

    def __iter__(self) -> Iterator["pyarrow.RecordBatch"]:
        """The rows as Arrow record batches, made while they are taken."""
        stream = self._stream()
        next(stream)
        yield from stream

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of the rows as an Arrow PyCapsule, made while it is taken."""
        with require("pyarrow", "frames"):
            import pyarrow as pa
        stream = self._stream()
        return pa.RecordBatchReader.from_batches(next(stream), stream).__arrow_c_stream__(requested_schema)

    def _stream(self) -> Iterator[Any]:
        """The schema, then the batches."""
        with self._process() as process:
            schema, batches = process.run(self._tables(), lossless=False)
            yield schema
            yield from batches

    def _start(self) -> QueryProcess:
        with require("pyarrow", "frames"):
            import pyarrow  # noqa: F401 (the frames are made with it)
        return QueryProcess(self._text, self._parameters, self._external_access, self._limits, self._tables())

    @contextmanager
    def _process(self) -> Iterator[QueryProcess]:
        """The process that the query was started in, for the first answer; a new one for each other."""
        try:
            started = self._started.pop()
        except IndexError:
            started = None
        if started is None or started.owner != os.getpid():  # a fork has a copy of what is another's child
            started = self._start()
        try:
            yield started
        finally:
            started.end()

    def _limit_memory(self, batches: Iterable["pyarrow.RecordBatch"]) -> Iterator["pyarrow.RecordBatch"]:
        """The batches, as long as they are within the limit of memory together."""
        weight = 0
        for batch in batches:
            weight += batch.nbytes
            self._check_answer(weight)
            yield batch

    def _check_answer(self, weight: int) -> None:
        if weight > self._limits.bytes:
            raise self._limits.too_large("its answer")

    arows = awaited_read(rows)
    ato_arrow = awaited_read(to_arrow)
    ato_df = awaited_read(to_df)
    ato_polars = awaited_read(to_polars)


def _rows_of(batch: "pyarrow.RecordBatch") -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError):
        expected = "expected times from the year 1 to 9999: cast others to text, or use to_arrow()"
        raise QueryError(f"a value of its answer has no counterpart in Python; {expected}") from None
    return rows


def _gather(schema: "pyarrow.Schema", batches: Iterable["pyarrow.RecordBatch"]) -> Iterator["pyarrow.Table"]:
    """The batches in tables, each of about the size of a part but the last; at least one."""
    import pyarrow as pa

    part: list[pyarrow.RecordBatch] = []
    weight = 0
    for batch in batches:
        if weight >= PART:
            yield pa.Table.from_batches(part, schema)
            part, weight = [], 0
        part.append(batch)
        weight += batch.nbytes
    yield pa.Table.from_batches(part, schema)
