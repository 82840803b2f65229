"""The feed of all events, as the library's subscriptions have it: without a thread, and without a gap."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification, Subscription

from ..feed import Feed
from .stored import RowNotification, library_errors

if TYPE_CHECKING:
    from ..recorder import Recorder

PATIENCE = 0.1
"""Seconds until a subscription that waits looks whether it has been stopped."""


class FeedSubscription(Subscription["Recorder"]):
    """Yields each event once, in the order they were committed, then waits for more until it is stopped."""

    def __init__(self, recorder: "Recorder", gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._feed = Feed(recorder, gt or 0, topics)
        self._page: Iterator[Notification] = iter(())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            for notification in self._page:
                return notification
            with library_errors():
                rows = self._feed.next_page(PATIENCE)
            self._page = (RowNotification(row, self._recorder.originator_id(row.session)) for row in rows)
        raise StopIteration
