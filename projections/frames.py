"""Messages as frames: Arrow, pandas and Polars, in columns whose types are the same whatever the rows hold.

Rows go from what is stored into columns some at a time, so what is held is the frame and a page. `session` and
`position` are those of the session that is read, `id` and `global_position` say where a message was recorded.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, cast

from ..domain.optional_dependencies import require
from ..domain.ranges import Origin
from ..domain.recorded_event import displayable_time
from .message_pages import MessagePage, MessageReader
from .record_columns import messages_schema
from .stored_messages import (
    NO_METADATA,
    StoredAssistant,
    StoredMessage,
    StoredMessages,
    StoredOther,
    content_roles,
    content_types,
    decode_pages,
)

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

ROWS = 2000
"""Rows of a batch: so few that they stay in the processor's caches until their columns are made."""

LARGEST = 2**63 - 1
"""The largest number that a column has room for."""


def batches(reader: MessageReader, pages: Iterable[MessagePage]) -> Iterator["pyarrow.RecordBatch"]:
    """The messages of pages as record batches, each made when it is asked for."""
    columns = messages_schema()
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
    return pa.RecordBatchReader.from_batches(messages_schema(), batches(reader, pages))


def arrow(reader: MessageReader, pages: Iterable[MessagePage]) -> "pyarrow.Table":
    """The messages of pages as an Arrow table."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.Table.from_batches(batches(reader, pages), schema=messages_schema())


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
    parts = [messages_schema().empty_table(), *batches(reader, pages)]
    return pl.concat([cast("pl.DataFrame", pl.from_arrow(part)) for part in parts])


def _gather(pages: Iterable[MessagePage]) -> Iterator[list[MessagePage]]:
    """The pages, as many together as make a batch; what is longer is not cut."""
    some: list[MessagePage] = []
    count = 0
    for page in pages:
        if page.bodies:
            some.append(page)
            count += len(page.bodies)
        if count >= ROWS:
            yield some
            some, count = [], 0
    if some:
        yield some


def _columns(reader: MessageReader, pages: Sequence[MessagePage]) -> Sequence[Sequence[object]]:
    """The columns of some pages, in the order of the schema."""
    stored = decode_pages(pages)
    rows = stored.messages
    columns = zip(*chain.from_iterable(page.bodies for page in pages), strict=True)
    _, times, _, global_positions, actors, correlations = columns
    branches = [row.branch for row in rows]
    return message_columns(
        stored,
        id=[f"{page.session}/{body[0]}" for page in pages for body in page.bodies],
        session=[reader.session] * len(rows),
        position=[body[0] - page.ahead for page in pages for body in page.bodies],
        global_position=global_positions,
        created_at=times,
        user=[reader.user] * len(rows),
        branch=list(map(reader.names.__getitem__, branches)),
        branch_id=list(map(reader.branch_ids.__getitem__, branches)),
        origin=_origins(pages, rows),
        actor=actors,
        correlation_id=correlations,
        retracted=[False] * len(rows),
    )


def message_columns(stored: StoredMessages, **known: Sequence[object]) -> list[Sequence[object]]:
    """The columns of messages in the order of the schema: those that are known, and those that a message has itself."""
    messages, contents = stored
    usages = [content.usage if type(content) in _WITH_MODEL else None for content in contents]  # type: ignore[union-attr]  # they have one
    columns: dict[str, Sequence[object]] = {
        "type": content_types(stored),
        "role": content_roles(stored),
        "text": [content.text for content in contents],
        "content": [bytes(message.content) or None for message in messages],
        "sender": [message.sender for message in messages],
        "recipient": [message.recipient for message in messages],
        "model": [content.model if type(content) in _WITH_MODEL else None for content in contents],  # type: ignore[union-attr]  # they have one
        "input_tokens": [None if usage is None else usage.input_tokens for usage in usages],
        "output_tokens": [None if usage is None else usage.output_tokens for usage in usages],
        "metadata": [
            "{}" if message.metadata is NO_METADATA else bytes(message.metadata).decode() for message in messages
        ],
        **known,
    }
    return [columns[name] for name in messages_schema().names]


def _origins(pages: Sequence[MessagePage], rows: Sequence[StoredMessage]) -> list[str]:
    """How each message came to where it is shown; what was written there says it itself."""
    if all(page.origin is Origin.AUTHORED for page in pages):
        return [row.origin for row in rows]
    shown = [page.origin for page in pages for _ in page.bodies]
    return [row.origin if origin is Origin.AUTHORED else origin.value for row, origin in zip(rows, shown, strict=True)]


def _array(values: Sequence[object], kind: "pyarrow.DataType") -> "pyarrow.Array":
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return _times(values).view(kind)
    if values and values[0] == values[-1] and values.count(values[0]) == len(values):
        return pa.repeat(pa.scalar(values[0] if kind != pa.int64() or _fits(values[0]) else None, kind), len(values))
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


def _fits(value: object) -> bool:
    return isinstance(value, int) and -LARGEST <= value <= LARGEST


_WITH_MODEL = frozenset({StoredAssistant, StoredOther})
