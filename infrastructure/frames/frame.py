"""A frame: rows of the whole store that are read when they are asked for, batch by batch, and as often as they are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, cast

from ...domain.optional_dependencies import require
from ..async_methods import awaited_read

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Frame:
    """Rows as Arrow record batches. Nothing is read before somebody iterates, and no more is held than a batch.

    Each reading is one of its own, of what is on the record when it begins. It speaks the Arrow PyCapsule protocol, so
    Polars, DuckDB and pandas take it as it is.
    """

    def __init__(
        self,
        name: str,
        schema: Callable[[], "pyarrow.Schema"],
        batches: Callable[[int], Iterator["pyarrow.RecordBatch"]],
        batch_size: int,
    ) -> None:
        self.name = name
        self.batch_size = batch_size
        self._schema = schema
        self._batches = batches

    def __repr__(self) -> str:
        return f"<frame of {self.name}>"

    @property
    def schema(self) -> "pyarrow.Schema":
        """The columns, and what they hold."""
        return self._schema()

    def __iter__(self) -> Iterator["pyarrow.RecordBatch"]:
        for batch in self._batches(self.batch_size):
            for start in range(0, batch.num_rows, self.batch_size):
                yield batch.slice(start, self.batch_size)

    async def __aiter__(self) -> AsyncIterator["pyarrow.RecordBatch"]:
        batches = iter(self)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield batch

    def to_arrow(self) -> "pyarrow.Table":
        """All rows as an Arrow table."""
        with require("pyarrow", "frames"):
            import pyarrow as pa
        return pa.Table.from_batches(iter(self), schema=self.schema)

    def to_df(self) -> "pandas.DataFrame":
        """All rows as a pandas DataFrame; whole numbers are of type Int64, which may be missing."""
        with require("pyarrow", "frames"):
            import pyarrow as pa
        with require("pandas", "frames"):
            import pandas as pd
        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        return frame

    def to_polars(self) -> "polars.DataFrame":
        """All rows as a Polars DataFrame."""
        with require("polars", "frames"):
            import polars as pl
        # Batch by batch, and not as a stream: what goes wrong in a stream is told in the words of Polars.
        parts = [self.schema.empty_table(), *self]
        return pl.concat([cast("pl.DataFrame", pl.from_arrow(part)) for part in parts])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of the rows as an Arrow PyCapsule, read while it is taken."""
        with require("pyarrow", "frames"):
            import pyarrow as pa
        stream = pa.RecordBatchReader.from_batches(self.schema, iter(self))
        return stream.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The columns as an Arrow PyCapsule."""
        return self.schema.__arrow_c_schema__()

    ato_arrow = awaited_read(to_arrow)
    ato_df = awaited_read(to_df)
    ato_polars = awaited_read(to_polars)
