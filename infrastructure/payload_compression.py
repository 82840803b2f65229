"""Payloads that are kept compressed: which are, how, and back to what they were.

The mark `zstd1` says one Zstandard frame, made with the dictionary beside this module. Both are storage format:
a better dictionary, or other settings that a reader has to know, get another mark.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple, TypeAlias

from ..domain.optional_dependencies import require

ZSTD1 = "zstd1"

MIN_SIZE = 200
"""Bytes of a payload from which on compressing it is tried."""

MAX_SIZE = 8 << 20
"""Bytes of a payload up to which it is compressed, and up to which a reader follows a frame that promises more."""

WINDOW = 23
"""The most memory that a reader gives a frame, as a power of two: that of the largest payload."""

COMPRESSIBLE_EVENTS = frozenset(
    {
        "message.appended",
        "mail.sent",
        "work.model_called",
        "work.operation_started",
        "work.operation_completed",
        "work.operation_failed",
        "log.recorded",
    }
)
"""The events that hold what was said. The others stay plain: views and triggers of the databases look into them."""


class StoredPayload(NamedTuple):
    """A payload as it is kept, and the mark that says how; no mark if it is plain."""

    encoding: str | None
    payload: bytes | None


Encoding: TypeAlias = Callable[[str, bytes | None], StoredPayload]
"""How the payload of an event, by its stored name, is kept."""


def store_uncompressed(name: str, payload: bytes | None) -> StoredPayload:
    """The payload, plain."""
    return StoredPayload(None, payload)


def compress_payload(name: str, payload: bytes | None) -> StoredPayload:
    """The payload compressed, if it holds words and that makes it smaller by a tenth."""
    if payload is None or name not in COMPRESSIBLE_EVENTS or not MIN_SIZE <= len(payload) <= MAX_SIZE:
        return StoredPayload(None, payload)
    packed = _zstd1().pack(payload)
    return StoredPayload(ZSTD1, packed) if len(packed) < 0.9 * len(payload) else StoredPayload(None, payload)


def payload_encoding(compress: bool) -> Encoding:
    """How a store keeps payloads that it records; refused if it is to compress and cannot."""
    if not compress:
        return store_uncompressed
    _zstd1()
    return compress_payload


def decompress_payload(encoding: str | None, stored: bytes | None) -> bytes | None:
    """The payload that was kept so; None if it is damaged, or if the mark is not known."""
    if encoding is None:
        return stored
    if encoding != ZSTD1 or not isinstance(stored, bytes):
        return None
    return _zstd1().unpack(stored)


class _Zstd1:
    """The codec behind the mark `zstd1`."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            with require("backports", extra="compression"):
                import backports.zstd as zstd
        self._zstd = zstd
        self._dictionary = zstd.ZstdDict(files(__package__).joinpath("zstd1.dictionary").read_bytes())
        self._bounds: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW}

    def pack(self, payload: bytes) -> bytes:
        """One frame, which knows its size and the sum over what is in it."""
        settings: dict[int, int] = {
            self._zstd.CompressionParameter.compression_level: 3,
            self._zstd.CompressionParameter.checksum_flag: 0,  # the digest of the event covers the payload
        }
        packed: bytes = self._zstd.compress(payload, options=settings, zstd_dict=self._dictionary.as_digested_dict)
        return packed

    def unpack(self, stored: bytes) -> bytes | None:
        """What is in the frame, if it is one frame, whole, with nothing behind it, and no larger than any is made."""
        frame = self._zstd.ZstdDecompressor(zstd_dict=self._dictionary, options=self._bounds)
        try:
            payload: bytes = frame.decompress(stored, max_length=MAX_SIZE + 1)
        except self._zstd.ZstdError:
            return None
        return payload if frame.eof and not frame.unused_data and len(payload) <= MAX_SIZE else None


@lru_cache(1)
def _zstd1() -> _Zstd1:
    return _Zstd1()
