"""The library's factory over a recorder: its snapshots, views and checkpoints are in the same store."""

from importlib import import_module
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from ..recorder import Recorder
from .companions import Companions, LibraryView, StoreAggregateRecorder

COMPANIONS = {
    "memory": "..memory.library_recorder",
    "sqlite": "..sqlite.library_recorder",
    "postgresql": "..postgres.library_recorder",
    "redis": "..redis.library_recorder",
    "rediss": "..redis.library_recorder",
    "unix": "..redis.library_recorder",
}
"""By scheme of the store's address: the module with what the library needs beside the recorder; imported on demand."""

ORIGINATOR_ID_TYPES: dict[str, type[UUID] | type[str]] = {"uuid": UUID, "text": str}


class RecorderFactory(InfrastructureFactory[LibraryView]):
    """Gives the library one recorder, and what it needs beside it."""

    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"

    def __init__(self, env: Environment | EnvType | None, recorder: Recorder) -> None:
        super().__init__(env)
        self.recorder = recorder

    def application_recorder(self) -> Recorder:
        self.recorder.originator_id_type = self._originator_id_type()
        return self.recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        recorder = self.application_recorder()
        return (
            StoreAggregateRecorder(recorder) if purpose == "events" else self._companions().snapshots(recorder, purpose)
        )

    def tracking_recorder(self, tracking_recorder_class: type[LibraryView] | None = None) -> LibraryView:
        view, named = self._companions().view, self.env.get(self.TRACKING_RECORDER_TOPIC)
        wanted = tracking_recorder_class or (resolve_topic(named) if named else view)
        if not issubclass(wanted, view):
            raise InfrastructureFactoryError(
                f"{wanted.__qualname__} is no view for {self.recorder.name}: expected a subclass of {view.__qualname__}"
            )
        return wanted(self.recorder, self.env.name)

    def process_recorder(self) -> ProcessRecorder:
        return self._companions().process(self.application_recorder(), self.env.name)

    def close(self) -> None:
        self.recorder.close()

    def _companions(self) -> Companions:
        kind = urlsplit(self.recorder.name).scheme
        if kind not in COMPANIONS:
            known = ", ".join(COMPANIONS)
            raise InfrastructureFactoryError(
                f"{self.recorder.name} has no snapshots or views for the library: expected one of {known}"
            )
        found: Companions = import_module(COMPANIONS[kind], __package__).COMPANIONS
        return found

    def _originator_id_type(self) -> type[UUID] | type[str]:
        named = self.env.get(self.ORIGINATOR_ID_TYPE, "uuid")
        if named.lower() not in ORIGINATOR_ID_TYPES:
            raise OSError(f"{self.ORIGINATOR_ID_TYPE} is {named!r}: expected 'uuid' or 'text'")
        return ORIGINATOR_ID_TYPES[named.lower()]
