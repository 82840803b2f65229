"""What logs are delivered to, batch by batch, and how often that is tried."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Self

import msgspec

from ...domain.errors import DeliveryError
from ...domain.log import Log
from ..async_methods import awaited
from ..clock import wall_clock
from ..retry import RetryPolicy
from .adapter import LogAdapter
from .redaction.redactor import STANDARD, LogRedactor
from .stamping import stamp_log


class LogBatch(msgspec.Struct, frozen=True):
    """Logs that are delivered together. The same logs have the same key, however often they come."""

    logs: tuple[Log, ...]

    @property
    def key(self) -> str:
        """Names the batch, for receivers that take each one once."""
        return sha256(msgspec.json.encode([log.id for log in self.logs])).hexdigest()

    @property
    def lines(self) -> list[bytes]:
        """Each log as a line of JSON."""
        return [msgspec.json.encode(log) for log in self.logs]


class LogSubscriber(ABC):
    """Takes batches of logs somewhere else. Say what to do with one in `receive`; secrets are out of it already.

    An error of any kind means that it was not taken; DeliveryError can say that it never will be, or when to try
    again.
    """

    name: str
    """Tells subscribers apart, and appears in errors: it holds no secrets."""

    batch_size: int = 100
    """How many logs it takes at once."""

    redactor: LogRedactor | None = STANDARD
    """What takes the secrets out; None leaves them in."""

    @abstractmethod
    def receive(self, batch: LogBatch) -> None:
        """Takes a batch, or says why not. It may come again: at least once is what is promised."""

    def send(self, logs: Sequence[Log]) -> None:
        """Takes the secrets out and hands the logs over, once."""
        redact = self.redactor.redact_log if self.redactor is not None else _keep_log
        now = wall_clock()
        self.receive(LogBatch(tuple(redact(stamp_log(log, now)) for log in logs)))

    def close(self) -> None:  # noqa: B027 (most have nothing to let go of)
        """Lets go of connections; closing twice does nothing."""

    asend = awaited(send)
    aclose = awaited(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class AdapterLogSubscriber(LogSubscriber):
    """Writes batches into an adapter."""

    def __init__(self, adapter: LogAdapter) -> None:
        self.name = adapter.name
        self.redactor = None  # the adapter has its own
        self._adapter = adapter

    def receive(self, batch: LogBatch) -> None:
        """Writes a batch; what is there already is not written again."""
        self._adapter.write(batch.logs)

    def close(self) -> None:
        """Closes the adapter."""
        self._adapter.close()


def deliver(
    subscriber: LogSubscriber, logs: Sequence[Log], retry: RetryPolicy, sleep: Callable[[float], object]
) -> None:
    """Send logs to a subscriber until it takes them, rejects them for good, or the attempts are used up."""
    for failures in range(1, retry.attempts + 1):
        try:
            subscriber.send(logs)
            return
        except Exception as reason:  # noqa: BLE001 (a subscriber may be anybody's; whatever it raises, it did not take them)
            failed = failure(subscriber.name, reason)
        if failed.final or failures == retry.attempts:
            raise failed
        sleep(retry.pause(failures, failed.retry_after))


def failure(subscriber: str, reason: Exception) -> DeliveryError:
    """Why a subscriber did not take logs; of an error that is not ours only the class: its words may hold secrets."""
    return reason if isinstance(reason, DeliveryError) else DeliveryError(subscriber, type(reason).__name__)


def _keep_log(log: Log) -> Log:
    return log
