"""The way to one server: connections, one command at a time, and the driver's errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis
from redis import exceptions

from ...domain.errors import DatabaseError, StoreClosedError
from ..after_fork import register
from .address import RedisAddress, connection_options
from .codec import Argument
from .scripts import Script

PATIENCE = 30.0
"""Seconds to wait for an answer before the connection counts as lost."""

CONNECTING = 10.0
"""Seconds to wait for a connection."""

Reply: TypeAlias = Any
"""What the server answers: bytes, a number, nothing, or a list of such."""

_CONNECTIONS: dict[str, type[redis.Connection | redis.UnixDomainSocketConnection]] = {
    "redis": redis.Connection,
    "rediss": redis.SSLConnection,
    "unix": redis.UnixDomainSocketConnection,
}
# These come as answers, although the driver counts them as lost connections: the command was not carried out.
_ANSWERS = (
    exceptions.ResponseError,
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.BusyLoadingError,
)
_LOST = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse, OSError)


class ConnectionLost(Exception):
    """The command was on its way, and its answer did not come: it may have been carried out or not."""


class Server:
    """Sends commands and scripts over a pool of connections; never one twice on its own, unless it is a read."""

    def __init__(self, address: RedisAddress) -> None:
        self.name = address.name
        self._address = address
        self._base = address.key_base
        self._closed = False
        self.after_fork()
        register(self)

    def after_fork(self) -> None:
        """Begins with connections of its own; the driver leaves those of the parent process alone."""
        # A pool by itself, without the driver's client, which would repeat a command whose answer was lost.
        self._pool = redis.ConnectionPool(
            connection_class=_CONNECTIONS[self._address.scheme],
            max_connections=2**31,
            protocol=2,
            socket_timeout=PATIENCE,
            socket_connect_timeout=CONNECTING,
            **connection_options(self._address),
        )

    def key(self, *parts: str) -> str:
        """The name of a key of this store; all begin with the same hash tag, so all lie in one slot of a cluster."""
        return self._base + ":".join(parts)

    def ask(self, *command: Argument) -> Reply:
        """The answer to a command that may be repeated; it is, once, if the connection is lost."""
        try:
            return self._answer(command)
        except ConnectionLost:
            pass
        try:
            return self._answer(command)
        except ConnectionLost as lost:
            raise DatabaseError(self.name, f"the connection was lost: {lost}") from lost

    def read(self, script: Script, *arguments: Argument) -> Reply:
        """The answer of a script that may be repeated."""
        try:
            return self.ask("EVALSHA", script.digest, 1, self.key("positions"), self._base, *arguments)
        except _UnknownScript:
            return self.ask("EVAL", script.text, 1, self.key("positions"), self._base, *arguments)

    def run(self, script: Script, *arguments: Argument) -> Reply:
        """The answer of a script that is sent once; raises ConnectionLost if nobody knows whether it ran."""
        try:
            return self._answer(("EVALSHA", script.digest, 1, self.key("positions"), self._base, *arguments))
        except _UnknownScript:
            return self._answer(("EVAL", script.text, 1, self.key("positions"), self._base, *arguments))

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def close(self) -> None:
        """Closes all connections; one that is in use closes when it comes back."""
        self._closed = True
        self._pool.disconnect(inuse_connections=False)

    def _answer(self, command: tuple[Argument, ...]) -> Reply:
        with self._connection() as connection:
            try:
                connection.send_command(*command)  # type: ignore[no-untyped-call]  # the driver has not said its types
                return connection.read_response()
            except exceptions.NoScriptError:
                raise _UnknownScript from None
            except _ANSWERS as reason:
                raise DatabaseError(self.name, _sentence(reason)) from reason
            except _LOST as reason:
                connection.disconnect()  # type: ignore[no-untyped-call]  # the driver has not said its types
                raise ConnectionLost(_sentence(reason)) from reason

    @contextmanager
    def _connection(self) -> Iterator[redis.Connection]:
        """A connection that is open; without one nothing has been sent."""
        if self._closed:
            raise StoreClosedError(self.name)
        try:
            connection = self._pool.get_connection()
        except (exceptions.RedisError, OSError) as reason:
            raise DatabaseError(self.name, _sentence(reason)) from reason
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: redis.Connection) -> None:
        if self._closed:
            connection.disconnect()  # type: ignore[no-untyped-call]  # the driver has not said its types
        self._pool.release(connection)


class _UnknownScript(Exception):
    """The server has not seen the script, or has forgotten it; nothing was done."""


def _sentence(reason: Exception) -> str:
    """What the driver says, without where in a script it was, and without what a server quotes of a command."""
    said = str(reason).partition(" script: ")[0].partition(", with args beginning with")[0]
    return said or type(reason).__name__
