"""Following a store: every event once, in order, from the past into the present, for as long as somebody listens."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from types import TracebackType
from typing import Self

from ..domain.errors import StoreClosedError
from ..domain.recorded_event import RecordedEvent
from .feed import Feed
from .recorder import Recorder
from .stored_event import Row, to_recorded_events

PATIENCE = 0.1
"""Seconds until a subscription that waits looks whether it has been closed."""


class Subscription:
    """An iterator that waits for what is to come, until it or its store is closed.

    It reads a page when it is asked for an event and has none left: whoever is slow is not flooded. Several threads
    may take from one subscription; each event goes to one of them.
    """

    def __init__(self, recorder: Recorder, after: int, names: Sequence[str], session: str | None) -> None:
        self._feed = Feed(recorder, after, names, session)
        self._page: deque[Row] = deque()
        self._reading = Lock()
        self._closed = Event()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RecordedEvent:
        while not self._closed.is_set():
            try:
                return to_recorded_events(self._page.popleft())
            except IndexError:
                self._read_on()
        raise StopIteration

    def close(self) -> None:
        """Ends the iteration, also for whoever waits in it; closing twice does nothing."""
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_on(self) -> None:
        with self._reading:
            if not self._page and not self._closed.is_set():
                try:
                    self._page.extend(self._feed.next_page(PATIENCE))
                except StoreClosedError:
                    self.close()


class AsyncSubscription:
    """The same for `async for`; it waits in a thread of its own, so the event loop goes on."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._thread = ThreadPoolExecutor(1, "turnlog-subscription")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordedEvent:
        found = self._subscription
        while not found._closed.is_set():
            if found._page:
                return to_recorded_events(found._page.popleft())
            # What a cancelled wait still reads stays on the page for the next one.
            await asyncio.get_running_loop().run_in_executor(self._thread, found._read_on)
        self._thread.shutdown(wait=False)
        raise StopAsyncIteration

    def close(self) -> None:
        """Ends the iteration, also for whoever waits in it; closing twice does nothing."""
        self._subscription.close()

    async def aclose(self) -> None:
        """As `close`."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
