"""Logs to a webhook: signed batches of JSON over HTTPS, to no other address than was meant."""

import hmac
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from ...domain.errors import DeliveryError, InvalidValueError
from ...domain.optional_dependencies import require
from ..clock import wall_clock
from .addresses import allowed_networks as networks_of
from .redaction.redactor import STANDARD, LogRedactor
from .subscriber import LogBatch, LogSubscriber

PLAIN_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+")

TIMESTAMP, SIGNATURE, KEY = "Turnlog-Timestamp", "Turnlog-Signature", "Idempotency-Key"

OF_THE_BATCH = frozenset((400, 406, 411, 413, 414, 415, 422, 431, 451))
"""Statuses that say that this batch will never be taken; all others may pass."""


def signature(secret: str | bytes, timestamp: str, body: bytes) -> str:
    """What a receiver compares the signature header with: `sha256=` and the HMAC of timestamp, a dot and the body."""
    key = secret.encode() if isinstance(secret, str) else secret
    return f"sha256={hmac.new(key, timestamp.encode() + b'.' + body, sha256).hexdigest()}"


class WebhookLogSubscriber(LogSubscriber):
    """Posts batches of logs, as a JSON array, to an address.

    Each carries an idempotency key, a timestamp and, with a `secret`, a signature over timestamp and body. Redirects
    are not followed. The host is resolved once for each delivery, and refused if any of its addresses is private, of
    this machine or not of the public net, unless it is in one of the `allowed_networks`. With `allowed_hosts` only
    these hosts are accepted, and those under a name that begins with a dot.
    """

    signature = staticmethod(signature)

    def __init__(
        self,
        url: str,
        *,
        secret: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        batch_size: int = 100,
        https_only: bool = True,
        allowed_hosts: Iterable[str] | None = None,
        allowed_networks: Iterable[str] = (),
        ssl_context: ssl.SSLContext | None = None,
        redactor: LogRedactor | None = STANDARD,
        name: str | None = None,
        resolve: Callable[[str, int], list[str]] | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        with require("httpx", extra="logs"):
            import httpx
        host = _validate_url(url, https_only, allowed_hosts)
        try:
            same = httpx.URL(url).host == host
        except httpx.InvalidURL:
            same = False
        if not same or not PLAIN_HOST.fullmatch(
            host
        ):  # two readers of addresses that read two hosts are a way around every check
            raise InvalidValueError("the address of the webhook", "is ambiguous: expected a plain host, in ASCII")
        self.name = name or f"webhook:{host}-{sha256(url.encode()).hexdigest()[:8]}"
        self.batch_size = _positive("the batch size", batch_size)
        self.redactor = redactor
        self._url, self._secret, self._headers = url, secret, dict(headers or {})
        self._timeout = _positive("the timeout", timeout)
        self._networks = networks_of(allowed_networks)
        self._resolve, self._clock = resolve or resolve_host, clock
        self._ssl = ssl_context or httpx.create_ssl_context()

    def receive(self, batch: LogBatch) -> None:
        """Posts a batch; anything but a status of success says that it was not taken."""
        import httpx

        from .guarded_http import AddressRefused, GuardedTransport

        body = b"[" + b",".join(batch.lines) + b"]"
        transport = GuardedTransport(self._ssl, self._networks, self._resolve, monotonic() + self._timeout, monotonic)
        try:
            with httpx.Client(transport=transport, timeout=self._timeout, trust_env=False) as client:
                headers = httpx.Headers(self._headers)
                headers.update(self._signed_headers(batch.key, body))
                request = client.build_request("POST", self._url, content=body, headers=headers)
                response = client.send(request, stream=True, follow_redirects=False)
                response.close()
        except AddressRefused as reason:
            raise DeliveryError(self.name, str(reason)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as reason:
            raise DeliveryError(self.name, str(reason) or type(reason).__name__) from None
        if not response.is_success:
            raise self._refusal(response.status_code, response.headers.get("Retry-After"))

    def _signed_headers(self, key: str, body: bytes) -> dict[str, str]:
        timestamp = str(self._clock() // 1_000_000)
        ours = {"Content-Type": "application/json", "User-Agent": "turnlog", KEY: key, TIMESTAMP: timestamp}
        if self._secret is not None:
            ours[SIGNATURE] = signature(self._secret, timestamp, body)
        return ours

    def _refusal(self, status: int, retry_after: str | None) -> DeliveryError:
        said = "which redirects, and that is not followed" if 300 <= status < 400 else "which is no success"
        final = status in OF_THE_BATCH
        return DeliveryError(self.name, f"it answered {status}, {said}", final, self._seconds(retry_after))

    def _seconds(self, retry_after: str | None) -> float | None:
        """What a receiver asks for: a number of seconds, or a date."""
        if retry_after is None:
            return None
        if retry_after.strip().isascii() and retry_after.strip().isdigit():
            return float(retry_after)
        try:
            date = parsedate_to_datetime(retry_after)
        except (ValueError, TypeError):
            return None
        now = datetime.fromtimestamp(self._clock() / 1_000_000, UTC)
        return max((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds(), 0.0)


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _validate_url(url: str, https_only: bool, allowed_hosts: Iterable[str] | None) -> str:
    """The host of an address that may be posted to. The address is not repeated: it may hold a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        raise InvalidValueError("the address of the webhook", "is not understood: expected https://host/path") from None
    schemes = ("https",) if https_only else ("https", "http")
    if parts.scheme not in schemes or not host or any(not "!" <= each <= "~" for each in url):
        raise InvalidValueError(
            "the address of the webhook", f"cannot be used: expected {' or '.join(schemes)}://host/path"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidValueError(
            "the address of the webhook", "holds a user or a fragment: expected them as headers, or none"
        )
    if allowed_hosts is not None and not any(_matches_host(host, each) for each in _several(allowed_hosts)):
        raise InvalidValueError("the host of the webhook", f"is {host!r}: expected one that is allowed")
    return host


def _matches_host(host: str, allowed: str) -> bool:
    return host.endswith(allowed.lower()) if allowed.startswith(".") else host == allowed.lower()


def _several(hosts: Iterable[str]) -> Iterable[str]:
    if isinstance(hosts, str):
        raise InvalidValueError("the hosts", "are one text: expected a list of them")
    return hosts


def _positive(what: str, value: Any) -> Any:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 2**31:
        raise InvalidValueError(what, f"is {value!r}: expected a number above 0")
    return value
