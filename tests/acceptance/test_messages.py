"""Messages as a program meets them: given in many forms, read like objects or dicts, exported, imported, replaced."""

import asyncio
import copy
import json
from datetime import datetime
from typing import Any

import msgspec
import pydantic
import pytest

from turnlog import Message, Session, Store
from turnlog.content import (
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageRole,
    Origin,
    Usage,
    validate_response,
)
from turnlog.errors import (
    ImageNotAllowedError,
    InvalidContentError,
    InvalidValueError,
    ReadOnlyError,
    ResponseFormatError,
)


@pytest.fixture
def session(store: Store) -> Session:
    return Session("Be brief.", store=store)


# --- Given in many forms ----------------------------------------------------------------------------------


def test_a_role_and_what_it_says_can_be_given_in_any_way(session: Session) -> None:
    session.add("user", "Hello!")
    session.add("assistant", "Hi!", sender="model")
    session.add(role="user", content="How are you?")
    session.add(("assistant", "Fine."))
    session.default_branch.add("user", "Good.")
    session.default_branch.add(("tool", {"mood": "good"}))
    session.default_branch.add_many([("user", "a"), {"role": "assistant", "content": "b"}])
    asyncio.run(session.aadd("user", "Bye."))

    assert [(message.role.value, message.text) for message in session.messages] == [
        ("system", "Be brief."),
        ("user", "Hello!"),
        ("assistant", "Hi!"),
        ("user", "How are you?"),
        ("assistant", "Fine."),
        ("user", "Good."),
        ("tool", '{"mood":"good"}'),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "Bye."),
    ]
    assert session.messages[2].sender == "model"


@pytest.mark.parametrize(
    "given",
    [
        {"content": "Hi", "body": "there"},
        {"content": ("user", "Hi"), "body": "there"},
        {"content": "user", "body": "Hi", "role": "user"},
        {"role": "user"},
        {"body": "Hi"},
        {},
        {"content": "Hi", "role": "bot"},
    ],
)
def test_what_does_not_say_who_speaks_and_what_is_refused(session: Session, given: dict[str, Any]) -> None:
    before = session.position

    for add in (session.add, session.default_branch.add):
        with pytest.raises((InvalidContentError, InvalidValueError), match="expected"):
            add(**given)

    assert session.position == before


def test_a_pair_given_where_several_messages_belong_is_not_taken_to_pieces(session: Session) -> None:
    with pytest.raises(InvalidValueError, match="expected a list of messages"):
        session.default_branch.add_many(("user", "Hi"))


def test_the_extra_keys_of_a_chat_dict_are_kept(session: Session, store: Store) -> None:
    given = {
        "role": "assistant",
        "content": "def f(): ...",
        "timestamp": "2026-01-02T03:04:05",
        "model": "gpt-4",
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        "token_estimate": 3,
        "has_code": True,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    session.add(given)
    session.add({"role": "tool", "tool_call_id": "c1", "content": ""})

    _, answer, result = Session.open(session.id, store=store).messages

    assert dict(answer) == given
    assert answer["timestamp"] == "2026-01-02T03:04:05"
    assert isinstance(answer.content, AssistantResponseContent)
    assert answer.content.model == "gpt-4"
    assert answer.content.usage == Usage(input_tokens=3, output_tokens=4, details={"total_tokens": 7})
    assert isinstance(result.content, ActionResponseContent)
    assert (result.content.request_id, result.content.success) == ("c1", True)


# --- Read -------------------------------------------------------------------------------------------------


def test_messages_read_like_objects_and_like_dicts(session: Session) -> None:
    session.add("user", "Hello!")

    for message in session.messages:
        assert (message.role, str(message.content)) == (message["role"], message["content"])
        assert message.get("content", "").lower() in ("be brief.", "hello!")
    assert session.messages[1].role == MessageRole.USER
    assert [dict(message) for message in session.messages] == session.get_messages()


def test_what_a_reader_does_to_a_message_reaches_nobody_else(session: Session) -> None:
    arguments: dict[str, Any] = {"a": [1]}
    added = session.add({"function": "f", "arguments": arguments}, metadata={"m": [1]})
    arguments["a"].append(2)

    for message in (added, session.messages[1], next(iter(session.at(session.position).messages.last(1)))):
        assert message["arguments"] == {"a": [1]}
        with pytest.raises(ReadOnlyError):
            message["arguments"]["a"].append(3)
        with pytest.raises(ReadOnlyError):
            message.metadata["m"].append(3)
        with pytest.raises(ReadOnlyError):
            message.metadata.update(x=1)
        with pytest.raises(ReadOnlyError):
            message["arguments"].clear()
    own = copy.deepcopy(session.messages[1]["arguments"])
    own["a"].append(4)
    dicts = session.get_messages()
    dicts[1]["arguments"]["a"].append(5)
    dicts.clear()
    assert session.messages[1]["arguments"] == {"a": [1]}
    assert session.messages[1].metadata == {"m": [1]}


def test_the_last_messages_are_given_as_dicts(session: Session) -> None:
    session.default_branch.add_many(["one", "two", ("assistant", "three")])

    assert session.get_messages(limit=2) == [
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "three"},
    ]
    assert [told.text for told in session.get_messages(2)] == ["two", "three"]
    assert session.get_messages(0) == []
    assert len(session.get_messages(99)) == len(session.get_messages()) == len(session.get_messages(None)) == 4
    assert session.default_branch.get_messages(1) == asyncio.run(session.aget_messages(1))
    assert session.at(3).get_messages() == [{"role": "system", "content": "Be brief."}]
    assert json.loads(json.dumps(session.get_messages(), indent=2)) == session.get_messages()


@pytest.mark.parametrize("limit", [-1, True, 1.0, "2", [2]])
def test_a_limit_that_is_no_number_of_messages_is_refused(session: Session, limit: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected a number of messages"):
        session.get_messages(limit)
    with pytest.raises(InvalidValueError, match="expected a number of messages"):
        session.default_branch.get_messages(limit=limit)


# --- Replaced, cleared, truncated -------------------------------------------------------------------------


def test_assigning_messages_replaces_them_in_one_commit_and_the_old_ones_stay_on_the_record(session: Session) -> None:
    session.default_branch.add_many(["one", "two"])
    before = session.position
    exported = json.loads(json.dumps(session.get_messages()))

    session.messages = [{"role": "system", "content": "Be kind."}, "three", ("assistant", "four")]

    assert [message.text for message in session.messages] == ["Be kind.", "three", "four"]
    assert [message.origin for message in session.messages][1:] == [Origin.LOADED, Origin.LOADED]
    assert {event.time for event in session.events(after=before)} == {list(session.events())[-1].time}
    assert [message.text for message in session.at(before).messages] == ["Be brief.", "one", "two"]

    session.messages = exported
    assert session.get_messages() == exported
    session.messages = ["alone"]
    assert [message.text for message in session.messages] == ["alone"]
    session.messages = []
    assert list(session.messages) == []
    asyncio.run(session.default_branch.areplace(["again"]))
    session.messages = session.messages
    assert [message.text for message in session.messages] == ["again"]


def test_assigning_something_that_is_no_list_of_messages_changes_nothing(session: Session) -> None:
    before = session.position

    for wrong in ("text", {"role": "user", "content": "x"}, ("user", "x"), 7, None, ["fine", {}], ["fine", 7]):
        with pytest.raises((InvalidContentError, InvalidValueError)):
            session.messages = wrong  # type: ignore[assignment]  # that is the point
    with pytest.raises(ImageNotAllowedError):
        session.messages = [{"instruction": "x", "images": ["file:///etc/passwd"]}]
    with pytest.raises((AttributeError, ReadOnlyError)):
        session.at(before).messages = []  # type: ignore[misc, assignment]  # that is the point
    with pytest.raises(ReadOnlyError):
        session.at(before).default_branch.clear()  # type: ignore[attr-defined]  # that is the point

    assert session.position == before


def test_messages_are_cleared_and_truncated_by_the_session(store: Store) -> None:
    session = Session(store=store)
    session.messages = ["one", "two", "three"]
    session.default_branch.truncate(2)
    assert [message.text for message in session.messages] == ["two", "three"]
    asyncio.run(session.default_branch.atruncate(1))
    assert [message.text for message in session.messages] == ["three"]
    session.default_branch.clear()
    assert list(session.messages) == []
    session.default_branch.undo()
    assert [message.text for message in session.messages] == ["three"]
    asyncio.run(session.default_branch.aclear())
    assert list(session.messages) == []
    for wrong in (-1, True, "1", None):
        with pytest.raises(InvalidValueError):
            session.default_branch.truncate(wrong)  # type: ignore[arg-type]  # that is the point


# --- Exported and imported --------------------------------------------------------------------------------


def test_a_message_travels_as_json_and_knows_where_it_came_from(session: Session, store: Store) -> None:
    first = session.add({"error": "", "request_id": "r"}, sender="tool", metadata={"clone_from": "mine"})
    other = Session(store=store)

    second = other.add(Message.from_json(first.to_json()))
    third = Session(store=store).add(second.clone(sender="ada"))
    reread = Session.open(third.session or "", store=store).messages[0]

    assert Message.from_json(first.to_json()) == first
    assert isinstance(first.created_at, datetime)
    assert (reread.sender, reread.metadata, reread.origin) == ("ada", {"clone_from": "mine"}, Origin.CLONED)
    assert reread.lineage == (second.id, first.id)
    assert isinstance(reread.content, ActionResponseContent)
    assert reread.content.success is False


def test_a_content_of_a_programs_own_is_read_by_a_program_that_does_not_know_it(
    store: Store, address: str, elsewhere: Any
) -> None:
    program = """
import sys
from typing import ClassVar
from turnlog import Session, open_store
from turnlog.content import MessageContent, MessageRole, content_type

@content_type("invoice.shown")
class Invoice(MessageContent, frozen=True):
    role: ClassVar[MessageRole] = MessageRole.ASSISTANT
    number: int

    @property
    def body(self):
        return f"Invoice {self.number}"

with open_store(sys.argv[1]) as store:
    session = Session(session_id="s", store=store)
    print(session.add(Invoice(number=7)).text)
"""
    assert elsewhere.run(program, address) == "Invoice 7\n"

    session = Session.open("s", store=store)
    (message,) = session.messages
    assert (message.role, message["number"], message["type"]) == ("assistant", 7, "invoice.shown")
    assert session.add(message).content == message.content
    assert store.verify("s").ok


# --- Structured output ------------------------------------------------------------------------------------


class Item(pydantic.BaseModel):
    """One thing on an order."""

    price: float


class Order(pydantic.BaseModel):
    """What somebody orders."""

    items: list[Item]


class Point(msgspec.Struct):
    """A place."""

    x: int


def test_a_reopened_session_holds_an_answer_against_the_shape_that_was_asked_for(
    session: Session, store: Store
) -> None:
    session.add({"instruction": "Order tea.", "response_format": Order})
    session.add({"role": "user", "content": "Where?", "response_format": Point})
    session.add({"assistant_response": '{"items": [{"price": 2.5}]}'})

    _, order, place, answer = Session.open(session.id, store=store).messages

    assert isinstance(order.content, InstructionContent)
    assert order.content.response_format is not None
    assert order.content.response_format.name == "Order"
    assert validate_response(order, answer) == {"items": [{"price": 2.5}]}
    blocks = [{"type": "thinking", "thinking": "?"}, {"type": "text", "text": '{"items": []}'}]
    assert validate_response(order, session.add({"role": "assistant", "content": blocks})) == {"items": []}
    assert validate_response(place.content, {"x": 1}) == {"x": 1}
    with pytest.raises(
        ResponseFormatError, match=r"does not match 'Order' at \$\.items\[0\]\.price: expected type \"number\""
    ):
        validate_response(order, {"items": [{"price": "secret"}]})
    with pytest.raises(ResponseFormatError, match=r"at \$: expected required \[\"items\"\]"):
        validate_response(order, {})
    with pytest.raises(ResponseFormatError, match="expected JSON"):
        validate_response(order, Message({"assistant_response": "No."}))
    with pytest.raises(InvalidValueError, match="asks for no response format"):
        validate_response(Message("What?"), {})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "#/$defs/nothing"},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "no such type"},
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="the schema of 'response'"):
        validate_response(schema, {"a": 1})
