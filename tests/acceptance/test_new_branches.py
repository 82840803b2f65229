"""What a new branch begins with: a system message with a sender, metadata, and messages of other branches."""

from __future__ import annotations

import pytest

from turnlog import Branch, Message, Session, Store, iModel
from turnlog.domain.events import ModelSet
from turnlog.errors import InvalidValueError, ItemNotFoundError, NameTakenError


def test_a_new_branch_shows_messages_of_others_in_the_order_given(store: Store) -> None:
    session = Session(store=store)
    first, second = session.add("First."), session.add("Second.")
    branch = session.create_branch("other", system="Be terse.", share=[second, first])

    assert [message.text for message in branch.messages] == ["Be terse.", "Second.", "First."]
    assert [message.id for message in branch.messages][1:] == [second.id, first.id]
    assert session.message_count == 3
    assert store.verify().ok


def test_a_new_branch_that_cannot_show_a_message_is_not_created(store: Store) -> None:
    session, other = Session(store=store), Session(store=store)
    message, foreign = session.add("First."), other.add("Elsewhere.")
    position = session.position

    with pytest.raises(ItemNotFoundError):
        session.create_branch("other", share=[message, foreign])
    with pytest.raises(InvalidValueError):
        session.create_branch("other", share=message)  # type: ignore[arg-type]  # one alone is refused
    with pytest.raises(ItemNotFoundError):
        session.create_branch("other", share=[Message("Not recorded.")])
    with pytest.raises(NameTakenError):
        session.create_branch("main", share=[message])
    assert (session.position, session.branches.keys()) == (position, ["main"])


def test_a_repeated_creation_shows_messages_once(store: Store) -> None:
    session = Session(store=store)
    message = session.add("First.")
    branches = [session.create_branch("other", share=[message], command_id="c-1") for _ in range(2)]

    assert branches[0] == branches[1]
    assert branches[0].messages.ids == [message.id]


def test_a_new_branch_has_the_sender_of_its_system_message(store: Store) -> None:
    branch = Session(store=store).create_branch(system="Be terse.", system_sender="ada")
    alone = Branch(system="Be terse.", system_sender="ada", store=store)

    for system in (branch.system, alone.system):
        assert system is not None
        assert (system.text, system.sender) == ("Be terse.", "ada")


def test_a_new_branch_has_models_for_responses_and_for_parsing(store: Store) -> None:
    session = Session(store=store)
    branch = session.create_branch("other", model="openai/gpt-4o-mini", parse_model=iModel("openai/gpt-4o"))

    assert branch.model == "openai/gpt-4o-mini"
    changes = [event.event for event in session.events(names=["work.model_set"])]
    assert changes == [
        ModelSet("generate", "openai/gpt-4o-mini", branch=1),
        ModelSet("parse", "openai/gpt-4o", branch=1),
    ]
    with pytest.raises(InvalidValueError):
        session.create_branch(parse_model=3)
    assert session.branches.keys() == ["main", "other"]


def test_a_branch_has_the_metadata_that_it_was_created_with(store: Store) -> None:
    session = Session(store=store)
    branch = session.create_branch("other", metadata={"topic": ["tea"]})
    branch.metadata["topic"].append("pots")

    assert Session.open(session.id, store=store).branches["other"].metadata == {"topic": ["tea"]}
    assert Branch(metadata={"topic": "tea"}, store=store).metadata == {"topic": "tea"}
    assert session.default_branch.metadata == {}
