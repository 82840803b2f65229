"""Beside the record in process: snapshots and checkpoints that are gone when their recorder is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.popo import POPOAggregateRecorder

from ..eventsourcing_adapter.companions import Companions, LibraryProcess, LibraryView, not_ahead
from ..recorder import Recorder
from .recorder import MemoryRecorder


class MemoryView(LibraryView):
    """A read model in attributes; its checkpoints live and die with it."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder = recorder
        self.lock = RLock()
        self._checkpoints: dict[str, int] = {}

    @contextmanager
    def writing(self, tracking: Tracking) -> Iterator[None]:
        with self.lock:
            checkpoint = self._checkpoints.get(tracking.application_name)
            if checkpoint is not None and checkpoint >= tracking.notification_id:
                raise not_ahead(tracking, checkpoint)
            yield
            self._checkpoints[tracking.application_name] = tracking.notification_id

    def max_tracking_id(self, application_name: str) -> int | None:
        with self.lock:
            return self._checkpoints.get(application_name)

    def close(self) -> None:
        self.recorder.close()


class MemoryProcess(MemoryView, LibraryProcess):
    """Events and checkpoint under one lock."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        with nullcontext() if tracking is None else self.writing(tracking):
            return self.recorder.insert_events(stored_events, **kwargs)


class MemorySnapshots(POPOAggregateRecorder):
    """States in a dictionary, until something of what they were folded from is redacted."""

    def __init__(self, recorder: Recorder, purpose: str) -> None:
        super().__init__()
        if isinstance(recorder, MemoryRecorder):
            recorder.forget_with_redactions(self.forget)

    def forget(self) -> None:
        """Delete all states."""
        with self._database_lock:
            self._stored_events.clear()
            self._stored_events_index.clear()


COMPANIONS = Companions(MemorySnapshots, MemoryView, MemoryProcess)
