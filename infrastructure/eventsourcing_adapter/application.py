"""The library's application over a recorder of ours: `store.application`."""

from typing import Any

from eventsourcing.application import AggregateNotFoundError, Application, ProcessingEvent, Repository
from eventsourcing.persistence import EventStore, InfrastructureFactory, InfrastructureFactoryError, Recording
from eventsourcing.utils import Environment, EnvType

from ...domain.errors import ItemNotFoundError, SessionNotFoundError
from ...domain.recorded_event import RecordedEvent
from ...domain.redaction import REDACTIONS
from ..read_models.catch_up import finish_redactions
from ..recorder import Recorder
from ..state_loader import load_state
from .factory import RecorderFactory
from .mapper import EventMapper
from .stored_events import library_errors

PERSISTENCE = "turnlog.infrastructure.eventsourcing_adapter.persistence"
"""Opens a store by its address; named, not imported, since it knows how to open every kind of store."""


class TurnlogApplication(Application[str]):
    """An application whose aggregates are sessions: over a recorder, or over what an environment names."""

    name = "turnlog"
    recorder: Recorder

    def __init__(self, source: Recorder | EnvType | None = None, *, env: EnvType | None = None) -> None:
        self._given = source if isinstance(source, Recorder) else None
        super().__init__(env if isinstance(source, Recorder) or source is None else source)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Return the environment; a PERSISTENCE_MODULE that is meant for other applications does not apply."""
        found = super().construct_env(name, env)
        found.setdefault(f"{name.upper()}_PERSISTENCE_MODULE", PERSISTENCE)
        return found

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        if self._given is None:
            return super().construct_factory(env)
        return RecorderFactory(env, self._given)

    def construct_mapper(self) -> EventMapper:
        return EventMapper()

    def construct_recorder(self) -> Recorder:
        recorder = self.factory.application_recorder()
        if not isinstance(recorder, Recorder):
            kind = type(recorder).__qualname__
            raise InfrastructureFactoryError(f"{self.name} is over a {kind}: expected a recorder of Turnlog's")
        recorder.originator_id_type = str
        return recorder

    def construct_repository(self) -> "SessionRepository":
        return SessionRepository(self.events, self.recorder)

    def _record(self, processing_event: ProcessingEvent[str]) -> list[Recording[str]]:
        """Record events; what redactions among them erase is then removed from read models and files, too."""
        recordings = super()._record(processing_event)
        for each in recordings:
            if isinstance(each.domain_event, RecordedEvent) and each.domain_event.name in REDACTIONS:
                with library_errors():
                    finish_redactions(self.recorder, each.domain_event.session, each.domain_event.position)
                break
        return recordings

    def __del__(self) -> None:
        """Close nothing, unlike the library: iterators over the recorder may still be in use."""


class SessionRepository(Repository[str]):
    """Loads sessions as the store does, without their messages; the library's own way takes thirty times as long."""

    def __init__(self, event_store: EventStore[str], recorder: Recorder) -> None:
        super().__init__(event_store)
        self._recorder = recorder

    def get(self, aggregate_id: str, *, version: int | None = None, **kwargs: Any) -> Any:
        """The state of a session, now or at a position; or the result of a caller's `projector_func`."""
        if "projector_func" in kwargs:
            return super().get(aggregate_id, version=version, **kwargs)
        try:
            return load_state(self._recorder, aggregate_id, version)
        except (SessionNotFoundError, ItemNotFoundError) as reason:
            raise AggregateNotFoundError(str(reason)) from reason
