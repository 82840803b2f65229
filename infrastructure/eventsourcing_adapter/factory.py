"""The library's factory over a recorder: what stands in the same store, whichever kind of store it is."""

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

BESIDE = {
    "memory": "..memory.library_recorder",
    "sqlite": "..sqlite.library_recorder",
    "postgresql": "..postgres.library_recorder",
    "redis": "..redis.library_recorder",
    "rediss": "..redis.library_recorder",
    "unix": "..redis.library_recorder",
}
"""By scheme of the store's address: where what stands beside its recorder is; imported when it is asked for."""

ORIGINATOR_ID_TYPES: dict[str, type[UUID] | type[str]] = {"uuid": UUID, "text": str}


class RecorderFactory(InfrastructureFactory[LibraryView]):
    """Hands out one recorder, and what the library wants beside it."""

    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"

    def __init__(self, env: Environment | EnvType | None, recorder: Recorder) -> None:
        super().__init__(env)
        self.recorder = recorder

    def application_recorder(self) -> Recorder:
        self.recorder.originator_id_type = self._originator_id_type()
        return self.recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        recorder = self.application_recorder()
        return StoreAggregateRecorder(recorder) if purpose == "events" else self._beside().snapshots(recorder, purpose)

    def tracking_recorder(self, tracking_recorder_class: type[LibraryView] | None = None) -> LibraryView:
        view, named = self._beside().view, self.env.get(self.TRACKING_RECORDER_TOPIC)
        wanted = tracking_recorder_class or (resolve_topic(named) if named else view)
        if not issubclass(wanted, view):
            raise InfrastructureFactoryError(
                f"{wanted.__qualname__} is no view for {self.recorder.name}: expected a subclass of {view.__qualname__}"
            )
        return wanted(self.recorder, self.env.name)

    def process_recorder(self) -> ProcessRecorder:
        return self._beside().process(self.application_recorder(), self.env.name)

    def close(self) -> None:
        self.recorder.close()

    def _beside(self) -> Companions:
        kind = urlsplit(self.recorder.name).scheme
        if kind not in BESIDE:
            known = ", ".join(BESIDE)
            raise InfrastructureFactoryError(f"nothing stands beside {self.recorder.name}: expected one of {known}")
        found: Companions = import_module(BESIDE[kind], __package__).BESIDE
        return found

    def _originator_id_type(self) -> type[UUID] | type[str]:
        named = self.env.get(self.ORIGINATOR_ID_TYPE, "uuid")
        if named.lower() not in ORIGINATOR_ID_TYPES:
            raise OSError(f"{self.ORIGINATOR_ID_TYPE} is {named!r}: expected 'uuid' or 'text'")
        return ORIGINATOR_ID_TYPES[named.lower()]
