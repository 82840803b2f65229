"""Starts the process of a query, gives it the tables that it reads, and ends it."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import spawn
from pathlib import Path
from socket import socket, socketpair
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import finalize

from ...domain.errors import MissingExtraError, QueryError
from ..async_methods import stop_on_cancel
from .frame import Frame
from .query_channel import PLAIN, READING, Channel, Kind, Request, pack_batches, unpack_batches
from .query_limits import QueryLimits, Watch

if TYPE_CHECKING:
    import pyarrow

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]
"""Values for `?` in their order, or for `$name` by their names."""

START = 60.0
"""Seconds until the process must have started; they do not count as time of the query."""

EXIT = 5
"""Seconds that a process that closed its connection has to end."""

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from turnlog.infrastructure.frames.query_worker import main; main(int(sys.argv[1]))"
)

OPTIONS = {"isolated": "-I", "ignore_environment": "-E", "no_user_site": "-s", "no_site": "-S"}
"""Options of Python that are passed on, by their names in `sys.flags`."""


class QueryProcess:
    """A process that answers one query: it returns the columns first, and runs the query when it is told to.

    Everything is done in the caller's thread: while it waits for the process, it reads the tables that this asks for.
    The process ends with `end()`, with this object, and with the caller's process.
    """

    def __init__(
        self, text: str, parameters: Parameters, external_access: bool, limits: QueryLimits, tables: Sequence[Frame]
    ) -> None:
        self.owner = os.getpid()
        self._limits = limits
        schemas = [(table.name, table.schema.serialize().to_pybytes()) for table in tables]
        request = pickle.dumps(tuple(Request(text, _pickle(parameters), external_access, limits.bytes, schemas)))
        self._process, self._channel = _start_process()
        self.end: Callable[[], object] = finalize(self, _end, self._process, self._channel)
        try:
            self._make_ready(Kind.REQUEST, request)
            _, body = self._exchange(Watch(limits), _Readings(tables))
        except BaseException:
            self.end()
            raise
        described = json.loads(body)
        self.columns: tuple[str, ...] = tuple(described["columns"])
        self.types: tuple[str, ...] = tuple(described["types"])

    def run(self, tables: Sequence[Frame], *, lossless: bool) -> "tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]":
        """Run the query over tables; with `lossless`, types that Arrow lacks are marked for DuckDB to restore."""
        import pyarrow as pa

        watch, readings = Watch(self._limits), _Readings(tables)
        self._make_ready(Kind.RUN, b"lossless" if lossless else b"")
        _, schema = self._exchange(watch, readings)
        return pa.ipc.read_schema(pa.py_buffer(schema)), self._batches(watch, readings)

    def _batches(self, watch: Watch, readings: "_Readings") -> "Iterator[pyarrow.RecordBatch]":
        while True:
            kind, body = self._exchange(watch, readings)
            if kind is Kind.END:
                return
            yield from unpack_batches(body)

    def _make_ready(self, kind: Kind, body: bytes) -> None:
        """Have the process make a database; that it starts first takes no time of the query."""
        self._channel.remaining = lambda: START
        try:
            with stop_on_cancel(self._process.kill):
                self._channel.send(kind, body)
                self._check(*self._channel.receive())
        except TimeoutError:
            raise _not_started(f"it was not ready within {START:g} s") from None
        except (EOFError, ConnectionError):
            raise _end_error(self._process) from None

    def _exchange(self, watch: Watch, readings: "_Readings") -> tuple[Kind, bytearray]:
        """Have the process continue and return what it sends next, as a step of the query."""
        self._channel.remaining = watch.remaining
        with watch.running():
            kind, body = self._ask(Kind.MORE, b"")
            while kind is Kind.READ:
                kind, body = self._ask(*readings.next(body))
        self._check(kind, body)
        return kind, body

    def _ask(self, kind: Kind, body: "bytes | memoryview") -> tuple[Kind, bytearray]:
        try:
            with stop_on_cancel(self._process.kill):  # if an awaiting caller is cancelled
                self._channel.send(kind, body)
                return self._channel.receive(self._limits.bytes)
        except TimeoutError:
            raise self._limits.too_slow() from None
        except OverflowError:
            raise self._limits.too_large("its answer") from None
        except (EOFError, ConnectionError):
            raise _end_error(self._process) from None

    def _check(self, kind: Kind, body: bytearray) -> None:
        """Raise the error that the process has sent instead."""
        match kind:
            case Kind.FAILED:
                raise QueryError(body.decode())
            case Kind.TOO_LARGE:
                raise self._limits.too_large("it")
            case Kind.MISSING:
                raise MissingExtraError(body.decode(), "frames")


class _Readings:
    """The readings of tables by a process, each of which continues where it was."""

    def __init__(self, tables: Sequence[Frame]) -> None:
        self._tables = tables
        self._readings: dict[int, Iterator[pyarrow.RecordBatch]] = {}

    def next(self, asked: bytearray) -> "tuple[Kind, bytes | memoryview]":
        """The next batch of a reading."""
        table, reading = READING.unpack(asked)
        if reading not in self._readings:
            self._readings[reading] = iter(self._tables[table])
        batch = next(self._readings[reading], None)
        return (Kind.END, b"") if batch is None else (Kind.BATCHES, pack_batches([batch]))


class _Pickler(pickle.Pickler):
    """Makes plain values of those that are derived from them, so that the process needs no module of the caller's."""

    def reducer_override(self, value: object) -> Any:
        """A plain value in place of an enumeration's or a library's."""
        match value:
            case str():
                return str, (str.__str__(value),)
            case int():
                return int, (int.__int__(value),)
            case float():
                return float, (float.__float__(value),)
        return NotImplemented


def _pickle(parameters: Parameters) -> bytes:
    file = io.BytesIO()
    try:
        _Pickler(file).dump(dict(parameters) if isinstance(parameters, Mapping) else list(parameters))
    except (pickle.PicklingError, AttributeError, RecursionError, TypeError) as reason:
        raise QueryError(f"a parameter cannot be passed to its process ({reason}): {PLAIN}") from None
    return file.getvalue()


def _start_process() -> tuple["subprocess.Popen[bytes]", Channel]:
    """A process, and the connection to it."""
    program = spawn.get_executable()
    executable = os.fsdecode(program) if program else ""
    if not executable or (getattr(sys, "frozen", False) and executable == sys.executable):
        raise _not_started(f"{executable or None!r} is no Python")
    options = [option for flag, option in OPTIONS.items() if getattr(sys.flags, flag)]
    path = json.dumps([str(Path(entry).absolute()) for entry in sys.path])
    ours, theirs = _socket_pair()
    with theirs:
        descriptor = theirs.fileno()
        try:
            process = subprocess.Popen(
                [executable, *options, "-P", "-c", PROGRAM, str(descriptor), path],
                stdin=subprocess.PIPE,  # never written to: its end is that of this process
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[descriptor],
                start_new_session=True,  # what is typed at a terminal is for the caller's process
            )
        except BaseException as reason:
            ours.close()
            if not isinstance(reason, OSError):
                raise
            raise _not_started(f"{executable}: {reason.strerror}") from None
    return process, Channel(ours)


def _socket_pair() -> tuple[socket, socket]:
    """Two connected sockets; the second has no descriptor of a standard stream, which a service may have closed."""
    import fcntl

    ours, theirs = socketpair()
    with theirs:
        return ours, socket(fileno=fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 3))


def _end(process: "subprocess.Popen[bytes]", channel: Channel) -> None:
    process.kill()
    channel.close()
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def _end_error(process: "subprocess.Popen[bytes]") -> QueryError:
    """The error of a process that closed its connection."""
    try:
        code = process.wait(EXIT)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code >= 0:
        return _not_started(f"it ended with exit code {code}")
    if -code == signal.SIGKILL:
        return QueryError("its process was killed: by another process, or by the operating system for want of memory")
    known = -code in set(signal.Signals)
    return QueryError(f"its process crashed: {signal.Signals(-code).name if known else f'signal {-code}'}")


def _not_started(reason: str) -> QueryError:
    return QueryError(
        f"its process could not be started: {reason}; expected the Python of this program in sys.executable, "
        f"or another one named with multiprocessing.set_executable()"
    )
