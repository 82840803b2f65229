"""Going back, looking round, and trying again: views, replay, diff, bisect, blame, undo and forks of sessions."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from turnlog import Branch, Session, Store, acting
from turnlog.domain.events import ToolRegistered, ToolRemoved
from turnlog.errors import (
    BranchNotFoundError,
    InvalidValueError,
    ItemNotFoundError,
    NothingToUndoError,
    SessionExistsError,
    SessionNotActiveError,
    SessionReferencedError,
)
from turnlog.projections import Messages

ToolEvent = ToolRegistered | ToolRemoved


def texts(messages: Messages) -> list[str]:
    return [message.text for message in messages]


@pytest.fixture
def session(store: Store) -> Session:
    """Positions: 1 started, 2 branch, 3 system, 4 to 6 messages."""
    session = Session("Be brief.", name="talk", metadata={"topic": "time"}, store=store)
    with acting(actor="ada", correlation_id="run 7"):
        session.default_branch.add_many(["one", "two", "three"])
    return session


# Undo


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda main: main.clear(), ["Be brief."]),
        (lambda main: main.truncate(1), ["Be brief.", "three"]),
        (lambda main: main.rewind(4), ["Be brief.", "one"]),
        (lambda main: main.retract(main.messages[2]), ["Be brief.", "one", "three"]),
    ],
)
def test_a_change_that_took_messages_away_is_taken_back_and_what_was_added_since_stays(
    session: Session, change: Callable[[Branch], None], left: list[str]
) -> None:
    main = session.default_branch
    change(main)
    assert texts(main.messages) == left
    main.add("four")

    main.undo()

    assert texts(main.messages) == ["Be brief.", "one", "two", "three", "four"]
    assert texts(session.at(7).messages) == left
    with pytest.raises(NothingToUndoError, match="has nothing to undo"):
        main.undo()


def test_changes_are_undone_from_the_last_to_the_first(session: Session) -> None:
    main = session.default_branch
    main.truncate(2)
    main.clear()

    main.undo()
    assert texts(main.messages) == ["Be brief.", "two", "three"]
    main.undo()
    assert texts(main.messages) == ["Be brief.", "one", "two", "three"]


# Replay, diff, bisect, blame


def test_a_replay_walks_event_by_event_both_ways(session: Session) -> None:
    replay = session.replay()
    seen = [(event.position, event.name, len(view.messages)) for event, view in replay]

    assert seen == [
        (1, "session.started", 0),
        (2, "branch.created", 0),
        (3, "branch.system_set", 1),
        (4, "message.appended", 2),
        (5, "message.appended", 3),
        (6, "message.appended", 4),
    ]
    assert (replay.back().position, replay.position) == (6, 5)
    assert (replay.step().position, replay.position) == (6, 6)
    with pytest.raises(ItemNotFoundError):
        replay.step()
    assert texts(replay.goto(4).messages) == ["Be brief.", "one"]


def test_a_replay_forks_where_it_stands(session: Session) -> None:
    replay = session.replay()
    replay.goto(5)

    retry = replay.fork_here(name="retry")

    assert (texts(retry.messages), retry.forked_at) == (["Be brief.", "one", "two"], 5)


def test_a_difference_is_a_common_beginning_and_two_ends(session: Session) -> None:
    main = session.default_branch
    retry = session.fork(main, at=5, name="retry")
    retry.add_many(["3", "4"])

    found = session.diff(main, "retry")

    assert texts(found.common) == ["Be brief.", "one", "two"]
    assert (texts(found.left), texts(found.right)) == (["three"], ["3", "4"])
    assert [(one.text, other.text) for one, other in found.replaced] == [("three", "3")]
    assert found.text.splitlines()[2:] == ["@@ -1 +1,2 @@", "-user: three", "+user: 3", "+user: 4"]
    assert session.diff(session.at(5), 5).same
    assert texts(session.diff(4, session).right) == ["two", "three"]


def test_a_changed_system_message_leaves_the_beginning_in_common(session: Session) -> None:
    main = session.default_branch
    retry = session.fork(main, at=5, name="retry")
    retry.set_system("Be kind.")
    retry.add("3")

    found = session.diff(main, retry)

    assert texts(found.common) == ["one", "two"]
    assert (texts(found.left), texts(found.right)) == (["three"], ["3"])
    assert found.system is not None
    assert [message.text for message in found.system if message is not None] == ["Be brief.", "Be kind."]
    assert [(one.text, other.text) for one, other in found.replaced] == [("Be brief.", "Be kind."), ("three", "3")]
    assert found.text.splitlines()[2:] == [
        *["@@ -1,2 +1,2 @@", "-system: Be brief.", "-user: three", "+system: Be kind.", "+user: 3"]
    ]


def test_a_system_message_on_one_side_alone_is_a_difference(session: Session) -> None:
    main = session.default_branch
    bare = session.fork(main, name="bare", system=None)

    found = session.diff(main, bare)

    assert not found.same
    assert texts(found.common) == ["one", "two", "three"]
    assert (list(found.left), list(found.right), found.replaced) == ([], [], [])
    assert found.text.splitlines()[2:] == ["@@ -1 +0,0 @@", "-system: Be brief."]
    assert session.diff(bare, main).system == (None, main.system)
    assert session.compare(main, bare).same is False


def test_two_sessions_are_compared_by_what_they_say(session: Session, store: Store) -> None:
    other = Session("Be brief.", store=store)
    other.default_branch.add_many(["one", "2"])

    found = session.diff(session, other)

    assert texts(found.common) == ["Be brief.", "one"]
    assert (texts(found.left), texts(found.right)) == (["two", "three"], ["2"])


def test_bisecting_finds_the_first_position_at_which_something_is_so(session: Session) -> None:
    assert session.bisect(lambda view: "two" in texts(view.messages)) == 5
    assert session.bisect(lambda view: view.position >= 1) == 1
    assert session.bisect(lambda view: "never" in texts(view.messages)) is None


def test_blame_names_the_event_behind_a_message(session: Session) -> None:
    event = session.blame(session.messages[2])

    assert (event.position, event.name, event.actor, event.correlation_id) == (5, "message.appended", "ada", "run 7")


def test_events_are_chosen_by_name_branch_actor_and_run(session: Session) -> None:
    session.fork(name="retry").add("other")

    assert [event.position for event in session.events(names=["branch.created"])] == [2, 7]
    assert [event.position for event in session.events(branch="retry")] == [7, 8]
    assert [event.position for event in session.events(actor="ada", after=4)] == [5, 6]
    assert [event.position for event in session.events(correlation_id="run 7", backwards=True)] == [6, 5, 4]


def test_events_are_chosen_from_one_moment_to_another(session: Session) -> None:
    first, last = session.messages[0], session.messages[-1]

    assert [event.position for event in session.events(after=first, until=last)] == [4, 5, 6]
    assert [event.position for event in session.events(until=session.created_at)][:1] == [1]
    assert list(session.events(after=session.position + 5)) == []


def test_a_moment_may_be_a_time(session: Session, clock: object) -> None:
    started = session.created_at
    with pytest.raises(InvalidValueError, match="is before session"):
        session.at(started - timedelta(seconds=1))
    assert session.at(started).position == 6  # the clock of this test stands still


def test_a_time_without_a_zone_is_local_and_an_error_says_so(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-03:00")
    time.tzset()
    try:
        with pytest.raises(InvalidValueError) as naive:
            session.at(datetime.fromisoformat("1999-07-01T12:00:00"))
        with pytest.raises(InvalidValueError) as aware:
            session.at(datetime(1999, 7, 1, 12, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "1999-07-01T12:00:00 (taken as local time, UTC+03:00) is before session" in str(naive.value)
    assert str(naive.value).endswith("+03:00")
    assert "1999-07-01T12:00:00+00:00 is before session" in str(aware.value)
    assert str(aware.value).endswith("+00:00")


# Many branches at once


def test_messages_of_many_branches_come_once_in_the_order_they_were_recorded(session: Session) -> None:
    main = session.default_branch
    retry = session.fork(main, at=5, name="retry")
    retry.add("r")
    main.add("four")
    split = session.split(main, "copy")
    split.add("s")

    assert texts(session.concat_messages()) == ["Be brief.", "one", "two", "three", "r", "four", "s"]
    assert texts(session.concat_messages(["retry", split.id], exclude_clone=True)) == ["Be brief.", "r", "s"]
    assert texts(session.concat_messages(retry)) == ["Be brief.", "one", "two", "r"]
    assert {message.origin.value for message in split.messages[1:-1]} == {"cloned"}
    with pytest.raises(ValueError, match="branch 'nope' does not exist"):
        session.concat_messages(["nope"])


def test_loaded_messages_can_be_left_out(store: Store) -> None:
    session = Session(messages=["old", {"assistant_response": "older"}], store=store)
    session.add("new")

    assert texts(session.messages) == ["old", "older", "new"]
    assert texts(session.concat_messages(exclude_load=True)) == ["new"]


def test_a_lineage_names_parents_and_positions_up_to_the_root(session: Session) -> None:
    first = session.fork(at=5, name="first")
    second = first.fork(name="second")

    assert [(branch.name, at) for branch, at in second.lineage()] == [("first", 7), ("main", 5)]
    assert session.default_branch.lineage() == []


# Forks of sessions


def test_a_forked_session_goes_on_from_another_and_neither_sees_what_the_other_does_later(
    session: Session, store: Store
) -> None:
    fork = session.fork_session(at=5, name="again")
    session.add("later here")
    fork.add("later there")

    assert texts(fork.messages) == ["Be brief.", "one", "two", "later there"]
    assert texts(session.messages) == ["Be brief.", "one", "two", "three", "later here"]
    assert (fork.name, fork.metadata, fork.position) == ("again", {"topic": "time"}, 2)
    assert fork.lineage() == [(session.id, 5)]
    assert len(list(fork.events())) == 2
    opened = Session.open(fork.id, store=store)
    assert opened.messages == fork.messages
    assert store.verify().ok


def test_inherited_positions_count_backwards_from_0(session: Session) -> None:
    fork = session.fork_session(at=5)

    inherited = fork.messages[1]
    assert (inherited.text, inherited.position, inherited.id) == ("one", -1, f"{session.id}/4")
    assert [message.position for message in fork.messages] == fork.messages.positions == [-2, -1, 0]
    for position in range(-4, 1):
        assert texts(fork.at(position).messages) == texts(session.at(position + 5).messages)
    assert [event.position for event in fork.events(after=-2)] == [4, 5, 1]
    assert texts(fork.fork(at=inherited).messages) == texts(fork.fork(at=-1).messages) == ["Be brief.", "one"]
    with pytest.raises(ItemNotFoundError, match="expected one from -4 to"):
        fork.at(-5)


def test_a_fork_of_a_fork_reads_through_both(session: Session, store: Store) -> None:
    child = session.fork_session(at=5)
    child.add("child")
    grandchild = child.fork_session()
    grandchild.add("grandchild")
    great = grandchild.fork_session(at=-3)  # in what the child inherited

    assert texts(grandchild.messages) == ["Be brief.", "one", "two", "child", "grandchild"]
    assert [message.text for message in reversed(grandchild.messages)][:2] == ["grandchild", "child"]
    assert great.lineage() == [(session.id, 4)]
    assert texts(great.messages) == ["Be brief.", "one"]
    assert store.verify().ok


def test_a_session_that_others_go_on_from_is_not_deleted_before_they_are(session: Session) -> None:
    fork = session.fork_session()

    with pytest.raises(SessionReferencedError, match=fork.id):
        session.delete()
    assert session.status == "active"
    fork.delete()
    session.delete()
    assert session.status == "deleted"
    with pytest.raises(SessionNotActiveError, match="is deleted"):
        session.fork_session()


def test_a_fork_under_an_id_that_is_taken_is_refused_and_leaves_no_trace(session: Session, store: Store) -> None:
    other = Session(store=store)
    before = session.position

    with pytest.raises(SessionExistsError):
        session.fork_session(session_id=other.id)
    assert session.position == before


# Begun in one go


def test_a_branch_is_begun_with_everything_in_one_commit(session: Session) -> None:
    def adder(one: int, other: int) -> int:
        return one + other

    branch = session.create_branch(
        system={"role": "system", "content": "Add."},
        system_datetime="noon",
        user="bob",
        name="sums",
        model="small",
        messages=["a", "b"],
        tools=[adder, "search"],
        metadata={"topic": "sums"},
    )

    assert [event.name for event in session.events(after=6)] == [
        "branch.created",
        "branch.system_set",
        "work.tool_registered",
        "work.tool_registered",
        "work.model_set",
        "message.appended",
        "message.appended",
    ]
    assert (texts(branch.messages), branch.user) == (["Add.", "a", "b"], "bob")
    system = branch.system
    assert system is not None
    assert system.content == branch.messages[0].content


def test_of_a_branch_that_cannot_be_begun_nothing_is_recorded(session: Session) -> None:
    given: list[Any] = ["text", {"instruction": "x"}, ["fine", {}]]
    for messages in given:
        with pytest.raises(ValueError, match="expected"):
            session.create_branch(name="bad", messages=messages)

    assert (session.position, "bad" in session.branches) == (6, False)


def test_a_self_contained_fork_shows_the_same_and_outlives_its_source(session: Session, store: Store) -> None:
    main = session.default_branch
    retry = session.fork(main, at=5, name="retry", capabilities={"Summary"})
    retry.add("r")
    gone = session.fork(main, name="gone")
    gone.add("g")
    retry.share([gone.messages[-1]])
    session.remove_branch(gone)
    main.reorder([main.messages[3], main.messages[1], main.messages[2]])
    session.set_state("step", 3)
    shown = {branch.name: texts(branch.messages) for branch in session.branches}

    copy = session.fork_session(name="own", self_contained=True)
    session.delete()

    assert {branch.name: texts(branch.messages) for branch in copy.branches} == shown
    assert shown["retry"] == ["Be brief.", "one", "two", "r", "g"]
    assert copy.branches["retry"].capabilities == frozenset({"Summary"})
    assert (copy.get_state("step"), copy.default_branch.name, copy.lineage()) == (3, "main", [])
    assert copy.branches["retry"].id == retry.id
    assert store.verify().ok


# A fork with other things than it would inherit


def test_a_fork_has_the_system_message_and_the_tools_of_its_parent_or_those_it_is_given(session: Session) -> None:
    parent = session.create_branch(system="Add.", name="sums", tools=["add", "search"])
    same = parent.fork(name="same")
    other = parent.fork(name="other", system="Subtract.", tools=["search", "subtract"])
    bare = session.fork("sums", name="bare", system=None, tools=[])

    assert [texts(branch.messages) for branch in (same, other, bare)] == [["Add."], ["Subtract."], []]
    equipped = session.events(names=["work.tool_registered", "work.tool_removed"], after=11)
    assert [(event.event.tool, event.name) for event in equipped if isinstance(event.event, ToolEvent)] == [
        ("add", "work.tool_removed"),
        ("subtract", "work.tool_registered"),
        ("add", "work.tool_removed"),
        ("search", "work.tool_removed"),
    ]


def test_a_session_whose_branches_were_all_removed_says_so_instead_of_making_one(session: Session) -> None:
    session.remove_branch("main")

    with pytest.raises(BranchNotFoundError, match="branch default does not exist"):
        _ = session.default_branch
    with pytest.raises(BranchNotFoundError, match="branch default does not exist"):
        session.add("x")
    assert session.create_branch(name="anew") == session.default_branch


# Messages of other branches


@pytest.mark.parametrize(
    "act",
    [
        lambda session, main, other: main.rewind(other),
        lambda session, main, other: main.fork(at=other),
        lambda session, main, other: session.fork(main, at=other),
        lambda session, main, other: session.fork(at=other),
    ],
)
@pytest.mark.parametrize("which", [0, 1], ids=["system", "message"])
def test_a_message_of_another_branch_is_no_place_to_go_back_to(
    session: Session, act: Callable[[Session, Branch, Any], object], which: int
) -> None:
    side = session.create_branch("side", system="Be long.")
    side.add("elsewhere")
    before = session.position

    with pytest.raises(InvalidValueError, match=r"is on branch 'side' and was never on 'main'"):
        act(session, session.default_branch, side.messages[which])

    assert session.position == before


def test_a_branch_goes_back_to_inherited_shared_and_merged_messages(session: Session) -> None:
    main, side = session.default_branch, session.create_branch("side")
    side.add_many(["shared", "merged"])
    shared, merged = side.messages
    main.share([shared])
    session.merge(side, main)
    fork = main.fork().fork()

    assert [texts(main.fork(at=each).messages)[-1] for each in (shared, merged)] == ["three", "three"]
    assert texts(fork.fork(at=fork.messages[2]).messages) == ["Be brief.", "one", "two"]
    fork.rewind(fork.messages[1])
    assert texts(fork.messages) == ["Be brief.", "one"]
    removed = main.messages[3]
    main.retract(removed)
    assert texts(main.fork(at=removed).messages) == ["Be brief.", "one", "two", "three"]


# Events by name


def test_events_of_one_name_are_filtered_by_a_string(session: Session) -> None:
    assert [event.position for event in session.events(names="message.appended")] == [4, 5, 6]
    assert [event.position for event in session.events(names="message.appended", backwards=True)] == [6, 5, 4]


@pytest.mark.parametrize("names", ["mesage.appended", ["mesage.appended", "branch.created"], {"mesage.appended"}])
def test_a_misspelt_event_name_is_raised_with_the_right_one(session: Session, names: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"'mesage\.appended'; did you mean 'message\.appended'\?"):
        session.events(names=names)
