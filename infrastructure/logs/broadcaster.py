"""Delivers logs to several subscribers, each by itself: one that fails neither holds up nor repeats the others."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import sleep
from typing import Self

from ...domain.errors import DeliveryError, InvalidValueError
from ...domain.log import Log
from ..async_methods import awaited
from ..retry import RetryPolicy
from .subscriber import LogSubscriber, deliver


class LogBroadcaster:
    """Subscribers by their names, and how often each is tried."""

    def __init__(
        self,
        subscribers: Iterable[LogSubscriber] = (),
        *,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], object] = sleep,
    ) -> None:
        self._subscribers: dict[str, LogSubscriber] = {}
        self._retry, self._sleep = retry or RetryPolicy(), sleep
        self._lock = Lock()
        for subscriber in subscribers:
            self.add(subscriber)

    @property
    def subscribers(self) -> tuple[LogSubscriber, ...]:
        """All subscribers, in the order they were added."""
        with self._lock:
            return tuple(self._subscribers.values())

    def add(self, subscriber: LogSubscriber) -> None:
        """Adds a subscriber; one of a name that is there already is refused, so that none is replaced unseen."""
        with self._lock:
            if subscriber.name in self._subscribers:
                raise InvalidValueError(
                    "the subscriber", f"{subscriber.name!r} is there already: expected another name, or remove it first"
                )
            self._subscribers[subscriber.name] = subscriber

    def remove(self, name: str) -> bool:
        """Delivers to this subscriber no longer, and says whether there was one."""
        with self._lock:
            return self._subscribers.pop(name, None) is not None

    def deliver(self, name: str, logs: Sequence[Log]) -> None:
        """Delivers logs to one subscriber, trying again after failures; DeliveryError says that it took none."""
        with self._lock:
            subscriber = self._subscribers.get(name)
        if subscriber is None:
            raise DeliveryError(name, "it was removed")
        deliver(subscriber, logs, self._retry, self._sleep)

    def broadcast(self, logs: Sequence[Log]) -> dict[str, DeliveryError | None]:
        """Delivers logs to all subscribers at once; answers for each why it did not take them, or None if it did."""
        names = [each.name for each in self.subscribers]
        if not names:
            return {}
        with ThreadPoolExecutor(len(names), thread_name_prefix="turnlog-logs") as threads:
            return dict(zip(names, threads.map(lambda name: self._outcome(name, logs), names), strict=True))

    def _outcome(self, name: str, logs: Sequence[Log]) -> DeliveryError | None:
        try:
            self.deliver(name, logs)
        except DeliveryError as failed:
            return failed
        return None

    def close(self) -> None:
        """Closes the subscribers; closing twice does nothing."""
        for subscriber in self.subscribers:
            subscriber.close()

    adeliver = awaited(deliver)
    abroadcast = awaited(broadcast)
    aclose = awaited(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LogBroadcaster: {', '.join(each.name for each in self.subscribers) or 'nobody'}>"
