"""The feed of all events, as the library's subscriptions have it: without a thread, and without a gap."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification, Subscription

from .stored import library_errors

if TYPE_CHECKING:
    from ..recorder import Recorder

PAGE = 500

PATIENCE = 0.1
"""Seconds until a subscription that waits looks whether it has been stopped."""


class FeedSubscription(Subscription["Recorder"]):
    """Yields each event once, in the order they were committed, then waits for more until it is stopped.

    It sleeps in the recorder, which wakes it and also polls; so it misses nothing that came before it listened, nor
    what another process wrote. Events of other topics are passed over once and never looked at again.
    """

    def __init__(self, recorder: "Recorder", gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._seen = gt or 0
        self._page: Iterator[Notification] = iter(())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            for notification in self._page:
                return notification
            with library_errors():
                self._page = iter(self._next_page())
        raise StopIteration

    def _next_page(self) -> Sequence[Notification]:
        if not self._recorder.wait(self._seen, PATIENCE):
            return ()
        newest = self._recorder.last_global_position()
        page = self._recorder.select_notifications(self._seen, PAGE, newest, self._topics, inclusive_of_start=False)
        self._seen = page[-1].id if len(page) == PAGE else newest
        return page
