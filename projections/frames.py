"""Messages as frames: Arrow, pandas and Polars, in columns whose types are the same whatever the rows hold.

Rows go from what is stored into columns some at a time, so what is held is the frame and a page. `branch` is the name
of the branch that a message was written on, `session` the session that it is read in, `id` says where it was recorded.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from ..domain.content import MessageRole
from ..domain.optional_dependencies import require
from ..domain.ranges import Origin
from ..domain.recorded_event import displayable_time
from .message_pages import MessagePage, MessageReader
from .stored_messages import NO_METADATA, StoredAssistant, StoredMessage, StoredOther, decode_page

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

ROWS = 2000
"""Rows of a batch: so few that they stay in the processor's caches until their columns are made."""

LARGEST = 2**63 - 1
"""The largest number that a column has room for."""


def schema() -> "pyarrow.Schema":
    """The columns of a frame of messages."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int64()),
            ("created_at", pa.timestamp("us", "UTC")),
            ("session", pa.string()),
            ("branch", pa.string()),
            ("role", pa.string()),
            ("content", pa.large_string()),
            ("sender", pa.string()),
            ("recipient", pa.string()),
            ("origin", pa.string()),
            ("model", pa.string()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
            ("metadata", pa.large_string()),
        ]
    )


def batches(reader: MessageReader, pages: Iterable[MessagePage]) -> Iterator["pyarrow.RecordBatch"]:
    """The messages of pages as record batches, each made when it is asked for."""
    columns = schema()
    for some in _gather(pages):
        lists = _columns(reader, some)
        yield record_batch(lists, columns)


def record_batch(lists: Sequence[Sequence[object]], columns: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    """Values column by column as a record batch; a number that is too large for its column is left out."""
    import pyarrow as pa

    arrays = [_array(values, field.type) for values, field in zip(lists, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def stream(reader: MessageReader, pages: Iterable[MessagePage]) -> "pyarrow.RecordBatchReader":
    """The messages of pages as a stream, which can be read once."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.RecordBatchReader.from_batches(schema(), batches(reader, pages))


def arrow(reader: MessageReader, pages: Iterable[MessagePage]) -> "pyarrow.Table":
    """The messages of pages as an Arrow table."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.Table.from_batches(batches(reader, pages), schema=schema())


def pandas_frame(reader: MessageReader, pages: Iterable[MessagePage]) -> "pandas.DataFrame":
    """The messages of pages as a pandas DataFrame; whole numbers that may be missing are of type Int64."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    with require("pandas", "frames"):
        import pandas as pd
    frame: pd.DataFrame = arrow(reader, pages).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    frame["position"] = frame["position"].astype("int64")
    return frame


def polars_frame(reader: MessageReader, pages: Iterable[MessagePage]) -> "polars.DataFrame":
    """The messages of pages as a Polars DataFrame."""
    with require("polars", "frames"):
        import polars as pl
    # Batch by batch, and not as a stream: what goes wrong in a stream is told in the words of Polars.
    parts = [schema().empty_table(), *batches(reader, pages)]
    return pl.concat([cast("pl.DataFrame", pl.from_arrow(part)) for part in parts])


def _gather(pages: Iterable[MessagePage]) -> Iterator[list[MessagePage]]:
    """The pages, as many together as make a batch; what is longer is not cut."""
    some: list[MessagePage] = []
    count = 0
    for page in pages:
        some.append(page)
        count += len(page.bodies)
        if count >= ROWS:
            yield some
            some, count = [], 0
    if some:
        yield some


def _columns(reader: MessageReader, pages: Sequence[MessagePage]) -> Sequence[Sequence[object]]:
    """The columns of some pages, in the order of the schema."""
    rows = [row for page in pages for row in decode_page(page)]
    words = stored_message_columns(rows)
    return (
        [f"{page.session}/{body[0]}" for page in pages for body in page.bodies],
        [body[0] - page.ahead for page in pages for body in page.bodies],
        [body[1] for page in pages for body in page.bodies],
        [reader.session] * len(rows),
        [reader.names[row.branch] for row in rows],
        *words[:4],
        _origins(pages, rows),
        *words[4:],
    )


def stored_message_columns(rows: Sequence[StoredMessage]) -> tuple[list[object], ...]:
    """What is known from the messages alone: role, content, sender, recipient; model, tokens in and out, metadata."""
    contents = [row.content for row in rows]
    usages = [content.usage if type(content) in _WITH_MODEL else None for content in contents]  # type: ignore[union-attr]  # they have one
    return (
        [_ROLES[content.role] for content in contents],
        [content.text for content in contents],
        [row.sender for row in rows],
        [row.recipient for row in rows],
        [content.model if type(content) in _WITH_MODEL else None for content in contents],  # type: ignore[union-attr]  # they have one
        [None if usage is None else usage.input_tokens for usage in usages],
        [None if usage is None else usage.output_tokens for usage in usages],
        ["{}" if row.metadata is NO_METADATA else bytes(row.metadata).decode() for row in rows],
    )


def _origins(pages: Sequence[MessagePage], rows: Sequence[StoredMessage]) -> list[str]:
    """How each message came to where it is shown; what was written there says it itself."""
    if all(page.origin is Origin.AUTHORED for page in pages):
        return [row.origin for row in rows]
    shown = [page.origin for page in pages for _ in page.bodies]
    return [row.origin if origin is Origin.AUTHORED else origin.value for row, origin in zip(rows, shown, strict=True)]


def _array(values: Sequence[object], kind: "pyarrow.DataType") -> "pyarrow.Array":
    import pyarrow as pa

    if kind in (pa.string(), pa.large_string()) and None not in values:
        return _text_array(values, kind)  # type: ignore[arg-type]  # columns of text hold text
    if pa.types.is_timestamp(kind):
        return _times(values).view(kind)
    try:
        return pa.array(values, kind)
    except (OverflowError, pa.ArrowInvalid):
        if kind != pa.int64():
            raise
        return pa.array([each if _fits(each) else None for each in values], kind)


def _times(values: Sequence[object]) -> "pyarrow.Array":
    """Times in microseconds, none of them beyond what a program can display."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = pa.array(values, pa.int64())
    ends = pc.min_max(times)
    if all(end is None or displayable_time(end) == end for end in (ends["min"].as_py(), ends["max"].as_py())):
        return times
    return pa.array([None if time is None else displayable_time(time) for time in times.to_pylist()], pa.int64())


def _text_array(values: Sequence[str], kind: "pyarrow.DataType") -> "pyarrow.Array":
    """A column of text without gaps, joined here: Arrow's own builder grows as it goes, and keeps room to spare."""
    import pyarrow as pa

    text = "".join(values)
    if text.isascii():
        data, lengths = text.encode(), map(len, values)
    else:
        parts = [value.encode() for value in values]
        data, lengths = b"".join(parts), map(len, parts)
    offsets = array("q" if kind == pa.large_string() else "i", accumulate(lengths, initial=0))
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _fits(value: object) -> bool:
    return isinstance(value, int) and -LARGEST <= value <= LARGEST


_WITH_MODEL = frozenset({StoredAssistant, StoredOther})
_ROLES = {role: role.value for role in MessageRole}  # an enum's own value takes a call
