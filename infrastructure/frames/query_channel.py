"""Messages between a caller's process and the process of its query: a kind and bytes, over a socket."""

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum, auto
from math import inf
from socket import socket
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow

HEADER = Struct("!BQ")

OVERHEAD = 1_000_000
"""Bytes that a message may be longer than the rows in it."""


class Kind(IntEnum):
    """What a message is. After the request, the process of the query sends; each message but the last has a reply."""

    REQUEST = auto()
    """To the process: a Request as pickle of a tuple."""
    READY = auto()
    """From it: a database is there, in which to prepare the query or to run it; reply MORE."""
    COLUMNS = auto()
    """From it: names and types of the columns as JSON; reply RUN."""
    RUN = auto()
    """To it: run the query; not empty if types that Arrow lacks are to be marked."""
    READ = auto()
    """From it: a table and the number of a reading of it, as READING; reply with its next BATCHES, or END."""
    SCHEMA = auto()
    """From it: the schema of the result; reply MORE."""
    BATCHES = auto()
    """Rows as an Arrow stream; to those of the result, reply MORE."""
    MORE = auto()
    """To it: continue."""
    END = auto()
    """There are no more rows."""
    FAILED = auto()
    """From it: the query failed; the reason as text."""
    TOO_LARGE = auto()
    """From it: the query needs more memory than it may."""
    MISSING = auto()
    """From it: a package is not installed; its name."""


READING = Struct("!II")

PLAIN = "expected numbers, text, bytes, times, lists and dicts of them"
"""What parameters may be."""


class Request(NamedTuple):
    """What the process of a query needs to know."""

    text: str
    parameters: bytes
    """A list, or a dict of them by name, as pickle."""
    external_access: bool
    memory: float
    """Bytes; inf for no limit."""
    tables: list[tuple[str, bytes]]
    """Names and schemas."""


class Channel:
    """One end of a connection. An operation takes at most as many seconds as `remaining` returns; None is no limit."""

    def __init__(self, connection: socket, remaining: Callable[[], float | None] = lambda: None) -> None:
        self._connection = connection
        self.remaining = remaining

    def send(self, kind: Kind, body: "bytes | memoryview" = b"") -> None:
        """Send a message."""
        header = HEADER.pack(kind, len(body))
        for part in (header, body) if body else (header,):
            self._connection.settimeout(self.remaining())
            self._connection.sendall(part)

    def receive(self, most: float = inf) -> tuple[Kind, bytearray]:
        """Return the next message; EOFError if the other process has ended, OverflowError if it is too long."""
        kind, length = HEADER.unpack(self._receive(HEADER.size))
        if length > most + OVERHEAD:
            raise OverflowError
        return Kind(kind), self._receive(length)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _receive(self, length: int) -> bytearray:
        body = bytearray(length)
        rest = memoryview(body)
        while rest:
            self._connection.settimeout(self.remaining())
            received = self._connection.recv_into(rest)
            if not received:
                raise EOFError
            rest = rest[received:]
        return body


def pack_batches(batches: "Sequence[pyarrow.RecordBatch]") -> memoryview:
    """Batches, at least one, as an Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return memoryview(sink.getvalue())


def unpack_batches(body: bytearray) -> "Iterator[pyarrow.RecordBatch]":
    """The batches of an Arrow stream; their columns are in the bytes of the stream."""
    import pyarrow as pa

    return iter(pa.ipc.open_stream(pa.py_buffer(body)))
