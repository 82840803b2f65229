"""The feed of all events, as the library's subscriptions have it: without a thread, and without a gap."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from ..feed import Feed
from .stored_events import RowNotification, library_errors

PATIENCE = 0.1
"""Seconds until a subscription that waits looks whether it has been stopped."""


class FeedSubscription(Subscription[ApplicationRecorder]):
    """Yields each event once, in the order they were committed, then waits for more until it is stopped."""

    def __init__(
        self,
        recorder: ApplicationRecorder,
        feed: Feed,
        originator_id: Callable[[str], UUID | str],
        gt: int | None = None,
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._feed, self._originator_id = feed, originator_id
        self._page: Iterator[Notification] = iter(())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            for notification in self._page:
                return notification
            with library_errors():
                rows = self._feed.next_page(PATIENCE)
            self._page = (RowNotification(row, self._originator_id(row.session)) for row in rows)
        raise StopIteration
