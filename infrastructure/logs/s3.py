"""Logs to an object store: S3 and what speaks its language, Google, Azure, or a folder."""

import os
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from ...domain.errors import DeliveryError, InvalidValueError
from ...domain.optional_dependencies import require
from ..paths import PathLike, validate_path
from .formats import FORMATS
from .redaction.redactor import STANDARD, LogRedactor
from .subscriber import LogBatch, LogSubscriber

_used_in: dict[str, int] = {}
"""The process in which the driver began to work. Its threads are not in a forked child, which would wait for ever."""

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "azure", "file")


class S3LogSubscriber(LogSubscriber):
    """Puts each batch of logs into an object of its own, under the day of its first log.

    The target is the name of a bucket of S3, an address (`s3://bucket/path`, `gs://...`, `az://...`) or the path of a
    folder. The same batch always becomes the same object, so that one that comes again changes nothing, and no two
    batches share one. Credentials come from the environment, as AWS_ACCESS_KEY_ID and the like, or as `options`;
    `endpoint` is for servers that speak the language of S3. Formats are jsonl, jsonl.gz, jsonl.zst and parquet.
    """

    def __init__(
        self,
        target: PathLike,
        prefix: str = "logs",
        *,
        format: str = "jsonl.gz",
        endpoint: str | None = None,
        options: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        batch_size: int = 1000,
        redactor: LogRedactor | None = STANDARD,
        name: str | None = None,
    ) -> None:
        if format not in FORMATS:
            raise InvalidValueError("the format", f"is {format!r}: expected one of {', '.join(FORMATS)}")
        if batch_size < 1 or timeout <= 0:
            raise InvalidValueError("the batch size and the timeout", "are not above 0: expected numbers above 0")
        self._ending, self._made = FORMATS[format]
        address = _address(target)
        self._prefix = _validate_prefix(prefix)
        self._objects = _open_bucket(address, endpoint, dict(options or {}), timeout)
        self.name = name or _name(address, endpoint, self._prefix)
        self.batch_size = batch_size
        self.redactor = redactor

    def receive(self, batch: LogBatch) -> None:
        """Puts the batch into its object."""
        import obstore
        from obstore.exceptions import BaseError

        if _used_in.setdefault("process", os.getpid()) != os.getpid():
            raise DeliveryError(self.name, "its driver does not outlive os.fork: expected a process that was spawned")
        try:
            obstore.put(self._objects, self.key_of(batch), self._made(batch))
        except (BaseError, OSError, ValueError) as reason:
            raise DeliveryError(self.name, type(reason).__name__) from None  # its words may quote credentials

    def key_of(self, batch: LogBatch) -> str:
        """Where a batch is put."""
        first = batch.logs[0].created_at if batch.logs else None
        when = "undated" if first is None else f"{first:%Y/%m/%d/%H%M%S%f}"
        return f"{self._prefix}{when}-{batch.key}{self._ending}"


def _address(target: PathLike) -> str:
    if isinstance(target, os.PathLike) or target[:1] in ("/", ".", "~"):
        return validate_path(target, "the target").absolute().as_uri()
    address = target if "://" in target else f"s3://{target}"
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or "@" in parts.netloc or parts.query or parts.fragment:
        expected = "expected a bucket, an address as s3://bucket/path, or a folder; credentials go into options"
        raise InvalidValueError("the target", f"cannot be used: {expected}")
    return address


def _validate_prefix(prefix: str) -> str:
    parts = [part for part in prefix.split("/") if part]
    if any(part in (".", "..") or not part.isprintable() for part in parts):
        raise InvalidValueError("the prefix", f"is {prefix!r}: expected names with slashes between them")
    return "".join(f"{part}/" for part in parts)


def _open_bucket(address: str, endpoint: str | None, options: dict[str, Any], timeout: float) -> Any:
    with require("obstore", extra="logs"):
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, from_url
    if address.startswith("file:"):
        return LocalStore.from_url(address, mkdir=True)
    if endpoint is not None:
        options["endpoint"] = endpoint
    client: Any = {"timeout": timedelta(seconds=timeout), "allow_http": (endpoint or "").startswith("http://")}
    retry: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=timeout)}  # who delivers tries again, and knows
    config: Any = options or None
    try:
        return from_url(address, config=config, client_options=client, retry_config=retry)
    except (BaseError, ValueError, TypeError) as reason:
        raise InvalidValueError("the target or its options", f"cannot be used: {type(reason).__name__}") from None


def _name(address: str, endpoint: str | None, prefix: str) -> str:
    """The place, told apart from others; of an endpoint only the host, and what else is given as a short digest."""
    host = "" if endpoint is None else f"@{urlsplit(endpoint).hostname or sha256(endpoint.encode()).hexdigest()[:8]}"
    return f"{address.rstrip('/')}/{prefix}{host}"
