"""A message as a value."""

import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from turnlog.domain.content import AssistantResponseContent, InstructionContent, MessageRole
from turnlog.domain.errors import InvalidContentError, InvalidValueError, ReadOnlyError
from turnlog.domain.message import Message, MessageDict, to_message
from turnlog.domain.ranges import Origin


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
    with pytest.raises(InvalidContentError, match="an empty dict says nothing; expected"):
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
    message = to_message({"assistant_response": "a"}, sender="model", recipient="ada", metadata={"b": 1})

    assert message == Message(AssistantResponseContent(assistant_response="a"), "model", "ada", {"b": 1})


def test_a_new_message_of_one_on_the_record_keeps_its_words_and_not_its_place() -> None:
    recorded = Message("hello", "ada", "model", {"a": 1, "b": 2}, "s", 7, 0, origin=Origin.INHERITED)

    for given, expected in [
        (to_message(recorded), Message("hello", "ada", "model", {"a": 1, "b": 2})),
        (to_message(recorded, sender="bob", metadata={"b": 3}), Message("hello", "bob", "model", {"a": 1, "b": 3})),
    ]:
        assert given == expected
        assert (given.origin, given.lineage, given.position) == (Origin.CLONED, ("s/7",), None)


def test_a_clone_knows_all_that_it_comes_from_and_its_metadata_is_untouched() -> None:
    first = Message("hello", "ada", "model", {"clone_from": "mine"}, "s", 7, 0)
    second = Message("hello", "bob", "model", {"clone_from": "mine"}, "t", 3, 0, lineage=("s/7",), origin=Origin.CLONED)

    assert first.clone(sender="bob").lineage == ("s/7",)
    assert second.clone().lineage == ("t/3", "s/7")
    assert second.clone().clone(recipient="eve").lineage == ("t/3", "s/7")
    assert to_message(second.clone()).lineage == ("t/3", "s/7")
    assert second.clone(recipient="eve") == Message("hello", "bob", "eve", {"clone_from": "mine"})
    assert (Message("hello").clone().origin, Message("hello").clone().lineage) == (Origin.CLONED, ())


def test_a_message_that_is_not_on_the_record_keeps_where_it_comes_from() -> None:
    assert to_message(Message("hello")).origin is Origin.AUTHORED
    assert to_message(Message("hello", origin=Origin.LOADED)).origin is Origin.LOADED


@pytest.mark.parametrize("participant", [7, b"ada", ["ada"], Message("ada")])
def test_a_participant_is_text(participant: Any) -> None:
    for who in ("sender", "recipient"):
        with pytest.raises(InvalidValueError, match=r"a sender or recipient cannot be a .*: expected a str"):
            to_message("hello", **{who: participant})
        with pytest.raises(InvalidValueError, match=r"a sender or recipient cannot be a .*: expected a str"):
            to_message(Message("hello", **{who: participant}))


@pytest.mark.parametrize("metadata", [["a"], "a", 7])
def test_metadata_is_a_dict(metadata: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"metadata cannot be a \w+: expected a dict"):
        to_message("hello", metadata=metadata)
    with pytest.raises(InvalidValueError, match=r"metadata cannot be a \w+: expected a dict"):
        to_message(Message("hello"), metadata=metadata)


def test_a_content_that_was_made_by_hand_is_checked() -> None:
    by_hand = Message(InstructionContent(images=[7]))  # type: ignore[list-item]  # what a caller without types can do

    with pytest.raises(InvalidContentError, match="Expected `str`, got `int`"):
        to_message(by_hand)


# --- As a chat dict ---------------------------------------------------------------------------------------


def test_a_message_reads_like_the_dict_it_was_given_as() -> None:
    given = {"role": "assistant", "content": "Hi", "timestamp": "2026-01-01", "model": "gpt-4", "tags": ["a"]}
    message = Message(given)

    assert dict(message) == given
    assert list(message) == list(message.keys()) == ["role", "content", "timestamp", "model", "tags"]
    assert (message["role"], message["content"], message["timestamp"]) == ("assistant", "Hi", "2026-01-01")
    assert message.get("content", "").lower() == "hi"
    assert message.get("nothing") is None
    assert message.get("nothing", 7) == 7
    assert "tags" in message
    assert "sender" not in message
    assert len(message) == 5
    assert dict(message.items()) == dict(zip(message.keys(), message.values(), strict=True)) == given
    assert {**message} == given
    with pytest.raises(KeyError):
        message["nothing"]


def test_the_content_prints_as_its_text() -> None:
    assert str(Message("Hi").content) == "Hi"
    assert f"{Message({'result': {'a': 1}}).content}" == '{"a":1}'


def test_a_message_dict_is_ones_own_and_has_the_attributes_of_the_message() -> None:
    message = Message({"role": "user", "content": "Hi", "tags": ["a"]}, "ada", None, {}, "s", 7, 0)
    told = MessageDict(message)

    assert json.loads(json.dumps(told, indent=2)) == {"role": "user", "content": "Hi", "tags": ["a"]}
    assert (told.id, told.text, told.sender, told.role) == ("s/7", "Hi", "ada", "user")
    told["tags"].append("b")
    told["content"] = "Ho"
    assert (message["tags"], message["content"]) == (["a"], "Hi")
    assert copy.deepcopy(told) == told
    assert pickle.loads(pickle.dumps(told)) == told
    with pytest.raises(AttributeError):
        _ = told.nothing


# --- As JSON ----------------------------------------------------------------------------------------------

ON_RECORD = Message(
    {"role": "tool", "content": {"a": [1, 2.0, None]}, "tool_call_id": "c", "k\u00e9y": "\0\u202e"},
    "ada",
    "bob",
    {"m": {"n": []}},
    "s",
    -3,
    2,
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    Origin.MERGED,
    "r/4",
    ("t/9", "u/1"),
)


@pytest.mark.parametrize("message", [ON_RECORD, Message(""), Message({"error": ""}), ON_RECORD.clone()])
def test_a_message_told_as_json_is_read_back_exactly(message: Message) -> None:
    for again in (Message.from_json(message.to_json()), Message.from_dict(message.to_dict())):
        assert again == message
        assert structs.astuple(again) == structs.astuple(message)
        assert type(again.content) is type(message.content)
        assert again.to_json() == message.to_json()
    assert json.loads(message.to_json()) == message.to_dict()
    assert Message.from_json(message.to_json().encode()) == message


def test_the_json_of_a_message_says_who_speaks_and_which_it_is() -> None:
    told = Message("Hi", "ada", None, {}, "s", 7, 0, datetime(2026, 1, 2, tzinfo=UTC)).to_dict()

    assert told == {
        "id": "s/7",
        "role": "user",
        "content": {"type": "instruction", "instruction": "Hi"},
        "sender": "ada",
        "recipient": None,
        "metadata": {},
        "session": "s",
        "position": 7,
        "branch": 0,
        "created_at": "2026-01-02T00:00:00+00:00",
        "origin": "authored",
        "recorded_as": None,
        "lineage": [],
        "redacted": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"Hi"',
        "{}",
        '{"content": "Hi"}',
        '{"content": {}}',
        '{"content": {"type": "instruction", "instrction": 1}}',
        '{"content": {"type": "instruction"}, "sendr": "ada"}',
        '{"content": {"type": "instruction"}, "position": "7"}',
        '{"content": {"type": "instruction"}, "origin": "stolen"}',
        '{"content": {"type": "instruction"}, "role": "assistant"}',
        '{"content": {"type": "instruction"}, "id": "s/7"}',
        '{"content": {"type": "action_response", "error": "x", "success": true}}',
        '{"content": {"type": "instruction", "instruction": NaN}}',
        '{"content": {"type": "instruction", "instruction": "one", "instruction": "two"}}',
        '{"content": {"type": "instruction", "instruction": "one"}, "content": {"type": "instruction"}}',
        '{"content": {"type": "instruction", "instruction": 1e400}}',
    ],
)
def test_json_that_is_no_message_is_refused_by_name(text: str) -> None:
    with pytest.raises((InvalidValueError, InvalidContentError), match="expected"):
        Message.from_json(text)


def test_equal_messages_have_equal_hashes_whatever_their_values_look_like() -> None:
    one = Message({"instruction": {"a": 1, "b": 2}})
    other = Message({"instruction": {"b": 2.0, "a": True}})

    assert one == other
    assert hash(one) == hash(other)
    assert Message("a") != "a"
    assert Message("a", session="s", position=1) != Message("a", session="s", position=2)
    assert Message("a", session="s", position=1) == Message("a", session="s", position=1, origin=Origin.INHERITED)


def test_a_copied_message_is_the_message() -> None:
    for again in (copy.copy(ON_RECORD), copy.deepcopy(ON_RECORD), pickle.loads(pickle.dumps(ON_RECORD))):
        assert structs.astuple(again) == structs.astuple(ON_RECORD)
        with pytest.raises(ReadOnlyError):
            again.metadata["m"]["n"].append(1)
