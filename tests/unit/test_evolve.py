"""Events fold into the state, from the start or from a snapshot, and what does not follow is refused by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.errors import UnreadableEventError
from turnlog.domain.events import (
    STORED_NAMES,
    AccessChanged,
    AccessDenied,
    BranchCleared,
    BranchCreated,
    BranchMerged,
    BranchRemoved,
    BranchRenamed,
    BranchReordered,
    BranchRewound,
    BranchTruncated,
    ChangeUndone,
    DefaultBranchChanged,
    Event,
    EventRedacted,
    ForkEnded,
    LogRecorded,
    MailCollected,
    MailDelivered,
    MailParked,
    MailReceived,
    MailSent,
    MessageAppended,
    MessageRedacted,
    MessageRetracted,
    MessagesShared,
    MetadataUpdated,
    ModelCalled,
    ModelSet,
    OperationCompleted,
    OperationFailed,
    OperationResumed,
    OperationStarted,
    ParticipantRegistered,
    ParticipantUnregistered,
    SessionArchived,
    SessionDeleted,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateRemoved,
    StateSet,
    SystemSet,
    ToolRegistered,
    ToolRemoved,
)
from turnlog.domain.events.work import LogType
from turnlog.domain.evolve import evolve, fold, place_message
from turnlog.domain.mail_state import BoxesByOwner
from turnlog.domain.ranges import Origin, Range, positions
from turnlog.domain.state import ModelState, OperationState, State, Status, pack, unpack

if TYPE_CHECKING:
    from tests.unit.conftest import Given

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")


def boxes(state: State) -> dict[str, dict[str, dict[str, list[int]]]]:
    """The mail under way, as plain lists."""
    places: dict[str, BoxesByOwner] = {
        name: getattr(state.post, name) for name in ("outboxes", "exchange", "inboxes", "parked")
    }
    return {
        name: {owner: {key: list(mails) for key, mails in lines.items()} for owner, lines in found.items()}
        for name, found in places.items()
    }


def said(branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction="hello"))


EVERYTHING: list[Event] = [
    SessionStarted("support", "ada", "ticket-7", {"big": 2**70}, forked_from="s-0", forked_at=9),
    BranchCreated(0, "id-main", "main", user="ada", capabilities=["a"], resources=[]),
    SystemSet(0, SystemContent(system_message="be terse")),
    said(0),
    said(0),
    BranchCreated(1, "id-1", "retry", parent=0, at=4),
    said(1),
    MessagesShared(1, (Range(0, 5, 5, 1, Origin.SHARED),)),
    MessageRetracted(1, 5),
    BranchMerged(0, 1, 9, "append", 2, (Range(1, 7, 7, 1, Origin.MERGED),)),
    BranchReordered(0, (Range(1, 7, 7, 1, Origin.MERGED), Range(0, 4, 5, 2))),
    BranchTruncated(0, 2),
    BranchRewound(0, 10),
    BranchCleared(1),
    MessageRedacted(7, "{}", "a phone number"),
    BranchRenamed(1, "tangent"),
    AccessChanged(0, None, ["gpt-4o-mini"]),
    DefaultBranchChanged(1),
    BranchRemoved(1),
    DefaultBranchChanged(0),
    SessionRenamed("billing"),
    MetadataUpdated({"pi": 3.5}),
    StateSet("topic", [2**70, None]),
    StateSet("step", 1),
    StateRemoved("step"),
    ParticipantRegistered("ada"),
    MailSent("m-1", "id-main", "ada", "tool", "gossip", ["add"]),
    MailSent("m-2", "id-main", "bob", message={"type": "instruction", "instruction": "hello"}),
    MailSent("m-3", "id-main", channel="gossip"),
    MailCollected("id-main", [27, 28, 29]),
    MailDelivered("ada", [27, 29]),
    MailParked("bob", [28], "nobody there"),
    MailReceived("ada", [29]),
    ParticipantRegistered("eve"),
    ParticipantUnregistered("eve"),
    ToolRegistered("add", 0, {"type": "object"}),
    ToolRegistered("add"),
    ToolRegistered("sub", 0),
    ToolRemoved("add", 0),
    ModelSet("generate", "gpt-4o-mini", "openai", settings={"seed": 2**70}),
    ModelSet("parse", "gpt-4o-mini"),
    ModelSet("parse", None),
    OperationStarted("o-1", "operate", 0),
    OperationStarted("o-2", "chat"),
    OperationStarted("o-3", "chat"),
    OperationCompleted("o-1", "done"),
    OperationFailed("o-2", "TimeoutError", "no answer"),
    OperationResumed("o-3"),
    ModelCalled("gpt-4o-mini", "openai", "o-3", input_tokens=7),
    AccessDenied("resources", ["gpt-4"], 0, ["gpt-4o-mini"]),
    LogRecorded(LogType.INFO, data={"a": 1}),
    SessionArchived("done"),
    SessionRestored(),
    SessionDeleted(),
    SessionForked("f-1", 3),
    SessionForked("f-2", 4),
    ForkEnded("f-1"),
    ChangeUndone(0, 13, (Range(0, 4, 5, 2),), 3),
    EventRedacted(2, "{}", "a name"),
]
"""A session in which everything happens that can."""


def test_in_this_session_everything_happens_that_can() -> None:
    assert {type(event) for event in EVERYTHING} == set(STORED_NAMES.values())


def test_everything_that_happens_is_in_the_state(given: Given) -> None:
    state = given(*EVERYTHING).state

    assert (state.position, state.time, state.created) == (59, 590, 10)
    assert state.status is Status.DELETED
    assert (state.name, state.user, state.key) == ("billing", "ada", None)  # a deleted session gives back its key
    assert state.forks == {"f-2"}
    assert state.metadata == {"big": 2**70, "pi": 3.5}
    assert state.values == {"topic": [2**70, None]}
    assert (state.names, state.ids, state.default) == ({"main": 0}, {"id-main": 0, "id-1": 1}, 0)
    assert {branch: list(places) for branch, places in state.written.items()} == {0: [4, 5], 1: [7]}
    assert state.redacted == {2, 7}
    assert state.participants == {"ada": 26}
    assert boxes(state) == {
        "outboxes": {},
        "exchange": {},
        "inboxes": {"ada": {"tool id-main": [27]}},
        "parked": {"bob": {"message id-main\nnobody there": [28]}},
    }
    assert {channel: list(mails) for channel, mails in state.post.channels.items()} == {"gossip": [27, 29]}
    assert state.tools == {"add": [None], "sub": [0]}
    assert state.models == {"generate": ModelState("gpt-4o-mini", "openai", {"seed": 2**70})}
    assert state.operations == {"o-3": OperationState("chat", None, 45, 1)}


def test_what_branches_show_is_in_the_state(given: Given) -> None:
    after = given(*EVERYTHING)
    main, tangent = after.state.branches

    assert (main.name, main.user) == ("main", "ada")
    assert (main.capabilities, main.resources) == (None, frozenset({"gpt-4o-mini"}))
    assert (tangent.name, tangent.parent, tangent.forked_at, tangent.removed_at) == ("tangent", 0, 4, 19)
    assert [after.shows(0, at) for at in (9, 10, 11, 12, 13)] == [[4, 5], [4, 5, 7], [7, 4, 5], [4, 5], [4, 5, 7]]
    assert [after.shows(1, at) for at in (6, 7, 8, 9, 14)] == [[4], [4, 7], [4, 7, 5], [4, 7], []]
    assert [after.system(0), after.system(1), after.system(0, at=2)] == [3, 3, None]
    assert [main.undoable, tangent.undoable] == [[12], [9, 14]]


def test_a_state_is_at_the_position_of_its_last_event(given: Given) -> None:
    assert [given(*EVERYTHING[:count]).state.position for count in range(58)] == list(range(58))


def test_counting_messages_up_to_a_position(given: Given) -> None:
    state = given(*EVERYTHING).state

    assert [state.messages_until(at) for at in (2, 3, 4, 5, 6, 7, 53)] == [0, 1, 2, 3, 3, 4, 4]
    assert [state.owner(message) for message in (3, 4, 5, 6, 7, 8)] == [None, 0, 0, None, 1, None]


SENT = [STARTED, MAIN, ParticipantRegistered("ada"), MailSent("m-1", "id-main", "ada"), MailSent("m-2", "id-main")]
COLLECTED = [*SENT, MailCollected("id-main", [4, 5])]
DELIVERED = [*COLLECTED, MailDelivered("ada", [4, 5])]


@pytest.mark.parametrize(
    ("events", "place", "owner", "line"),
    [
        (SENT, "outboxes", "id-main", {"message ada": [4], "message ": [5]}),
        (COLLECTED, "exchange", "ada", {"message id-main": [4, 5]}),
        (DELIVERED, "inboxes", "ada", {"message id-main": [4, 5]}),
        ([*COLLECTED, MailParked("ada", [4, 5], "gone")], "parked", "ada", {"message id-main\ngone": [4, 5]}),
        ([*DELIVERED, MailParked("ada", [4, 5], "gone")], "parked", "ada", {"message id-main\ngone": [4, 5]}),
    ],
)
def test_mails_are_in_one_place_until_they_are_received(
    given: Given, events: list[Event], place: str, owner: str, line: dict[str, list[int]]
) -> None:
    after = given(*events)
    places: dict[str, dict[str, Any]] = {"outboxes": {}, "exchange": {}, "inboxes": {}, "parked": {}}

    assert boxes(after.state) == {**places, place: {owner: line}}


def test_of_mails_that_were_received_nothing_is_left_in_the_state(given: Given) -> None:
    before = given(*SENT[:3]).state
    after = given(*DELIVERED, MailReceived("ada", [4, 5])).state

    assert after.post == before.post


def test_mails_that_were_parked_for_a_name_are_delivered_to_whoever_has_it(given: Given) -> None:
    sent = [STARTED, MAIN, MailSent("m-1", "id-main", "bob"), MailCollected("id-main", [3])]
    parked = [*sent, MailParked("bob", [3], "nobody"), MailSent("m-2", "id-main", "bob")]
    events = [*parked, MailCollected("id-main", [6]), MailDelivered("id-bob", [3, 6], addressed="bob")]

    assert boxes(given(*events).state)["inboxes"] == {"id-bob": {"message id-main": [3, 6]}}


def test_what_is_for_everybody_is_for_whoever_takes_part_when_it_is_collected(given: Given) -> None:
    others = [BranchCreated(1, "id-1", "one"), BranchCreated(2, "id-2", "two"), BranchRemoved(1)]
    after = given(STARTED, MAIN, *others, MailSent("m-1", "id-main"), ParticipantRegistered("ada"))
    after = after.when(lambda _: [MailCollected("id-main", [6])]).then(MailCollected("id-main", [6]))

    assert boxes(after.state)["exchange"] == {"id-2": {"message id-main": [6]}, "ada": {"message id-main": [6]}}


def test_placing_a_message_is_evolving_without_its_words(given: Given) -> None:
    evolved, placed = given(STARTED, MAIN).state, given(STARTED, MAIN).state

    evolve(evolved, 3, 30, said())
    place_message(placed, 3, 30, 0)

    assert placed == evolved


# --- Snapshots --------------------------------------------------------------------------------------------


def test_a_snapshot_and_the_events_after_it_make_the_whole() -> None:
    placed = [(place, place * 10, event) for place, event in enumerate(EVERYTHING, 1)]
    whole = fold(placed, State("s"))

    for split in range(len(placed) + 1):
        snapshot = pack(fold(placed[:split], State("s")))
        assert fold(placed[split:], unpack(snapshot)) == whole


def test_folding_leaves_the_state_it_begins_with_as_it_is() -> None:
    placed = [(place, place * 10, event) for place, event in enumerate(EVERYTHING, 1)]

    for split in range(len(placed) + 1):
        before = fold(placed[:split], State("s"))
        packed = pack(before)
        fold(placed[split:], before)
        assert pack(before) == packed


def test_folding_leaves_the_events_as_they_are() -> None:
    started, updated = SessionStarted(metadata={"a": 1}), MetadataUpdated({"a": 2})

    fold([(1, 10, started), (2, 20, updated), (3, 30, updated)], State("s"))

    assert (started, updated) == (SessionStarted(metadata={"a": 1}), MetadataUpdated({"a": 2}))


def test_two_states_of_one_session_share_nothing_that_changes(given: Given) -> None:
    before = given(STARTED, MAIN, StateSet("a", 1), ToolRegistered("add", 0)).state
    one = fold([(5, 50, said()), (6, 60, ToolRegistered("add"))], before)
    other = fold([(5, 50, StateSet("a", 2)), (6, 60, BranchRenamed(0, "plan"))], before)

    assert (list(one.written[0]), list(other.written[0]), list(before.written[0])) == ([5], [], [])
    assert (one.values, other.values, before.values) == ({"a": 1}, {"a": 2}, {"a": 1})
    assert (one.tools, other.tools, before.tools) == ({"add": [0, None]}, {"add": [0]}, {"add": [0]})
    assert (one.branches[0].name, other.branches[0].name, before.branches[0].name) == ("main", "plan", "main")


def test_two_new_states_share_nothing() -> None:
    fold([(1, 10, STARTED), (2, 20, MAIN), (3, 30, StateSet("a", 1))], State("s"))

    assert State("s") == State("s", branches=[], names={}, values={}, written={})


# --- What does not follow ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (said(7), "message.appended"),
        (BranchRenamed(7, "plan"), "branch.renamed"),
        (BranchRemoved(7), "branch.removed"),
        (BranchCreated(1, "id-1", "retry", parent=7, at=2), "branch.created"),
        (BranchCreated(1, "id-1", "retry", parent=0, at=1), "branch.created"),
        (BranchRewound(0, 1), "branch.rewound"),
        (BranchCleared(7), "branch.cleared"),
        (SystemSet(7, None), "branch.system_set"),
        (StateRemoved("topic"), "session.state_removed"),
        (MailCollected("id-main", [1]), "mail.collected"),
        (MailCollected("id-main", []), "mail.collected"),
        (MailDelivered("ada", [1]), "mail.delivered"),
        (MailParked("ada", [1], "gone"), "mail.parked"),
        (MailReceived("ada", [1]), "mail.received"),
        (ParticipantUnregistered("ada"), "mail.participant_unregistered"),
        (ToolRemoved("add"), "work.tool_removed"),
        (OperationCompleted("o-1"), "work.operation_completed"),
        (ForkEnded("s-1"), "session.fork_ended"),
        (ChangeUndone(0, 2, ()), "branch.change_undone"),
    ],
)
def test_an_event_that_does_not_follow_is_named(event: Event, name: str) -> None:
    state = fold([(1, 10, STARTED), (2, 20, MAIN)], State("s"))

    with pytest.raises(UnreadableEventError) as unreadable:
        fold([(3, 30, event)], state)

    assert str(unreadable.value).startswith(
        f"event '{name}' at position 3 of session s cannot be read: it does not follow from those before it"
    )
    assert state.position == 2
    with pytest.raises(UnreadableEventError):
        evolve(state, 3, 30, event)
    assert (state.position, state.time) == (2, 20)


def test_a_branch_shows_nothing_at_a_position_before_it_existed(given: Given) -> None:
    state = given(STARTED, MAIN, said()).state

    with pytest.raises(ValueError, match="branch 0 did not exist at position 1"):
        state.showing(0, at=1)


# --- Deep forks -------------------------------------------------------------------------------------------


@pytest.fixture
def _shallow_stack() -> Iterator[None]:
    """Leaves room for a few dozen calls, so that whatever recurses as deep as the forks fails."""
    limit, depth, frame = sys.getrecursionlimit(), 0, sys._getframe()
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 120)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("_shallow_stack")
def test_forks_of_forks_fold_and_show_without_recursion() -> None:
    events: list[Event] = [STARTED, MAIN, said(0)]
    for number in range(1, 501):
        events += [BranchCreated(number, f"id-{number}", f"b-{number}", number - 1, at=len(events)), said(number)]
    state = fold(((place, place * 10, event) for place, event in enumerate(events, 1)), State("s"))
    lines = [3, *range(5, 1004, 2)]

    unpacked = unpack(pack(state))

    assert unpacked == state
    assert [shown(state, number, None) for number in (0, 250, 500)] == [lines[:1], lines[:251], lines]
    assert [shown(state, number, 2 * number + 2) for number in (1, 250, 500)] == [lines[:1], lines[:250], lines[:500]]


def shown(state: State, *args: Any) -> list[int]:
    return list(positions(state.showing(*args).ranges, state.written))
