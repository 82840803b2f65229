"""System and developer messages: the one in front of a branch, and those at their place behind other messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Branch, Message, Session, Store
from turnlog.content import SystemContent
from turnlog.errors import InvalidMailError
from turnlog.projections.activity import Activity, activity_timeline
from turnlog.projections.branch_tree import BRANCHES, BranchTree
from turnlog.projections.transcript import TRANSCRIPT, Transcript

if TYPE_CHECKING:
    from tests.contract.conftest import Stores

LATE = SystemContent(system_message="From now on, in French.")


def spoken(branch: Any) -> list[tuple[str, str]]:
    return [(message["role"], message.text) for message in branch.messages]


@pytest.mark.parametrize(
    "add",
    [
        lambda main: main.add({"role": "system", "content": LATE.text}),
        lambda main: main.add(LATE),
        lambda main: main.add(Message(LATE)),
        lambda main: main.add("system", LATE.text),
        lambda main: main.add({"system_message": LATE.text}),
        lambda main: main.add_many([LATE])[0],
    ],
)
def test_a_system_message_behind_others_stays_at_its_place(
    stores: Stores, store: Store, add: Callable[[Branch], Message]
) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add("Hello")
    added = add(session.default_branch)
    session.default_branch.add("Bonjour")

    opened = Session.open(session.id, store=stores.reopened(store))
    main = opened.default_branch
    assert spoken(main) == [
        ("system", "Be brief."),
        ("user", "Hello"),
        ("system", "From now on, in French."),
        ("user", "Bonjour"),
    ]
    assert (added.position, main.messages[2].position) == (5, 5)
    assert main.system is not None
    assert main.system.text == "Be brief."
    assert [event.name for event in opened.events()][2:] == ["branch.system_set", *["message.appended"] * 3]
    main.set_system("Be kind.")
    assert spoken(main)[0] == ("system", "Be kind.")
    assert spoken(main)[2] == ("system", "From now on, in French.")


def test_a_chat_list_with_developer_messages_comes_back_as_it_was(store: Store) -> None:
    chat = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": "Cite sources."},
        {"role": "user", "content": "Hello"},
        {"role": "developer", "content": "In French."},
        {"role": "assistant", "content": "Bonjour"},
    ]
    sessions = [Session(messages=chat, store=store), Session(store=store), Session("old", store=store)]
    sessions[1].default_branch.add_many(chat)
    sessions[2].default_branch.replace(chat)

    for session in sessions:
        main = Session.open(session.id, store=store).default_branch
        assert main.get_messages() == chat
        assert main.to_chat("openai") == chat
        assert main.system is not None
        assert main.system.text == "Be brief."
        assert [message.role for message in main.messages][:2] == ["system", "system"]
        assert [json.loads(json.dumps(message)) for message in main.get_messages()] == chat


def test_a_system_message_at_its_place_goes_the_way_of_any_message(store: Store) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add_many(["one", LATE, "two"])
    late = main.messages[2]

    fork = session.fork(at=late.position)
    other = session.create_branch("other")
    other.share([late])
    assert [message.text for message in fork.messages] == ["Be brief.", "one", LATE.text]
    assert [message.text for message in other.messages] == [LATE.text]
    main.retract(late)
    assert [message.text for message in main.messages] == ["Be brief.", "one", "two"]
    main.undo()
    main.truncate(2)
    assert [message.text for message in main.messages] == ["Be brief.", LATE.text, "two"]
    main.rewind(4)
    assert [message.text for message in main.messages] == ["Be brief.", "one"]
    session.merge("other", main)
    assert [message.text for message in main.messages] == ["Be brief.", "one", LATE.text]
    main.clear()
    assert [message.text for message in main.messages] == ["Be brief."]
    session.redact(late)
    assert [message.text for message in other.messages] == [""]
    assert store.verify().ok


def test_a_session_told_anew_has_system_messages_at_their_places(store: Store) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add_many(["one", {"role": "developer", "content": LATE.text}, "two"])
    session.fork(at=5, name="retry").set_system("Be kind.")

    copy = session.fork_session(self_contained=True)

    assert [spoken(branch) for branch in copy.branches] == [spoken(branch) for branch in session.branches]
    assert [branch.system and branch.system.text for branch in copy.branches] == ["Be brief.", "Be kind."]


def test_a_system_message_cannot_be_mailed(store: Store) -> None:
    session = Session("Be brief.", store=store)
    session.create_branch("other")

    with pytest.raises(InvalidMailError, match="system message"):
        session.default_branch.mail.send("other", LATE, category="message")


def counted(store: Store, session: Session) -> set[int]:
    """How many messages a session has, by all that count them or have a row for each."""
    return {
        session.message_count,
        store.get_session(session.id).messages,
        len(store.frames.messages().to_arrow()),
        len(list(store.project(Transcript())[TRANSCRIPT].under())),
        sum(row["messages"] for row in store.project(BranchTree())[BRANCHES].under()),
        sum(row["messages"] for row in activity_timeline(store.project(Activity()))),
    }


def test_every_count_counts_system_messages_once(stores: Stores, store: Store) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add_many(["one", LATE])
    assert counted(store, session) == {3}
    assert session.message_count == len(main.messages)

    main.set_system("Be kind.")  # replaces what is shown, and is one more message that was recorded
    main.set_system(None)
    main.add("two")
    main.clear()

    assert counted(store, session) == {5}
    assert [session.at(position).message_count for position in range(1, session.position + 1)] == [
        *[0, 0, 1, 2, 3, 4, 4, 5, 5]
    ]
    reopened = stores.reopened(store)
    assert reopened.verify().ok
    assert reopened.get_session(session.id).messages == 5


def test_a_forked_session_counts_the_system_messages_it_inherits(store: Store) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add_many(["one", LATE])

    fork = session.fork_session()
    fork.default_branch.set_system("Be kind.")

    assert (fork.message_count, store.get_session(fork.id).messages) == (4, 4)
    assert store.verify().ok


def test_an_imported_record_has_the_same_count(store: Store, stores: Stores) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add_many(["one", LATE])
    session.default_branch.set_system(None)

    other = stores.new()
    taken = Session.from_record(session.record(), store=other)

    assert other.get_session(taken.id) == store.get_session(session.id)
    assert taken.message_count == 3


def test_a_repeated_command_returns_the_system_message_as_it_was(store: Store) -> None:
    main = Session(store=store).default_branch

    first = main.add({"role": "system", "content": "Be brief."}, command_id="one")
    main.add("Hello")
    again = main.add({"role": "system", "content": "Be brief."}, command_id="one")

    assert (again, again.position) == (first, first.position)
    assert spoken(main) == [("system", "Be brief."), ("user", "Hello")]
