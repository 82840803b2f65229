"""What every store promises to whoever appends: all or none, where it is expected, once, in order."""

from __future__ import annotations

from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidValueError, KeyTakenError, PositionConflictError
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionRenamed, SessionStarted
from turnlog.domain.expected_position import ANY, NO_STREAM, Expected
from turnlog.domain.recorded_event import Provenance
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.stored_event import encode_events

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


def positions(store: Store, session: str = "s") -> list[int]:
    return [recorded.position for recorded in store.read(session)]


def times(store: Store, session: str) -> list[int]:
    return [recorded.time for recorded in store.read(session)]


# --- Positions --------------------------------------------------------------------------------------------


def test_positions_are_dense_and_begin_at_1(store: Store) -> None:
    answers = [store.append("s", [STARTED]), store.append("s", [MAIN, said("a")]), store.append("s", [said("b")])]

    assert [(answer.session, answer.first, answer.last) for answer in answers] == [
        ("s", 1, 1),
        ("s", 2, 3),
        ("s", 4, 4),
    ]
    assert positions(store) == [1, 2, 3, 4]


def test_each_session_has_positions_of_its_own(store: Store) -> None:
    store.append("s", [STARTED, MAIN])
    store.append("t", [STARTED])

    assert (positions(store, "s"), positions(store, "t")) == ([1, 2], [1])


def test_appending_nothing_writes_nothing(store: Store) -> None:
    store.append("s", [STARTED, MAIN])
    before = store.find_session("s")
    appended = store.append("s", [], command_id="idle")

    assert (appended.first, appended.last) == (3, 2)
    assert store.find_session("s") == before
    assert find_command(store.recorder, "s", "idle") is None
    assert store.append("t", []).last == 0
    assert store.find_session("t") is None
    assert len(store.read_all()) == 2


# --- Expectations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [2, ANY])
def test_an_expectation_that_holds_lets_the_append_through(store: Store, expected: Expected) -> None:
    store.append("s", [STARTED, MAIN])

    assert store.append("s", [said("a")], expected=expected).first == 3


@pytest.mark.parametrize("expected", [0, NO_STREAM, ANY])
def test_a_session_that_has_no_event_is_at_0_and_no_stream(store: Store, expected: Expected) -> None:
    assert store.append("s", [STARTED], expected=expected).first == 1


@pytest.mark.parametrize(("expected", "told"), [(1, 1), (3, 3), (0, 0), (2**70, 2**70), (NO_STREAM, "no stream")])
def test_an_expectation_that_does_not_hold_says_where_the_session_is(
    store: Store, expected: Expected, told: int | str
) -> None:
    store.append("s", [STARTED, MAIN])

    with pytest.raises(PositionConflictError) as conflict:
        store.append("s", [said("a")], expected=expected)

    assert (conflict.value.session, conflict.value.expected, conflict.value.actual) == ("s", told, 2)
    assert positions(store) == [1, 2]


@pytest.mark.parametrize("expected", [None, -1, True, "x", 1.0, "any"])
def test_what_is_no_expectation_is_refused(store: Store, expected: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected a position, NO_STREAM or ANY"):
        store.append("s", [STARTED], expected=expected)

    assert store.read_all() == []


# --- All or none ------------------------------------------------------------------------------------------


def test_nothing_is_written_if_the_last_of_a_batch_cannot_be(store: Store) -> None:
    store.append("s", [STARTED, MAIN])
    before = store.find_session("s")

    with pytest.raises(InvalidValueError, match="lone surrogate"):
        store.append("s", [said("a"), said("b"), said("\ud800")])

    assert positions(store) == [1, 2]
    assert store.find_session("s") == before
    assert store.append("s", [said("c")]).first == 3


def test_nothing_is_written_of_a_session_whose_first_batch_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValueError):
        store.append("s", [STARTED, MAIN, said("\ud800")])

    assert store.find_session("s") is None
    assert list(store.sessions()) == []
    assert store.read_all() == []


def test_a_key_belongs_to_one_session(stores: Stores) -> None:
    store = stores.new()
    store.append("s", [SessionStarted(key="desk")])

    with pytest.raises(KeyTakenError) as taken:
        store.append("t", [SessionStarted(key="desk"), MAIN], command_id="once")

    assert (taken.value.session, taken.value.key) == ("t", "desk")
    assert store.find_session("t") is None
    assert find_command(store.recorder, "t", "once") is None
    assert len(store.read_all()) == 1
    assert stores.reopened(store).append("t", [SessionStarted(key="other")]).last == 1


def test_sessions_without_a_key_do_not_meet(store: Store) -> None:
    store.append("s", [STARTED])

    assert store.append("t", [STARTED]).first == 1


@pytest.mark.parametrize("session", ["", "\ud800", "a\nb", "x" * 256, 5, None])
def test_what_cannot_be_a_session_id_is_refused(store: Store, session: Any) -> None:
    with pytest.raises(InvalidValueError, match="a session id"):
        store.append(session, [STARTED])

    assert store.find_session(session) is None
    assert store.read_all() == []


# --- Commands ---------------------------------------------------------------------------------------------


def test_a_command_that_comes_again_gets_the_first_answer_and_writes_nothing(stores: Stores) -> None:
    store = stores.new()
    first = store.append("s", [STARTED, MAIN, said("a")], command_id="c")
    store.append("s", [said("b")])
    store = stores.reopened(store)
    again = store.append("s", [STARTED, MAIN, said("a")], command_id="c")

    assert (first.first, first.last, first.repeated) == (1, 3, False)
    assert (again.first, again.last, again.time, again.repeated) == (1, 3, first.time, True)
    assert find_command(store.recorder, "s", "c") == again
    assert positions(store) == [1, 2, 3, 4]


def test_a_command_that_comes_again_is_not_held_to_its_expectation(store: Store) -> None:
    store.append("s", [STARTED], expected=NO_STREAM, command_id="c")
    store.append("s", [MAIN])

    assert store.append("s", [STARTED], expected=NO_STREAM, command_id="c").repeated


def test_a_command_id_counts_within_its_session(store: Store) -> None:
    store.append("s", [STARTED, MAIN], command_id="c")
    other = store.append("t", [STARTED], command_id="c")

    assert (other.first, other.last, other.repeated) == (1, 1, False)


def test_a_command_that_was_refused_can_come_again(store: Store) -> None:
    store.append("s", [STARTED])
    with pytest.raises(PositionConflictError):
        store.append("s", [MAIN], expected=5, command_id="c")

    assert find_command(store.recorder, "s", "c") is None
    assert store.append("s", [MAIN], expected=1, command_id="c").repeated is False


def test_an_event_may_have_an_actor_and_a_cause_of_its_own(stores: Stores) -> None:
    store = stores.new()
    store.append("s", [STARTED, MAIN])
    events = [said("a"), said("b"), said("c")]
    own = [
        each._replace(actor=actor) for each, actor in zip(encode_events(events), (None, "gpt", "weather"), strict=True)
    ]
    own[2] = own[2]._replace(cause=2)
    first = store.append("s", events, provenance=Provenance("ada", "run-1", 1), drafts=own, command_id="c")

    expected = [("ada", "run-1", 1, "c"), ("gpt", "run-1", 1, "c"), ("weather", "run-1", 2, "c")]
    store = stores.reopened(store)
    assert [
        (one.actor, one.correlation_id, one.causation, one.command_id) for one in store.read("s", after=2)
    ] == expected
    assert store.append("s", events, command_id="c").first == first.first
    assert store.verify().ok
    copy = stores.new()
    copy.import_record(store.record_of("s"))
    assert copy.record_of("s") == store.record_of("s")
    assert find_command(copy.recorder, "s", "c") == find_command(store.recorder, "s", "c")


def test_appends_without_a_command_id_have_nothing_to_do_with_each_other(store: Store) -> None:
    store.append("s", [STARTED], command_id="c")
    store.append("s", [MAIN])
    store.append("s", [said("a")])

    assert [recorded.command_id for recorded in store.read("s")] == ["c", None, None]


@pytest.mark.parametrize("command_id", ["", "\ud800", "a\x00b", "x" * 256, 5])
def test_what_cannot_be_a_command_id_is_refused(store: Store, command_id: Any) -> None:
    with pytest.raises(InvalidValueError, match="a command id"):
        store.append("s", [STARTED], command_id=command_id)
    with pytest.raises(InvalidValueError, match="a command id"):
        find_command(store.recorder, "s", command_id)

    assert store.read_all() == []


# --- Time -------------------------------------------------------------------------------------------------


def test_the_events_of_an_append_have_the_time_of_the_clock(store: Store, clock: Clock) -> None:
    clock.now = 1_000
    appended = store.append("s", [STARTED, MAIN])

    assert appended.time == 1_000
    assert times(store, "s") == [1_000, 1_000]


def test_time_stands_still_in_a_session_while_the_clock_goes_backwards(stores: Stores, clock: Clock) -> None:
    store = stores.new()
    for now in (1_000, 900, 950):
        clock.now = now
        store.append("s", [STARTED if now == 1_000 else SessionRenamed(str(now))])
    store = stores.reopened(store)
    for now in (999, 1_001):
        clock.now = now
        store.append("s", [SessionRenamed(str(now))])

    assert times(store, "s") == [1_000, 1_000, 1_000, 1_000, 1_001]


def test_the_time_of_one_session_does_not_move_another(store: Store, clock: Clock) -> None:
    clock.now = 1_000
    store.append("s", [STARTED])
    clock.now = 500
    store.append("t", [STARTED])

    assert times(store, "t") == [500]


# --- Columns and digests ----------------------------------------------------------------------------------


def test_every_event_of_an_append_says_who_did_it_and_why(store: Store) -> None:
    store.append("s", [STARTED])
    store.append("s", [MAIN, said("a")], provenance=Provenance("ada", "run-1", 1), command_id="c")

    assert [(one.actor, one.correlation_id, one.causation, one.command_id) for one in store.read("s")] == [
        (None, None, None, None),
        ("ada", "run-1", 1, "c"),
        ("ada", "run-1", 1, "c"),
    ]


def test_every_digest_is_chained_to_the_one_before_it_as_documented(store: Store) -> None:
    store.append("s", [STARTED, MAIN, said("à bientôt")], provenance=Provenance("ada", "run-1"))
    store.append("t", [STARTED])
    store.append("s", [said("b"), said("c")], provenance=Provenance(causation=3), command_id="c")

    digest = bytes(32)
    for one, row in zip(store.read("s"), store.recorder.read("s"), strict=True):
        branch = getattr(one.event, "branch", None)
        columns = [one.session, one.position, one.time, one.name, branch, one.actor, one.correlation_id, one.causation]
        header = dumps([*columns, one.command_id], separators=(",", ":"), ensure_ascii=False).encode()
        digest = sha256(digest + header + sha256(row.payload or b"").digest()).digest()
        assert one.digest == digest
    entry = store.get_session("s")
    assert entry.digest == digest
