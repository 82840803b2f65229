"""What a message can be made of, which type and role it gets, and what its plain text is."""

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, TypedDict, cast
from uuid import UUID

import msgspec
import pydantic
import pytest
from msgspec import structs

from turnlog.domain import codec
from turnlog.domain.chat import chat_from_content
from turnlog.domain.content import (
    KINDS,
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    Content,
    InstructionContent,
    MessageContent,
    MessageRole,
    ResponseFormat,
    SystemContent,
    Usage,
)
from turnlog.domain.content_parsing import parse_content, validate_content
from turnlog.domain.errors import InvalidContentError, InvalidValueError
from turnlog.domain.events import MessageAppended


def stored(content: MessageContent) -> Content:
    """The content as it comes back from storage."""
    event = codec.decode("message.appended", codec.encode(MessageAppended(0, cast(Content, content))), "s", 1)
    assert isinstance(event, MessageAppended)
    return event.content


# --- From what a caller gives -----------------------------------------------------------------------------


def test_text_is_an_instruction() -> None:
    assert parse_content("hello") == InstructionContent(instruction="hello")
    assert parse_content("") == InstructionContent(instruction="")


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ({"instruction": "a"}, InstructionContent(instruction="a")),
        ({"instruction": {"task": 1}}, InstructionContent(instruction={"task": 1})),
        ({"instruction": None}, InstructionContent()),
        (
            {"instruction": "a", "guidance": "b", "context": [{"c": 1}, "d"], "extra": {"e": 1}},
            InstructionContent(instruction="a", guidance="b", context=[{"c": 1}, "d"], extra={"e": 1}),
        ),
        ({"context": ("a",)}, InstructionContent(context=["a"])),
        (
            {"images": ["https://a/b.png"], "image_detail": "low"},
            InstructionContent(images=["https://a/b.png"], image_detail="low"),
        ),
        ({"tool_schemas": [{"name": "a"}]}, InstructionContent(tool_schemas=[{"name": "a"}])),
        ({"assistant_response": "a"}, AssistantResponseContent(assistant_response="a")),
        ({"assistant_response": ""}, AssistantResponseContent()),
        ({"assistant_response": None}, AssistantResponseContent(assistant_response=None)),
        ({"result": 7}, ActionResponseContent(result=7)),
        ({"result": None}, ActionResponseContent()),
        ({"result": None, "error": None}, ActionResponseContent()),
        ({"error": ""}, ActionResponseContent(error="")),
        ({"error": "boom", "request_id": "r"}, ActionResponseContent(error="boom", request_id="r")),
        ({"function": "add"}, ActionRequestContent(function="add")),
        (
            {"function": "add", "arguments": {"a": 1}, "request_id": "r"},
            ActionRequestContent(function="add", arguments={"a": 1}, request_id="r"),
        ),
        ({"system_message": "a"}, SystemContent(system_message="a")),
        (
            {"system_message": "a", "system_datetime": datetime(2026, 1, 2, tzinfo=UTC)},
            SystemContent(system_message="a", system_datetime="2026-01-02T00:00:00+00:00"),
        ),
    ],
)
def test_the_keys_of_a_dict_name_the_content(given: dict[str, Any], content: Content) -> None:
    found = parse_content(given)

    assert found == content
    assert type(found) is type(content)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_content_is_an_accepted_key(kind: type[Content]) -> None:
    sayable: dict[str, Any] = {"context": [], "tool_schemas": [], "images": [], "arguments": {}, "extra": {}}
    sayable |= {"response_format": {"type": "object"}, "usage": {}, "success": False, "developer": True}
    sayable |= {"tool_calls": []}

    assert type(parse_content({key: sayable.get(key, "a") for key in kind.__struct_fields__})) is kind


@pytest.mark.parametrize("mapping", [MappingProxyType, OrderedDict])
def test_any_mapping_is_understood(mapping: Any) -> None:
    assert parse_content(mapping({"instruction": "a"})) == InstructionContent(instruction="a")


def test_what_a_caller_goes_on_to_change_does_not_change_the_content() -> None:
    arguments = {"a": [1]}
    content = parse_content({"function": "add", "arguments": arguments})
    same = parse_content(ActionRequestContent(function="add", arguments=arguments))

    arguments["a"].append(2)

    assert content == same == ActionRequestContent(function="add", arguments={"a": [1]})


@pytest.mark.parametrize(
    ("role", "content"),
    [
        ("system", SystemContent(system_message="a")),
        ("developer", SystemContent(system_message="a", developer=True)),
        ("user", InstructionContent(instruction="a")),
        ("assistant", AssistantResponseContent(assistant_response="a")),
        ("tool", ActionResponseContent(result="a")),
        ("function", ActionResponseContent(result="a")),
    ],
)
def test_a_role_with_content_is_understood(role: str, content: Content) -> None:
    found = parse_content({"role": role, "content": "a"})

    assert found == content
    assert type(found) is type(content)


@pytest.mark.parametrize("role", list(MessageRole)[:-1])
def test_every_role_can_be_given_back_as_it_was_read(role: MessageRole) -> None:
    assert parse_content({"role": role, "content": "a"}).role is role


def test_the_extra_keys_beside_role_and_content_are_kept() -> None:
    given = {"role": "assistant", "content": "a", "model": "gpt-4", "usage": {"tokens": 7}, "tool_calls": []}

    assert parse_content(given) == AssistantResponseContent(
        assistant_response="a",
        model="gpt-4",
        usage=Usage(details={"tokens": 7}),
        extra={"model": "gpt-4", "usage": {"tokens": 7}, "tool_calls": []},
    )


def test_an_extra_key_that_names_a_content_elsewhere_is_only_kept() -> None:
    assert parse_content({"role": "user", "content": "a", "error": "b"}) == InstructionContent(
        instruction="a", extra={"error": "b"}
    )


@pytest.mark.parametrize(
    ("role", "content"),
    [
        ("system", SystemContent()),
        ("user", InstructionContent(instruction="")),
        ("assistant", AssistantResponseContent()),
        ("tool", ActionResponseContent()),
    ],
)
def test_a_role_with_no_content_says_nothing(role: str, content: Content) -> None:
    assert parse_content({"role": role, "content": None}) == content


def test_a_role_with_parts_keeps_the_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]

    assert parse_content({"role": "user", "content": parts}) == InstructionContent(instruction=parts)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "an empty dict says nothing; expected keys among "),
        ({"instrction": "a"}, "unknown keys instrction; expected keys among "),
        ({"instruction": "a", "b": 1, "a": 2}, "unknown keys a, b; expected keys among "),
        ({"type": "instruction", "instruction": "a"}, "unknown keys type"),
        ({"content": "a"}, "a dict with the key content has no role"),
        (
            {"instruction": "a", "assistant_response": "b"},
            "the keys assistant_response, instruction do not name one kind",
        ),
        ({"function": "a", "result": 1}, "the keys function, result do not name one kind"),
        ({"system_message": "a", "instruction": "b"}, "do not name one kind"),
        ({"instruction": "a", "request_id": "r"}, "do not name one kind"),
        ({"request_id": "r"}, "the keys request_id do not name one kind"),
        ({"guidance": "a"}, "the keys guidance do not name one kind"),
        ({"image_detail": "low"}, "do not name one kind"),
    ],
)
def test_a_dict_that_names_no_content_is_refused_with_the_keys_that_do(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidContentError) as refused:
        parse_content(given)

    assert words in str(refused.value)
    assert "action_response" not in str(refused.value)
    assert str(refused.value).endswith(
        "expected keys among arguments, assistant_response, context, developer, error, function, guidance, "
        "image_detail, images, instruction, model, raw, refusal, request_id, response_format, result, success, "
        "system_datetime, system_message, tool_calls, tool_schemas, usage, role and content"
    )


@pytest.mark.parametrize("role", ["", "User", "bot", "unset", None, 7, ["user"]])
def test_an_unknown_role_is_refused(role: Any) -> None:
    with pytest.raises(InvalidContentError, match="expected one of system, developer, user, assistant, tool, function"):
        parse_content({"role": role, "content": "a"})


@pytest.mark.parametrize("given", [None, 7, b"hello", ["hello"], object(), InstructionContent])
def test_what_is_neither_text_nor_dict_nor_content_is_refused(given: object) -> None:
    with pytest.raises(InvalidContentError, match="is no message: expected a str, a dict or a content"):
        parse_content(given)


@pytest.mark.parametrize(
    "given",
    [
        {"images": "https://a/b.png"},
        {"error": 7},
        {"function": None},
        {"arguments": [1]},
        {"system_message": 7},
        {"context": {"a": 1}},
        {"instruction": "a", "extra": [1]},
        {"role": "system", "content": ["a"]},
        InstructionContent(images=[7]),  # type: ignore[list-item]  # what a caller without types can do
        SystemContent(system_message=None),  # type: ignore[arg-type]  # what a caller without types can do
    ],
)
def test_a_value_of_the_wrong_type_is_refused(given: object) -> None:
    with pytest.raises(InvalidContentError, match=r"this is no \w+Content: Expected"):
        parse_content(given)


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {1: 2}, {"\udfff": 1}, b"bytes", object(), [10**5000]])
@pytest.mark.parametrize("wrap", [list, lambda values: {"a": values[0]}, lambda values: values[0]])
def test_a_value_that_the_record_cannot_say_is_refused(value: object, wrap: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"a message h.* expected"):
        parse_content({"instruction": wrap([value])})
    with pytest.raises(InvalidValueError, match=r"a message h.* expected"):
        parse_content(ActionResponseContent(result=wrap([value])))


def test_a_content_of_a_foreign_kind_is_refused() -> None:
    class Poem(MessageContent, frozen=True, tag="poem"):
        role: ClassVar[MessageRole] = MessageRole.USER

    with pytest.raises(InvalidContentError, match="Poem is no kind of content: expected one of InstructionContent, "):
        validate_content(Poem())


def test_success_beside_an_error_is_refused() -> None:
    for given in ({"error": "boom", "success": True}, {"role": "tool", "content": "", "error": "", "success": True}):
        with pytest.raises(InvalidContentError, match="a call with an error has not succeeded: expected success=False"):
            parse_content(given)
    with pytest.raises(InvalidContentError, match="a call with an error has not succeeded"):
        ActionResponseContent(error="boom", success=True)


@pytest.mark.parametrize("success", [1, "yes", []])
def test_success_is_true_or_false(success: Any) -> None:
    with pytest.raises(InvalidContentError, match="this is no ActionResponseContent"):
        parse_content({"result": 1, "success": success})


# --- Chat dicts and pairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "content"),
    [
        (("user", "Hi"), InstructionContent(instruction="Hi")),
        (("system", "Hi"), SystemContent(system_message="Hi")),
        (("assistant", None), AssistantResponseContent()),
        (("tool", {"a": 1}), ActionResponseContent(result={"a": 1})),
        ((MessageRole.ASSISTANT, "Hi"), AssistantResponseContent(assistant_response="Hi")),
    ],
)
def test_a_pair_of_a_role_and_a_body_is_understood(pair: tuple[str, Any], content: Content) -> None:
    assert parse_content(pair) == content


@pytest.mark.parametrize("given", [("bot", "Hi"), ("user",), ("user", "Hi", "there"), ["user", "Hi"], (None, "Hi"), ()])
def test_a_tuple_that_is_no_such_pair_is_refused(given: object) -> None:
    with pytest.raises(InvalidContentError, match="expected a str, a dict or a content, or a role and what it says"):
        parse_content(given)


@pytest.mark.parametrize(
    ("given", "content"),
    [
        (
            {"role": "tool", "content": "7", "tool_call_id": "call-1"},
            ActionResponseContent(result="7", request_id="call-1", extra={"tool_call_id": "call-1"}),
        ),
        (
            {"role": "tool", "content": "7", "tool_call_id": 9},
            ActionResponseContent(result="7", extra={"tool_call_id": 9}),
        ),
        (
            {"role": "tool", "content": "boom", "error": "boom"},
            ActionResponseContent(error="boom", extra={"error": "boom"}),
        ),
        (
            {"role": "tool", "content": "half", "success": False},
            ActionResponseContent(result="half", success=False, extra={"success": False}),
        ),
        (
            {"role": "assistant", "content": "a", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
            AssistantResponseContent(
                assistant_response="a",
                model="m",
                usage=Usage(input_tokens=3, output_tokens=4),
                extra={"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
            ),
        ),
        (
            {"role": "assistant", "content": "a", "model": ["m"], "usage": "much"},
            AssistantResponseContent(assistant_response="a", extra={"model": ["m"], "usage": "much"}),
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            AssistantResponseContent(tool_calls=[{"id": "1"}]),
        ),
        (
            {"role": "user", "content": "a", "timestamp": "2026-01-01", "context": "not a list", "has_code": False},
            InstructionContent(
                instruction="a", extra={"timestamp": "2026-01-01", "context": "not a list", "has_code": False}
            ),
        ),
    ],
)
def test_a_chat_dict_keeps_every_key_and_fills_the_fields_that_it_fits(given: dict[str, Any], content: Content) -> None:
    assert parse_content(given) == content


EVERYTHING = [
    SystemContent(system_message="a", system_datetime="2026-01-01"),
    InstructionContent(instruction="a", guidance="g", context=[1], images=["https://a.com/b.png"], image_detail="low"),
    InstructionContent(instruction="a", response_format=ResponseFormat("r", {"type": "object"}), tool_schemas=[{}]),
    AssistantResponseContent(assistant_response={"a": []}, model="m", usage=Usage(input_tokens=1), raw={"id": 1}),
    ActionRequestContent(function="f", arguments={"a": 1}, request_id="r"),
    ActionRequestContent(function="f"),
    ActionResponseContent(result=None, request_id="r"),
    ActionResponseContent(result={"half": 1}, error="boom"),
    ActionResponseContent(error=""),
    ActionResponseContent(result="x", success=False),
]


@pytest.mark.parametrize("content", EVERYTHING)
def test_a_content_told_as_a_chat_dict_is_the_same_when_it_is_read_again(content: Content) -> None:
    told = chat_from_content(content)
    again = parse_content(json.loads(json.dumps(told)))

    assert type(again) is type(content)
    assert structs.replace(again, extra={}) == content
    assert chat_from_content(again) == told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (InstructionContent(instruction="a"), {"role": "user", "content": "a"}),
        (AssistantResponseContent(), {"role": "assistant", "content": ""}),
        (ActionResponseContent(), {"role": "tool", "content": None}),
        (
            ActionResponseContent(error="boom"),
            {"role": "tool", "content": "boom", "error": "boom", "success": False},
        ),
        (
            InstructionContent(instruction="a", extra={"role": "x", "content": "y", "z": 1}),
            {"role": "user", "content": "a", "z": 1},
        ),
    ],
)
def test_a_chat_dict_says_no_more_than_is_needed(content: Content, told: dict[str, Any]) -> None:
    assert chat_from_content(content) == told


# --- Usage and response formats ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        ({}, Usage()),
        ({"input_tokens": 1, "output_tokens": 2}, Usage(input_tokens=1, output_tokens=2)),
        ({"prompt_tokens": 1, "completion_tokens": 0}, Usage(input_tokens=1, output_tokens=0)),
        (
            {"prompt_tokens": 1, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
            Usage(input_tokens=1, details={"total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}),
        ),
        ({"input_tokens": 1, "details": {"a": 1}, "b": None}, Usage(input_tokens=1, details={"a": 1, "b": None})),
        ({"input_tokens": 1, "prompt_tokens": 1}, Usage(input_tokens=1)),
        ({"input_tokens": 1, "prompt_tokens": 2}, Usage(input_tokens=1, details={"prompt_tokens": 2})),
        ({"prompt_tokens": None}, Usage()),
        ({"details": "many"}, Usage(details={"details": "many"})),
        (Usage(input_tokens=1, details={"a": 1}), Usage(input_tokens=1, details={"a": 1})),
    ],
)
def test_a_usage_is_understood_in_the_words_of_each_provider(given: Any, usage: Usage) -> None:
    assert parse_content({"assistant_response": "a", "usage": given}) == AssistantResponseContent(
        assistant_response="a", usage=usage
    )


@pytest.mark.parametrize(
    "given", [7, "much", [1], {"input_tokens": -1}, {"prompt_tokens": True}, {"input_tokens": 1.5}]
)
def test_a_usage_that_counts_nothing_is_refused(given: Any) -> None:
    with pytest.raises(InvalidContentError, match=r"usage"):
        parse_content({"assistant_response": "a", "usage": given})


class Model(pydantic.BaseModel):
    """A shape as pydantic says it."""

    name: str


class Shape(msgspec.Struct):
    """A shape as msgspec says it."""

    name: str


@dataclass
class Plain:
    """A shape as the standard library says it."""

    name: str


class Typed(TypedDict):
    """A shape of a dict."""

    name: str


@pytest.mark.parametrize("shape", [Model, Shape, Plain, Typed])
def test_a_class_is_kept_as_its_name_and_its_schema(shape: Any) -> None:
    for given in (
        {"instruction": "a", "response_format": shape},
        {"role": "user", "content": "a", "response_format": shape},
        InstructionContent(instruction="a", response_format=shape),
    ):
        found = parse_content(given)

        assert isinstance(found, InstructionContent)
        assert isinstance(found.response_format, ResponseFormat)
        assert found.response_format.name == shape.__name__
        assert __name__ not in json.dumps(found.response_format.schema)
        assert '"name": {' in json.dumps(found.response_format.schema)
        assert stored(found) == found


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"type": "object"}, "response"),
        ({"title": "Order", "type": "object"}, "Order"),
        ({"name": "Order", "schema": {"type": "object"}}, "Order"),
        (
            {"type": "json_schema", "json_schema": {"name": "Order", "schema": {"type": "object"}, "strict": True}},
            "Order",
        ),
        ({"type": "json_object"}, "json_object"),
        (ResponseFormat("Order", {"type": "object"}), "Order"),
    ],
)
def test_a_schema_is_kept_under_the_name_it_has(given: Any, name: str) -> None:
    found = parse_content({"instruction": "a", "response_format": given})

    assert isinstance(found, InstructionContent)
    assert found.response_format is not None
    assert found.response_format.name == name
    assert found.response_format.schema["type"] == "object"


@pytest.mark.parametrize("given", [{}, 7, "Order", int, object(), [Shape], {"name": 7, "schema": {}}, {"schema": []}])
def test_what_is_no_response_format_is_refused(given: Any) -> None:
    with pytest.raises(InvalidContentError, match="response format"):
        parse_content({"instruction": "a", "response_format": given})


# --- Role and success, also out of storage ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "role"),
    [
        (SystemContent(), "system"),
        (InstructionContent(), "user"),
        (InstructionContent(instruction={}), "user"),
        (AssistantResponseContent(), "assistant"),
        (AssistantResponseContent(assistant_response=None), "assistant"),
        (ActionRequestContent(), "assistant"),
        (ActionResponseContent(), "tool"),
        (ActionResponseContent(result={}), "tool"),
        (ActionResponseContent(result=[]), "tool"),
        (ActionResponseContent(result=""), "tool"),
        (ActionResponseContent(error=""), "tool"),
    ],
)
def test_an_empty_content_keeps_its_type_and_role(content: Content, role: str) -> None:
    found = stored(content)

    assert found == content
    assert type(found) is type(content)
    assert found.role == role


@pytest.mark.parametrize(
    ("content", "success"),
    [
        (ActionResponseContent(), True),
        (ActionResponseContent(result=False), True),
        (ActionResponseContent(result={"error": "of another kind"}), True),
        (ActionResponseContent(error="boom"), False),
        (ActionResponseContent(error=""), False),
        (ActionResponseContent(result="half", error=""), False),
    ],
)
def test_a_response_keeps_whether_it_succeeded(content: ActionResponseContent, success: bool) -> None:
    found = stored(content)

    assert isinstance(found, ActionResponseContent)
    assert found.success is success


def test_a_content_made_of_a_dict_comes_back_equal() -> None:
    for given in ({"result": None}, {"error": ""}, {"assistant_response": ""}, {"function": ""}, {"instruction": ""}):
        assert stored(parse_content(given)) == parse_content(given)


# --- Plain text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (SystemContent(system_message="be terse", system_datetime="2026-01-02"), "be terse"),
        (SystemContent(), ""),
        (InstructionContent(instruction="a", guidance="b", context=["c"]), "a"),
        (InstructionContent(context=["c"]), ""),
        (InstructionContent(instruction={"task": "a", "n": 1}), '{"task":"a","n":1}'),
        (InstructionContent(instruction=["a", {"type": "text", "text": "b"}]), "a\nb"),
        (InstructionContent(instruction=[]), "[]"),
        (InstructionContent(instruction=["a", 1]), '["a",1]'),
        (AssistantResponseContent(assistant_response="a"), "a"),
        (AssistantResponseContent(), ""),
        (AssistantResponseContent(assistant_response=None), ""),
        (AssistantResponseContent(assistant_response=[{"type": "text", "text": "a"}]), "a"),
        (ActionRequestContent(function="add", arguments={"a": 1}), 'add({"a":1})'),
        (ActionResponseContent(result="a"), "a"),
        (ActionResponseContent(result={"a": "\u00e9"}), '{"a":"\u00e9"}'),
        (ActionResponseContent(result=False), "false"),
        (ActionResponseContent(result=0), "0"),
        (ActionResponseContent(), ""),
        (ActionResponseContent(result="half", error="boom"), "boom"),
        (ActionResponseContent(error=""), ""),
    ],
)
def test_every_content_has_a_plain_text(content: Content, text: str) -> None:
    assert content.text == text
    assert stored(content).text == text


def test_ids_and_times_become_text() -> None:
    given = {"result": [UUID(int=1), datetime(2026, 1, 2, 3, tzinfo=UTC), {"b", "a"}]}

    assert parse_content(given) == ActionResponseContent(
        result=["00000000-0000-0000-0000-000000000001", "2026-01-02T03:00:00+00:00", ["a", "b"]]
    )
