"""Tools that a model may call: several at once, none that it may not, and none whose failure is taken for success."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, get_ident
from typing import Any

import pytest
from pydantic import BaseModel

from tests.integration.models.asking import anthropic, line, openai
from tests.model_server import ModelServer, Reply
from turnlog import Branch, Session, Store, Tool
from turnlog.content import ActionResponseContent
from turnlog.errors import AccessDeniedError, InvalidValueError, ItemNotFoundError, ToolError, ToolTimeoutError
from turnlog.models import ActionManager


def add(a: int, b: int = 0) -> int:
    """Adds two numbers."""
    return a + b


async def double(number: int) -> dict[str, int]:
    """Doubles a number."""
    return {"twice": number * 2}


class Report(BaseModel):
    title: str


def results(branch: Branch) -> list[tuple[object, str | None]]:
    found = [message.content for message in branch.messages if isinstance(message.content, ActionResponseContent)]
    return [(content.result, content.error) for content in found]


@pytest.mark.parametrize("make", [openai, anthropic])
def test_parallel_calls_are_made_and_each_result_belongs_to_its_call(
    server: ModelServer, store: Store, make: Any
) -> None:
    async def program() -> str:
        async with make(server) as model:
            session = Session(default_generate_model=model, store=store)
            branch = session.create_branch(name="work", tools=[Tool(name="calculator", func=add), double])
            text: str = await branch.communicate(
                instruction="What is 2+2?", guidance="Use the calculator tool", tools=["calculator", "double"]
            )
            assert sorted(results(branch), key=str) == [(4, None), ({"twice": 8}, None)]
            roles = [message.role.value for message in branch.messages]
            assert roles == ["user", "assistant", "assistant", "tool", "tool", "assistant"]
            return text

    calls = [("call_1", "calculator", '{"a": 2, "b": 2}'), ("call_2", "double", '{"number": 4}')]
    server.will(Reply(calls=calls), "It is 4.")

    assert asyncio.run(program()) == "It is 4."
    again = json.dumps(server.requests[1].body["messages"])
    assert again.index("call_1") < again.rindex("call_1") < again.rindex("call_2")
    assert '{\\"twice\\":8}' in again
    assert "Adds two numbers." in json.dumps(server.requests[0].body["tools"])


@pytest.mark.parametrize("make", [openai, anthropic])
def test_calls_come_by_a_stream_as_well(server: ModelServer, store: Store, make: Any) -> None:
    async def program() -> list[str]:
        async with make(server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            return [piece async for piece in session.default_branch.stream("2+2?", tools=["add"])]

    server.will(Reply(calls=[("call_1", "add", '{"a": 2, "b": 2}')]), "It is 4.")

    assert "".join(asyncio.run(program())) == "It is 4."


def raising(a: int) -> int:
    """Raises."""
    raise RuntimeError("the pipe burst")


def unserialisable() -> object:
    """Answers with what no JSON can say."""
    return object()


def hanging_apart() -> None:
    """Never answers, in its thread."""
    Event().wait()


async def hanging() -> None:
    """Never answers."""
    await asyncio.Event().wait()


FAILING: list[tuple[Callable[..., Any], str, str]] = [
    (raising, '{"a": 1}', "RuntimeError: the pipe burst"),
    (raising, '{"a": "many"}', "arguments do not fit: a: Input should be a valid integer"),
    (raising, '{"b": 1}', "a: Field required"),
    (raising, "{not json", "its arguments are no JSON object"),
    (unserialisable, "{}", "holds a object; expected plain JSON values"),
    (hanging, "{}", "no result within 0.05 s"),
    (hanging_apart, "{}", "no result within 0.05 s"),
]


@pytest.mark.parametrize(("function", "arguments", "reason"), FAILING)
def test_a_tool_that_fails_is_a_failure_on_the_record_and_to_the_model(
    server: ModelServer, store: Store, function: Callable[..., Any], arguments: str, reason: str
) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[function], store=store)
            done = await session.operate("Try.", tools=[function.__name__], tool_timeout=0.05)
            assert str(done) == "It failed."
            ((result, error),) = results(session.default_branch)
            assert result is None
            assert reason in (error or "")

    server.will(Reply(calls=[("call_1", function.__name__, arguments)]), "It failed.")
    asyncio.run(program())

    assert reason in json.dumps(server.requests[1].body["messages"])


def test_an_unknown_tool_is_told_to_the_model_as_such(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            await session.operate("Try.", tools=["add"])
            ((_, error),) = results(session.default_branch)
            assert error == "tool 'subtract' does not exist; expected one of 'add'"

    server.will(Reply(calls=[("call_1", "subtract", "{}")]), "Sorry.")
    asyncio.run(program())


def test_a_tool_that_the_branch_may_not_use_is_denied_before_any_call(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[add, double], store=store)
            branch = session.create_branch("narrow", resources={"gpt-4o-mini", "double"})
            with pytest.raises(AccessDeniedError) as denial:
                await branch.communicate("2+2?", tools=["add"])
            assert denial.value.requested == ("add",)
            assert denial.value.available == ("double", "gpt-4o-mini")
            assert [each.name for each in session.events()][-1] == "work.access_denied"
            with pytest.raises(AccessDeniedError):
                await branch.act([{"function": "add", "arguments": {"a": 1}}])

    asyncio.run(program())

    assert server.requests == []


def test_a_denied_tool_that_the_model_asks_for_all_the_same_is_not_called(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[raising, double], store=store)
            branch = session.create_branch("narrow", resources={"gpt-4o-mini", "double"})
            await branch.communicate("Try.", tools=["double"])
            ((result, error),) = results(branch)
            assert (result, "has no access to raising" in (error or "")) == (None, True)
            assert "work.access_denied" in [each.name for each in session.events()]

    server.will(Reply(calls=[("call_1", "raising", '{"a": 1}')]), "I may not.")
    asyncio.run(program())


def test_models_and_shapes_that_a_branch_may_not_use_are_denied(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            nothing = session.create_branch("nothing", resources=set())
            with pytest.raises(AccessDeniedError):
                await nothing.chat("Hello!")
            with pytest.raises(AccessDeniedError):
                await nothing.generate("Hello!")
            no_shape = session.create_branch("no shape", capabilities={"Analysis"})
            with pytest.raises(AccessDeniedError) as denial:
                await no_shape.operate("Report.", response_format=Report)
            assert (denial.value.kind, denial.value.requested) == ("capabilities", ("Report",))
            assert list(no_shape.messages) == []

    asyncio.run(program())

    assert server.requests == []


@pytest.mark.parametrize("named", ["gpt-4o-mini", "openai/gpt-4o-mini", "thrifty"])
def test_a_resource_is_named_by_its_service_or_its_model(server: ModelServer, store: Store, named: str) -> None:
    async def program() -> str:
        async with openai(server, name="thrifty") as model:
            session = Session(default_generate_model=model, store=store)
            return await session.create_branch("b", resources={named}).chat("Hello!")

    server.will("Hi.")

    assert asyncio.run(program()) == "Hi."


def test_calls_that_are_left_to_be_made_are_made_by_hand(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            branch = session.default_branch
            result = await branch.operate("2+2?", tools=["add"], invoke_actions=False)
            assert result.action_required
            for action in result.action_requests:
                (response,) = await branch.act([action])
                assert (response.result, response.request_id) == (4, "call_1")
            assert await branch.chat() == "It is 4."
            assert [role for role, _ in line(session)] == ["user", "assistant", "tool", "assistant"]

    server.will(Reply(calls=[("call_1", "add", '{"a": 2, "b": 2}')]), "It is 4.")
    asyncio.run(program())


def test_research_with_tools_ends_in_a_report(server: ModelServer, store: Store) -> None:
    def web_search(query: str) -> list[str]:
        """Searches."""
        return [f"about {query}"]

    async def program() -> None:
        async with openai(server) as model:
            session = Session(store=store)
            branch = session.create_branch(
                system="You are a helpful assistant", tools=[Tool(name="web_search", func=web_search)], model=model
            )
            result = await branch.operate(
                instruction="Research quantum computing",
                tools=["web_search"],
                response_format=Report,
                invoke_actions=True,
            )
            assert result.value == Report(title="Qubits")
            assert (result.title, result.action_required, result.steps) == ("Qubits", False, 2)
            assert [response.result for response in result.action_responses] == [["about qubits"]]

    server.will(Reply(calls=[("call_1", "web_search", '{"query": "qubits"}')]), '{"title": "Qubits"}')
    asyncio.run(program())


def test_a_failed_call_by_hand_raises_and_is_on_the_record(store: Store) -> None:
    session = Session(tools=[raising], store=store)
    branch = session.default_branch

    with pytest.raises(ToolError, match="the pipe burst"):
        asyncio.run(branch.act([{"function": "raising", "arguments": {"a": 1}}]))
    assert results(branch)[0][1] is not None
    assert session.operations[0].status == "failed"


def test_working_things_out_ends_at_the_last_step(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            result = await session.default_branch.react("Count.", max_steps=3)
            assert (result.steps, result.reason_stopped) == (3, "max_steps")

    server.will(*[Reply(calls=[(f"call_{number}", "add", '{"a": 1}')]) for number in range(3)])
    asyncio.run(program())


def test_an_operation_of_ones_own_is_on_the_record(server: ModelServer, store: Store) -> None:
    async def title(work: Any, params: Any) -> str:
        answer, _ = await work.ask()
        await work.say([])
        return f"{params['before']} {answer.text}"

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            session.default_branch.add("Tides come and go.")
            session.operations.register("title", title)
            assert await session.operations.run("title", before="On") == "On tides"
            assert (session.operations[0].name, session.operations[0].result) == ("title", "On tides")
            with pytest.raises(InvalidValueError, match="override"):
                session.operations.register("chat", title)

    server.will("tides")
    asyncio.run(program())


# Tools alone


def any_names(branch: str, service_name: str, self: int, poll_timeout: float = 1, *rest: int, **more: int) -> list[Any]:
    return [branch, service_name, self, poll_timeout, list(rest), more]


def test_arguments_may_have_any_name() -> None:
    given = {"branch": "b", "service_name": "s", "self": 1, "model_config": 5}

    assert asyncio.run(Tool(any_names).call(given)) == ["b", "s", 1, 1, [], {"model_config": 5}]


@dataclass
class Point:
    x: int


def test_results_with_fields_are_recorded_by_these() -> None:
    assert asyncio.run(Tool(lambda: Point(1), name="point").call({})) == {"x": 1}
    assert asyncio.run(Tool(lambda: Report(title="a"), name="report").call({})) == {"title": "a"}


def test_arguments_are_made_into_what_the_function_takes() -> None:
    seen: list[object] = []

    def take(report: Report, numbers: set[int]) -> None:
        seen.extend([report, numbers])

    asyncio.run(Tool(take).call({"report": {"title": "a"}, "numbers": [1, 1]}))

    assert seen == [Report(title="a"), {1}]


def test_a_plain_function_leaves_the_event_loop_alone() -> None:
    released = Event()
    threads: list[int] = []

    def wait() -> str:
        threads.append(get_ident())
        released.wait(30)
        return "done"

    async def program() -> str:
        call = asyncio.create_task(Tool(wait).call({}))
        while not threads:
            await asyncio.sleep(0)
        released.set()
        return str(await call)

    assert asyncio.run(program()) == "done"
    assert threads != [get_ident()]


def test_a_schema_says_what_the_function_takes() -> None:
    assert Tool(add, name="ad").schema == {
        "type": "function",
        "function": {
            "name": "ad",
            "description": "Adds two numbers.",
            "parameters": {
                "type": "object",
                "properties": {
                    "a": {"title": "A", "type": "integer"},
                    "b": {"title": "B", "type": "integer", "default": 0},
                },
                "required": ["a"],
                "additionalProperties": False,
            },
        },
    }


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(InvalidValueError):
        Tool(name="nothing")
    with pytest.raises(ToolError):
        asyncio.run(Tool(add).call({"a": 1, "c": 2}))
    with pytest.raises(ToolTimeoutError):
        asyncio.run(Tool(hanging, timeout=0.01).call({}))
    with pytest.raises(ToolError, match="TimeoutError"):
        asyncio.run(Tool(lambda: (_ for _ in ()).throw(TimeoutError("its own")), name="late").call({}))


def test_tools_are_kept_by_their_names() -> None:
    manager = ActionManager(add, [double])

    assert list(manager) == ["add", "double"]
    assert [schema["function"]["name"] for schema in manager.schemas()] == ["add", "double"]
    with pytest.raises(ItemNotFoundError, match="'add', 'double'"):
        manager["subtract"]
    with pytest.raises(InvalidValueError, match="update=True"):
        manager.register_tools(Tool(name="add", func=double))


def test_a_branch_alone_has_a_session_of_its_own(store: Store) -> None:
    manager = ActionManager(double)
    branch = Branch(
        system={"role": "system", "content": "You are a coding assistant"},
        system_datetime=True,
        tools=[Tool(name="analyzer", func=add), *manager.values()],
        store=store,
    )

    assert set(branch.tools) == {"double", "analyzer"}
    assert branch.messages[0].text == "You are a coding assistant"
    assert asyncio.run(branch.act([{"function": "double", "arguments": {"number": 2}}]))[0].result == {"twice": 4}


def test_a_branch_takes_the_tools_of_a_manager(store: Store) -> None:
    manager = ActionManager(add, double)
    session = Session(tools=manager, store=store)

    assert session.create_branch("named", tools=manager).tools == {"add", "double"}
    assert session.fork("named", name="fork", tools=manager).tools == {"add", "double"}
    assert Branch(tools=manager, store=store).tools == {"add", "double"}
