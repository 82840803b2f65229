"""Early LionAGI: branches by name, messages as DataFrames, and a model of the environment."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

import turnlog
from turnlog import Store, open_store
from turnlog.compat import lionagi_early as li

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model_server import ModelServer

COLUMNS = ["node_id", "timestamp", "role", "sender", "content"]


@pytest.fixture
def store() -> Iterator[Store]:
    """An open store."""
    with open_store("memory://") as store:
        yield store


def test_the_main_branch_is_there_from_the_start(store: Store) -> None:
    session = li.Session(store=store)

    assert list(session.branches) == ["main"]
    assert session.branches["main"] == session.default_branch
    assert list(session.messages.columns) == COLUMNS
    assert len(session.messages) == len(session.all_messages) == 0
    assert session.messages.dtypes["content"] == li.Session("A", store=store).messages.dtypes["content"]
    assert li.Session.open(session.id, store=store).branches == session.branches


def test_messages_are_a_data_frame_of_json_contents(store: Store) -> None:
    session = li.Session("Be terse.", store=store)
    main = session.branches["main"].turnlog
    main.add_many(
        [
            {"instruction": "Look it up.", "context": [{"n": 1}]},
            {"function": "search", "arguments": {"q": "events"}},
            {"result": [1, None]},
            {"error": ""},
            {"assistant_response": "Done."},
        ]
    )
    frame = session.messages

    assert list(frame["role"]) == ["system", "user", *["assistant"] * 4]
    assert list(frame["sender"]) == [
        *("system", "user", "action_request", "action_response", "action_response", "assistant"),
    ]
    assert [json.loads(content) for content in frame["content"]] == [
        {"system_info": "Be terse."},
        {"instruction": "Look it up.", "context": {"n": 1}},
        {"action_request": {"function": "search", "arguments": {"q": "events"}}},
        {"action_response": {"output": [1, None]}},
        {"action_response": {"output": None, "error": ""}},
        {"response": "Done."},
    ]
    assert str(frame["timestamp"].dt.tz) == "UTC"


def test_a_refusal_is_the_response_of_a_message_without_text(store: Store) -> None:
    session = li.Session(store=store)
    session.turnlog.default_branch.add({"role": "assistant", "content": None, "refusal": "I cannot say that."})

    assert json.loads(session.messages["content"].iloc[-1]) == {"response": "I cannot say that."}


def test_changing_a_data_frame_changes_no_message(store: Store) -> None:
    session = li.Session("Be terse.", store=store)
    frame = session.messages
    frame.loc[0, "content"] = "changed"

    assert json.loads(session.messages["content"].iloc[0]) == {"system_info": "Be terse."}


def test_all_messages_are_those_of_all_branches(store: Store) -> None:
    session = li.Session("Be terse.", store=store)
    other = session.new_branch("other", system="Be kind.")
    other.turnlog.add("Hello!")

    assert len(session.messages) == 1
    assert [json.loads(content) for content in session.all_messages["content"]] == [
        {"system_info": "Be terse."},
        {"system_info": "Be kind."},
        {"instruction": "Hello!"},
    ]


def test_branches_are_merged_removed_and_made_the_default(store: Store) -> None:
    session = li.Session(store=store)
    other = session.new_branch("other")
    other.turnlog.add("Hello!")

    with pytest.raises(ValueError, match="default"):
        session.delete_branch("main")
    with pytest.raises(ValueError, match="default"):
        session.merge_branch("main", "other", del_=True)
    assert session.turnlog.branches.keys() == ["main", "other"]
    session.merge_branch("other", "main", del_=True)
    assert list(session.branches) == ["main"]
    assert [message.text for message in session.turnlog.messages] == ["Hello!"]
    session.change_default_branch(session.new_branch("third"))
    session.delete_branch("main")
    assert list(session.branches) == ["third"]


def test_a_conversation_of_several_rounds_keeps_its_state(server: ModelServer) -> None:
    def square(number: int) -> int:
        """Squares a number."""
        return number * number

    async def program() -> str:
        session = li.Session("Be terse.", tools=[square])
        assert await session.chat("Hello!", max_token=50) == "Hi."
        assert await session.chat("And 3 squared?", tools=True, system="Be exact.") == "9."
        return session.id

    server.will("Hi.")
    server.will_call(("call-1", "square", '{"number": 3}'))
    server.will("9.")
    ordinary = turnlog.Session.open(asyncio.run(program()))

    assert [(message.role.value, message.text) for message in ordinary.messages if message.role != "tool"] == [
        ("system", "Be exact."),
        ("user", "Hello!"),
        ("assistant", "Hi."),
        ("user", "And 3 squared?"),
        ("assistant", 'square({"number":3})'),
        ("assistant", "9."),
    ]
    contents = [message["content"] for message in server.requests[1].body["messages"]]
    assert contents == ["Be exact.", "Hello!", "Hi.", "And 3 squared?"]
