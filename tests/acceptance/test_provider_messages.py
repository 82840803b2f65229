"""Messages of plain clients, added as the clients return them: visible everywhere, and sent back as they came."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import Message as AnthropicMessage
from openai.types.chat import ChatCompletionMessage
from openai.types.responses import Response

from turnlog import Branch, Session, SessionManager, open_store, search
from turnlog.errors import InvalidContentError
from turnlog.projections.transcript import Transcript

ARGUMENTS = '{"city": "Paris"}'
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ARGUMENTS}}
ASKED = {"role": "assistant", "content": "One moment.", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
THINKING = {"type": "thinking", "thinking": "Which city?", "signature": "c2ln"}
USE = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}
BLOCKS = [THINKING, {"type": "text", "text": "One moment."}, USE]
USE_RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "21 degrees"}]}
ITEMS = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "b3BhcXVl"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "One moment.", "annotations": []}],
    },
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": ARGUMENTS},
]
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"}


def chat_completion() -> ChatCompletionMessage:
    return ChatCompletionMessage.model_validate(ASKED)


def anthropic_message() -> AnthropicMessage:
    usage = {"input_tokens": 9, "output_tokens": 4}
    about = {"id": "msg_01", "type": "message", "model": "claude-haiku-4-5", "stop_reason": "tool_use"}
    return AnthropicMessage.model_validate({**about, "role": "assistant", "content": BLOCKS, "usage": usage})


def response() -> Response:
    about = {"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "gpt-5", "status": "completed"}
    beside = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return Response.model_validate({**about, **beside, "output": ITEMS})


FORMS: dict[str, tuple[str, Callable[[], Any], Any]] = {
    "a chat completion's message": ("openai", chat_completion, RESULT),
    "its dict": ("openai", lambda: chat_completion().model_dump(), RESULT),
    "its dict without None": ("openai", lambda: chat_completion().model_dump(exclude_none=True), RESULT),
    "a message of Anthropic": ("anthropic", anthropic_message, USE_RESULT),
    "its blocks": ("anthropic", lambda: anthropic_message().content, USE_RESULT),
    "a role and its blocks": ("anthropic", lambda: ("assistant", anthropic_message().content), USE_RESULT),
    "blocks as dicts": ("anthropic", lambda: {"role": "assistant", "content": BLOCKS}, USE_RESULT),
    "a response": ("openai-responses", response, OUTPUT),
    "its output": ("openai-responses", lambda: response().output, OUTPUT),
    "items as dicts": ("openai-responses", lambda: ITEMS, OUTPUT),
}
SENT_BACK: dict[str, list[Any]] = {
    "openai": [{"role": "user", "content": "Is it warm in Paris?"}, ASKED, RESULT],
    "anthropic": [
        {"role": "user", "content": [{"type": "text", "text": "Is it warm in Paris?"}]},
        {"role": "assistant", "content": BLOCKS},
        USE_RESULT,
    ],
    "openai-responses": [{"role": "user", "content": "Is it warm in Paris?"}, *ITEMS, OUTPUT],
}


def added(branch: Branch, form: str) -> str:
    """Adds a question, a call of a tool as a client returned it, and its result; the provider whose form it is."""
    provider, made, result = FORMS[form]
    branch.add("Is it warm in Paris?")
    branch.add(made())
    branch.add(result)
    return provider


def sent(branch: Branch, provider: str) -> Any:
    prompt = branch.to_chat(provider)
    return prompt["messages"] if provider == "anthropic" else prompt  # type: ignore[call-overload]  # by its name


@pytest.mark.parametrize("form", FORMS)
def test_a_message_of_a_client_is_visible_and_sent_back_as_it_came(form: str, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        store.attach(Transcript())
        session = Session(store=store)
        provider = added(session.default_branch, form)
        session = Session.open(session.id, store=store)
        branch = session.default_branch
        call = "get_weather({})".format(ARGUMENTS if provider != "anthropic" else ARGUMENTS.replace(" ", ""))
        texts = ["Is it warm in Paris?", f"One moment.\n{call}", "21 degrees"]

        assert [message.text for message in session.messages] == texts
        assert sent(branch, provider) == SENT_BACK[provider]
        for other in SENT_BACK:
            told = json.dumps(sent(branch, other))
            assert all(word in told for word in ("call_1", "get_weather", "Paris", "One moment.", "21 degrees"))
        assert session.messages.to_arrow().column("text").to_pylist() == texts
        rows = store.sql("select text from messages where role <> 'system' order by position").rows()
        assert [row["text"] for row in rows] == texts
        assert [found.message.text for found in search("get_weather", store=store)] == [texts[1]]
        assert [found.message.text for found in session.search('"21 degrees"')] == [texts[2]]
        assert [message.text for message in session.messages.filter(contains="get_weather")] == [texts[1]]


def test_calls_of_tools_are_in_exports_and_are_read_back(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        manager = SessionManager(store=store)
        for number, form in enumerate(FORMS):
            provider = added(manager.create_session(f"s{number}").default_branch, form)
            exported = {}
            for kind in ("json", "markdown", "html", "openai", "sharegpt"):
                manager.export_sessions(tmp_path / f"{number}.{kind}", f"s{number}", form=kind)
                exported[kind] = (tmp_path / f"{number}.{kind}").read_text("utf-8")
                assert "get_weather" in exported[kind]
                assert "21 degrees" in exported[kind]
            line = json.loads(exported["openai"])
            assert line["messages"][1]["tool_calls"][0]["id"] == "call_1"

            again = Session(messages=json.loads(exported["json"])["messages"], store=store)
            assert [message.content for message in again.messages] == [
                message.content for message in manager.get(f"s{number}").messages
            ]
            assert sent(again.default_branch, provider) == SENT_BACK[provider]


def test_calls_of_tools_are_on_the_command_line(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        session = Session(store=store)
        for form in ("a chat completion's message", "a message of Anthropic", "a response"):
            added(session.default_branch, form)

    def said(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("turnlog")), *arguments]
        environment = {**os.environ, "TURNLOG_STORE": f"sqlite:///{tmp_path}/turnlog.db"}
        return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True).stdout

    assert said("show", session.id).count("    One moment.\n    get_weather({") == 3
    assert said("log", session.id).count("assistant: One moment. get_weather({") == 3


def test_a_message_without_content_is_refused_and_writes_nothing() -> None:
    with open_store("memory://") as store:
        session = Session(store=store)
        branch, before = session.default_branch, session.position

        with pytest.raises(InvalidContentError, match=r"a message of the role 'user' needs the key \"content\""):
            branch.add({"role": "user"})
        for alone in (chat_completion(), response()):
            with pytest.raises(ValueError, match="expected a list of messages"):
                branch.add_many(alone)
        assert session.position == before
        assert branch.add({"role": "assistant"}).text == ""
