"""A branch as a prompt: golden prompts that pass the providers' own request types, and each rule by an example."""

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import MessageParam, ToolParam
from msgspec.structs import replace
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import TypeAdapter, ValidationError

from turnlog import Message, Session, open_store
from turnlog.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    MessageRole,
    SystemContent,
)
from turnlog.domain.content import ResponseFormat
from turnlog.domain.message import ContentGiven
from turnlog.errors import InvalidValueError
from turnlog.projections.prompts.anthropic import AnthropicPrompt, anthropic_prompt
from turnlog.projections.prompts.openai import openai_messages
from turnlog.projections.prompts.plain import plain_messages
from turnlog.projections.prompts.render import select_messages
from turnlog.projections.prompts.tools import anthropic_tools, openai_tools

GOLDEN = Path(__file__).parent / "golden"
OPENAI = TypeAdapter(list[ChatCompletionMessageParam])
ANTHROPIC = TypeAdapter(list[MessageParam])
PIXEL = "data:image/png;base64,iVBORw0KGgo="

WEATHER = {"name": "weather", "description": "Of a city", "parameters": {"type": "object", "properties": {}}}
TIME = {"name": "time", "parameters": {"type": "object", "properties": {}}}

TEN_TURNS: tuple[ContentGiven, ...] = (
    SystemContent(system_message="You are terse.", system_datetime="2026-11-21T09:30+00:00"),
    InstructionContent(instruction="Is it warmer in Oslo or in Rome?", tool_schemas=[WEATHER]),
    AssistantResponseContent(assistant_response="I shall look."),
    ActionRequestContent(function="weather", arguments={"city": "Oslo"}, request_id="call_a"),
    ActionRequestContent(function="weather", arguments={"city": "Rome"}, request_id="call_b"),
    ActionResponseContent(result={"celsius": 21}, request_id="call_b"),
    ActionResponseContent(result={"celsius": -3}, request_id="call_a"),
    AssistantResponseContent(assistant_response="Rome, by 24 degrees."),
    InstructionContent(
        instruction="And what is this?", images=["https://example.org/a.png", PIXEL], image_detail="low"
    ),
    InstructionContent(instruction="Take your time."),
    AssistantResponseContent(assistant_response="A church."),
    {
        "role": "user",
        "content": [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"what": "church"}'}},
            {"id": "c2", "type": "function", "function": {"name": "time.now", "arguments": "{}"}},
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "Nidaros"},
    ActionResponseContent(error="no clock", request_id="c2"),
    AssistantResponseContent(assistant_response="Nidaros."),
    InstructionContent(
        instruction="Sum it up.",
        guidance="Two lines.",
        context=["Oslo: -3", {"Rome": 21}],
        tool_schemas=[TIME],
        response_format=ResponseFormat("Summary", {"type": "object"}),
    ),
    AssistantResponseContent(assistant_response={"lines": ["warm", "old"]}),
    InstructionContent(instruction="Ask for the time again."),
    ActionRequestContent(function="time.now"),
    ActionResponseContent(result=""),
)


def said(*contents: ContentGiven) -> list[Message]:
    return [Message(content, session="s", position=place) for place, content in enumerate(contents, 3)]


def call(id: str | None, **arguments: Any) -> ActionRequestContent:
    return ActionRequestContent(function="look", arguments=arguments, request_id=id)


def result(id: str | None, value: Any = "found") -> ActionResponseContent:
    return ActionResponseContent(result=value, request_id=id)


def texts(prompt: AnthropicPrompt) -> list[list[Any]]:
    return [[block.get("text", block["type"]) for block in turn["content"]] for turn in prompt.messages]


# Golden prompts


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("openai", openai_messages),
        ("anthropic", lambda given: dict(anthropic_prompt(given))),
        ("plain", plain_messages),
    ],
)
def test_ten_turns_with_parallel_calls_render_as_on_file(name: str, render: Callable[[list[Message]], Any]) -> None:
    rendered = json.dumps(render(said(*TEN_TURNS)), ensure_ascii=False, indent=1) + "\n"

    assert rendered == (GOLDEN / f"prompt.{name}.json").read_text("utf-8")


def test_the_golden_openai_prompt_passes_that_packages_request_types() -> None:
    prompt = json.loads((GOLDEN / "prompt.openai.json").read_text("utf-8"))

    list_of(OPENAI.validate_python(prompt))
    for broken in ({"role": "tool", "content": "a"}, {"role": "assistant", "tool_calls": [{"id": 1}]}, {"role": "x"}):
        with pytest.raises(ValidationError):
            list_of(OPENAI.validate_python([*prompt, broken]))


def test_the_golden_anthropic_prompt_passes_that_packages_request_types() -> None:
    prompt = json.loads((GOLDEN / "prompt.anthropic.json").read_text("utf-8"))

    list_of(ANTHROPIC.validate_python(prompt["messages"]))
    assert isinstance(prompt["system"], str)
    blocks: tuple[Any, ...] = (
        {"type": "tool_result", "content": "a"},
        {"type": "image", "source": {"type": "url"}},
        {},
    )
    for broken in blocks:
        with pytest.raises(ValidationError):
            list_of(ANTHROPIC.validate_python([*prompt["messages"], {"role": "user", "content": [broken]}]))


def list_of(validated: list[Any]) -> list[Any]:
    """Draws what pydantic validates only as it is iterated over."""
    for each in validated:
        for key in ("content", "tool_calls"):
            if not isinstance(each.get(key), str | None):
                list(each[key])
    return validated


# The system message


@pytest.mark.parametrize("first", [AssistantResponseContent(assistant_response="Hi"), call("c"), result("c"), ""])
def test_the_system_message_comes_once_and_first_whatever_follows(first: ContentGiven) -> None:
    given = said(SystemContent(system_message="Be kind."), first)

    assert [each["role"] for each in openai_messages(given)].count("system") == 1
    assert openai_messages(given)[0] == {"role": "system", "content": "Be kind."}
    assert anthropic_prompt(given).system == "Be kind."
    assert plain_messages(given)[0] == {"role": "system", "content": "Be kind."}
    assert "Be kind." not in json.dumps(anthropic_prompt(given).messages)


def test_a_system_message_behind_others_stays_at_its_place() -> None:
    two = SystemContent(system_message="Two.", developer=True)
    given = said(SystemContent(system_message="One."), "Hello", two, AssistantResponseContent(assistant_response="Hi"))

    assert openai_messages(given) == [
        {"role": "system", "content": "One."},
        {"role": "user", "content": "Hello"},
        {"role": "developer", "content": "Two."},
        {"role": "assistant", "content": "Hi"},
    ]
    assert plain_messages(given)[2] == {"role": "system", "content": "Two."}
    prompt = anthropic_prompt(given)
    assert prompt.system == "One."
    assert [turn["role"] for turn in prompt.messages] == ["user", "assistant"]
    assert texts(prompt) == [["Hello", "<system>\nTwo.\n</system>"], ["Hi"]]


def test_leading_system_messages_are_one_text_for_anthropic() -> None:
    given = said(SystemContent(system_message="One."), SystemContent(system_message="Two."), "Hello")

    assert anthropic_prompt(given).system == "One.\n\nTwo."
    assert [each["content"] for each in openai_messages(given)] == ["One.", "Two.", "Hello"]


def test_a_system_message_among_calls_comes_behind_their_results() -> None:
    given = said("Hello", call("c"), SystemContent(system_message="Two."), result("c"))

    assert [each["role"] for each in openai_messages(given)] == ["user", "assistant", "tool", "system"]
    blocks = anthropic_prompt(given).messages[-1]["content"]
    assert [block["type"] for block in blocks] == ["tool_result", "text"]


def test_a_trimmed_prompt_keeps_the_first_system_message_alone() -> None:
    given = said(SystemContent(system_message="One."), "a", SystemContent(system_message="Two."), "b", "c")

    assert [each.text for each in select_messages(given, None, 2, None, len)] == ["One.", "b", "c"]
    assert [each.text for each in select_messages(given, None, 3, None, len)] == ["One.", "Two.", "b", "c"]


def test_a_blank_system_message_is_not_sent_to_anthropic() -> None:
    assert dict(anthropic_prompt(said(SystemContent(), "Hello"))).keys() == {"messages"}


# User and assistant


def test_consecutive_user_messages_are_all_kept() -> None:
    given = said("one", "two", "two")

    assert [each["content"] for each in openai_messages(given)] == ["one", "two", "two"]
    assert texts(anthropic_prompt(given)) == [["one", "two", "two"]]


def test_consecutive_answers_share_a_turn_with_anthropic_alone() -> None:
    given = said("q", {"assistant_response": "one"}, {"assistant_response": "two"}, "on")

    assert [each["content"] for each in openai_messages(given)] == ["q", "one", "two", "on"]
    assert texts(anthropic_prompt(given)) == [["q"], ["one", "two"], ["on"]]


def test_empty_messages_are_not_left_out() -> None:
    given = said("", {"assistant_response": " \n"}, "")

    assert [each["content"] for each in openai_messages(given)] == ["", " \n", ""]
    assert texts(anthropic_prompt(given)) == [["(no text)"], ["(no text)"], ["(no text)"]]


def test_a_conversation_that_the_assistant_opens_is_opened_by_a_note_with_anthropic() -> None:
    prompt = anthropic_prompt(said({"assistant_response": "Hello. \n"}))

    assert texts(prompt) == [["(the conversation begins before what is shown here)"], ["Hello."]]


def test_only_the_newest_instruction_brings_its_schema_of_the_answer() -> None:
    wanted = InstructionContent(instruction="Sum", response_format=ResponseFormat("Sum", {"type": "number"}))
    first, second = openai_messages(said(wanted, wanted))

    assert first["content"] == "## Instruction\nSum\n\n## Response format\nSum"
    assert second["content"].endswith('Answer with JSON of the schema Sum:\n{"type":"number"}')


def test_parts_of_one_provider_are_translated_for_the_other() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What?"}, {"type": "hologram", "x": 1}]
    given = said({"role": "user", "content": parts})

    assert openai_messages(given)[0]["content"] == [
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "text", "text": "What?"},
        {"type": "text", "text": '{"type":"hologram","x":1}'},
    ]
    assert anthropic_prompt(given).messages[0]["content"][0] == {"type": "image", "source": source}
    assert plain_messages(given)[0]["content"].startswith("(image: data:image/png;base64, 12 characters)")


def test_calls_and_results_among_anthropic_parts_are_calls_and_results() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}
    outcome = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "no"}],
        "is_error": True,
    }
    given = said(
        "q",
        {"role": "assistant", "content": [{"type": "text", "text": "Wait."}, use]},
        {"role": "user", "content": [outcome, {"type": "text", "text": "Sorry"}]},
    )

    assert anthropic_prompt(given).messages[1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": "Wait."}, use]},
        {
            "role": "user",
            "content": [
                outcome,
                {"type": "text", "text": "Sorry"},
            ],
        },
    ]
    assert [each["role"] for each in openai_messages(given)] == ["user", "assistant", "tool", "user"]


class Note(MessageContent, frozen=True, tag="note"):
    words: str = ""

    @property
    def body(self) -> Any:
        return self.words


def test_a_content_of_an_unknown_kind_is_rendered_by_its_role_and_its_text() -> None:
    unknown = replace(Message("seen"), content=Note(words="seen"))

    assert unknown.role is MessageRole.UNSET
    assert openai_messages([unknown]) == [{"role": "user", "content": "seen"}]


# Calls and results


def test_parallel_calls_are_one_message_and_their_results_follow_in_its_order() -> None:
    given = said("q", call("a"), call("b"), result("b", "B"), result("a", "A"))

    assert openai_messages(given)[1:] == [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "A"},
        {"role": "tool", "tool_call_id": "b", "content": "B"},
    ]


def test_a_result_that_came_late_stands_behind_its_call() -> None:
    given = said("q", call("a"), "Hurry!", result("a"))

    assert [each["role"] for each in openai_messages(given)] == ["user", "assistant", "tool", "user"]


def test_a_call_without_a_result_is_answered_by_a_note() -> None:
    given = said("q", call("a"), "Never mind")

    assert openai_messages(given)[2]["content"] == "(no result of this call is on the record)"
    assert anthropic_prompt(given).messages[2]["content"][0]["tool_use_id"] == "a"


def test_a_result_without_a_call_is_told_to_the_model() -> None:
    given = said(result("a", "A"), ActionResponseContent(error="broken", request_id="b"))

    assert openai_messages(given) == [
        {"role": "user", "content": "(result of a tool call a that is not shown here)\nA"},
        {"role": "user", "content": "(error of a tool call b that is not shown here)\nbroken"},
    ]


def test_a_second_result_of_one_call_is_not_lost() -> None:
    prompt = openai_messages(said("q", call("a"), result("a", "first"), result("a", "second")))

    assert [each["role"] for each in prompt] == ["user", "assistant", "tool", "user"]
    assert prompt[3]["content"].endswith("second")


def test_calls_without_an_id_are_named_by_their_position() -> None:
    prompt = openai_messages(said("q", call(None), call(None), result(None, "one"), result(None, "two")))

    assert [(each["tool_call_id"], each["content"]) for each in prompt[2:]] == [("call_4", "one"), ("call_5", "two")]


def test_an_id_that_comes_again_is_made_unique_and_one_that_is_refused_is_made_to_fit() -> None:
    prompt = openai_messages(
        said(call("a"), result("a", 1), call("a"), result("a", 2), call("ä" * 50), result("ä" * 50))
    )
    ids = [each["tool_call_id"] for each in prompt if each["role"] == "tool"]

    assert [id[:3] for id in ids] == ["a", "a_2", "___"]
    assert len(ids[2]) == 40


@pytest.mark.parametrize(
    ("content", "openai", "anthropic"),
    [
        (ActionResponseContent(result=""), "", {"content": '""'}),
        (ActionResponseContent(result=None), "null", {"content": "null"}),
        (ActionResponseContent(result=[]), "[]", {"content": "[]"}),
        (ActionResponseContent(error=""), "Error: (without words)", {"content": '""', "is_error": True}),
        (ActionResponseContent(error="no"), "Error: no", {"content": "no", "is_error": True}),
        (ActionResponseContent(result="half", success=False), "Error: half", {"content": "half", "is_error": True}),
    ],
)
def test_empty_results_and_errors_are_shown_as_what_they_are(
    content: ActionResponseContent, openai: str, anthropic: dict[str, Any]
) -> None:
    given = said("q", call(None), content)

    assert openai_messages(given)[2]["content"] == openai
    assert anthropic_prompt(given).messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_4", **anthropic}
    ]


def test_arguments_that_are_no_json_object_reach_both_providers() -> None:
    wrong = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{oops"}}
    given = said("q", {"role": "assistant", "content": "", "tool_calls": [wrong]})

    assert openai_messages(given)[1]["tool_calls"][0]["function"]["arguments"] == "{oops"
    assert anthropic_prompt(given).messages[1]["content"][0]["input"] == {"arguments": "{oops"}


def test_a_message_that_answers_and_calls_is_one_message() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    given = said("q", {"role": "assistant", "content": "Wait.", "tool_calls": calls}, result("a"))

    assert openai_messages(given)[1] == {"role": "assistant", "content": "Wait.", "tool_calls": calls}


def test_changing_a_prompt_changes_no_message() -> None:
    given = said("q", call("a", deep={"x": [1]}))
    before = copy.deepcopy(given)
    anthropic_prompt(given).messages[1]["content"][0]["input"]["deep"]["x"].append(2)

    assert given == before


# Tools


def test_tools_are_in_the_words_of_the_provider_and_not_in_the_text() -> None:
    schemas = [WEATHER, {"name": "time", "input_schema": {"type": "object"}}, {"type": "function", "function": TIME}]
    message = Message(InstructionContent(instruction="q", tool_schemas=schemas))

    TypeAdapter(list[ChatCompletionFunctionToolParam]).validate_python(openai_tools(message))
    TypeAdapter(list[ToolParam]).validate_python(anthropic_tools(message))
    assert [each["function"]["name"] for each in openai_tools(message)] == ["weather", "time", "time"]
    assert [each["name"] for each in anthropic_tools(message)] == ["weather", "time", "time"]
    assert openai_messages([message]) == [{"role": "user", "content": "q"}]


# At the door


def test_a_branch_is_rendered_with_what_is_about_to_be_asked_and_nothing_is_recorded() -> None:
    with open_store("memory://") as store:
        session = Session("Be kind.", store=store)
        main = session.default_branch
        main.add("one")
        before = session.position

        assert main.to_chat(new="two") == [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "one"},
            {"role": "user", "content": "two"},
        ]
        asked = main.to_chat("anthropic", new={"instruction": "two"})
        assert {**asked} == {"system": "Be kind.", "messages": asked.messages}
        assert [each["content"] for each in main.to_chat(new=SystemContent(system_message="Be brief."))] == [
            "Be kind.",
            "one",
            "Be brief.",
        ]
        assert session.to_chat("plain") == session.at(session.position).to_chat("plain")
        assert (
            main.to_tools(new=InstructionContent(instruction="q", tool_schemas=[TIME]))[0]["function"]["name"] == "time"
        )
        assert (session.position, len(main.messages)) == (before, 2)


def test_a_session_without_a_branch_renders_as_nothing_and_makes_none() -> None:
    with open_store("memory://") as store:
        session = Session(store=store)
        before = session.position

        assert (session.to_chat(), session.token_count(), session.token_count()) == ([], 0, 0)
        assert session.position == before


def test_an_unknown_format_is_refused_with_the_formats_there_are() -> None:
    with open_store("memory://") as store, pytest.raises(InvalidValueError) as refused:
        Session(store=store).default_branch.to_chat("yaml")

    assert str(refused.value) == "format is 'yaml'; expected one of 'openai', 'anthropic', 'openai-responses', 'plain'"


async def _both(session: Session) -> tuple[Any, Any]:
    return await session.ato_chat(), await session.default_branch.atoken_count()


def test_the_awaited_twins_answer_the_same() -> None:
    with open_store("memory://") as store:
        session = Session("Be kind.", store=store)
        session.default_branch.add("one")

        assert asyncio.run(_both(session)) == (session.to_chat(), session.token_count())
