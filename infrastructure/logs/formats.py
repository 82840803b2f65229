"""Batches of logs as files: lines of JSON, compressed or not, or Parquet. The same batch makes the same file."""

import gzip
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from ...domain.log import Log
from ...domain.optional_dependencies import require
from .subscriber import LogBatch

JSON_COLUMNS = ("request", "response", "data")
NUMBERS = ("input_tokens", "output_tokens", "total_tokens", "branch", "position", "global_position")


def json_lines(batch: LogBatch) -> bytes:
    """Each log as a line of JSON."""
    return b"".join(line + b"\n" for line in batch.lines)


def gzip_lines(batch: LogBatch) -> bytes:
    """Lines of JSON, in gzip."""
    return gzip.compress(json_lines(batch), mtime=0)


def zstandard(batch: LogBatch) -> bytes:
    """Lines of JSON, in Zstandard."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        with require("backports", extra="logs"):
            import backports.zstd as zstd
    compressed: bytes = zstd.compress(json_lines(batch))
    return compressed


def parquet(batch: LogBatch) -> bytes:
    """A Parquet table; requests, responses and data are JSON text in it."""
    with require("pyarrow", extra="frames"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    schema = pa.schema([(name, _arrow_type(pa, name)) for name in Log.__struct_fields__])
    table = pa.Table.from_pylist([_row(log) for log in batch.logs], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    written: bytes = sink.getvalue().to_pybytes()
    return written


FORMATS: Mapping[str, tuple[str, Callable[[LogBatch], bytes]]] = MappingProxyType(
    {
        "jsonl": (".jsonl", json_lines),
        "jsonl.gz": (".jsonl.gz", gzip_lines),
        "jsonl.zst": (".jsonl.zst", zstandard),
        "parquet": (".parquet", parquet),
    }
)
"""By name: the ending of the files, and what makes one."""


def _row(log: Log) -> dict[str, Any]:
    row = {name: getattr(log, name) for name in Log.__struct_fields__}
    row["type"] = log.type.value
    for name in JSON_COLUMNS:
        if row[name] is not None:
            row[name] = msgspec.json.encode(row[name]).decode()
    for name in NUMBERS:
        if row[name] is not None and not -(2**63) <= row[name] < 2**63:
            row[name] = None  # no count of anything, and no column holds it
    return row


def _arrow_type(pa: Any, name: str) -> Any:
    if name in NUMBERS:
        return pa.int64()
    return {"duration_ms": pa.float64(), "created_at": pa.timestamp("us", tz="UTC")}.get(name, pa.string())
