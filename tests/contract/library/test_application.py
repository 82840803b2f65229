"""`store.application` is an application of the `eventsourcing` library: it saves, reads, notifies and is followed."""

import gc
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactoryError,
    IntegrityError,
    MapperDeserialisationError,
    Notification,
    NotSupportedError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.projection import Projection, ProjectionRunner

from turnlog import Session, Store
from turnlog.domain.codec import remove_salt
from turnlog.domain.events import LogRecorded, SessionRenamed, SessionStarted, StateSet
from turnlog.domain.events.work import LogType
from turnlog.domain.recorded_event import Provenance, RecordedEvent
from turnlog.errors import PositionConflictError, StoreClosedError
from turnlog.infrastructure.eventsourcing_adapter.application import TurnlogApplication
from turnlog.infrastructure.eventsourcing_adapter.factory import RecorderFactory
from turnlog.infrastructure.eventsourcing_adapter.mapper import DomainEvent, EventMapper
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.state_loader import load_state


def columns(event: RecordedEvent) -> tuple[object, ...]:
    return tuple(getattr(event, field) for field in RecordedEvent.__struct_fields__)


# What is on the record


def test_the_events_of_a_session_come_with_all_their_columns(store: Store) -> None:
    store.append("s", [SessionStarted(), StateSet("k", 1)], provenance=Provenance("ada", "run 7"), command_id="c")

    events: list[Any] = list(store.application.events.get("s"))

    assert isinstance(store.application, Application)
    assert [columns(event) for event in events] == [columns(event) for event in store.read("s")]
    assert [(event.originator_id, event.originator_version) for event in events] == [("s", 1), ("s", 2)]


@pytest.mark.parametrize(
    ("bounds", "positions"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"gt": 2}, [3, 4, 5]),
        ({"lte": 2}, [1, 2]),
        ({"limit": 2}, [1, 2]),
        ({"gt": 1, "lte": 4, "limit": 2}, [2, 3]),
        ({"desc": True}, [5, 4, 3, 2, 1]),
        ({"desc": True, "limit": 2}, [5, 4]),
        ({"desc": True, "gt": 1, "lte": 4, "limit": 2}, [4, 3]),
        ({"desc": True, "gt": 3, "limit": 5}, [5, 4]),
        ({"desc": True, "lte": 9, "limit": 1}, [5]),
    ],
)
def test_a_stretch_of_a_stream_is_read_from_either_end(
    store: Store, bounds: dict[str, Any], positions: list[int]
) -> None:
    store.append("s", [SessionStarted(), *(StateSet("k", value) for value in range(4))])

    assert [event.originator_version for event in store.application.events.get("s", **bounds)] == positions


def test_the_notification_log_is_the_feed(store: Store) -> None:
    store.append("s", [SessionStarted(), StateSet("k", 1)])
    store.append("t", [SessionStarted()])

    section = store.application.notification_log["1,10"]

    assert [(item.id, item.originator_id, item.topic) for item in section.items] == [
        (1, "s", "session.started"),
        (2, "s", "session.state_set"),
        (3, "t", "session.started"),
    ]
    assert store.recorder.max_notification_id() == 3


def test_the_repository_answers_with_the_state_of_a_session(store: Store) -> None:
    store.append("s", [SessionStarted(name="one"), StateSet("k", 1), StateSet("k", 2)])

    assert store.application.repository.get("s") == load_state(store.recorder, "s")
    assert store.application.repository.get("s", version=2) == load_state(store.recorder, "s", 2)
    assert "s" in store.application.repository
    assert "t" not in store.application.repository
    with pytest.raises(AggregateNotFoundError, match="position 4 does not exist in session s; expected one from"):
        store.application.repository.get("s", version=4)


def test_the_repository_folds_events_into_whatever_the_caller_wants(store: Store) -> None:
    store.append("s", [SessionStarted(name="one"), StateSet("k", 1), StateSet("k", 2)])

    def names(found: Any, events: Iterable[Any]) -> Any:
        return [event.name for event in events]

    assert store.application.repository.get("s", version=2, projector_func=names) == [
        "session.started",
        "session.state_set",
    ]


# Saving


def test_an_event_that_is_saved_is_recorded_like_one_that_is_appended(store: Store) -> None:
    (recording,) = store.application.save(
        DomainEvent.new("s", 1, SessionStarted(name="one")), provenance=Provenance("ada"), time=5
    )
    store.application.save(DomainEvent.new("s", 2, SessionRenamed("two")))

    assert recording.notification.id == 1
    assert store.get_session("s").name == "two"
    assert [(event.actor, event.event) for event in store.read("s")] == [
        ("ada", SessionStarted(name="one")),
        (None, SessionRenamed("two")),
    ]
    assert store.verify().ok


def test_the_same_command_saves_once(store: Store) -> None:
    event = DomainEvent.new("s", 1, SessionStarted())

    ids = [store.application.save(event, command_id="c")[0].notification.id for _ in range(2)]

    assert ids == [1, 1]
    assert store.get_session("s").position == 1


def test_a_position_that_is_taken_or_leaves_a_gap_is_refused(store: Store) -> None:
    store.append("s", [SessionStarted()])

    for position in (0, 1, 3):
        with pytest.raises(IntegrityError) as refusal:
            store.application.save(DomainEvent.new("s", position, StateSet("k", 1)))
        assert isinstance(refusal.value.__cause__, PositionConflictError)
    with pytest.raises(IntegrityError):
        store.application.save(DomainEvent.new("t", 2, StateSet("k", 1)))


def test_several_streams_are_saved_together_or_not_at_all(store: Store) -> None:
    a1, b1 = (DomainEvent.new(session, 1, SessionStarted()) for session in "ab")
    a2 = DomainEvent.new("a", 2, StateSet("k", 2))

    with pytest.raises(IntegrityError):
        store.application.save(a1, b1, a2, b1)
    assert store.recorder.max_notification_id() is None
    assert [each.notification.id for each in store.application.save(a1, b1, a2)] == [1, 2, 3]


def test_what_bears_a_name_of_ours_has_to_be_ours(store: Store) -> None:
    with pytest.raises(DataError, match=r"session\.started"):
        store.recorder.insert_events([StoredEvent("s", 1, "session.started", b"not JSON")])


def test_a_checkpoint_is_not_lost_on_a_recorder_that_keeps_none(store: Store) -> None:
    with pytest.raises(NotSupportedError, match="process recorder"):
        store.recorder.insert_events([StoredEvent("s", 1, "other", b"")], tracking=Tracking("a", 1))


def test_what_is_not_ours_is_kept_byte_by_byte(store: Store) -> None:
    kept = StoredEvent("s", 1, "other:Event", bytes(range(256)))

    store.recorder.insert_events([kept])

    assert store.recorder.select_events("s") == [kept]
    assert store.recorder.select_notifications(1, 1) == [Notification("s", 1, "other:Event", bytes(range(256)), id=1)]


def test_ids_come_back_as_the_type_the_application_has(store: Store) -> None:
    originator = uuid4()
    recorder = RecorderFactory({"ORIGINATOR_ID_TYPE": "uuid"}, store.recorder).application_recorder()
    recorder.insert_events([StoredEvent(originator, 1, "other", b"")])

    assert [type(each.originator_id) for each in recorder.select_events(originator)] == [UUID]
    recorder = RecorderFactory({"ORIGINATOR_ID_TYPE": "text"}, store.recorder).application_recorder()
    assert [each.originator_id for each in recorder.select_notifications(1, 1)] == [str(originator)]
    with pytest.raises(OSError, match="expected 'uuid' or 'text'"):
        RecorderFactory({"ORIGINATOR_ID_TYPE": "int"}, store.recorder).application_recorder()


# The mapper


def test_an_event_mapped_to_a_stored_one_and_back_is_the_same() -> None:
    event = DomainEvent.new("s", 3, LogRecorded(LogType.INFO, data={"a": [1, None]}))

    stored = EventMapper().to_stored_event(event)

    assert stored == StoredEvent("s", 3, "log.recorded", stored.state)
    assert remove_salt(stored.state) == b'{"type":"info","data":{"a":[1,null]}}'
    assert EventMapper().to_domain_event(stored) == event


def test_a_name_that_is_unknown_is_an_error_that_names_it_and_imports_nothing() -> None:
    with pytest.raises(MapperDeserialisationError, match="antigravity:fly"):
        EventMapper().to_domain_event(StoredEvent("s", 1, "antigravity:fly", b"{}"))


def test_an_event_of_another_kind_is_not_mapped() -> None:
    with pytest.raises(ProgrammingError, match="expected a DomainEvent"):
        EventMapper().to_stored_event(StoredEvent("s", 1, "other", b""))  # type: ignore[arg-type]  # that is the point


# Opening and closing


def test_a_store_is_opened_from_an_environment_as_applications_are(
    stores: Any, env: dict[str, str], store: Store
) -> None:
    store.append("s", [SessionStarted()])

    with TurnlogApplication(env=env) as opened:
        assert [each.originator_id for each in opened.notification_log["1,10"].items] == (
            ["s"] if stores.outlive_closing else []
        )
    assert opened.closing.is_set()


def test_a_persistence_module_meant_for_others_is_not_taken(env: dict[str, str]) -> None:
    with TurnlogApplication({**env, "PERSISTENCE_MODULE": "eventsourcing.popo"}) as application:
        assert type(application.factory).__module__ == "turnlog.infrastructure.eventsourcing_adapter.persistence"
    with pytest.raises(InfrastructureFactoryError, match="expected a recorder of Turnlog's"):
        TurnlogApplication({**env, "TURNLOG_PERSISTENCE_MODULE": "eventsourcing.popo"})


def test_a_store_that_is_let_go_leaves_its_recorder_open() -> None:
    recorder = MemoryRecorder()
    Store(recorder).append("s", [SessionStarted()])
    gc.collect()

    assert recorder.last_global_position() == 1


def test_a_view_for_another_kind_of_store_is_refused(store: Store) -> None:
    class Foreign:
        pass

    with pytest.raises(InfrastructureFactoryError, match="expected a subclass of"):
        store.application.factory.tracking_recorder(Foreign)  # type: ignore[arg-type]  # that is the point


def test_the_application_is_made_once_and_closes_with_the_store(stores: Any) -> None:
    one, other = stores.new(), stores.new()

    assert one.application is one.application
    one.close()
    assert one.application.closing.is_set()

    with other.application:
        pass
    assert other.closed
    with pytest.raises(StoreClosedError):
        other.append("s", [SessionStarted()])


def test_a_store_has_none_of_the_names_of_the_library(store: Store) -> None:
    inherited = {name for name in dir(Application) if not name.startswith("_")} - {"close"}

    assert Application not in type(store).__mro__
    assert sorted(inherited & set(dir(store))) == []


# Projections


class Counting(Projection[Any]):
    """Counts sessions that were started, and what happened in them."""

    name = "counting"

    def process_event(self, domain_event: DomainEvent, tracking: Tracking) -> None:
        if domain_event.event == StateSet("stumble", True) and Counting.stumbles:
            raise ValueError("a stumbling block")
        if isinstance(domain_event.event, SessionStarted):
            self.view.incr_created_event_counter(tracking)
        else:
            self.view.incr_subsequent_event_counter(tracking)

    stumbles = False


def test_the_runner_of_the_library_follows_a_store(env: dict[str, str], view_class: type[Any]) -> None:
    with ProjectionRunner(
        application_class=TurnlogApplication, projection_class=Counting, view_class=view_class, env=env
    ) as runner:
        branch = Session("Be brief.", store=Store(runner.app.recorder)).default_branch
        for number in range(20):
            branch.add(f"message {number}")
        last = runner.app.recorder.max_notification_id()
        runner.wait(last, timeout=30)

        assert runner.view.get_created_event_counter() == 1
        assert last is not None
        assert runner.view.get_subsequent_event_counter() == last - 1
        assert runner.view.max_tracking_id("turnlog") == last


def test_a_runner_that_failed_goes_on_where_it_was(
    stores: Any, store: Store, env: dict[str, str], view_class: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not stores.outlive_closing:
        return  # its view is gone with the runner
    store.append("s", [SessionStarted(), StateSet("k", 1), StateSet("stumble", True), StateSet("k", 2)])

    def run() -> ProjectionRunner[TurnlogApplication, Any]:
        return ProjectionRunner(
            application_class=TurnlogApplication, projection_class=Counting, view_class=view_class, env=env
        )

    monkeypatch.setattr(Counting, "stumbles", True)
    with pytest.raises(ValueError, match="stumbling"), run() as failing:
        failing.run_forever(timeout=30)
    assert failing.view.max_tracking_id("turnlog") == 2

    monkeypatch.setattr(Counting, "stumbles", False)
    with run() as runner:
        runner.wait(4, timeout=30)
        assert runner.view.get_created_event_counter() == 1
        assert runner.view.get_subsequent_event_counter() == 3


def test_projections_of_one_store_have_checkpoints_of_their_own(store: Store) -> None:
    one = RecorderFactory(None, store.recorder)
    one.env.name = "one"
    other = RecorderFactory(None, store.recorder)
    other.env.name = "other"

    one.tracking_recorder().insert_tracking(Tracking("turnlog", 7))

    assert other.tracking_recorder().max_tracking_id("turnlog") is None


def test_what_a_view_writes_is_not_kept_without_its_checkpoint(store: Store, view_class: type[Any]) -> None:
    view = view_class(store.recorder, "counting")
    view.incr_created_event_counter(Tracking("turnlog", 5))

    with pytest.raises(IntegrityError, match="is at 5: expected one before 4"):
        view.incr_created_event_counter(Tracking("turnlog", 4))

    assert view.get_created_event_counter() == 1
    assert view.max_tracking_id("turnlog") == 5
    assert store.verify().ok
