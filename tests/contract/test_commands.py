"""A command id is written once: the same content returns the first result, other content is an error."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from eventsourcing.persistence import DataError

from turnlog import Branch, Session, SessionManager
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCreated, Event, MessageAppended, SessionRenamed, SessionStarted, StateSet
from turnlog.domain.expected_position import ANY, NO_STREAM, Expected
from turnlog.errors import CommandIdReusedError
from turnlog.infrastructure.group_commit import GroupCommit

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog.infrastructure.store import Store

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
OTHER = BranchCreated(1, "id-other", "other")


def said(text: str, branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction=text))


@pytest.fixture
def session(store: Store) -> Session:
    session = Session(store=store, session_id="s", default_branch="main")
    session.create_branch("other")
    return session


# --- Stores -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        [],
        [said("b")],
        [said("a"), said("b")],
        [said("a", branch=1)],
        [SessionRenamed("a")],
        [MessageAppended(0, InstructionContent(instruction="a"), sender="ada")],
        [MessageAppended(0, InstructionContent(instruction="a"), metadata={"n": 1})],
    ],
)
@pytest.mark.parametrize("expected", [ANY, 99])
def test_other_content_under_a_command_id_is_an_error(store: Store, events: list[Event], expected: Expected) -> None:
    store.append("s", [STARTED, MAIN, OTHER])
    store.append("s", [said("a")], command_id="c")
    before = store.read_all()

    with pytest.raises(CommandIdReusedError, match="'c' was used at position 4 of session s"):
        store.append("s", events, expected=expected, command_id="c")

    assert store.read_all() == before


@pytest.mark.parametrize("expected", [NO_STREAM, 2, 99])
def test_the_same_content_returns_the_first_result(store: Store, expected: Expected) -> None:
    store.append("s", [STARTED, MAIN])
    value = MessageAppended(0, InstructionContent(instruction="a"), metadata={"b": 1, "a": {"d": 2, "c": 3}})
    same = MessageAppended(0, InstructionContent(instruction="a"), metadata={"a": {"c": 3, "d": 2}, "b": 1})
    first = store.append("s", [value, said("b")], command_id="c")
    store.append("s", [said("later")])
    again = store.append("s", [same, said("b")], expected=expected, command_id="c")

    assert (again.first, again.last, again.time, again.repeated) == (3, 4, first.time, True)
    assert store.get_session("s").position == 5


@pytest.mark.parametrize(("first", "second"), [(1, True), (1, 1.0), (0, False), (0.0, -0.0), (None, False), ("1", 1)])
def test_values_that_only_look_equal_are_other_content(store: Store, first: Any, second: Any) -> None:
    store.append("s", [STARTED])
    store.append("s", [StateSet("k", first)], command_id="c")

    with pytest.raises(CommandIdReusedError):
        store.append("s", [StateSet("k", second)], command_id="c")


def test_of_two_calls_of_one_command_in_one_commit_one_is_written(store: Store) -> None:
    store.append("s", [STARTED, MAIN])
    outcomes: dict[str, Any] = {}
    group = GroupCommit(store.address, store.recorder.append)
    store._appender.commits = group

    def call(text: str) -> None:
        try:
            outcomes[text] = store.append("s", [said(text.strip("12"))], command_id="c")
        except CommandIdReusedError as error:
            outcomes[text] = error

    with group._lock:  # as if a commit were under way: all of them wait, and go into the next one together
        group._taken = True
    threads = [Thread(target=call, args=(text,)) for text in ("a1", "a2", "b")]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while len(group._queue) < number:
            pass
    group._hand_over()
    for thread in threads:
        thread.join()

    assert (outcomes["a1"].first, outcomes["a1"].repeated) == (3, False)
    assert (outcomes["a2"].first, outcomes["a2"].repeated) == (3, True)
    assert isinstance(outcomes["b"], CommandIdReusedError)
    assert store.get_session("s").position == 3


def test_the_library_is_not_given_a_first_result_for_other_content(store: Store) -> None:
    def stored(session: str, version: int, text: str) -> Any:
        return store.application.mapper.to_stored_event(_domain_event(session, version, text))

    store.recorder.insert_events([stored("s", 1, "a")], command_id="c")
    before = store.read_all()
    assert store.recorder.insert_events([stored("s", 1, "a")], command_id="c") == [1]
    with pytest.raises(DataError, match="'c' was used"):
        store.recorder.insert_events([stored("t", 1, "other stream"), stored("s", 1, "b")], command_id="c")

    assert store.read_all() == before


# --- Sessions and branches --------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Session, str], Any]] = {
    "add": lambda session, word: session.branches["main"].add(word, metadata={"k": [1]}, command_id="c"),
    "add_message": lambda session, word: session.add(word, sender="ada", command_id="c"),
    "add_many": lambda session, word: session.branches["other"].add_many(["one", word], command_id="c"),
    "fork of a branch": lambda session, word: session.branches["main"].fork(name=word, command_id="c").id,
    "fork": lambda session, word: session.fork("main", system=word, command_id="c").id,
    "create_branch": lambda session, word: session.create_branch(word, messages=["hello"], command_id="c").id,
    "send": lambda session, word: session.branches["main"].mail.send("other", word, command_id="c"),
    "send_many": lambda session, word: session.branches["main"].mail.send_many(None, [1, word], command_id="c"),
    "exchange": lambda session, word: session.mail.send("main", "other", word, command_id="c"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_repeated_call_returns_the_first_result(stores: Stores, session: Session, call: str) -> None:
    store = session._stream.store
    session.branches["main"].add("before")
    first = CALLS[call](session, "word")
    session.branches["main"].add("after")
    session.branches["other"].rename("another")
    position = session.position
    handles = [session, Session.open("s", store=stores.beside(store)), Session.open("s", store=store)]
    session.branches["another"].rename("other")

    assert [CALLS[call](handle, "word") for handle in handles] == [first, first, first]
    assert Session.open("s", store=store).position == position + 1


@pytest.mark.parametrize("call", CALLS)
def test_a_call_with_other_content_is_an_error(session: Session, call: str) -> None:
    CALLS[call](session, "word")
    session.branches["main"].add("after")
    position = session.position

    with pytest.raises(CommandIdReusedError):
        CALLS[call](session, "another")

    assert session.position == position


def test_a_call_on_another_branch_is_an_error(session: Session) -> None:
    session.branches["main"].add("a", command_id="c")

    with pytest.raises(CommandIdReusedError):
        session.branches["other"].add("a", command_id="c")


def test_a_first_message_with_its_branch_can_be_repeated(store: Store) -> None:
    session = Session(store=store)
    first = session.add("a", command_id="c")
    session.change_default_branch(session.create_branch("other"))

    assert session.add("a", command_id="c") == first
    with pytest.raises(CommandIdReusedError):
        session.add("b", command_id="c")


def test_a_fork_without_a_name_can_be_repeated(session: Session) -> None:
    main: Branch = session.branches["main"]
    main.add("a")
    first = main.fork(command_id="c")
    main.add("b")
    main.fork()

    assert main.fork(command_id="c").id == first.id
    with pytest.raises(CommandIdReusedError):
        main.fork(at=session.position, command_id="c")


def test_a_command_can_be_repeated_in_a_fork_of_its_session(session: Session) -> None:
    fork = session.fork_session()
    first = fork.branches["main"].add("a", command_id="c")

    assert fork.branches["main"].add("a", command_id="c") == first
    with pytest.raises(CommandIdReusedError):
        fork.branches["main"].add("b", command_id="c")


def test_a_redacted_call_cannot_be_repeated(session: Session) -> None:
    """Whether the content is the same can no longer be known, and must not be lost."""
    main: Branch = session.branches["main"]
    main.add("a", sender="ada", metadata={"k": 1}, command_id="c")
    session.redact(main.messages[-1])
    position = session.position

    for content in ("a", "other"):
        with pytest.raises(CommandIdReusedError):
            main.add(content, command_id="c")
    assert session.position == position


def test_an_archived_session_returns_the_first_result(session: Session) -> None:
    main: Branch = session.branches["main"]
    first = main.add("a", command_id="c")
    session.archive()

    assert main.add("a", command_id="c") == first
    with pytest.raises(CommandIdReusedError):
        main.add("b", command_id="c")


def test_threads_with_one_command_and_two_contents_write_one(session: Session, stores: Stores) -> None:
    beside = stores.beside(session._stream.store)
    outcomes: list[tuple[str, Any]] = []

    def call(number: int) -> None:
        handle = session if number % 2 else Session.open("s", store=beside)
        text = "even" if number % 4 < 2 else "odd"
        try:
            outcomes.append((text, handle.branches["main"].add(text, command_id="c").text))
        except CommandIdReusedError:
            outcomes.append((text, None))

    threads = [Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (written,) = [message.text for message in session.branches["main"].messages]
    assert sorted(outcomes) == sorted([(written, written)] * 4 + [({"even": "odd", "odd": "even"}[written], None)] * 4)


def test_deferred_sessions_write_a_command_of_both_once(stores: Stores) -> None:
    store = stores.new()
    deferred = {"session": {"deferred": True}}
    one, other = SessionManager(deferred, store=store), SessionManager(deferred, store=stores.beside(store))
    mine, theirs = one.create_session("chat"), other.create_session("chat")
    mine.add("a", command_id="c")
    theirs.add("a", command_id="c")
    theirs.add("b", command_id="d")
    one.save(mine)
    other.save(theirs)
    assert [message.text for message in theirs.messages] == ["a", "b"]

    mine.add("other", command_id="d")
    with pytest.raises(CommandIdReusedError):
        one.save(mine)
    one.discard(mine)
    assert [message.text for message in mine.messages] == ["a", "b"]
    one.close()
    other.close()


def _domain_event(session: str, version: int, text: str) -> Any:
    from turnlog.infrastructure.eventsourcing_adapter.mapper import DomainEvent

    return DomainEvent.new(session, version, SessionStarted(name=text))
