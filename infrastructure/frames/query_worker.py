"""The process of a query: DuckDB, which asks the caller's process for tables and sends it the result.

It ends when the caller's process does, and when that closes its standard input.
"""

import json
import os
import pickle
import select
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from math import isfinite
from pathlib import Path
from socket import socket
from threading import Lock, Thread
from typing import TYPE_CHECKING

from .query_channel import PLAIN, READING, Channel, Kind, Request, pack_batches, unpack_batches

if TYPE_CHECKING:
    import duckdb
    import pyarrow

BATCH = 2048
"""Rows of a batch of a result: one vector of DuckDB, since a row may be heavy."""

MESSAGE = 1_000_000
"""Bytes of batches from which on they are sent."""

UNCOUNTED = 256_000_000
"""Bytes that the process may need beside those that DuckDB counts, and as many again as those: copies of rows on their
way, values of expressions, fragmentation. A sort of 80 MB of text, for which it counts 110 MB, takes 370 MB."""

LOOK = 1
"""Seconds between two looks at whether the caller's process is still the parent of this one."""


def main(descriptor: int) -> None:
    """Answer one query, over the socket that has this descriptor."""
    Thread(target=_end_with_parent, daemon=True).start()
    channel = Channel(socket(fileno=descriptor))
    request = Request(*pickle.loads(channel.receive()[1]))
    try:
        parameters = pickle.loads(request.parameters)
    except (AttributeError, ImportError, TypeError, ValueError, pickle.UnpicklingError) as reason:
        channel.send(Kind.FAILED, f"a parameter cannot be read in its process ({reason}): {PLAIN}".encode())
        return
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # others reserve a gigabyte, which would count
    if "numpy" not in sys.modules:
        sys.modules["numpy"] = None  # type: ignore[assignment]  # takes half of the start, and nothing here needs it
    try:
        import duckdb  # noqa: F401 (so that it is known here whether it is there)
        import pyarrow  # noqa: F401 (it may be missing as well)
    except ModuleNotFoundError as missing:
        channel.send(Kind.MISSING, str(missing.name).encode())
        return
    Worker(channel, request, parameters).run()


class Worker:
    """A query that is being answered."""

    def __init__(self, channel: Channel, request: Request, parameters: object) -> None:
        self._channel = channel
        self._request = request
        self._parameters = parameters
        self._lock = Lock()
        self._readings = count()

    def run(self) -> None:
        """Send the columns; when told so, run the query and send the result."""
        with self._reporting():
            with self._connection(lossless=False) as connection:
                _limit_memory(self._request.memory)
                self._ask(Kind.READY)
                relation = self._relation(connection)
                columns = {"columns": relation.columns, "types": [str(kind) for kind in relation.types]}
                _, lossless = self._ask(Kind.COLUMNS, json.dumps(columns).encode())
            with self._connection(lossless=bool(lossless)) as connection:
                self._ask(Kind.READY)
                reader = self._relation(connection).to_arrow_reader(BATCH)
                self._ask(Kind.SCHEMA, memoryview(reader.schema.serialize()))
                for message in _messages(reader):
                    self._ask(Kind.BATCHES, pack_batches(message))
            self._tell(Kind.END)

    def read(self, table: int, schema: "pyarrow.Schema") -> "pyarrow.RecordBatchReader":
        """A reading of a table of its own."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(schema, self._batches(READING.pack(table, next(self._readings))))

    def _batches(self, reading: bytes) -> Iterator["pyarrow.RecordBatch"]:
        while True:
            kind, body = self._ask(Kind.READ, reading)
            if kind is Kind.END:
                return
            yield from unpack_batches(body)

    def _ask(self, kind: Kind, body: "bytes | memoryview" = b"") -> tuple[Kind, bytearray]:
        with self._lock:  # since threads of DuckDB ask too
            self._channel.send(kind, body)
            return self._channel.receive()

    def _tell(self, kind: Kind, body: bytes = b"") -> None:
        with self._lock:
            self._channel.send(kind, body)

    @contextmanager
    def _connection(self, *, lossless: bool) -> Iterator["duckdb.DuckDBPyConnection"]:
        import duckdb
        import pyarrow as pa

        with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
            for number, (name, schema) in enumerate(self._request.tables):
                connection.register(name, _Table(self, number, pa.ipc.read_schema(pa.py_buffer(schema))))
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET temp_directory = ''")  # no content of the record goes to disk
            connection.execute(f"SET arrow_lossless_conversion = {lossless}")
            if isfinite(self._request.memory):
                connection.execute(f"SET memory_limit = '{int(self._request.memory)}B'")
            if not self._request.external_access:
                connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection

    def _relation(self, connection: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyRelation":
        import duckdb

        statements = connection.extract_statements(self._request.text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise duckdb.InvalidInputException("it is no single SELECT: expected one query, which changes nothing")
        return connection.sql(self._request.text, params=self._parameters or None)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Sends what goes wrong to the caller's process."""
        import duckdb

        try:
            yield
        except MemoryError:
            self._tell(Kind.TOO_LARGE)
        except (duckdb.Error, ArithmeticError, AttributeError, OSError, RuntimeError, TypeError, ValueError) as reason:
            if "Out of Memory" in str(reason):
                self._tell(Kind.TOO_LARGE)
            else:
                self._tell(Kind.FAILED, _message_of(reason).encode())


class _Table:
    """A table as DuckDB takes it: a reading of its own for each time that a query names it."""

    def __init__(self, worker: Worker, number: int, schema: "pyarrow.Schema") -> None:
        self._worker = worker
        self._number = number
        self._schema = schema

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._worker.read(self._number, self._schema).__arrow_c_stream__(requested_schema)


def _messages(batches: Iterable["pyarrow.RecordBatch"]) -> Iterator[list["pyarrow.RecordBatch"]]:
    """The batches, as many together as make a message."""
    message: list[pyarrow.RecordBatch] = []
    weight = 0
    for batch in batches:
        message.append(batch)
        weight += batch.nbytes
        if weight >= MESSAGE:
            yield message
            message, weight = [], 0
    if message:
        yield message


def _message_of(reason: Exception) -> str:
    """What DuckDB says, without the values that it could not work with: those may be content of the record."""
    import duckdb

    text = str(reason).strip()
    if isinstance(reason, duckdb.Error) and not isinstance(reason, duckdb.DataError | duckdb.InvalidInputException):
        return text
    return text.partition("'")[0].partition('"')[0].strip()


def _limit_memory(memory: float) -> None:
    """Have the operating system refuse this process more memory than it may need beside what it has now.

    Linux enforces RLIMIT_DATA; RLIMIT_AS would count addresses that are only reserved.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no content of the record goes to disk
    if sys.platform != "linux" or not isfinite(memory):
        return
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = pages * resource.getpagesize() + int(2 * memory) + UNCOUNTED
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _end_with_parent() -> None:
    """End this process when its standard input is closed, or when a process without it has become the parent."""
    parent = os.getppid()
    while not select.select([0], [], [], LOOK)[0] and os.getppid() == parent:
        pass
    os._exit(1)
