"""What may happen to messages: append, retract, redact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import AssistantResponseContent, InstructionContent, SystemContent
from turnlog.domain.decisions import history, message
from turnlog.domain.decisions.history import replace
from turnlog.domain.errors import InvalidValueError, ItemNotFoundError
from turnlog.domain.events import (
    BranchCleared,
    BranchCreated,
    BranchRemoved,
    BranchTruncated,
    ChangeUndone,
    Event,
    EventRedacted,
    MessageAppended,
    MessageRedacted,
    MessageRetracted,
    MessagesShared,
    SessionStarted,
    SystemSet,
)
from turnlog.domain.message import Message
from turnlog.domain.ranges import Origin, Range

if TYPE_CHECKING:
    from tests.unit.conftest import Given

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
TERSE = SystemContent(system_message="be terse")
POLITE = SystemContent(system_message="be polite", developer=True)


def said(branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction="hello"))


THREE = (STARTED, MAIN, said(), said(), said())
"""A branch `main` that shows the messages 3, 4 and 5."""


# --- Append -----------------------------------------------------------------------------------------------


def test_a_message_is_appended_to_the_end_of_a_branch(given: Given) -> None:
    hello = Message("hello", sender="ada", recipient="model", metadata={"tags": ("a", "b")})

    after = (
        given(*THREE)
        .when(message.append, 0, [hello])
        .then(MessageAppended(0, InstructionContent(instruction="hello"), "ada", "model", {"tags": ["a", "b"]}))
    )
    assert after.shows(0) == [3, 4, 5, 6]


def test_several_messages_are_appended_in_order(given: Given) -> None:
    after = (
        given(STARTED, MAIN)
        .when(message.append, 0, [Message("hello"), Message({"assistant_response": ""})])
        .then(
            MessageAppended(0, InstructionContent(instruction="hello")),
            MessageAppended(0, AssistantResponseContent(assistant_response="")),
        )
    )
    assert after.shows(0) == [3, 4]


def test_the_same_words_can_be_said_twice(given: Given) -> None:
    hello = Message("hello")

    after = given(STARTED, MAIN).when(message.append, 0, [hello, hello]).then(said(), said())
    assert after.shows(0) == [3, 4]


def test_no_messages_change_nothing(given: Given) -> None:
    given(STARTED, MAIN).when(message.append, 0, []).nothing()


def test_a_system_message_that_begins_an_empty_branch_is_set_in_front(given: Given) -> None:
    after = (
        given(STARTED, MAIN)
        .when(message.append, 0, [Message(TERSE, sender="ada", metadata={"a": 1}), Message("hello")])
        .then(SystemSet(0, TERSE, "ada", {"a": 1}), said())
    )
    assert after.system(0) == 3
    assert after.shows(0) == [4]


def test_a_system_message_behind_others_stays_at_its_place(given: Given) -> None:
    after = (
        given(*THREE)
        .when(message.append, 0, [Message(TERSE, sender="ada", recipient="bob", metadata={"a": 1}), Message("hello")])
        .then(MessageAppended(0, TERSE, "ada", "bob", {"a": 1}), said())
    )
    assert after.system(0) is None
    assert after.shows(0) == [3, 4, 5, 6, 7]


def test_a_second_system_message_stays_at_its_place(given: Given) -> None:
    after = (
        given(STARTED, MAIN)
        .when(message.append, 0, [Message(TERSE), Message(POLITE), Message("hello"), Message(TERSE)])
        .then(SystemSet(0, TERSE), MessageAppended(0, POLITE), said(), MessageAppended(0, TERSE))
    )
    assert after.system(0) == 3
    assert after.shows(0) == [4, 5, 6]


def test_a_system_message_on_a_branch_that_has_one_is_appended(given: Given) -> None:
    after = given(STARTED, MAIN, SystemSet(0, TERSE)).when(message.append, 0, [Message(POLITE)])

    assert after.then(MessageAppended(0, POLITE)).system(0) == 3


def test_a_system_message_on_a_cleared_branch_without_one_is_set(given: Given) -> None:
    after = given(*THREE, BranchCleared(0)).when(message.append, 0, [Message(TERSE)])

    assert after.then(SystemSet(0, TERSE)).system(0) == 7


def test_a_system_message_at_its_place_is_retracted_and_undone(given: Given) -> None:
    there = given(*THREE, MessageAppended(0, POLITE))

    gone = there.when(message.retract, 0, 6).then_once(MessageRetracted(0, 6))
    assert gone.shows(0) == [3, 4, 5]
    assert gone.when(history.undo, 0).then(ChangeUndone(0, 7, (Range(0, 3, 6, 4),))).shows(0) == [3, 4, 5, 6]


def test_a_system_message_at_its_place_is_truncated_and_cleared(given: Given) -> None:
    there = given(STARTED, MAIN, SystemSet(0, TERSE), MessageAppended(0, POLITE), said())

    assert there.when(history.truncate, 0, 1).then_once(BranchTruncated(0, 1)).shows(0) == [5]
    cleared = there.when(history.clear, 0).then_once(BranchCleared(0))
    assert (cleared.system(0), cleared.shows(0)) == (3, [])


def test_a_system_message_at_its_place_is_shared(given: Given) -> None:
    there = given(*THREE, MessageAppended(0, POLITE), BranchCreated(1, "id-other", "other"))

    after = there.when(history.share, 1, [6]).then_once(MessagesShared(1, (Range(0, 6, 6, 1, Origin.SHARED),)))
    assert after.shows(1) == [6]


# --- Replace ----------------------------------------------------------------------------------------------


def test_a_replacement_that_begins_with_a_system_message_sets_it(given: Given) -> None:
    after = (
        given(STARTED, MAIN, SystemSet(0, TERSE), said())
        .when(replace, 0, [Message(POLITE), Message("hello"), Message(TERSE)])
        .then(BranchCleared(0), SystemSet(0, POLITE), said(), MessageAppended(0, TERSE))
    )
    assert (after.system(0), after.shows(0)) == (6, [7, 8])


def test_a_replacement_without_a_leading_system_message_has_none(given: Given) -> None:
    after = (
        given(STARTED, MAIN, SystemSet(0, TERSE), said())
        .when(replace, 0, [Message("hello"), Message(POLITE)])
        .then(BranchCleared(0), SystemSet(0, None), said(), MessageAppended(0, POLITE))
    )
    assert (after.system(0), after.shows(0)) == (None, [7, 8])


@pytest.mark.parametrize(
    "unsayable",
    [
        Message("hello", metadata={"a": float("nan")}),
        Message("hello", metadata={1: 2}),  # type: ignore[dict-item]  # what a caller without types can do
        Message("hello", sender="\ud800"),
        Message("hello", recipient=7),  # type: ignore[arg-type]  # what a caller without types can do
        Message(InstructionContent(instruction=float("inf"))),
        Message(InstructionContent(instruction="\udfff")),
        Message(InstructionContent(instruction=object())),
        Message(InstructionContent(images=[7])),  # type: ignore[list-item]  # what a caller without types can do
    ],
)
def test_a_message_that_the_record_cannot_say_is_refused(given: Given, unsayable: Message) -> None:
    given(STARTED, MAIN).when(message.append, 0, [Message("hello"), unsayable]).refused(InvalidValueError)


# --- Retract ----------------------------------------------------------------------------------------------


def test_a_retracted_message_is_shown_no_longer(given: Given) -> None:
    after = given(*THREE).when(message.retract, 0, 4).then_once(MessageRetracted(0, 4))

    assert after.shows(0) == [3, 5]
    assert after.shows(0, at=5) == [3, 4, 5]
    assert given(*after.events, said()).shows(0) == [3, 5, 7]


@pytest.mark.parametrize(("retracted", "left"), [(3, [4, 5]), (5, [3, 4])])
def test_the_first_and_the_last_message_can_be_retracted(given: Given, retracted: int, left: list[int]) -> None:
    after = given(*THREE).when(message.retract, 0, retracted).then_once(MessageRetracted(0, retracted))

    assert after.shows(0) == left


def test_a_message_retracted_from_a_fork_is_shown_by_its_parent(given: Given) -> None:
    before = given(*THREE, BranchCreated(1, "f", "fork", parent=0, at=5))

    after = before.when(message.retract, 1, 4).then_once(MessageRetracted(1, 4))
    assert after.shows(1) == [3, 5]
    assert after.shows(0) == [3, 4, 5]
    before.when(message.retract, 0, 4).then_once(MessageRetracted(0, 4))


def test_a_message_that_was_shown_once_needs_no_retracting(given: Given) -> None:
    before = given(*THREE, BranchCreated(1, "f", "fork", parent=0, at=4), BranchCleared(0), BranchCleared(1))

    before.when(message.retract, 0, 5).nothing()
    before.when(message.retract, 1, 4).nothing()
    before.when(message.retract, 1, 5).refused(ItemNotFoundError, "branch 'fork'", "5")


@pytest.mark.parametrize("unknown", [-3, 0, 1, 2, 6, 7, 99])
def test_a_message_that_the_branch_never_showed_cannot_be_retracted(given: Given, unknown: int) -> None:
    before = given(*THREE, SystemSet(0, TERSE), BranchCreated(1, "b", "other"), said(1))

    before.when(message.retract, 0, unknown).refused(
        ItemNotFoundError, "branch 'main' of session s", f"message {unknown} does not exist"
    )


# --- Redact -----------------------------------------------------------------------------------------------


LEFT = '{"branch":0,"content":{"type":"instruction"}}'


def test_a_message_is_redacted_and_stays_visible(given: Given) -> None:
    outcome = given(*THREE).when(message.redact, 4, "message.appended", LEFT, "a phone number")

    after = outcome.then(MessageRedacted(4, LEFT, "a phone number"))
    assert after.shows(0) == [3, 4, 5]
    assert after.state.redacted == {4}


@pytest.mark.parametrize("name", ["message.appended", "branch.system_set"])
def test_a_message_that_no_branch_shows_can_be_redacted(given: Given, name: str) -> None:
    before = given(STARTED, MAIN, SystemSet(0, TERSE), said(), SystemSet(0, None), BranchRemoved(0))

    before.when(message.redact, 3, name, LEFT).then(MessageRedacted(3, LEFT))


@pytest.mark.parametrize("name", ["session.started", "mail.sent", "work.model_called", "log.recorded"])
def test_an_event_with_content_can_be_redacted(given: Given, name: str) -> None:
    given(*THREE).when(message.redact, 1, name, "{}").then(EventRedacted(1, "{}"))


@pytest.mark.parametrize("name", ["branch.rewound", "branch.merged", "mail.collected", "session.forked"])
def test_an_event_without_content_cannot_be_redacted(given: Given, name: str) -> None:
    given(*THREE).when(message.redact, 1, name, "{}").refused(InvalidValueError, f"is {name}, which holds no content")


@pytest.mark.parametrize("reason", [7, "\ud800"])
def test_a_reason_that_the_record_cannot_say_is_refused(given: Given, reason: Any) -> None:
    given(*THREE).when(message.redact, 4, "message.appended", LEFT, reason).refused(
        InvalidValueError, "message.redacted"
    )
