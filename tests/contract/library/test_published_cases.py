"""The test cases that the `eventsourcing` library publishes for whoever writes recorders, held against every store.

Left out: those for its dynamic consistency boundaries, which are another kind of store, and those for transcoders,
of which we have none. On Redis, events are not recorded together with a checkpoint; that has to be refused.
"""

from contextlib import nullcontext
from typing import Any
from unittest import TestCase, defaultTestLoader
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    NotSupportedError,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.tests import application as applications
from eventsourcing.tests import persistence as recorders
from eventsourcing.tests import projection as projections
from eventsourcing.utils import Environment, get_topic

from turnlog.infrastructure.eventsourcing_adapter.companions import LibraryProcess, LibraryView, StoreAggregateRecorder
from turnlog.infrastructure.eventsourcing_adapter.factory import RecorderFactory
from turnlog.infrastructure.eventsourcing_adapter.persistence import Factory
from turnlog.infrastructure.store import Store


class OnStore(TestCase):
    """What the cases below are given; pytest runs them through the function at the end, once per store."""

    __test__ = False

    store: Store
    env: Any
    view_class: type[Any]

    def factory_of(self, **env: str) -> RecorderFactory:
        return RecorderFactory(Environment("mine", env), self.store.recorder)


class Aggregates(OnStore, recorders.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_of().aggregate_recorder()


class Snapshots(OnStore, recorders.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_of().aggregate_recorder("snapshots")


class Events(OnStore, recorders.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory_of().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class EventsWithTextIds(OnStore, recorders.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory_of(ORIGINATOR_ID_TYPE="text").application_recorder()

    def new_originator_id(self) -> UUID | str:
        return f"aggregate-{uuid4()}"

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class NonInterleavingIds(OnStore, recorders.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory_of().application_recorder()


class Checkpoints(OnStore, recorders.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.factory_of().tracking_recorder()


class EventsWithCheckpoints(OnStore, recorders.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory_of().process_recorder()


class CountersView(OnStore, projections.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> projections.EventCountersView:
        view: projections.EventCountersView = self.view_class(self.store.recorder, "counters")
        return view


class Factories(OnStore, recorders.InfrastructureFactoryTestCase[Factory]):
    def setUp(self) -> None:
        self.env = Environment("", self.env)
        super().setUp()

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return StoreAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return type(self.store.recorder)

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return next(base for base in self.view_class.__bases__ if issubclass(base, LibraryView))

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return self.view_class

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        (process,) = (
            each
            for each in self.expected_tracking_recorder_class().__subclasses__()
            if issubclass(each, LibraryProcess)
        )
        return process


class AnApplication(OnStore, applications.ExampleApplicationTestCase):
    expected_factory_topic = get_topic(Factory)


class Applications(OnStore, applications.ApplicationTestCase):
    pass


class AProjection(OnStore, projections.AggregateEventCountersProjectionTestCase):
    pass


class AnEventSourcedProjection(OnStore, projections.EventSourcedProjectionTestCase):
    pass


CASES = [
    pytest.param(case, name, id=f"{case.__name__}-{name}")
    for case in OnStore.__subclasses__()
    for name in defaultTestLoader.getTestCaseNames(case)
]

REFUSED = {
    ("redis", EventsWithCheckpoints, "test_insert_select"),
    ("redis", EventsWithCheckpoints, "test_performance"),
    ("redis", AnEventSourcedProjection, "test_event_sourced_projection"),
}


# One of the cases reads a name that the library has deprecated.
@pytest.mark.filterwarnings("default:'log' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("case", "name"), CASES)
def test_what_the_library_expects_of_a_store_holds(
    case: type[OnStore],
    name: str,
    stores: Any,
    store: Store,
    env: dict[str, str],
    view_class: type[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    on_this_store = type(case.__name__, (case,), {"store": store, "env": env, "view_class": view_class})

    refused = (stores.kind, case, name) in REFUSED
    with pytest.raises(NotSupportedError, match="at once") if refused else nullcontext():
        on_this_store(name).debug()
