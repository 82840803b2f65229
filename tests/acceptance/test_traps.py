"""Where earlier session libraries broke, and what happens here instead; the numbers are those of the list of traps."""

from collections.abc import Iterator
from typing import Any

import pytest

from turnlog import Branch, Message, Session, Store
from turnlog.content import ActionResponseContent
from turnlog.errors import (
    BranchNotFoundError,
    ImageNotAllowedError,
    InvalidBranchError,
    InvalidContentError,
    NameTakenError,
)


def texts(branch: Branch) -> list[str]:
    return [message.text for message in branch.messages]


@pytest.fixture
def session(store: Store) -> Session:
    session = Session("Be brief.", store=store)
    session.default_branch.add_many([Message("one", sender="ada", recipient="bob"), "two"])
    return session


def test_a_fork_has_the_system_message_once(session: Session) -> None:  # T1
    assert texts(session.fork()) == ["Be brief.", "one", "two"]


def test_a_fork_without_a_system_message_gets_one_and_not_two(session: Session) -> None:  # T2
    fork = session.fork(system=None)
    assert texts(fork) == ["one", "two"]

    fork.set_system("Be kind.")

    assert texts(fork) == ["Be kind.", "one", "two"]


def test_a_split_has_one_system_message_and_everybody_stays_who_they_were(session: Session) -> None:  # T3
    split = session.split(session.default_branch)

    assert texts(split) == ["Be brief.", "one", "two"]
    assert (split.messages[1].sender, split.messages[1].recipient) == ("ada", "bob")


def test_names_that_are_made_up_never_meet_those_that_were_given(session: Session) -> None:  # T4
    session.create_branch("branch-2")
    session.create_branch("main-fork")

    made = [session.fork("main").name, session.fork("main").name, session.create_branch().name]

    assert len({*made, "main", "branch-2", "main-fork"}) == 6


def test_a_renamed_branch_is_found_by_its_new_name_and_the_old_one_is_free(session: Session) -> None:  # T5
    session.default_branch.rename("trunk")

    assert session.branches["trunk"] == session.default_branch
    assert "main" not in session.branches
    assert session.create_branch("main").name == "main"


def test_asking_for_a_branch_with_a_default_never_raises(session: Session, store: Store) -> None:  # T6
    foreign = Session("x", store=store).default_branch

    for reference in ("nope", "00000000-0000-0000-0000-000000000000", 7, foreign):
        assert session.get_branch(reference, "none") == "none"


def test_of_what_fails_half_way_nothing_is_left_behind(session: Session) -> None:  # T7
    before = session.position

    with pytest.raises(NameTakenError):
        session.create_branch("main", system="orphan", messages=["orphan"])
    with pytest.raises(InvalidContentError):
        session.default_branch.add_many(["fine", {"instructon": "misspelt"}])
    assert session.position == before


def test_a_branch_of_another_session_is_not_written_to(session: Session, store: Store) -> None:  # T8
    foreign = Session("x", store=store).default_branch

    with pytest.raises(InvalidBranchError):
        session.merge(foreign, "main")
    with pytest.raises(InvalidBranchError):
        session.fork(foreign)


def test_a_message_is_shown_on_a_second_branch_and_stored_once(session: Session) -> None:  # T9
    other = session.create_branch("other")
    message = session.default_branch.messages[1]

    other.share([message])

    assert texts(other) == ["one"]
    assert other.messages[0].id == message.id
    assert session.message_count == 3


def test_what_is_no_system_message_does_not_take_its_place(session: Session) -> None:  # T10
    with pytest.raises(InvalidContentError, match="no system message"):
        session.default_branch.set_system({"instruction": "x"})

    assert texts(session.default_branch) == ["Be brief.", "one", "two"]


def test_when_the_default_branch_is_removed_the_oldest_left_takes_its_place(session: Session) -> None:  # T11
    session.create_branch("second")
    session.create_branch("third")

    session.remove_branch("main")
    assert session.default_branch.name == "second"
    session.remove_branch("second")
    session.remove_branch("third")
    with pytest.raises(BranchNotFoundError, match="branch default does not exist"):
        _ = session.default_branch


def test_a_fork_is_one_event_however_long_the_history(session: Session) -> None:  # T12
    session.default_branch.add_many(["more"] * 5_000)
    before = session.position

    session.fork()

    assert session.position == before + 1


def test_the_end_of_a_long_branch_is_read_without_its_beginning(  # T13
    session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.default_branch.add_many([str(number) for number in range(3_000)])
    read: list[int] = []
    everything = store.recorder.read_bodies

    def counted(*where: Any, **how: Any) -> Iterator[list[Any]]:
        for page in everything(*where, **how):
            read.extend(position for position, *_ in page)
            yield page

    monkeypatch.setattr(store.recorder, "read_bodies", counted)

    assert [message.text for message in session.default_branch.messages.last(3)] == ["2997", "2998", "2999"]
    assert len(read) == 3


def test_the_time_in_a_system_message_is_that_of_writing(session: Session, store: Store) -> None:  # T16
    branch = session.create_branch("It is late.", system_datetime=True)

    reopened = Session.open(session.id, store=store).branches[branch.name]

    assert branch.system is not None
    assert reopened.system == branch.system


def test_a_reopened_session_has_the_default_branch_it_had_and_no_other(session: Session, store: Store) -> None:  # T17
    reopened = Session.open(session.id, store=store)

    assert [branch.id for branch in reopened.branches] == [session.default_branch.id]
    with pytest.raises(NameTakenError):
        reopened.create_branch("main")


def test_messages_cannot_be_changed_and_are_equal_by_what_they_are(session: Session) -> None:  # T19
    message = session.default_branch.messages[1]

    with pytest.raises(AttributeError):
        message.content = "other"  # type: ignore[misc, assignment]  # refused at work, too
    assert message == session.default_branch.messages[1]
    assert message != Message("one", sender="ada", recipient="bob")


@pytest.mark.parametrize(
    "given",
    [{}, {"instrction": "x"}, {"rol": "user", "content": "x"}, {"content": "x"}, {"foreign": 1}],
)
def test_a_dict_that_is_not_understood_is_refused_with_the_keys_that_are(  # T20
    session: Session, given: dict[str, Any]
) -> None:
    before = session.position

    with pytest.raises(InvalidContentError, match=r"expected keys among arguments, .*instruction, .*role and content"):
        session.add(given)

    assert session.position == before


def test_a_dict_with_a_role_alone_names_the_key_that_it_needs(session: Session) -> None:  # T20
    before = session.position

    with pytest.raises(InvalidContentError, match=r'needs the key "content": expected role and content'):
        session.add({"role": "user"})

    assert session.position == before


def test_the_keys_beside_role_and_content_are_kept(session: Session) -> None:  # T20
    given = {"role": "user", "content": "x", "timestamp": "now", "foreign": {"a": [None, False, 0, ""]}}

    session.add(given)

    assert dict(session.messages[-1]) == given


def test_a_failed_call_is_a_failed_call_after_it_is_read_again(session: Session, store: Store) -> None:  # T25
    session.default_branch.add_many([{"error": "boom"}, {"error": ""}, {"result": None}, {"result": "", "error": None}])

    read = list(Session.open(session.id, store=store).messages)[-4:]
    imported = [Message.from_json(message.to_json()) for message in read]

    for messages in (read, imported):
        contents = [message.content for message in messages]
        assert [isinstance(each, ActionResponseContent) and each.success for each in contents] == [
            False,
            False,
            True,
            True,
        ]
        assert messages[0].text == "boom"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/",
        "https://192.168.1.1/a.png",
        "https://example.com/a.png\nHost: internal",
        "https://ada:secret@example.com/a.png",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_an_image_that_leads_elsewhere_is_refused_before_anything_is_written(session: Session, url: str) -> None:  # T28
    before = session.position

    for given in (
        {"instruction": "look", "images": [url]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]},
    ):
        with pytest.raises(ImageNotAllowedError):
            session.add(given)

    assert session.position == before


def test_a_copy_of_a_copy_knows_the_first_one_and_metadata_is_left_alone(session: Session, store: Store) -> None:  # T30
    first = session.add("x", metadata={"clone_from": "mine", "lineage": "too"})
    second = session.add(first.clone(sender="ada"))
    third = Session(store=store).add(second.clone(recipient="bob"))

    assert third.lineage == (second.id, first.id)
    assert third.metadata == {"clone_from": "mine", "lineage": "too"}
    assert (third.text, third.sender, third.recipient) == ("x", "ada", "bob")
