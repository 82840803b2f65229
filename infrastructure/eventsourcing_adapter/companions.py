"""What the library wants beside a recorder of events: snapshots, views with their checkpoint, and both at once."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from ..recorder import Recorder


class LibraryView(TrackingRecorder):
    """A read model of the library's projections; derive from the one for your kind of store.

    Its checkpoints are kept by the name of the projection and the name of the application that it follows.
    """

    recorder: Recorder

    @abstractmethod
    def __init__(self, recorder: Recorder, name: str) -> None:
        """A view for the projection of this name, in the store of the recorder."""

    @abstractmethod
    def writing(self, tracking: Tracking) -> AbstractContextManager[Any]:
        """A transaction that moves the checkpoint; what is written in it is committed with that, or not at all."""

    def insert_tracking(self, tracking: Tracking) -> None:
        with self.writing(tracking):
            pass

    def close(self) -> None:
        """Closes the store that the view stands in, for a view that has it to itself, as a runner's has."""


class LibraryProcess(LibraryView, ProcessRecorder):
    """Records events together with the checkpoint that led to them."""

    def select_events(self, originator_id: UUID | str, **bounds: Any) -> Sequence[StoredEvent]:
        return self.recorder.select_events(originator_id, **bounds)

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), **more: Any
    ) -> Sequence[Notification]:
        return self.recorder.select_notifications(start, limit, stop, topics, **more)

    def max_notification_id(self) -> int | None:
        return self.recorder.max_notification_id()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return self.recorder.subscribe(gt, topics)


class StoreAggregateRecorder(AggregateRecorder):
    """The streams of a recorder, for whoever does not ask for notifications."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id: UUID | str, **bounds: Any) -> Sequence[StoredEvent]:
        return self._recorder.select_events(originator_id, **bounds)


class Companions(NamedTuple):
    """What one kind of store has beside its recorder; snapshots are kept by what they are for."""

    snapshots: Callable[[Recorder, str], AggregateRecorder]
    view: type[LibraryView]
    process: type[LibraryProcess]


def not_ahead(tracking: Tracking, checkpoint: int | None) -> IntegrityError:
    """The refusal to track what has been tracked already."""
    return IntegrityError(
        f"the checkpoint for {tracking.application_name!r} is at {checkpoint}: "
        f"expected one before {tracking.notification_id}, which is to be tracked"
    )
