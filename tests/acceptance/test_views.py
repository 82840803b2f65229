"""Looking back: a view shows everything as it was at a moment, and refuses to write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from turnlog import Branch, Message, Session, SessionView, Store
from turnlog.errors import BranchNotFoundError, DatabaseError, InvalidValueError, ReadOnlyError
from turnlog.projections import Messages


@pytest.fixture
def session(store: Store) -> Session:
    """A session in which nothing stays as it was."""
    session = Session("Be terse.", name="support", store=store)
    main = session.default_branch
    main.add_many(["a", "b"])
    session.set_state("step", 1)
    session.fork(name="retry").add("c")
    session.rename("help")
    session.update_metadata({"team": "red"})
    session.set_state("step", 2)
    main.rename("trunk")
    main.clear()
    session.change_default_branch("retry")
    session.remove_branch("trunk")
    session.archive()
    return session


def texts(view: SessionView) -> dict[str, list[str]]:
    return {branch.name: [message.text for message in branch.messages] for branch in view.branches}


def test_a_view_shows_everything_as_it_was(session: Session) -> None:
    then = session.at(7)

    assert (then.position, then.name, then.status, then.state, then.metadata) == (
        7,
        "support",
        "active",
        {"step": 1},
        {},
    )
    assert texts(then) == {"main": ["Be terse.", "a", "b"], "retry": ["Be terse.", "a", "b"]}
    assert (then.default_branch.name, then.message_count) == ("main", 3)
    assert [one.position for one in then.events()] == [1, 2, 3, 4, 5, 6, 7]
    assert [one.position for one in then.events(after=5, until=99, backwards=True)] == [7, 6]
    assert texts(session) == {"retry": ["Be terse.", "a", "b", "c"]}


def test_a_view_of_each_position_shows_the_effect_of_its_event(session: Session) -> None:
    names = [session.at(position).name for position in range(1, session.position + 1)]

    assert names == ["support"] * 8 + ["help"] * 8
    assert [texts(session.at(position)) for position in (1, 2, 3, 4)] == [
        {},
        {"main": []},
        {"main": ["Be terse."]},
        {"main": ["Be terse.", "a"]},
    ]
    assert texts(session.at(13)) == {"trunk": ["Be terse."], "retry": ["Be terse.", "a", "b", "c"]}
    assert [session.at(position).status for position in (15, 16)] == ["active", "archived"]


def test_a_view_can_be_taken_of_a_view(session: Session) -> None:
    then = session.at(10).at(5)

    assert texts(then) == {"main": ["Be terse.", "a", "b"]}
    with pytest.raises(LookupError, match="from 1 to 10"):
        session.at(10).at(11)


def test_a_view_stays_as_it_is_while_the_session_goes_on(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    main.add("a")
    then, messages = session.at(session.position), main.messages
    main.add("b")
    session.create_branch("later")
    main.rename("trunk")

    assert texts(then) == {"main": ["a"]}
    assert [message.text for message in messages] == ["a"]
    assert session.branches["later"] not in then.branches
    assert session.branches["trunk"] in then.branches


def test_a_view_at_a_message_shows_it_as_the_last(session: Session) -> None:
    message = session.at(5).messages[1]

    assert (message.text, message.position) == ("a", 4)
    assert texts(session.at(message)) == {"main": ["Be terse.", "a"]}


def test_a_view_at_a_time_shows_what_had_been_recorded_by_then(session: Session) -> None:
    times = {one.position: one.created_at for one in session.events()}
    for moment in set(times.values()):
        last = max(position for position, time in times.items() if time == moment)
        assert session.at(moment).position == last
        assert session.at(moment.astimezone(timezone(timedelta(hours=-7)))).position == last
        assert session.at(moment.astimezone().replace(tzinfo=None)).position == last
    assert session.at(datetime(9999, 1, 1, tzinfo=UTC)).position == session.position
    assert session.at(session.updated_at).position == session.position - 1  # to put it away was not to use it


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1999, 1, 1, tzinfo=UTC),
        datetime(1999, 1, 1),  # noqa: DTZ001 (a naive time is a local one)
        datetime(1, 1, 1),  # noqa: DTZ001 (and may be before the first year in UTC)
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_view_at_a_time_that_the_session_did_not_see_is_refused(session: Session, moment: datetime) -> None:
    with pytest.raises(InvalidValueError, match=r"before session .* began|expected one that falls"):
        session.at(moment)


@pytest.mark.parametrize(
    "method",
    [
        *("add", "archive", "change_default_branch", "create_branch", "delete", "fork", "merge"),
        *("remove_branch", "remove_state", "rename", "restore", "set_state", "update_metadata"),
        *("aadd", "afork", "amerge", "arename"),
    ],
)
def test_a_view_of_a_session_refuses_to_write(session: Session, method: str) -> None:
    then = session.at(7)

    assert callable(getattr(session, method))
    assert not hasattr(then, method)
    with pytest.raises(ReadOnlyError) as refused:
        getattr(then, method)
    assert str(refused.value) == (
        f"{method} writes, but this is session {session.id} as of position 7; use the session itself, or fork it there"
    )


@pytest.mark.parametrize(
    "method",
    [
        *("add", "add_many", "change_access", "clear", "fork", "rename", "reorder", "retract", "rewind", "set_system"),
        *("share", "truncate", "aadd", "afork", "aclear"),
    ],
)
def test_a_view_of_a_branch_refuses_to_write(session: Session, method: str) -> None:
    then = session.at(7).branches["main"]

    assert callable(getattr(session.default_branch, method))
    assert not hasattr(then, method)
    with pytest.raises(ReadOnlyError, match="position 7; use the session itself"):
        getattr(then, method)
    with pytest.raises(ReadOnlyError):
        getattr(session.default_branch.at(8), method)


def test_a_name_that_nobody_has_is_no_refusal(session: Session) -> None:
    for nobody in (session, session.at(7), session.default_branch, session.at(7).default_branch):
        with pytest.raises(AttributeError, match="has no attribute 'frobnicate'") as missing:
            nobody.frobnicate  # type: ignore[union-attr]  # noqa: B018 (asking is the test)
        assert type(missing.value) is AttributeError


def test_looking_back_writes_nothing(session: Session, store: Store) -> None:
    before = store.read_all()
    for position in range(1, session.position + 1):
        view = session.at(position)
        repr(view), texts(view), view.branches.keys(), view.branches.get("nope"), list(view.messages), view.user
        for branch in view.branches:
            repr(branch), branch.system, branch.capabilities, branch.resources, branch.parent, branch.user
    repr(session), repr(session.branches), repr(session.messages), session.messages.last(3), session.created_at

    assert store.read_all() == before


def test_a_view_has_no_default_branch_before_there_is_one(session: Session) -> None:
    assert list(session.at(1).messages) == []
    with pytest.raises(BranchNotFoundError, match="branch default does not exist"):
        session.at(1).default_branch  # noqa: B018 (asking is the test)


def test_a_branch_can_be_looked_at_as_it_was(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    first = main.add("a")
    main.add("b")
    main.rename("trunk")
    then = main.at(first)

    assert (then.name, [message.text for message in then.messages], then.id) == ("main", ["a"], main.id)
    assert not isinstance(then, Branch)
    assert (then == main.at(first), then == main) == (True, False)


def test_branches_are_found_by_name_id_and_number(session: Session) -> None:
    branches = session.at(10).branches
    retry = branches["retry"]

    assert len(branches) == 2
    assert [branch.name for branch in branches] == branches.keys() == ["main", "retry"]
    assert branches.items() == [("main", branches["main"]), ("retry", retry)]
    assert branches.values() == [branches[0], branches[1]]
    assert branches[retry.id] == branches[1] == retry
    assert ("retry" in branches, retry.id in branches, 1 in branches, retry in branches) == (True, True, True, True)
    assert ("nope" in branches, 2 in branches, -1 in branches, None in branches) == (False, False, False, False)
    assert (branches.get("nope"), branches.get("nope", retry), branches.get("retry")) == (None, retry, retry)


def test_messages_are_a_sequence_that_reads_what_is_asked_for(store: Store) -> None:
    session = Session("system", store=store)
    main = session.default_branch
    main.add_many(str(number) for number in range(2000))
    fork = main.fork(at=main.messages[1500])
    fork.add_many(["x", "y"])
    messages = fork.messages
    expected = ["system", *(str(number) for number in range(1500)), "x", "y"]

    assert isinstance(messages, Messages)
    assert len(messages) == 1503
    assert [message.text for message in messages] == expected
    assert [message.text for message in reversed(messages)] == expected[::-1]
    assert (messages[0].text, messages[-1].text, messages[1500].text) == ("system", "y", "1499")
    assert isinstance(messages[1:3], Messages)
    assert [message.text for message in messages[1498:]] == expected[1498:]
    assert [message.text for message in messages[::-500]] == expected[::-500]
    assert [message.text for message in messages[5:2:-1]] == expected[5:2:-1]
    assert [message.text for message in messages.last(4)] == expected[-4:]
    assert [message.text for message in messages[10:1400].last(2)[::-1]] == ["1398", "1397"]
    assert messages.positions[:3] == [3, 4, 5]
    assert messages[2] in messages
    assert messages.index(messages[7]) == 7
    with pytest.raises(IndexError):
        messages[1503]


def test_a_message_says_what_it_is_and_where_it_stands(store: Store) -> None:
    session = Session(session_id="s", store=store)
    main = session.default_branch
    message = main.add({"role": "user", "content": "hi", "tone": "kind"}, sender="ada", metadata={"n": [1]})

    assert main.messages[0] == message
    assert isinstance(message, Message)
    assert (message.id, message.session, message.position, message.branch) == ("s/3", "s", 3, main.number)
    assert (message.role, message.text, message.origin) == ("user", "hi", "authored")
    assert (message.sender, message.recipient, message.metadata) == ("ada", None, {"n": [1]})
    assert message.content.extra == {"tone": "kind"}
    assert main.fork().messages[0].origin == "inherited"


def test_empty_results_answers_and_errors_keep_what_they_are(store: Store) -> None:
    main = Session(store=store).default_branch
    main.add_many([{"result": None}, {"result": ""}, {"error": ""}, {"assistant_response": ""}, {"instruction": ""}])

    assert [message.role for message in main.messages] == ["tool", "tool", "tool", "assistant", "user"]
    assert [getattr(message.content, "success", None) for message in main.messages] == [True, True, False, None, None]


def test_a_message_of_one_branch_can_be_said_again_on_another(store: Store) -> None:
    session = Session(store=store)
    said = session.default_branch.add({"assistant_response": "yes"}, sender="bot", metadata={"n": 1})
    again = session.create_branch("other").add(said, metadata={"m": 2})

    assert (again.text, again.role, again.sender, again.metadata) == ("yes", "assistant", "bot", {"n": 1, "m": 2})
    assert again.position != said.position


def test_a_view_finds_branches_as_the_session_does(session: Session) -> None:
    assert session.at(7).get_branch("main").name == "main"
    assert session.at(1).get_branch("main", 5) == 5
    assert session.at(1).get_branch("main", None) is None
    assert session.get_branch("another", None) is None


def test_events_are_asked_for_by_names_that_there_are(session: Session) -> None:
    for names in (["mesage.appended"], "mesage.appended"):
        with pytest.raises(InvalidValueError, match=r"did you mean 'message.appended'"):
            session.events(names=names)


def test_what_a_call_that_failed_had_ready_is_not_recorded_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(store=store)

    def full(*_: object, **__: object) -> None:
        raise DatabaseError("the store", "is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "append", full)
        with pytest.raises(DatabaseError):
            session.set_state("k", 1)
    session.set_state("k", True)

    assert Session.open(session.id, store=store).get_state("k") is True


def test_a_fork_of_a_session_is_of_its_kind(store: Store) -> None:
    class Talk(Session):
        pass

    assert type(Talk(store=store).fork_session()) is Talk
