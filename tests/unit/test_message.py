"""A message as a value."""

import pickle
from typing import Any

import pytest

from hansard.domain.content import AssistantResponseContent, InstructionContent, MessageRole
from hansard.domain.errors import InvalidContent, InvalidValue
from hansard.domain.message import Message, message_from
from hansard.domain.ranges import Origin


@pytest.mark.parametrize("given", ["hello", {"instruction": "hello"}, InstructionContent(instruction="hello")])
def test_a_message_can_be_made_of_text_a_dict_or_a_content(given: Any) -> None:
    message = Message(given)

    assert message.content == InstructionContent(instruction="hello")
    assert message.role is MessageRole.USER
    assert str(message.role) == "user"
    assert message.text == "hello"


def test_a_message_by_keyword_is_the_same() -> None:
    assert Message(content={"assistant_response": ""}).role == MessageRole.ASSISTANT


def test_a_message_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidContent, match="an empty dict says nothing: expected"):
        Message({})


def test_a_message_has_an_id_once_it_is_on_the_record() -> None:
    assert Message("hello").id is None
    assert Message("hello", session="s-1", position=7, branch=0).id == "s-1/7"


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Message("hello").sender = "ada"  # type: ignore[misc]  # that is the point


def test_equal_messages_are_one_in_a_set_whatever_they_hold() -> None:
    assert {Message({"result": {"a": [1]}}), Message({"result": {"a": [1]}})} == {Message({"result": {"a": [1]}})}
    assert Message("hello") != Message("hello", sender="ada")


def test_a_message_can_be_sent_to_another_process() -> None:
    message = Message({"error": ""}, "ada", "model", {"a": 1}, "s", 7, 0, origin=Origin.MERGED)

    assert pickle.loads(pickle.dumps(message)) == message


def test_a_new_message_of_what_a_caller_gave() -> None:
    message = message_from({"assistant_response": "a"}, sender="model", recipient="ada", metadata={"b": 1})

    assert message == Message(AssistantResponseContent(assistant_response="a"), "model", "ada", {"b": 1})


def test_a_new_message_of_one_on_the_record_keeps_its_words_and_not_its_place() -> None:
    recorded = Message("hello", "ada", "model", {"a": 1, "b": 2}, "s", 7, 0, origin=Origin.INHERITED)

    assert message_from(recorded) == Message("hello", "ada", "model", {"a": 1, "b": 2}, origin=Origin.CLONED)
    assert message_from(recorded, sender="bob", metadata={"b": 3}) == Message(
        "hello", "bob", "model", {"a": 1, "b": 3}, origin=Origin.CLONED
    )


def test_a_message_that_is_not_on_the_record_keeps_where_it_comes_from() -> None:
    assert message_from(Message("hello")).origin is Origin.AUTHORED
    assert message_from(Message("hello", origin=Origin.LOADED)).origin is Origin.LOADED


@pytest.mark.parametrize("participant", [7, b"ada", ["ada"], Message("ada")])
def test_a_participant_is_text(participant: Any) -> None:
    for who in ("sender", "recipient"):
        with pytest.raises(InvalidValue, match=r"a sender or recipient cannot be a .*: expected a str"):
            message_from("hello", **{who: participant})
        with pytest.raises(InvalidValue, match=r"a sender or recipient cannot be a .*: expected a str"):
            message_from(Message("hello", **{who: participant}))


@pytest.mark.parametrize("metadata", [["a"], "a", 7])
def test_metadata_is_a_dict(metadata: Any) -> None:
    with pytest.raises(InvalidValue, match=r"metadata cannot be a \w+: expected a dict"):
        message_from("hello", metadata=metadata)
    with pytest.raises(InvalidValue, match=r"metadata cannot be a \w+: expected a dict"):
        message_from(Message("hello"), metadata=metadata)


def test_a_content_that_was_made_by_hand_is_checked() -> None:
    by_hand = Message(InstructionContent(images=[7]))  # type: ignore[list-item]  # what a caller without types can do

    with pytest.raises(InvalidContent, match="Expected `str`, got `int`"):
        message_from(by_hand)
