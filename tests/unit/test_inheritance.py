"""A session that goes on from another inherits its state, and counts its past backwards from 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from turnlog.domain import codec
from turnlog.domain.branch_lookup import position_in
from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import branch, history, message, session
from turnlog.domain.decisions.compose import sequence
from turnlog.domain.errors import (
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
    SessionExistsError,
    SessionNotActiveError,
    SessionNotFoundError,
)
from turnlog.domain.events import (
    BranchCleared,
    BranchCreated,
    BranchRenamed,
    BranchRewound,
    Event,
    MailSent,
    MessageAppended,
    MessageRedacted,
    MetadataUpdated,
    ModelSet,
    OperationStarted,
    SessionArchived,
    SessionDeleted,
    SessionForked,
    SessionStarted,
    StateSet,
    SystemSet,
    ToolRegistered,
)
from turnlog.domain.evolve import fold
from turnlog.domain.inherited_history import Segment, inherit, local_position, segments
from turnlog.domain.mail_state import MailState
from turnlog.domain.message import Message
from turnlog.domain.ranges import positions
from turnlog.domain.state import Ancestor, ModelState, State, Status, pack, unpack

if TYPE_CHECKING:
    from tests.unit.conftest import Given

DIGEST = b"\x07" * 32


def said(branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction="hello"))


LIFE: list[Event] = [
    SessionStarted("support", "ada", "ticket-7", {"topic": "billing"}),
    BranchCreated(0, "id-main", "main"),
    SystemSet(0, SystemContent(system_message="be terse")),
    said(0),
    said(0),
    BranchCreated(1, "id-1", "retry", parent=0, at=4),
    said(1),
    MessageRedacted(5, "{}"),
    StateSet("step", 1),
    ToolRegistered("add", 0),
    ModelSet("generate", "gpt-4o-mini"),
    MailSent("m-1", "id-main"),
    OperationStarted("o-1", "chat"),
    said(0),
    BranchCleared(0),
]
"""A session of 15 positions, in which `main` shows 4 5 14 and then nothing, and its fork `retry` 4 7."""


def shows(state: State, branch: int, at: int | None = None) -> list[int]:
    return list(positions(state.showing(branch, at).ranges, state.written))


def forked(given: Given, at: int) -> State:
    """The session `f`, started from `s` at a position."""
    inherited = inherit(given(*LIFE[:at]).state, "f", at)
    return fold([(1, 1000, SessionStarted(forked_from="s", forked_at=at))], inherited)


# --- What is inherited ------------------------------------------------------------------------------------


def test_a_session_shows_what_the_one_it_goes_on_from_showed(given: Given) -> None:
    state = forked(given, at=14)

    assert shows(state, 0) == [-10, -9, 0]
    assert shows(state, 1) == [-10, -7]
    assert (state.showing(0).system, state.showing(1).system) == (-11, -11)
    assert state.redacted == {-9}


def test_a_session_shows_its_past_at_positions_before_its_own(given: Given) -> None:
    source, state = given(*LIFE).state, forked(given, at=14)

    assert state.first == -13
    for at in range(2, 15):
        assert shows(state, 0, at - 14) == [position - 14 for position in shows(source, 0, at)]


def test_a_session_inherits_words_branches_metadata_values_tools_and_models(given: Given) -> None:
    state = forked(given, at=15)

    assert (state.names, state.ids, state.default) == ({"main": 0, "retry": 1}, {"id-main": 0, "id-1": 1}, 0)
    assert (state.user, state.metadata, state.values) == ("ada", {"topic": "billing"}, {"step": 1})
    assert (state.tools, state.models) == ({"add": [0]}, {"generate": ModelState("gpt-4o-mini", None, {})})
    assert (state.branches[1].created_at, state.branches[1].forked_at) == (-9, -11)


def test_a_session_does_not_inherit_what_belongs_to_the_other_alone(given: Given) -> None:
    source = given(*LIFE, SessionForked("e", 3), SessionArchived()).state
    state = inherit(source, "f", 17)

    assert (state.name, state.key, state.operations, state.forks) == (None, None, {}, set())
    assert state.post == MailState()
    assert (state.status, state.position, state.created) == (Status.UNSTARTED, 0, 0)


def test_what_one_session_does_is_nothing_to_the_other(given: Given) -> None:
    source = given(*LIFE).state
    before = pack(source)
    state = fold(
        [(1, 1000, SessionStarted()), (2, 1010, said(0)), (3, 1020, StateSet("step", 2))], inherit(source, "f", 15)
    )

    assert shows(state, 0) == [2]
    assert pack(source) == before


def test_a_session_that_goes_on_from_another_can_be_packed(given: Given) -> None:
    state = forked(given, at=14)

    assert unpack(pack(state)) == state


def test_the_branches_of_the_past_can_be_changed_without_it_changing(given: Given) -> None:
    state = forked(given, at=14)
    events = sequence(
        state,
        lambda now: message.append(now, 0, [Message("hello")]),
        lambda now: history.rewind(now, 0, -9),
        lambda now: branch.fork(now, 1, id="id-2", at=-7, name="again"),
        lambda now: message.retract(now, 2, -10),
    )
    after = fold([(place, 1000, event) for place, event in enumerate(events, 2)], state)

    assert events[1:3] == [BranchRewound(0, -9), BranchCreated(2, "id-2", "again", parent=1, at=-7)]
    assert [shows(after, 0, at) for at in (-9, 1, 2, 3)] == [[-10, -9], [-10, -9, 0], [-10, -9, 0, 2], [-10, -9]]
    assert [shows(after, 2, at) for at in (4, 5)] == [[-10, -7], [-7]]


@pytest.mark.parametrize("position", [-14, 2])
def test_a_position_before_the_past_or_after_the_present_is_refused(given: Given, position: int) -> None:
    state = forked(given, at=14)

    assert [position_in(state, at) for at in (-13, 0, 1)] == [-13, 0, 1]
    with pytest.raises(
        ItemNotFoundError, match=f"position {position} does not exist in session f; expected one from -13 to 1"
    ):
        position_in(state, position)


# --- Starting it ------------------------------------------------------------------------------------------


def test_both_sessions_record_a_fork(given: Given) -> None:
    source = given(*LIFE).state

    told, started = session.fork(
        source, inherit(given(*LIFE[:4]).state, "f", 4), digest=DIGEST, name="retry", user="bob", metadata={"a": 1}
    )

    assert told == [SessionForked("f", 4)]
    assert started == [
        SessionStarted(
            "retry", "bob", None, {"a": 1}, forked_from="s", forked_at=4, forked_digest="07" * 32, inherited_messages=2
        )
    ]
    assert [
        codec.decode(codec.stored_name(each), codec.encode(each), "s", 1) for each in told + started
    ] == told + started


def test_a_fork_adds_to_the_metadata_and_may_change_the_user(given: Given) -> None:
    started = SessionStarted(user="bob", metadata={"topic": "refunds", "a": 1})
    state = fold([(1, 1000, started)], inherit(given(*LIFE).state, "f", 15))

    assert (state.user, state.metadata) == ("bob", {"topic": "refunds", "a": 1})


def test_an_archived_session_can_be_gone_on_from(given: Given) -> None:
    source = given(*LIFE, SessionArchived()).state

    assert session.fork(source, inherit(source, "f", 16), digest=DIGEST)[0] == [SessionForked("f", 16)]


def test_a_session_that_is_deleted_or_was_never_started_cannot_be_gone_on_from(given: Given) -> None:
    before, deleted = given(*LIFE).state, given(*LIFE, SessionDeleted()).state

    with pytest.raises(SessionNotActiveError, match="session s is deleted"):
        session.fork(deleted, inherit(before, "f", 15), digest=DIGEST)
    with pytest.raises(SessionNotFoundError, match="session 's' does not exist"):
        session.fork(State("s"), inherit(before, "f", 15), digest=DIGEST)


def test_a_fork_starts_once_and_under_names_that_can_be_shown(given: Given) -> None:
    source = given(*LIFE).state

    with pytest.raises(SessionExistsError, match="'f' exists already; use a new id"):
        session.fork(source, forked(given, at=4), digest=DIGEST)
    with pytest.raises(InvalidValueError, match="a session id has 0 characters: expected"):
        session.fork(source, inherit(source, "", 15), digest=DIGEST)
    with pytest.raises(InvalidValueError, match="a user has 0 characters: expected"):
        session.fork(source, inherit(source, "f", 15), digest=DIGEST, user="")


# --- Where the past is recorded ---------------------------------------------------------------------------

GRANDCHILD = [Ancestor("f", 4), Ancestor("s", 14)]
"""What a session goes on from that was forked at 4 of `f`, which was forked at 10 of `s`."""


def test_the_past_of_a_session_is_recorded_in_stretches_of_others() -> None:
    assert segments("g", GRANDCHILD, -13, 3) == [
        Segment("s", 14, -13, -4),
        Segment("f", 4, -3, 0),
        Segment("g", 0, 1, 3),
    ]
    assert segments("g", GRANDCHILD, -5, -2) == [Segment("s", 14, -5, -4), Segment("f", 4, -3, -2)]
    assert segments("g", GRANDCHILD, 2, 3) == [Segment("g", 0, 2, 3)]
    assert segments("g", [], 1, 3) == [Segment("g", 0, 1, 3)]


def test_an_event_of_another_session_has_a_position_here_if_it_belongs_to_the_past() -> None:
    state = State("g", position=3, ancestors=GRANDCHILD)

    assert [local_position(state, "g", at) for at in (1, 3)] == [1, 3]
    assert [local_position(state, "f", at) for at in (0, 1, 4, 5)] == [None, -3, 0, None]
    assert [local_position(state, "s", at) for at in (0, 1, 10, 11, 14)] == [None, -13, -4, None, None]
    assert local_position(state, "e", 1) is None


@settings(max_examples=100, derandomize=True)
@generated(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 7)), min_size=1, max_size=5))
def test_every_position_of_a_life_is_recorded_in_one_place(lives: list[tuple[int, int]]) -> None:
    """Each session has so many positions, and the next one goes on from it at one of them."""
    state, recorded = State("s-0"), dict[int, tuple[str, int]]()
    for number, (own, choice) in enumerate(lives):
        if number:
            ahead = choice % state.position + 1
            state = inherit(state, f"s-{number}", ahead)
            recorded = {at - ahead: place for at, place in recorded.items() if at <= ahead}
        state.position = own
        recorded |= {at: (state.session, at) for at in range(1, own + 1)}

    assert range(state.first, state.position + 1) == range(min(recorded), max(recorded) + 1)
    for first in range(state.first, state.position + 1):
        for last in range(first, state.position + 1):
            found = [
                (session, at + ahead)
                for session, ahead, oldest, newest in segments(state.session, state.ancestors, first, last)
                for at in range(oldest, newest + 1)
            ]
            assert found == [recorded[at] for at in range(first, last + 1)]
    assert [local_position(state, *recorded[at]) for at in sorted(recorded)] == sorted(recorded)


# --- Several decisions as one -----------------------------------------------------------------------------


def test_each_of_several_decisions_sees_what_those_before_it_lead_to(given: Given) -> None:
    state = given(LIFE[0]).state
    before = pack(state)

    assert sequence(
        state,
        lambda now: branch.create(now, id="a"),
        lambda now: branch.rename(now, 0, "plan"),
        lambda now: branch.rename(now, 0, "plan"),
        lambda now: session.update_metadata(now, {"topic": "refunds"}),
    ) == [BranchCreated(0, "a", "main"), BranchRenamed(0, "plan"), MetadataUpdated({"topic": "refunds"})]
    assert pack(state) == before


def test_a_refusal_of_one_decision_refuses_all(given: Given) -> None:
    state = given(LIFE[0]).state
    before = pack(state)

    with pytest.raises(NameTakenError):
        sequence(
            state,
            lambda now: branch.create(now, id="a", name="plan"),
            lambda now: branch.create(now, id="b", name="plan"),
        )
    assert pack(state) == before
