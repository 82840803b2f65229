"""HTTP to addresses that were checked: a name is resolved once, and what was checked is what is connected to.

So a name that means another address a moment later changes nothing. The certificate is that of the name still.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import httpcore
import httpx

from .addresses import Network, is_allowed

Resolve: TypeAlias = Callable[[str, int], list[str]]
"""The addresses of a host, as text."""

Clock: TypeAlias = Callable[[], float]


class AddressRefused(httpx.RequestError):
    """The host means an address that may not be connected to."""


class GuardedTransport(httpx.BaseTransport):
    """Sends requests for as long as a deadline allows, whatever the server does meanwhile."""

    def __init__(
        self,
        verify: ssl.SSLContext,
        networks: tuple[Network, ...],
        resolve: Resolve,
        deadline: float,
        clock: Clock,
    ) -> None:
        backend = _Backend(networks, resolve, deadline, clock)
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _translate_errors(request):
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(response.status, headers=response.headers, stream=_Unread(response))

    def close(self) -> None:
        self._pool.close()


class _Unread(httpx.SyncByteStream):
    """The body of an answer, which nobody needs."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, networks: tuple[Network, ...], resolve: Resolve, deadline: float, clock: Clock) -> None:
        self._networks, self._resolve = networks, resolve
        self._deadline, self._clock = deadline, clock
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host has no address") from None
        if not addresses or not all(is_allowed(each, self._networks) for each in addresses):
            raise AddressRefused("the host means an address that is not public and was not allowed")
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                stream = self._sockets.connect_tcp(address, port, self._left(timeout), local_address, socket_options)
                return _Stream(stream, self._left)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
        raise AssertionError("there is a last address")

    def _left(self, timeout: float | None) -> float:
        """Seconds that a step may take: what it may by itself, or until the deadline."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for all of it is up")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[float | None], float]) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _translate_errors(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except AddressRefused:
        raise
    except httpcore.TimeoutException as reason:
        raise httpx.TimeoutException(type(reason).__name__, request=request) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as reason:
        raise httpx.TransportError(type(reason).__name__, request=request) from None
