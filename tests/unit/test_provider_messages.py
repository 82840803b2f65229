"""Messages of OpenAI's and Anthropic's clients: what they become, what text they have, and what goes back."""

from typing import Any

import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import Response
from pydantic import BaseModel, TypeAdapter

from turnlog.domain.chat import chat_from_content
from turnlog.domain.content import (
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    Usage,
)
from turnlog.domain.content_parsing import parse_content
from turnlog.domain.errors import InvalidContentError
from turnlog.domain.images import images_in
from turnlog.domain.message import Message
from turnlog.projections.prompts.anthropic import anthropic_prompt
from turnlog.projections.prompts.openai import openai_messages
from turnlog.projections.prompts.responses import responses_items

PARIS = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
ROME = {"id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
THINKING = {"type": "thinking", "thinking": "Which city?", "signature": "c2ln"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Look it up"}],
    "encrypted_content": "b3BhcXVl",
}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}],
}
FUNCTION_CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city":"Paris"}',
    "status": "completed",
}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"}


def completion_message(**given: Any) -> ChatCompletionMessage:
    return ChatCompletionMessage.model_validate({"role": "assistant", "content": None, **given})


def anthropic_message(*blocks: dict[str, Any]) -> AnthropicMessage:
    return AnthropicMessage.model_validate(
        {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5",
            "content": list(blocks),
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 4},
        }
    )


def response(*output: dict[str, Any]) -> Response:
    return Response.model_validate(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1700000000,
            "status": "completed",
            "model": "gpt-5",
            "output": list(output),
            "instructions": "Be terse.",
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 9,
                "output_tokens": 4,
                "total_tokens": 13,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        }
    )


def recorded(*given: Any) -> list[Message]:
    return [Message(parse_content(each), session="s", position=place) for place, each in enumerate(given, 3)]


def answer_of(given: Any) -> AssistantResponseContent:
    content = parse_content(given)
    assert isinstance(content, AssistantResponseContent)
    return content


# --- OpenAI's chat completions ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["object", "dump", "dump without None", "choice", "dict"])
def test_a_message_with_tool_calls_is_one_message_in_every_form(form: str) -> None:
    message = completion_message(content="One moment.", tool_calls=[PARIS, ROME])
    forms: dict[str, Any] = {
        "object": message,
        "dump": message.model_dump(),
        "dump without None": message.model_dump(exclude_none=True),
        "choice": {"role": "assistant", "content": "One moment.", "tool_calls": message.tool_calls},
        "dict": {"role": "assistant", "content": "One moment.", "tool_calls": [PARIS, ROME]},
    }

    content = answer_of(forms[form])

    assert content.tool_calls == [PARIS, ROME]
    assert content.text == 'One moment.\nget_weather({"city": "Paris"})\nget_weather({"city": "Rome"})'


def test_a_message_of_tool_calls_alone_needs_no_content() -> None:
    message = completion_message(tool_calls=[PARIS])
    given = message.model_dump(exclude_none=True)
    assert "content" not in given

    for each in (given, message):
        content = answer_of(each)
        assert (content.text, content.tool_calls) == ('get_weather({"city": "Paris"})', [PARIS])


def test_a_completion_with_one_choice_is_its_message_with_model_and_usage() -> None:
    form: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-5",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "logprobs": None,
                "message": {"role": "assistant", "content": None, "tool_calls": [PARIS]},
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    }

    content = answer_of(ChatCompletion.model_validate(form))

    assert content == answer_of(form)
    assert content.tool_calls == [PARIS]
    assert (content.model, content.usage) == (
        "gpt-5",
        Usage(input_tokens=9, output_tokens=4, details={"total_tokens": 13}),
    )
    with pytest.raises(InvalidContentError, match="has 2 choices"):
        parse_content({**form, "choices": form["choices"] * 2})


def test_a_refusal_is_kept_and_visible() -> None:
    content = answer_of(completion_message(refusal="I cannot help with that."))

    assert (content.refusal, content.text) == ("I cannot help with that.", "I cannot help with that.")
    assert openai_messages(recorded("q", completion_message(refusal="No."))) == [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "refusal": "No."},
    ]


def test_older_and_other_calls_are_visible() -> None:
    custom = {"id": "call_3", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    older = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}}
    spoken = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "transcript": "Good morning."}}

    assert answer_of(completion_message(tool_calls=[custom])).text == "run(print(1))"
    assert answer_of(older).text == "look({})"
    assert answer_of(spoken).text == "Good morning."


def test_an_empty_answer_is_an_empty_message() -> None:
    assert answer_of(completion_message()).text == ""
    assert answer_of(completion_message().model_dump(exclude_none=True)).text == ""


@pytest.mark.parametrize("role", ["user", "system", "developer", "tool"])
def test_a_message_without_content_is_refused_by_name_of_its_role(role: str) -> None:
    with pytest.raises(InvalidContentError) as refused:
        parse_content({"role": role})

    assert str(refused.value) == f"a message of the role '{role}' needs the key \"content\": expected role and content"


@pytest.mark.parametrize("given", [{"text": "Hi"}, {"assistant_response": "Hi"}, {"instruction": "Hi"}])
def test_an_answer_under_another_key_than_content_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidContentError, match='needs the key "content", and has '):
        parse_content({"role": "assistant", **given})


def test_tool_calls_that_are_no_list_are_refused() -> None:
    with pytest.raises(InvalidContentError, match="tool_calls must be a list of calls, not 'str'"):
        parse_content({"role": "assistant", "content": None, "tool_calls": "get_weather"})


def test_a_chat_completion_goes_back_as_it_came() -> None:
    extra = {**PARIS, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    custom = {"id": "call_3", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    given = [
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "content": "One moment.", "tool_calls": [extra, ROME]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
        {"role": "tool", "tool_call_id": "call_2", "content": "24 degrees"},
        {"role": "assistant", "tool_calls": [custom]},
        {"role": "tool", "tool_call_id": "call_3", "content": "1"},
        {"role": "assistant", "content": "Warm."},
    ]

    assert openai_messages(recorded(*given)) == given


# --- Anthropic's messages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["message", "dump", "blocks", "dicts", "content of objects"])
def test_blocks_are_one_message_in_every_form(form: str) -> None:
    blocks: list[dict[str, Any]] = [THINKING, {"type": "text", "text": "Let me see."}, USE]
    message = anthropic_message(*blocks)
    forms: dict[str, Any] = {
        "message": message,
        "dump": message.model_dump(exclude_none=True),
        "blocks": message.content,
        "dicts": blocks,
        "content of objects": {"role": "assistant", "content": message.content},
    }

    content = answer_of(forms[form])

    assert content.assistant_response == blocks
    assert content.text == 'Let me see.\nget_weather({"city":"Paris"})'
    if form in ("message", "dump"):
        assert (content.model, content.usage) == (
            "claude-haiku-4-5",
            Usage(input_tokens=9, output_tokens=4),
        )


def test_blocks_of_text_alone_are_the_models_if_they_are_objects() -> None:
    assert answer_of([TextBlock(type="text", text="Hi")]).text == "Hi"
    with pytest.raises(InvalidContentError, match="does not say who speaks"):
        parse_content([{"type": "text", "text": "Hi"}])
    with pytest.raises(InvalidContentError, match="parts of several messages"):
        parse_content([USE, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21"}])


def test_a_list_of_objects_is_understood_like_their_dicts() -> None:
    objects = [
        ThinkingBlock.model_validate(THINKING),
        TextBlock(type="text", text="Let me see."),
        ToolUseBlock.model_validate(USE),
    ]

    assert answer_of(objects) == answer_of([THINKING, {"type": "text", "text": "Let me see."}, USE])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("21 degrees", "21 degrees"),
        ([{"type": "text", "text": "21"}, {"type": "text", "text": "degrees"}], "21\ndegrees"),
        ([{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}], "[image]"),
        ([], ""),
    ],
)
def test_tool_results_of_a_user_are_visible(content: Any, text: str) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}

    assert parse_content({"role": "user", "content": [result]}) == InstructionContent(instruction=[result])
    assert parse_content({"role": "user", "content": [result, {"type": "text", "text": "And now?"}]}).text == (
        "\n".join(line for line in (text, "And now?") if line)
    )
    assert parse_content([result]) == parse_content(result) == InstructionContent(instruction=[result])


def test_anthropic_messages_go_back_as_they_came() -> None:
    given: list[dict[str, Any]] = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "How warm is it?", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "role": "assistant",
            "content": [
                THINKING,
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {"type": "text", "text": "Let me see."},
                USE,
                {"type": "text", "text": "And that:"},
                {**USE, "id": "toolu_2", "caller": {"type": "direct"}},
                {"type": "block_of_tomorrow", "data": [1]},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "21"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no", "is_error": True},
                {"type": "text", "text": "Well?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Paris"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                {"type": "text", "text": "It is warm.", "citations": [{"type": "page_location"}]},
            ],
        },
    ]

    assert anthropic_prompt(recorded(*given)).messages == given


# --- OpenAI's responses -----------------------------------------------------------------------------------


def test_a_response_is_one_message_with_model_and_usage() -> None:
    content = answer_of(response(REASONING, SAID, FUNCTION_CALL))

    assert content.assistant_response == [REASONING, SAID, FUNCTION_CALL]
    assert content.text == 'Let me see.\nget_weather({"city":"Paris"})'
    assert content.model == "gpt-5"
    assert content.usage is not None
    assert (content.usage.input_tokens, content.usage.output_tokens) == (9, 4)
    assert content.extra["id"] == "resp_1"
    assert "instructions" not in content.extra
    assert answer_of(response()).text == ""


def test_items_of_a_response_can_be_added_one_by_one() -> None:
    items = response(REASONING, SAID, FUNCTION_CALL).output

    assert [answer_of(each).text for each in items] == ["[reasoning]", "Let me see.", 'get_weather({"city":"Paris"})']
    assert answer_of(items).assistant_response == [REASONING, SAID, FUNCTION_CALL]


def test_an_output_is_the_result_of_its_call() -> None:
    content = parse_content(OUTPUT)

    assert content == ActionResponseContent(
        result="21 degrees", request_id="call_1", extra={"type": "function_call_output", "call_id": "call_1"}
    )
    assert parse_content(chat_from_content(content)) == content


@pytest.mark.parametrize("add", ["the response", "its output", "one by one"])
def test_items_go_back_as_they_came(add: str) -> None:
    found = response(REASONING, SAID, FUNCTION_CALL, {**FUNCTION_CALL, "id": "fc_2", "call_id": "call_2"})
    added: dict[str, list[Any]] = {
        "the response": [found],
        "its output": [found.output],
        "one by one": list(found.output),
    }
    outputs = [OUTPUT, {**OUTPUT, "call_id": "call_2", "id": "fco_2", "status": "completed"}]

    items = responses_items(recorded("How warm is it?", *added[add], *outputs))

    assert items == [
        {"role": "user", "content": "How warm is it?"},
        REASONING,
        SAID,
        FUNCTION_CALL,
        {**FUNCTION_CALL, "id": "fc_2", "call_id": "call_2"},
        *outputs,
    ]


def test_custom_calls_of_a_response_go_back_as_they_came() -> None:
    call = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "run", "input": "print(1)"}
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "1"}
    hosted = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}

    assert responses_items(recorded(call, output)) == [call, output]
    assert responses_items(recorded([hosted, SAID])) == [hosted, SAID]


# --- For another provider ---------------------------------------------------------------------------------

CONVERSATIONS: dict[str, list[Any]] = {
    "openai": [
        {"role": "assistant", "content": "Let me see.", "tool_calls": [PARIS]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21"},
    ],
    "anthropic": [
        {"role": "assistant", "content": [THINKING, {"type": "text", "text": "Let me see."}, {**USE, "id": "call_1"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "21"}]},
    ],
    "responses": [[REASONING, SAID, FUNCTION_CALL], {**OUTPUT, "output": "21"}],
}


@pytest.mark.parametrize("origin", CONVERSATIONS)
def test_what_one_provider_said_can_be_sent_to_the_others(origin: str) -> None:
    messages = recorded("How warm is it?", *CONVERSATIONS[origin])

    assert [each["role"] for each in openai_messages(messages)] == ["user", "assistant", "tool"]
    _, asked, result = openai_messages(messages)
    assert (asked["content"], [each["id"] for each in asked["tool_calls"]]) == ("Let me see.", ["call_1"])
    assert asked["tool_calls"][0]["function"]["name"] == "get_weather"
    assert asked["tool_calls"][0].keys() == {"id", "type", "function"}
    assert (result["tool_call_id"], result["content"]) == ("call_1", "21")

    _, use, outcome = anthropic_prompt(messages).messages
    thinking = [THINKING] if origin == "anthropic" else []
    assert use["content"] == [*thinking, {"type": "text", "text": "Let me see."}, {**USE, "id": "call_1"}]
    assert outcome["content"] == [{"type": "tool_result", "tool_use_id": "call_1", "content": "21"}]

    items = responses_items(messages)
    assert [each.get("type", each.get("role")) for each in items] == (
        ["user", "reasoning", "message", "function_call", "function_call_output"]
        if origin == "responses"
        else ["user", "assistant", "function_call", "function_call_output"]
    )


def test_reasoning_alone_is_sent_to_no_other_provider() -> None:
    messages = recorded("q", REASONING, "And?")

    assert openai_messages(messages) == [{"role": "user", "content": "q"}, {"role": "user", "content": "And?"}]
    assert [each["role"] for each in anthropic_prompt(messages).messages] == ["user"]
    assert responses_items(messages)[1] == REASONING


# --- Values beside messages -------------------------------------------------------------------------------


class Weather(BaseModel):
    city: str
    wind: int | None = None


def test_an_object_as_a_result_is_stored_whole() -> None:
    assert parse_content({"result": Weather(city="Paris")}) == ActionResponseContent(
        result={"city": "Paris", "wind": None}
    )
    with pytest.raises(InvalidContentError, match="unknown keys city, wind"):
        parse_content(Weather(city="Paris"))


def test_an_image_in_the_arguments_of_a_call_is_the_models() -> None:
    use = {**USE, "input": {"image_url": "http://localhost/a.png"}}

    assert list(images_in(parse_content([use]))) == []
    assert list(
        images_in(parse_content({"role": "assistant", "content": [use, {"type": "image_url", "image_url": "x"}]}))
    )


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(ValueError, match="nested too deep"):
        parse_content({"role": "user", "content": loop})


# --- Laws -------------------------------------------------------------------------------------------------

names = st.sampled_from(["get_weather", "look-up", "f"])
ids = st.text("abc123_", min_size=3, max_size=12)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
values = st.dictionaries(words, st.none() | st.booleans() | st.integers() | words | st.lists(words, max_size=2))


@given(
    st.none() | words,
    st.lists(st.tuples(ids, names, words), min_size=1, max_size=3, unique_by=lambda each: each[0]),
    st.lists(words, min_size=3, max_size=3),
)
def test_every_chat_completion_goes_back_as_it_came(
    text: str | None, calls: list[tuple[str, str, str]], results: list[str]
) -> None:
    tool_calls = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id, name, arguments in calls
    ]
    said = {} if text is None else {"content": text}
    given = [
        {"role": "user", "content": "q"},
        {"role": "assistant", **said, "tool_calls": tool_calls},
        *(
            {"role": "tool", "tool_call_id": id, "content": result}
            for (id, _, _), result in zip(calls, results, strict=False)
        ),
    ]

    assert openai_messages(recorded(*given)) == given


@given(
    st.lists(
        st.one_of(
            st.just(THINKING),
            words.map(lambda text: {"type": "text", "text": text}),
            st.tuples(ids, names, values).map(
                lambda use: {"type": "tool_use", "id": use[0], "name": use[1], "input": use[2]}
            ),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda block: str(block.get("id", id(block))),
    )
)
def test_every_list_of_blocks_goes_back_as_it_came(blocks: list[dict[str, Any]]) -> None:
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "21"} for block in blocks if "id" in block
    ]
    given = [
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": blocks},
        *([{"role": "user", "content": results}] if results else []),
    ]

    assert anthropic_prompt(recorded(*given)).messages == given
    TypeAdapter(list[Any]).validate_python(openai_messages(recorded(*given)))


@given(st.lists(st.sampled_from([REASONING, SAID, FUNCTION_CALL]), min_size=1, max_size=3, unique_by=id))
def test_a_content_is_the_same_read_back_from_its_chat_dict(items: list[dict[str, Any]]) -> None:
    for each in (response(*items), items, anthropic_message(THINKING, USE), completion_message(tool_calls=[PARIS])):
        content: MessageContent = parse_content(each)
        assert parse_content(chat_from_content(content)) == content
