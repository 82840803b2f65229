"""Logs from the record to subscribers: each has a durable cursor, its own pauses and its own dead letters.

A subscriber is a projection without rows, whose effect is to deliver. So it is the runner of projections that
remembers how far it is, lets one process at a time deliver, tries again, and parks what is refused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Self

from ...domain.errors import InvalidValueError
from ...domain.log import Log
from ...domain.recorded_event import RecordedEvent
from ...projections.call_log import LOG_NAMES, find_log
from ...projections.call_log_filter import Instant, instant
from ...projections.projection import Projection
from ...projections.rows import Rows
from ..async_methods import awaited, awaited_read
from ..read_models.lease import RunnerOptions
from ..read_models.ledger import DeadLetter
from ..read_models.row_store import RowStore
from ..read_models.runner import Runner
from ..read_models.status import ProjectionStatus
from ..retry import RetryPolicy
from ..store import Store
from .subscriber import LogSubscriber, failure

DELIVERING = RunnerOptions(lease=60.0, retry=RetryPolicy(attempts=1, first_pause=1.0, longest_pause=300.0))
"""What is refused for good is parked at once; what failed comes again, for as long as it takes."""


class LogsTo(Projection):
    """Tells a subscriber what the account says."""

    version = 1
    names = LOG_NAMES
    tables = ()

    def __init__(self, subscriber: LogSubscriber, since: datetime | None) -> None:
        self.name = f"logs_{sha256(subscriber.name.encode()).hexdigest()[:11]}"
        self.reaction_size = subscriber.batch_size
        self._subscriber = subscriber
        self._since = since

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        """Keeps nothing."""

    def react_to(self, events: Sequence[RecordedEvent]) -> None:
        """Delivers what the account says of events, as one batch."""
        logs = [log for event in events if (log := find_log(event)) is not None and self._wants(log)]
        if not logs:
            return
        try:
            self._subscriber.send(logs)
        except Exception as reason:  # noqa: BLE001 (a subscriber may be anybody's; whatever it raises, it did not take them)
            raise failure(self._subscriber.name, reason) from None

    def _wants(self, log: Log) -> bool:
        return self._since is None or (log.created_at is not None and log.created_at >= self._since)


class LogDelivery:
    """Delivers the account of a store to subscribers, from its beginning or from a time on, and what comes after.

    Use it as a context manager to have each subscriber served in a thread of its own. Whoever is served by several
    processes is served by one of them at a time. The cursors are kept in the store's database, or in another.
    """

    def __init__(
        self,
        store: Store,
        subscribers: Iterable[LogSubscriber],
        target: RowStore | str | None = None,
        *,
        since: Instant | None = None,
        options: RunnerOptions = DELIVERING,
    ) -> None:
        self._serving = False
        start = None if since is None else instant(since, "since")
        self._runners: dict[str, tuple[str, Runner]] = {}
        for subscriber in subscribers:
            if subscriber.name in self._runners:
                raise InvalidValueError("the subscriber", f"{subscriber.name!r} comes twice: expected each name once")
            told = LogsTo(subscriber, start)
            self._runners[subscriber.name] = (told.name, Runner(store, [told], target, options=options))

    def start(self) -> None:
        """Begins to deliver, in a thread for each subscriber."""
        self._serving = True
        for _, runner in self._runners.values():
            runner.start()

    def stop(self) -> None:
        """Ends after the batches at hand."""
        for _, runner in self._runners.values():
            runner.stop()
        self._serving = False

    def close(self) -> None:
        """Stops, and gives the cursors free for others."""
        for _, runner in self._runners.values():
            runner.close()

    def catch_up(self) -> None:
        """Delivers in this thread until there is nothing to do at the moment; who has failed waits for later."""
        if self._serving:
            raise InvalidValueError("the delivery", "is under way in threads: expected one that was not started")
        for _, runner in self._runners.values():
            runner.catch_up()

    def await_delivery(self, subscriber: str, global_position: int, timeout: float = 10.0) -> None:
        """Waits until the subscriber was given everything up to a global position, what is parked excepted."""
        name, runner = self._runner(subscriber)
        runner.await_reactions(name, global_position, timeout)

    def status(self, subscriber: str) -> ProjectionStatus:
        """How far the subscriber is, and how many of its logs are parked."""
        name, runner = self._runner(subscriber)
        return next(each for each in runner.status(name) if each.counts)

    def dead_letters(self, subscriber: str) -> list[DeadLetter]:
        """What the subscriber refused for good, with the reason."""
        name, runner = self._runner(subscriber)
        return runner.dead_letters(name)

    def retry(self, subscriber: str) -> int:
        """Has the dead letters of a subscriber delivered again; answers how many."""
        name, runner = self._runner(subscriber)
        return runner.retry(name)

    def skip(self, subscriber: str) -> int:
        """Lets go of the dead letters of a subscriber; answers how many."""
        name, runner = self._runner(subscriber)
        return runner.skip(name)

    astop = awaited(stop)
    aclose = awaited(close)
    acatch_up = awaited(catch_up)
    aawait_delivery = awaited_read(await_delivery)
    astatus = awaited_read(status)
    adead_letters = awaited_read(dead_letters)
    aretry = awaited(retry)
    askip = awaited(skip)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LogDelivery to {', '.join(self._runners) or 'nobody'}>"

    def _runner(self, subscriber: str) -> tuple[str, Runner]:
        found = self._runners.get(subscriber)
        if found is None:
            raise InvalidValueError(
                "the subscriber", f"{subscriber!r} is none: expected one of {', '.join(self._runners)}"
            )
        return found
