"""Every refusal is a named error that says what was expected, and not one event is written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import turnlog
from turnlog import Session, Store, open_store
from turnlog.errors import (
    BranchNotFoundError,
    CommandIdReusedError,
    InvalidBranchError,
    InvalidContentError,
    InvalidOperationError,
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
    NotFoundError,
    PositionConflictError,
    SessionExistsError,
    SessionNotActiveError,
    TurnlogError,
)


class Scene:
    """A session of 9 events with branches `main`, `other` and, removed, `gone`; and another session."""

    def __init__(self, store: Store) -> None:
        self.session = Session("Be terse.", session_id="here", store=store)
        self.main = self.session.default_branch
        self.message = self.main.add("hello")
        self.other = self.session.create_branch("other")
        self.gone = self.session.create_branch("gone")
        self.lost = self.gone.add("never mind")
        self.session.remove_branch(self.gone)
        self.main.add("goodbye")
        self.store = store
        self.foreign = Session(session_id="there", store=store).default_branch
        self.foreign_message = self.foreign.add("elsewhere")
        self.anything: Any = None


Case = tuple[Callable[[Scene], object], type[TurnlogError], list[str]]

CONTENT: dict[str, Case] = {
    "an empty dict": (lambda s: s.main.add({}), InvalidContentError, ["empty", "instruction", "assistant_response"]),
    "an unknown key": (lambda s: s.main.add({"instruktion": "x"}), InvalidContentError, ["instruktion", "instruction"]),
    "an unknown key beside a known one": (
        lambda s: s.main.add({"instruction": "x", "tone": "kind"}),
        InvalidContentError,
        ["tone", "instruction"],
    ),
    "keys of two kinds": (
        lambda s: s.main.add({"instruction": "x", "assistant_response": "y"}),
        InvalidContentError,
        ["do not name one kind"],
    ),
    "an unknown role": (
        lambda s: s.main.add({"role": "wizard", "content": "x"}),
        InvalidContentError,
        ["wizard", "user"],
    ),
    "a list": (lambda s: s.main.add(["x"]), InvalidContentError, ["list", "expected a str, a dict"]),  # type: ignore[list-item]  # wrong on purpose
    "nothing": (lambda s: s.main.add(s.anything), InvalidContentError, ["NoneType"]),
    "a value that is no JSON": (lambda s: s.main.add({"instruction": object()}), InvalidValueError, ["object"]),
    "a number that is none": (lambda s: s.main.add({"result": float("nan")}), InvalidValueError, ["nan"]),
    "a lone surrogate": (lambda s: s.main.add("\ud800"), InvalidValueError, ["lone surrogate"]),
    "a lone surrogate in the sender": (lambda s: s.main.add("x", sender="\ud800"), InvalidValueError, ["surrogates"]),
    "a sender that is no text": (lambda s: s.main.add("x", sender=5), InvalidValueError, ["int", "str"]),  # type: ignore[arg-type]  # wrong on purpose
    "metadata that is no JSON": (lambda s: s.main.add("x", metadata={"k": object()}), InvalidValueError, ["object"]),
    "an empty dict to the session": (lambda s: s.session.add({}), InvalidContentError, ["empty"]),
    "an empty dict for the system": (lambda s: s.main.set_system({}), InvalidContentError, ["empty"]),
    "an instruction for the system": (
        lambda s: s.main.set_system({"instruction": "x"}),
        InvalidContentError,
        ["system_message"],
    ),
    "a bad one at the end of a batch": (lambda s: s.main.add_many(["a", "b", {}]), InvalidContentError, ["empty"]),
    "an unknown key at the end of a batch": (lambda s: s.main.add_many(["a", {"x": 1}]), InvalidContentError, ["x"]),
    "a surrogate at the end of a batch": (lambda s: s.main.add_many(["a", "\ud800"]), InvalidValueError, ["surrogate"]),
    "a value at the end of a batch": (
        lambda s: s.main.add_many(["a", {"result": {1}, "x": 1}]),
        InvalidContentError,
        ["x"],
    ),
    "a text for a batch": (lambda s: s.main.add_many("abc"), InvalidValueError, ["str", "list of messages"]),
    "a dict for a batch": (lambda s: s.main.add_many({"instruction": "x"}), InvalidValueError, ["list of messages"]),
}

BRANCHES: dict[str, Case] = {
    "looking up": (lambda s: s.session.branches["nope"], BranchNotFoundError, ["'nope'", "'main'", "'other'"]),
    "looking up a number": (lambda s: s.session.branches[99], BranchNotFoundError, ["99", "'main'"]),
    "looking up a negative number": (lambda s: s.session.branches[-1], BranchNotFoundError, ["-1", "'main'"]),
    "forking": (lambda s: s.session.fork("nope"), BranchNotFoundError, ["'nope'", "'main'"]),
    "merging": (lambda s: s.session.merge("nope", into=s.main), BranchNotFoundError, ["'nope'"]),
    "merging into": (lambda s: s.session.merge(s.main, into="nope"), BranchNotFoundError, ["'nope'"]),
    "removing": (lambda s: s.session.remove_branch("nope"), BranchNotFoundError, ["'nope'"]),
    "making the default": (lambda s: s.session.change_default_branch("nope"), BranchNotFoundError, ["'nope'"]),
    "looking up in the past": (lambda s: s.session.at(4).branches["other"], BranchNotFoundError, ["'other'", "'main'"]),
    "a foreign one, forking": (lambda s: s.session.fork(s.foreign), InvalidBranchError, ["there", "in session here"]),
    "a foreign one, merging": (lambda s: s.session.merge(s.foreign, s.main), InvalidBranchError, ["there"]),
    "a foreign one, merging into": (lambda s: s.session.merge(s.main, s.foreign), InvalidBranchError, ["there"]),
    "a foreign one, removing": (lambda s: s.session.remove_branch(s.foreign), InvalidBranchError, ["there"]),
    "a foreign one, making the default": (
        lambda s: s.session.change_default_branch(s.foreign),
        InvalidBranchError,
        ["there"],
    ),
    "a foreign message, sharing": (lambda s: s.main.share([s.foreign_message]), ItemNotFoundError, ["there/3"]),
    "a foreign message, retracting": (lambda s: s.main.retract(s.foreign_message), ItemNotFoundError, ["there/3"]),
    "a foreign message, forking": (lambda s: s.main.fork(at=s.foreign_message), ItemNotFoundError, ["there/3"]),
    "a name that is taken, creating": (
        lambda s: s.session.create_branch("main"),
        NameTakenError,
        ["'main'", "is taken"],
    ),
    "a name that is taken, forking": (lambda s: s.main.fork(name="other"), NameTakenError, ["'other'", "is taken"]),
    "a name that is taken, renaming": (lambda s: s.main.rename("other"), NameTakenError, ["'other'", "is taken"]),
    "a name that is empty": (lambda s: s.main.rename(""), InvalidValueError, ["1 to 255"]),
    "merging into itself": (
        lambda s: s.session.merge(s.main, into=s.main),
        InvalidBranchError,
        ["the source of the merge"],
    ),
    "an unknown strategy": (
        lambda s: s.session.merge(s.other, into=s.main, strategy="zip"),
        InvalidValueError,
        ["'zip'", "append", "interleave"],
    ),
}

REMOVED: dict[str, Case] = {
    name: (use, BranchNotFoundError, ["'gone'", "position 8", "up to position 7"])
    for name, use in {
        "adding": lambda s: s.gone.add("x"),
        "adding many": lambda s: s.gone.add_many(["x", "y"]),
        "forking": lambda s: s.gone.fork(),
        "forking by name": lambda s: s.session.fork("gone"),
        "forking after it was removed": lambda s: s.gone.fork(at=8),
        "setting the system message": lambda s: s.gone.set_system("x"),
        "renaming": lambda s: s.gone.rename("x"),
        "changing access": lambda s: s.gone.change_access(resources=set()),
        "rewinding": lambda s: s.gone.rewind(to=7),
        "truncating": lambda s: s.gone.truncate(0),
        "clearing": lambda s: s.gone.clear(),
        "retracting": lambda s: s.gone.retract(s.lost),
        "sharing": lambda s: s.gone.share([s.message]),
        "reordering": lambda s: s.gone.reorder([s.lost]),
        "merging": lambda s: s.session.merge(s.gone, into=s.main),
        "merging into": lambda s: s.session.merge(s.main, into=s.gone),
        "removing again": lambda s: s.session.remove_branch(s.gone),
        "making the default": lambda s: s.session.change_default_branch(s.gone),
        "reading": lambda s: s.gone.messages,
        "reading the system message": lambda s: s.gone.system,
        "looking up": lambda s: s.session.branches["gone"],
        "viewing after it was removed": lambda s: s.gone.at(9),
    }.items()
}

POSITIONS: dict[str, Case] = {
    **{
        f"{name} {position}": (
            lambda s, use=use, position=position: use(s, position),  # type: ignore[misc]  # wrong on purpose
            ItemNotFoundError,
            [f"position {position} does not exist", "1 to 9"],
        )
        for name, use in {
            "viewing": lambda s, p: s.session.at(p),
            "viewing a branch": lambda s, p: s.main.at(p),
            "forking": lambda s, p: s.session.fork(s.main, at=p),
            "forking the default": lambda s, p: s.session.fork(at=p),
            "rewinding": lambda s, p: s.main.rewind(to=p),
            "merging since": lambda s, p: s.session.merge(s.other, into=s.main, since=p),
        }.items()
        for position in (10, 99, 0, -1, 2**70)
    },
    "a text for a position": (lambda s: s.session.at("4"), InvalidValueError, ["'4'", "int", "datetime"]),  # type: ignore[arg-type]  # wrong on purpose
    "True for a position": (lambda s: s.main.fork(at=True), InvalidValueError, ["True", "int"]),
    "a message that was not added": (
        lambda s: s.main.fork(at=type(s.message)("x")),
        ItemNotFoundError,
        ["has not been added"],
    ),
    "before a branch was there": (lambda s: s.other.rewind(to=4), BranchNotFoundError, ["'other'", "position 5"]),
    "viewing a branch before it was there": (
        lambda s: s.other.at(4),
        BranchNotFoundError,
        ["'other'", "position 5"],
    ),
    "retracting what was never shown": (lambda s: s.other.retract(s.message), ItemNotFoundError, ["'other'", "4"]),
    "an order that lacks one": (lambda s: s.main.reorder([s.message]), InvalidValueError, ["has 1", "each of the 2"]),
    "truncating to less than nothing": (lambda s: s.main.truncate(-1), InvalidValueError, ["-1", "0 or more"]),
}

SESSIONS: dict[str, Case] = {
    "a session id that is taken": (
        lambda s: Session(session_id="here", store=s.store),
        SessionExistsError,
        ["'here'", "a new id"],
    ),
    "a session id that cannot be": (
        lambda s: Session(session_id="\ud800", store=s.store),
        InvalidValueError,
        ["surrogates"],
    ),
    "a session name that cannot be": (lambda s: Session(name="", store=s.store), InvalidValueError, ["1 to 255"]),
    "a system text that cannot be": (lambda s: Session({}, store=s.store), InvalidContentError, ["empty"]),
    "a position that is not the writer's": (
        lambda s: s.main.add("x", expected=8),
        PositionConflictError,
        ["expected at position 8", "is at 9"],
    ),
    "an expectation that is none": (
        lambda s: s.main.add("x", expected=None),  # type: ignore[arg-type]  # wrong on purpose
        InvalidValueError,
        ["NO_STREAM or ANY"],
    ),
    "a command id that cannot be": (lambda s: s.main.add("x", command_id=""), InvalidValueError, ["1 to 255"]),
    "state that is not there": (lambda s: s.session.remove_state("k"), ItemNotFoundError, ["'k'", "does not exist"]),
    "metadata that is no JSON": (lambda s: s.session.update_metadata({"k": object()}), InvalidValueError, ["object"]),
}

CASES = {
    f"{group}: {name}": case
    for group, cases in {
        "content": CONTENT,
        "branch": BRANCHES,
        "removed branch": REMOVED,
        "position": POSITIONS,
        "session": SESSIONS,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("case", CASES)
def test_invalid_input_raises_a_named_error_and_writes_nothing(store: Store, case: str) -> None:
    scene = Scene(store)
    attempt, error, words = CASES[case]
    before = store.read_all()

    with pytest.raises(TurnlogError) as refused:
        attempt(scene)

    sentence = str(refused.value)
    assert isinstance(refused.value, error), repr(refused.value)
    assert isinstance(refused.value, InvalidOperationError)
    assert [word for word in words if word not in sentence] == [], sentence
    assert str(pickle.loads(pickle.dumps(refused.value))) == sentence
    assert store.read_all() == before
    assert scene.main.add("goes on").position == 10


@pytest.mark.parametrize(
    "attempt",
    [
        lambda session: session.default_branch,
        lambda session: session.add({}),
        lambda session: session.add("x"),
        lambda session: session.add("x", expected=7),
        lambda session: session.fork(),
        lambda session: setattr(session, "messages", ["x"]),
        lambda session: session.add("\ud800"),
        lambda session: session.fork(at=99),
        lambda session: session.fork(at=1),
        lambda session: session.fork(name=""),
        lambda session: session.create_branch(""),
        lambda session: session.create_branch("x", system={}),
    ],
)
def test_a_session_without_branches_gets_none_from_what_is_refused(
    store: Store, attempt: Callable[[Session], object]
) -> None:
    session = Session(default_branch=None, store=store)

    with pytest.raises(InvalidOperationError):
        attempt(session)

    assert [recorded.name for recorded in session.events()] == ["session.started"]


def test_a_session_that_names_no_default_branch_is_given_nothing_for_it(store: Store) -> None:
    with pytest.raises(InvalidValueError, match="default_branch is None"):
        Session("Be terse.", default_branch=None, store=store)

    assert store.read_all() == []


def test_reading_ids_names_and_branches_writes_nothing(store: Store) -> None:
    for name, branches in ((None, []), ("main", ["main"]), ("trunk", ["trunk"])):
        session = Session(default_branch=name, store=store)
        written = session.position

        assert (session.id, session.name, session.user, session.key)[1:] == (None, None, None)
        assert session.branches.keys() == branches
        assert [branch.id for branch in session.branches] == [branch.id for branch in session.branches.values()]
        assert list(session.messages) == []
        if name is None:
            with pytest.raises(BranchNotFoundError, match="the session has no branch"):
                _ = session.default_branch
        else:
            assert session.default_branch.name == name
        assert (session.find_default_branch() is None) == (name is None)
        assert (session.position, store.last_global_position()) == (written, len(store.read_all()))


def test_a_first_message_that_is_repeated_with_its_command_id_is_written_once(store: Store) -> None:
    session = Session(store=store)
    message = session.add("hello", expected=2, command_id="c")
    again = session.add("hello", expected=2, command_id="c")

    assert (message.position, session.branches.keys(), session.position) == (3, ["main"], 3)
    assert again == message


@pytest.mark.parametrize("put_away", ["archive", "delete"])
def test_a_session_that_was_put_away_takes_no_changes_and_can_be_read(store: Store, put_away: str) -> None:
    scene = Scene(store)
    getattr(scene.session, put_away)()
    before = store.read_all()

    for attempt in (
        lambda: scene.main.add("x"),
        lambda: scene.main.fork(),
        lambda: scene.main.clear(),
        lambda: scene.session.rename("x"),
        lambda: scene.session.set_state("k", 1),
        lambda: scene.session.create_branch(),
    ):
        with pytest.raises(SessionNotActiveError, match=r"restore it first|only be read"):
            attempt()

    assert store.read_all() == before
    assert [message.text for message in scene.main.messages] == ["Be terse.", "hello", "goodbye"]


def test_an_error_is_also_of_the_kinds_that_python_has_for_it(store: Store) -> None:
    scene = Scene(store)
    for error in (NotFoundError, LookupError, ValueError, TurnlogError):
        with pytest.raises(error):
            scene.session.branches["nope"]
    for error in (NotFoundError, LookupError, ValueError):
        with pytest.raises(error):
            scene.session.at(99)
    with pytest.raises(ValueError, match="empty dict"):
        scene.main.add({})
    with pytest.raises(AttributeError):
        scene.session.at(4).rename("x")  # type: ignore[attr-defined]  # wrong on purpose


def test_a_command_id_of_another_kind_of_command_is_refused(store: Store) -> None:
    scene = Scene(store)
    scene.main.fork(name="retry", command_id="fork")
    scene.main.add("x", command_id="add")
    before = store.read_all()

    with pytest.raises(CommandIdReusedError, match="'fork' was used at position"):
        scene.main.add("x", command_id="fork")
    with pytest.raises(CommandIdReusedError, match="'add' was used at position"):
        scene.main.fork(command_id="add")

    assert store.read_all() == before


def test_a_session_of_a_closed_store_can_be_displayed() -> None:
    store = open_store("memory://")
    session = Session("Be terse.", store=store)
    main = session.default_branch
    store.close()

    assert repr(session) == f"<Session {session.id} of a closed store>"
    assert repr(main) == f"<Branch {main.id} of a closed store>"


@pytest.mark.parametrize("wrong", ["@last", None, 5])
def test_a_session_is_opened_by_its_id_only(store: Store, wrong: Any) -> None:
    Session(name="support", store=store)

    with pytest.raises(InvalidValueError, match=r"must be the id of a session, .*store\.resolve\(\)"):
        Session.open(wrong, store=store)


def test_the_public_modules_are_attributes_of_the_package() -> None:
    errors = getattr(turnlog, "errors")  # noqa: B009  mypy does not see modules that are imported on use

    assert errors.TurnlogError is turnlog.TurnlogError
    assert not hasattr(turnlog, "error")
