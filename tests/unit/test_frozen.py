"""Dicts and lists inside a message read like any other, and refuse every change."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from turnlog.domain.content import ActionRequestContent, InstructionContent
from turnlog.domain.errors import InvalidValueError, ReadOnlyError
from turnlog.domain.immutable import FrozenDict, FrozenList, freeze
from turnlog.domain.message import Message

GIVEN = {"a": [1, {"b": []}], "c": {}}


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.__setitem__("a", 1),
        lambda value: value.__delitem__("a"),
        lambda value: value.__ior__({"a": 1}),
        lambda value: value.clear(),
        lambda value: value.pop("a"),
        lambda value: value.popitem(),
        lambda value: value.setdefault("x", 1),
        lambda value: value.update(a=1),
        lambda value: value["c"].update(a=1),
        lambda value: value["a"].__setitem__(0, 2),
        lambda value: value["a"].__setitem__(slice(None), []),
        lambda value: value["a"].__delitem__(0),
        lambda value: value["a"].__iadd__([1]),
        lambda value: value["a"].__imul__(2),
        lambda value: value["a"].append(1),
        lambda value: value["a"].extend([1]),
        lambda value: value["a"].insert(0, 1),
        lambda value: value["a"].pop(),
        lambda value: value["a"].remove(1),
        lambda value: value["a"].clear(),
        lambda value: value["a"].sort(),
        lambda value: value["a"].reverse(),
        lambda value: value["a"][1]["b"].append(1),
    ],
)
def test_every_change_is_refused_at_every_depth(change: Callable[[Any], object]) -> None:
    value = freeze(GIVEN)

    with pytest.raises(ReadOnlyError, match=r"copy\.deepcopy"):
        change(value)

    assert value == {"a": [1, {"b": []}], "c": {}}


def test_it_reads_and_is_written_like_the_plain_value() -> None:
    value = freeze(GIVEN)

    assert isinstance(value, dict)
    assert isinstance(value["a"], list)
    assert json.dumps(value) == json.dumps(GIVEN)
    assert json.dumps(value, indent=1) == json.dumps(GIVEN, indent=1)
    assert msgspec.json.encode(value) == msgspec.json.encode(GIVEN)
    assert repr(value) == repr(GIVEN)
    assert {**value} == GIVEN
    assert value | {"d": 1} == {**GIVEN, "d": 1}
    assert value["a"] + [1] == [1, {"b": []}, 1]


def test_a_deep_copy_is_plain_and_can_be_changed() -> None:
    value = copy.deepcopy(freeze(GIVEN))
    value["a"][1]["b"].append("x")

    assert [type(part) for part in (value, value["a"], value["a"][1], value["a"][1]["b"])] == [dict, list, dict, list]
    assert GIVEN == {"a": [1, {"b": []}], "c": {}}


def test_a_shallow_copy_can_be_changed_at_the_top() -> None:
    value = freeze(GIVEN)

    for own in (copy.copy(value), value.copy()):
        own["x"] = 1
        assert type(own) is dict
    for items in (copy.copy(value["a"]), value["a"].copy(), value["a"][:]):
        items.append(1)
        assert type(items) is list


def test_it_travels_between_processes_and_stays_what_it_is() -> None:
    arrived = pickle.loads(pickle.dumps(freeze(GIVEN)))

    assert arrived == GIVEN
    assert [type(part) for part in (arrived, arrived["a"], arrived["a"][1])] == [FrozenDict, FrozenList, FrozenDict]


def test_what_is_frozen_already_is_not_frozen_again() -> None:
    value = freeze(GIVEN)

    assert freeze(value) is value


def test_what_a_caller_goes_on_to_change_does_not_change_the_message() -> None:
    arguments: dict[str, Any] = {"a": [1]}
    metadata: dict[str, Any] = {"m": [1]}
    message = Message(ActionRequestContent(function="f", arguments=arguments), metadata=metadata)

    arguments["a"].append(2)
    metadata["m"].append(2)

    assert message.content == ActionRequestContent(function="f", arguments={"a": [1]})
    assert message.metadata == {"m": [1]}


@pytest.mark.parametrize("field", ["context", "tool_schemas", "images", "extra"])
def test_what_was_not_given_cannot_be_changed_either(field: str) -> None:
    message = Message("hello")

    with pytest.raises(ReadOnlyError):
        getattr(message.content, field).clear()
    with pytest.raises(ReadOnlyError):
        message.metadata["a"] = 1
    assert getattr(InstructionContent(), field) in ([], {})


def test_a_value_that_holds_itself_is_refused_by_name() -> None:
    ring: list[Any] = []
    ring.append(ring)

    with pytest.raises(InvalidValueError, match="nested too deep"):
        Message({"instruction": ring})
    with pytest.raises(InvalidValueError, match="nested too deep"):
        Message(InstructionContent(instruction=ring))
