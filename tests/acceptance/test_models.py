"""The programs that people know, with models and tools: as they are written, and asked over the wire."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from turnlog import Branch, Message, Session, SessionManager, Tool, iModel
from turnlog.content import MessageRole
from turnlog.errors import ItemNotFoundError, ToolError
from turnlog.models import ActionManager, Services
from turnlog.operations import GenerateParams, OperateParams

if TYPE_CHECKING:
    from tests.model_server import ModelServer


def said(messages: Any) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in messages]


def test_the_quick_start(server: ModelServer) -> None:
    async def program() -> None:
        # Create session with default model
        model = iModel(provider="openai", model="gpt-4o-mini")
        session = Session(default_generate_model=model, default_branch=None)

        # Create a branch for conversation
        branch = session.create_branch(
            name="main",
            capabilities={"Analysis", "Summary"},  # Allowed output types
            resources={"gpt-4o-mini"},  # Allowed services
        )

        # Messages auto-derive role from content
        user_msg = Message(content={"instruction": "Explain quantum computing"})
        assert user_msg.role == MessageRole.USER
        assistant_msg = Message(content={"assistant_response": "Quantum computing uses..."})
        assert assistant_msg.role == MessageRole.ASSISTANT

        # Conduct operations through session
        params = OperateParams(generate=GenerateParams(instruction="Hello!"))
        result = await session.operations.run("operate", branch, params=params)

        assert str(result) == "Hi there."
        assert said(branch.messages) == [("user", "Hello!"), ("assistant", "Hi there.")]

    server.will("Hi there.")
    asyncio.run(program())

    assert server.requests[0].body["messages"] == [{"role": "user", "content": "Hello!"}]
    assert server.requests[0].headers["authorization"] == "Bearer sk-for-tests"


def calculate(expression: str) -> int:
    """Adds up."""
    return sum(int(each) for each in expression.split("+"))


def search(query: str) -> list[str]:
    """Searches the web."""
    return [f"about {query}"]


def analyze(paper: str) -> str:
    """Analyzes a paper."""
    return f"{paper} is sound"


def test_a_branch_with_tools_is_talked_to(server: ModelServer) -> None:
    async def program() -> None:
        session = Session(default_generate_model=iModel("openai/gpt-4o-mini"))

        # Create branch with tools
        branch = session.create_branch(
            system="You are a helpful assistant",
            tools=[Tool(name="calculator", func=calculate), Tool(name="web_search", func=search)],
        )

        # Execute conversation
        response = await branch.communicate(instruction="What is 2+2?", guidance="Use the calculator tool")

        assert response == "It is 4."
        assert said(branch.messages)[0] == ("system", "You are a helpful assistant")
        assert branch.messages.ids == [message.id for message in branch.messages]

    server.will("It is 4.")
    asyncio.run(program())

    assert "Use the calculator tool" in server.requests[0].body["messages"][-1]["content"]


class ResearchReport(BaseModel):
    title: str


def test_research_with_tools_in_the_shape_of_a_report(server: ModelServer) -> None:
    async def program() -> None:
        session = Session(default_generate_model=iModel("openai/gpt-4o-mini"))
        branch = session.create_branch(
            tools=[Tool(name="web_search", func=search), Tool(name="paper_analyzer", func=analyze)]
        )

        # Operate with validation
        result = await branch.operate(
            instruction="Research quantum computing",
            tools=["web_search", "paper_analyzer"],
            response_format=ResearchReport,
            invoke_actions=True,
        )

        # Handle structured responses
        assert not result.action_required
        assert (result.title, result.value) == ("Qubits", ResearchReport(title="Qubits"))
        assert [response.result for response in result.action_responses] == [["about qubits"], "qubits.pdf is sound"]

        # Or make the calls oneself
        left = await branch.operate(instruction="More", tools=["web_search"], invoke_actions=False)
        assert left.action_required
        for action in left.action_requests:
            (response,) = await branch.act([action])
            assert response.result == ["about more"]

    server.will_call(
        ("call_1", "web_search", '{"query": "qubits"}'), ("call_2", "paper_analyzer", '{"paper": "qubits.pdf"}')
    )
    server.will('{"title": "Qubits"}')
    server.will_call(("call_3", "web_search", '{"query": "more"}'))
    asyncio.run(program())


def test_tools_and_a_model_are_shared_by_mail(server: ModelServer) -> None:
    async def program() -> None:
        session = Session(default_branch=None)
        research = session.create_branch(name="research")
        coding = session.create_branch(name="coding")
        assert session.default_branch.name == "research"

        # Share tools between branches
        research.mail.send(coding.id, [Tool(name="web_search", func=search)], category="tool")
        research.mail.send(coding.id, iModel("openai/gpt-4o-mini"), category="imodel")
        # Process mail
        session.mail.route(receive=True)

        assert await coding.communicate("Search.", tools=["web_search"]) == "Found."

    server.will_call(("call_1", "web_search", '{"query": "x"}'))
    server.will("Found.")
    asyncio.run(program())


class CodeReport(BaseModel):
    grade: int


def format_code(code: str) -> str:
    """Formats code."""
    raise SyntaxError(f"cannot parse {code}")


def test_a_branch_of_its_own_with_tools_models_and_errors_that_are_logged(server: ModelServer) -> None:
    async def program() -> None:
        # Configure system message, register tools early, configure models
        action_manager = ActionManager(search)
        branch = Branch(
            system={"role": "system", "content": "You are a coding assistant"},
            system_datetime=True,
            tools=[
                Tool(name="analyzer", func=analyze),
                Tool(name="formatter", func=format_code),
                *action_manager.values(),
            ],
            chat_model=iModel("openai/gpt-4o-mini"),
            parse_model=iModel("openai/gpt-4o"),
        )
        assert re.search(r"You are a coding assistant", branch.messages[0].text)
        assert set(branch.tools) == {"analyzer", "formatter", "search"}

        # Handle tool errors
        result = await branch.operate(instruction="Format code", tools=["formatter"])
        assert str(result) == "It cannot be parsed."
        assert result.action_responses[0].success is False
        try:
            await branch.act([{"function": "formatter", "arguments": {"code": "("}}])
        except ToolError as e:
            branch.logs.log(f"Tool error: {e}")
        assert branch.logs[-1].message == "Tool error: tool 'formatter' failed: SyntaxError: cannot parse ("

        # Handle parsing errors
        response = "It is fine."
        parsed = await branch.parse(text=response, request_type=CodeReport, handle_validation="return_value")
        assert parsed == CodeReport(grade=1)
        kept = await branch.parse(text=response, request_type=CodeReport, handle_validation="return_value")
        assert kept == response

    server.will_call(("call_1", "formatter", '{"code": "("}'))
    server.will("It cannot be parsed.", '{"grade": 1}', "no", "no", "no")
    asyncio.run(program())

    assert [request.body["model"] for request in server.requests] == ["gpt-4o-mini"] * 2 + ["gpt-4o"] * 4


def test_two_comedians(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-of-the-router")

    async def program() -> None:
        # Creating a session with a specified persona
        comedian1 = Session("you are sarcastically funny comedian")

        # User instruction for the AI
        instruct1 = "very short joke: a blue whale and a big shark meet at the bar and start dancing"

        # Generating a joke with a maximum token limit
        joke1 = await comedian1.chat(instruct1, max_token=50)
        assert joke1 == "The shark led."
        assert isinstance(joke1, str)

        service = Services.OpenRouter(max_tokens=1000, max_requests=10, interval=60, base_url=server.url)

        # Specifying a different AI model
        model = "mistralai/mistral-7b-instruct"

        # Creating a new session with the configured service
        comedian2 = Session("you are sarcastically funny comedian", default_generate_model=service)

        # Generating a response using the new model
        joke2 = await comedian2.chat(instruct1, model=model, max_token=50)
        assert joke2 == "The whale did."

        assert said(comedian2.messages) == said(comedian2.branches["main"].messages)
        assert [message.text for message in comedian2.concat_messages()] == [
            "you are sarcastically funny comedian",
            instruct1,
            "The whale did.",
        ]

    server.will("The shark led.", "The whale did.")
    asyncio.run(program())

    first, second = (request.body for request in server.requests)
    assert (first["model"], second["model"]) == ("gpt-4o-mini", "mistralai/mistral-7b-instruct")
    assert [body.get("max_tokens") or body["max_completion_tokens"] for body in (first, second)] == [50, 50]
    assert server.requests[1].headers["authorization"] == "Bearer sk-of-the-router"


def test_a_model_named_in_a_call_is_of_the_default_provider(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def program() -> None:
        session = Session("You are terse.")
        assert await session.chat("Hello!", model="gpt-4") == "Hi there."
        assert await session.chat("And now?") == "Still here."

    server.will("Hi there.", "Still here.")
    asyncio.run(program())
    assert [request.body["model"] for request in server.requests] == ["gpt-4", "gpt-4o-mini"]

    monkeypatch.delenv("OPENAI_API_KEY")
    session = Session("You are terse.")
    with pytest.raises(ItemNotFoundError, match="default_generate_model"):
        asyncio.run(session.chat("Hello!", model="gpt-4"))
    assert [message.text for message in session.messages] == ["You are terse."]


def test_a_service_that_is_not_loaded_is_not_replaced_by_the_default(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session uses another provider; opened without it, nothing is sent to the default one."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-of-the-router")
    id = Session("You are terse.", default_generate_model=Services.OpenRouter(base_url=server.url)).id

    with pytest.raises(ItemNotFoundError, match="gpt-4"):
        asyncio.run(Session.open(id).chat("Hello!", model="gpt-4"))
    assert server.requests == []


def test_a_loop_of_ones_own_around_a_providers_client(server: ModelServer) -> None:
    from openai import OpenAI

    server.will("A monoid.", "Also.")
    with SessionManager({"session": {"backend": "memory"}}) as manager, OpenAI() as provider:
        session = manager.create_session("coding-help")
        for user_input in ("What is a monad?", "And a burrito?"):
            session.add({"role": "user", "content": user_input})
            response = provider.chat.completions.create(messages=session.get_messages(), model="gpt-4")  # type: ignore[arg-type]  # the client wants its own TypedDicts
            content = response.choices[0].message.content
            session.add({"role": "assistant", "content": content, "model": "gpt-4"})
        manager.save(session)

        assert [message.get("model") for message in session.messages] == [None, "gpt-4", None, "gpt-4"]

    asked = [message["content"] for message in server.requests[1].body["messages"]]
    assert asked == ["What is a monad?", "A monoid.", "And a burrito?"]


def test_an_agent_of_a_framework_goes_on_from_the_history(server: ModelServer) -> None:
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def turn(role: Any, content: str) -> ModelMessage:
        if role == "assistant":
            return ModelResponse(parts=[TextPart(content)])
        return ModelRequest(parts=[UserPromptPart(content)])

    async def chat(manager: SessionManager, user_id: str, message: str) -> str:
        sessions = manager.get_sessions_for_user(user_id)
        session = sessions[0] if sessions else manager.create_session(user_id)
        history = [{"role": msg.role, "content": msg.content} for msg in session.messages]
        turns = [turn(each["role"], str(each["content"])) for each in history]
        async with AsyncOpenAI() as client:
            model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client))
            result = await Agent(model, instructions="You are helpful.").run(message, message_history=turns)
        session.add("user", message)
        session.add("assistant", result.output)
        manager.save(session)
        return result.output

    async def program() -> list[str]:
        with SessionManager({"session": {"backend": "memory"}}) as manager:
            return [await chat(manager, "ada", message) for message in ("My cat is Tom.", "Who is Tom?")]

    server.will("Nice.", "Your cat.")

    assert asyncio.run(program()) == ["Nice.", "Your cat."]
    contents = [message["content"] for message in server.requests[1].body["messages"]]
    assert contents == ["You are helpful.", "My cat is Tom.", "Nice.", "Who is Tom?"]


def test_a_failed_tool_raises_if_errors_are_not_suppressed(server: ModelServer) -> None:
    def fail() -> None:
        raise RuntimeError("it broke")

    async def program() -> None:
        branch = Branch(tools=[fail], chat_model=iModel("openai/gpt-4o-mini"))
        assert (await branch.operate("Try it.", tools=True)).text == "It failed."
        with pytest.raises(ToolError, match="it broke"):
            await branch.operate("Try it.", tools=True, suppress_errors=False)
        assert [message.role.value for message in branch.messages][-3:] == ["user", "assistant", "tool"]

    server.will_call(("call-1", "fail", "{}"))
    server.will("It failed.")
    server.will_call(("call-2", "fail", "{}"))
    asyncio.run(program())
    assert len(server.requests) == 3
