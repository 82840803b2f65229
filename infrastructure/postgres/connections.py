"""Connections to one PostgreSQL server: opening, fork safety, the driver's errors, and lost connections.

`PostgresConnections` is the pool of a store and of read models, `PostgresConnection` the one connection of a log table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ...domain.errors import DatabaseError, StoreClosedError
from ..after_fork import register
from .address import PostgresAddress
from .queries import Tables
from .schema import prepare

PATIENCE = 30.0
"""Seconds to wait for a connection, be it that all are in use or that the server is not there."""

MOST_CONNECTIONS = 10

TRIES = 5
"""How often a call is made on another connection because the one it was made on broke."""

A = TypeVar("A")
Parameters: TypeAlias = Sequence[object] | Mapping[str, object]
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Prepare: TypeAlias = Callable[[Connection, str, Tables], None]
"""Makes what is needed in the database, given what errors call it and which tables there are."""


class ConnectionLost(DatabaseError):
    """The connection broke while the server was at work: whether it did the work is not known."""


class ConnectionFailed(DatabaseError):
    """There is no connection, and so nothing was asked of the server."""


class PostgresConnections:
    """The way to a database: one statement is one transaction and one round trip.

    Nothing is kept in the server's session, so a transaction pooler may stand in between.
    """

    def __init__(self, address: PostgresAddress, prepare: Prepare = prepare, *, most: int | None = None) -> None:
        self.name = address.name
        self._most = MOST_CONNECTIONS if most is None else most
        self.tables = address.tables
        self._conninfo = address.conninfo
        try:
            with self.connect() as connection:
                prepare(connection, self.name, self.tables)
        except psycopg.Error as reason:
            raise DatabaseError(self.name, _message_of(reason)) from reason
        self._parents: list[ConnectionPool[Connection]] = []
        self._pool: ConnectionPool[Connection] | None = None
        self._opening = Lock()
        self._closed = False
        register(self)

    def after_fork(self) -> None:
        """Connects anew in a child process; to close what is its parent's would end it there too."""
        if self._pool is not None:
            self._parents.append(self._pool)
        self._pool, self._opening = None, Lock()

    def connect(self) -> Connection:
        """A connection of the caller's own."""
        return _connect(self._conninfo)

    def ask(self, statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement answers; for statements that may be repeated."""
        for _ in range(TRIES - 1):
            try:
                return self.ask_once(statement, parameters)
            except ConnectionLost:
                continue
        return self.ask_once(statement, parameters)

    def ask_once(self, statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement answers; `Lost` if the answer did not come."""
        with self.using() as connection:
            return connection.execute(self.tables.with_names(statement), parameters, binary=True).fetchall()

    @contextmanager
    def using(self) -> Iterator[Connection]:
        """A connection for a short while. Here the driver's errors become ours."""
        pool = self._open_pool()
        connection = self._take(pool)
        try:
            yield connection
        except psycopg.Error as reason:
            error = ConnectionLost if connection.closed else DatabaseError
            raise error(self.name, _message_of(reason)) from reason
        finally:
            pool.putconn(connection)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection of the caller's own, for work that changes its settings; closed afterwards."""
        if self._closed:
            raise StoreClosedError(self.name)
        try:
            with self.connect() as connection:
                yield connection
        except psycopg.Error as reason:
            raise DatabaseError(self.name, _message_of(reason)) from reason

    def close(self) -> None:
        """Closes all connections; one that is out closes when it comes back."""
        with self._opening:
            self._closed = True
        if self._pool is not None:
            self._pool.close()

    def _open_pool(self) -> ConnectionPool[Connection]:
        with self._opening:
            if self._closed:
                raise StoreClosedError(self.name)
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._conninfo, kwargs=_SETTINGS, min_size=1, max_size=self._most, open=True
                )
            return self._pool

    def _take(self, pool: ConnectionPool[Connection]) -> Connection:
        """A connection on which the server has not hung up."""
        deadline = monotonic() + PATIENCE
        try:
            while True:
                connection = pool.getconn(max(deadline - monotonic(), 0.001))
                if _is_alive(connection):
                    return connection
                connection.close()
                pool.putconn(connection)
                pool.drain()  # what ended this one has ended the others too
        except PoolClosed:
            raise StoreClosedError(self.name) from None
        except PoolTimeout:
            raise ConnectionFailed(self.name, self._obstacle()) from None

    def _obstacle(self) -> str:
        try:
            self.connect().close()
        except psycopg.Error as reason:
            return _message_of(reason)
        return f"all {MOST_CONNECTIONS} connections were in use for {PATIENCE:.0f} seconds"


class PostgresConnection:
    """One connection for one caller at a time, opened on its first use, and again after it broke or was closed."""

    def __init__(self, name: str, conninfo: str, prepare: Callable[[Connection], None]) -> None:
        self._name = name
        self._conninfo = conninfo
        self._prepare = prepare
        self._lock = Lock()
        self._connection: Connection | None = None
        self._parents: list[Connection] = []
        register(self)

    def after_fork(self) -> None:
        """Connect anew in a child process; to close the parent's connection would end it there too."""
        self._lock = Lock()
        if self._connection is not None:
            self._parents.append(self._connection)
        self._connection = None

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def run(self, work: Callable[[Connection], A]) -> A:
        """Return the result of work that may be repeated: if the open connection broke, on a new one."""
        with self._lock:
            try:
                if self._connection is not None and (result := self._run_on(self._connection, work)):
                    return result[0]
                self._connection = self._open()
                return work(self._connection)
            except psycopg.Error as reason:
                if self._connection is not None and self._connection.closed:
                    self._connection = None
                raise DatabaseError(self._name, _message_of(reason)) from reason

    def _run_on(self, connection: Connection, work: Callable[[Connection], A]) -> tuple[A] | None:
        """Return the result, or None if the connection broke."""
        try:
            return (work(connection),)
        except psycopg.Error:
            if not connection.closed:
                raise
            return None

    def _open(self) -> Connection:
        connection = _connect(self._conninfo)
        try:
            self._prepare(connection)
        except psycopg.Error:
            connection.close()
            raise
        return connection


def _connect(conninfo: str) -> Connection:
    return psycopg.connect(conninfo, **_SETTINGS)


def _is_alive(connection: Connection) -> bool:
    """Whether the connection is open still, as far as is known here without asking the server."""
    try:
        for _ in range(2):  # the first may read what the server said before it hung up
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return not connection.closed


def _message_of(reason: psycopg.Error) -> str:
    """What the server or the driver said, without details: they may quote what was to be written."""
    return " ".join((reason.diag.message_primary or str(reason)).split()) or type(reason).__name__


_SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": None,  # behind a pooler the next statement may meet another server process
}
