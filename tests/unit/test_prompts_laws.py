"""What holds of every prompt, whatever messages it is made from, whole or trimmed."""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from anthropic.types import MessageParam
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from turnlog import Message, Session, open_store
from turnlog.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageRole,
    SystemContent,
)
from turnlog.errors import InvalidValueError, PromptTooLongError
from turnlog.projections.prompts.anthropic import anthropic_prompt
from turnlog.projections.prompts.message_items import message_items
from turnlog.projections.prompts.message_parts import ToolCallItem, ToolResultItem
from turnlog.projections.prompts.openai import openai_messages
from turnlog.projections.prompts.plain import plain_messages
from turnlog.projections.prompts.render import select_messages
from turnlog.projections.prompts.tokens import estimate, messages_tokens
from turnlog.projections.prompts.tool_turns import build_turns
from turnlog.projections.prompts.truncate import REACH, turns_backwards

OPENAI = TypeAdapter(list[ChatCompletionMessageParam])
ANTHROPIC = TypeAdapter(list[MessageParam])

# Words that are found again wherever they went: letters that neither JSON nor an id changes.
words = st.text("abcxyz", min_size=3, max_size=6).map(lambda text: f"w{text}w")
texts = st.one_of(words, st.sampled_from(["", " ", "\n\t"]))
ids = st.sampled_from([None, "a", "b", "c", "a_2", "call_3", "é!", "l" * 50])
values = st.one_of(texts, st.none(), st.just([]), st.lists(words), st.dictionaries(words, words), st.booleans())
names = st.sampled_from(["find", "math.add", "", "時間"])

tool_calls = st.lists(
    st.builds(
        lambda id, name, arguments: {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}},
        ids,
        names,
        st.one_of(words, st.just('{"x": 1}'), st.just("")),
    ),
    max_size=3,
)
contents = st.one_of(
    st.builds(lambda text: InstructionContent(instruction=text), st.one_of(texts, values)),
    st.builds(lambda text, more: InstructionContent(instruction=text, guidance=more, context=[more]), texts, words),
    st.builds(lambda text: AssistantResponseContent(assistant_response=text), st.one_of(texts, values)),
    st.builds(
        lambda text, calls: AssistantResponseContent(assistant_response=text, tool_calls=calls),
        texts,
        tool_calls,
    ),
    st.builds(
        lambda name, given, id: ActionRequestContent(function=name, arguments=given, request_id=id),
        names,
        st.dictionaries(words, values, max_size=2),
        ids,
    ),
    st.builds(lambda value, id: ActionResponseContent(result=value, request_id=id), values, ids),
    st.builds(lambda value, id: ActionResponseContent(error=value, request_id=id), texts, ids),
    st.builds(lambda text: SystemContent(system_message=text), words),
)
conversations = st.lists(contents, max_size=14).map(
    lambda given: [Message(content, session="s", position=place) for place, content in enumerate(given, 3)]
)


def drawn(validated: list[Any]) -> None:
    for each in validated:
        for key in ("content", "tool_calls"):
            if not isinstance(each.get(key), str | None):
                list(each[key])


def check_openai(prompt: list[dict[str, Any]]) -> None:
    drawn(OPENAI.validate_python(json.loads(json.dumps(prompt))))
    open_ids: list[str] = []
    seen: set[str] = set()
    for each in prompt:
        if each["role"] == "tool":
            assert each["tool_call_id"] in open_ids
            open_ids.remove(each["tool_call_id"])
        else:
            assert open_ids == []
        for call in each.get("tool_calls", ()):
            assert call["id"] not in seen
            assert len(call["id"]) <= 40
            assert call["function"]["name"]
            seen.add(call["id"])
            open_ids.append(call["id"])
    assert open_ids == []


def check_anthropic(prompt: Any) -> None:
    drawn(ANTHROPIC.validate_python(json.loads(json.dumps(prompt.messages))))
    turns = prompt.messages
    assert [turn["role"] for turn in turns] == [("user", "assistant")[place % 2] for place in range(len(turns))]
    assert prompt.system is None or prompt.system.strip()
    asked: list[str] = []
    seen: set[str] = set()
    for turn in turns:
        assert turn["content"]
        results = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
        assert [block["type"] for block in turn["content"]][: len(results)] == ["tool_result"] * len(results)
        assert results == asked
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
        asked = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        assert not seen & set(asked)
        assert len(set(asked)) == len(asked)
        seen |= set(asked)
    assert asked == []
    if turns and turns[-1]["role"] == "assistant":
        last = turns[-1]["content"][-1]["text"]
        assert last == last.rstrip()


def words_in(value: Any) -> list[str]:
    return sorted(re.findall("w[abcxyz]{3,6}w", json.dumps(value)))


def spoken(messages: Sequence[Message]) -> list[str]:
    """The words that a conversation holds, wherever in its contents."""
    held: list[Any] = []
    for message in messages:
        content = message.content
        left_out = ("request_id", "extra", "tool_calls")
        held += [getattr(content, name) for name in content.__struct_fields__ if name not in left_out]
        calls = content.tool_calls if isinstance(content, AssistantResponseContent) else []
        held += [call["function"]["arguments"] for call in calls]
    return words_in(held)


@settings(max_examples=400)
@given(conversations)
def test_every_prompt_is_one_that_its_provider_takes(messages: list[Message]) -> None:
    check_openai(openai_messages(messages))
    check_anthropic(anthropic_prompt(messages))


@settings(max_examples=300)
@given(conversations)
def test_no_word_is_lost_in_any_format(messages: list[Message]) -> None:
    said = spoken(messages)

    assert words_in(openai_messages(messages)) == said
    assert words_in(dict(anthropic_prompt(messages))) == said
    assert words_in(plain_messages(messages)) == said


@given(conversations)
def test_rendering_twice_gives_the_same_bytes_and_leaves_the_messages_as_they_were(messages: list[Message]) -> None:
    before = [message.content for message in json_copy(messages)]

    for render in (openai_messages, anthropic_prompt, plain_messages):
        one, two = render(messages), render(json_copy(messages))
        assert repr(one) == repr(two)
        assert one == two
    assert [message.content for message in messages] == before


def json_copy(messages: list[Message]) -> list[Message]:
    return copy.deepcopy(messages)


@settings(max_examples=300)
@given(conversations, st.integers(0, 8))
def test_the_last_turns_are_a_prompt_too_and_the_end_of_the_whole(messages: list[Message], last: int) -> None:
    front = [each for each in messages[:1] if each.role is MessageRole.SYSTEM]
    found = select_messages(messages, None, last, None, estimate)
    kept, turns = found[len(front) :], messages[len(front) :]

    assert found[: len(front)] == front
    assert kept == turns[len(turns) - len(kept) :]
    assert len(kept) >= min(last, len(list(turns_backwards(reversed(turns)))))
    check_openai(openai_messages(kept))
    check_anthropic(anthropic_prompt(kept))
    assert pairs(kept) == {call: result for call, result in pairs(turns).items() if call in calls(kept)}


def calls(messages: list[Message]) -> set[tuple[int | None, str]]:
    return {
        (item.position, repr(item))
        for each in messages
        for item in message_items(each)
        if isinstance(item, ToolCallItem)
    }


def pairs(messages: list[Message]) -> dict[tuple[int | None, str], ToolResultItem]:
    found = [each for turn in build_turns(messages) for each in getattr(turn, "calls", ())]
    return {(each.call.position, repr(each.call)): each.result for each in found}


@settings(max_examples=200)
@given(conversations, st.integers(0, 120))
def test_a_prompt_within_a_budget_fits_or_is_refused(messages: list[Message], budget: int) -> None:
    kept = within(messages, budget)
    if kept is None:
        return
    assert messages_tokens(kept, estimate) <= budget
    check_openai(openai_messages(kept))
    check_anthropic(anthropic_prompt(kept))


def within(messages: list[Message], budget: int) -> list[Message] | None:
    """What is kept; None if that is refused, because the least there could be needs more."""
    least = select_messages(messages, None, 1, None, estimate)
    if messages_tokens(least, estimate) <= budget:
        return select_messages(messages, None, None, budget, estimate)
    with pytest.raises(PromptTooLongError):
        select_messages(messages, None, None, budget, estimate)
    return None


# Trimming, by examples


def said(*contents: Any) -> list[Message]:
    return [Message(content, session="s", position=place) for place, content in enumerate(contents, 3)]


def ask(id: str) -> ActionRequestContent:
    return ActionRequestContent(function="look", request_id=id)


def answer(id: str) -> ActionResponseContent:
    return ActionResponseContent(result=id, request_id=id)


def places(turns: Any) -> list[list[int]]:
    return [[each.position for each in reversed(turn)] for turn in turns]


def test_parallel_calls_and_their_results_are_one_turn() -> None:
    messages = said("q", ask("a"), ask("b"), answer("b"), "wait", answer("a"), "on")

    assert places(turns_backwards(reversed(messages))) == [[9], [4, 5, 6, 7, 8], [3]]


def test_parallel_calls_of_which_one_has_no_result_are_not_parted() -> None:
    messages = said("q", ask("a"), ask("b"), answer("b"), "on")

    assert places(turns_backwards(reversed(messages))) == [[7], [4, 5, 6], [3]]


def test_a_result_without_a_call_is_a_turn_of_its_own() -> None:
    messages = said("p", "q", answer("x"), ask("a"), answer("a"))

    assert places(turns_backwards(reversed(messages))) == [[6, 7], [5], [4], [3]]


def test_a_call_is_looked_for_only_so_far_back() -> None:
    class Read(list[Message]):
        read = 0

        def __reversed__(self) -> Any:
            for each in super().__reversed__():
                self.read += 1
                yield each

    messages = Read(said(*(f"m{place}" for place in range(5000)), answer("x"), "on"))

    assert [each.text for each in select_messages(messages, None, 3, None, estimate)] == ["m4999", "x", "on"]
    assert messages.read <= REACH + 3


def test_a_budget_counts_the_system_message_and_what_is_new() -> None:
    messages = said(SystemContent(system_message="Be kind."), "one", "two")
    whole = messages_tokens([*messages, Message("three")], estimate)

    assert [each.text for each in select_messages(messages, Message("three"), None, whole, estimate)] == [
        "Be kind.",
        "one",
        "two",
        "three",
    ]
    assert [each.text for each in select_messages(messages, Message("three"), None, whole - 1, estimate)] == [
        "Be kind.",
        "two",
        "three",
    ]
    with pytest.raises(PromptTooLongError) as refused:
        select_messages(messages, Message("three"), None, 8, estimate)
    assert str(refused.value) == (
        "the system message and the newest turn have 12 tokens, and max_tokens is 8; allow 12 or more"
    )


@pytest.mark.parametrize("bounds", [{"last": -1}, {"last": True}, {"max_tokens": 1.5}, {"max_tokens": "9"}])
def test_a_bound_that_is_no_whole_number_is_refused(bounds: dict[str, Any]) -> None:
    with open_store("memory://") as store, pytest.raises(InvalidValueError):
        Session(store=store).default_branch.to_chat(**bounds)


@pytest.mark.parametrize("last", [1, 3])
def test_the_last_turns_of_a_long_branch_are_read_from_its_end(last: int) -> None:
    with open_store("memory://") as store:
        main = Session("Be kind.", store=store).default_branch
        main.add_many([f"m{place}" for place in range(2000)])

        assert [each["content"] for each in main.to_chat(last=last)] == [
            "Be kind.",
            *[f"m{place}" for place in range(2000 - last, 2000)],
        ]
