"""Tools of a server that speaks MCP, in a process of its own, are allowed by name, called and recorded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.models.asking import KEY, line, openai
from tests.model_server import ModelServer, Reply
from turnlog import Session, Store
from turnlog.errors import InvalidValueError, ItemNotFoundError, MissingExtraError, ToolError, ToolTimeoutError
from turnlog.models import MCPServer

PROGRAM = str(Path(__file__).parents[2] / "tool_server.py")
COMMAND = [sys.executable, "-P", PROGRAM]


@pytest.fixture
def address() -> Iterator[str]:
    """A server of tools at an address."""
    with subprocess.Popen([*COMMAND, "http"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        finally:
            process.kill()


def called(server: MCPServer, tool: str, **arguments: Any) -> object:
    """What a tool of a server answers."""

    async def program() -> object:
        async with server:
            (found,) = [each for each in server.tools if each.name == tool]
            return await found.call(arguments)

    return asyncio.run(program())


def test_a_model_calls_a_tool_of_a_process_and_all_of_it_is_on_the_record(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model, MCPServer(COMMAND, allow=["add"], name="sums") as sums:
            session = Session(default_generate_model=model, tools=sums.tools, store=store)
            assert await session.default_branch.communicate("What is 2 + 2?", tools=["sums_add"]) == "It is 4."
            assert line(session) == [
                ("user", "What is 2 + 2?"),
                ("assistant", 'sums_add({"a":2,"b":2})'),
                ("tool", "4"),
                ("assistant", "It is 4."),
            ]

        opened = Session.open(session.id, store=store)
        again = await opened.rerun("main")
        assert opened.compare("main", again).same

    server.will(Reply(calls=[("call_1", "sums_add", '{"a": 2, "b": 2}')]), "It is 4.")
    asyncio.run(program())

    (offered,) = server.requests[0].body["tools"]
    assert offered["function"]["name"] == "sums_add"
    assert offered["function"]["description"] == "Adds two numbers."
    assert set(offered["function"]["parameters"]["properties"]) == {"a", "b"}


def test_a_branch_may_be_denied_the_tools_of_a_server_like_any(store: Store) -> None:
    async def program() -> None:
        async with MCPServer(COMMAND, allow=["add", "whoami"]) as tools:
            session = Session(tools=tools.tools, store=store)
            branch = session.create_branch("strict", resources={"add"})
            assert (await branch.act([{"function": "add", "arguments": {"a": 1}}]))[0].result == 1
            with pytest.raises(PermissionError, match="whoami"):
                await branch.act([{"function": "whoami", "arguments": {}}])

    asyncio.run(program())


def test_a_server_at_an_address_is_asked_with_its_key_which_is_shown_nowhere(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLS_TOKEN", KEY)
    server = MCPServer(address, allow=["authorization", "add"], api_key="TOOLS_TOKEN")

    assert called(server, "authorization") == f"Bearer {KEY}"
    assert called(server, "add", a=1, b=2) == 3
    assert KEY not in repr(server)
    assert "secret" not in repr(MCPServer("http://ada:secret@127.0.0.1:1/mcp?key=secret", allow=[]))
    assert KEY not in f"{vars(server)!r}"


def test_a_process_gets_no_environment_but_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = MCPServer(COMMAND, allow=["keys", "whoami"], env={"TOLD": "this"})

    assert called(server, "keys") == ""
    assert called(server, "whoami")["TOLD"] == "this"  # type: ignore[index]  # it is a dict
    assert "this" not in repr(server)


def test_only_what_is_allowed_is_taken_and_what_is_not_there_is_refused() -> None:
    async def program() -> list[str]:
        async with MCPServer(COMMAND, allow=["add"]) as server:
            return [tool.name for tool in server.tools]

    assert asyncio.run(program()) == ["add"]
    with pytest.raises(ItemNotFoundError, match=r"'subtract'.*'add'"):
        called(MCPServer(COMMAND, allow=["subtract"]), "subtract")


def test_arguments_are_held_against_the_schema_before_the_server_is_asked() -> None:
    with pytest.raises(ToolError, match="do not fit"):
        called(MCPServer(COMMAND, allow=["add"]), "add", a="many")


def test_a_tool_that_fails_there_fails_here_and_bytes_come_as_text(store: Store) -> None:
    async def program() -> None:
        async with MCPServer(COMMAND, allow=["raising", "picture", "hang"]) as server:
            tools = {tool.name: tool for tool in server.tools}
            with pytest.raises(ToolError, match="the pipe burst"):
                await tools["raising"].call({})
            picture: Any = await tools["picture"].call({})
            assert (picture["data"], picture["media_type"]) == ("//4=", "image/png")
            tools["hang"].timeout = 0.01
            with pytest.raises(ToolTimeoutError):
                await tools["hang"].call({})
            with pytest.raises(ToolError, match="the pipe burst"):
                await tools["raising"].call({})

    asyncio.run(program())


def test_a_server_that_dies_fails_by_name_and_so_does_one_that_is_closed() -> None:
    async def program() -> None:
        async with MCPServer(COMMAND, allow=["leave", "add"]) as server:
            tools = {tool.name: tool for tool in server.tools}
            with pytest.raises(ToolError, match=r"its server .* failed"):
                await tools["leave"].call({})
            with pytest.raises(ToolError, match=r"its server .* failed"):
                await tools["add"].call({"a": 1})
        with pytest.raises(ToolError, match="the server is closed"):
            await tools["add"].call({"a": 1})

    asyncio.run(program())


def test_a_server_is_called_in_the_event_loop_that_opened_it() -> None:
    server = MCPServer(COMMAND, allow=["add"])
    with asyncio.Runner() as first:
        first.run(server.open())
        with pytest.raises(ToolError, match="another event loop"):
            asyncio.run(server.tools[0].call({"a": 1}))
        assert first.run(server.tools[0].call({"a": 1})) == 1
        first.run(server.close())


@pytest.mark.parametrize("where", [[*COMMAND, "broken"], ["no-such-program-here"], "http://127.0.0.1:9/mcp"])
def test_a_server_that_cannot_be_reached_fails_by_name(where: Any) -> None:
    with pytest.raises(ToolError):
        asyncio.run(MCPServer(where, allow=["add"]).open())


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ("python files.py", {}),
        ([], {}),
        (["python"], {"allow": "add"}),
        (["python"], {"headers": {"a": "b"}}),
        ("http://127.0.0.1:9/mcp", {"env": {"a": "b"}}),
    ],
)
def test_what_is_no_server_is_refused(where: Any, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        MCPServer(where, **{"allow": [], **more})


def test_tools_are_known_when_it_is_open() -> None:
    with pytest.raises(InvalidValueError, match="never opened"):
        MCPServer(COMMAND, allow=[]).tools  # noqa: B018 reading it is what is refused


def test_without_the_packages_for_it_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastmcp", None)
    for module in ("fastmcp.client.transports", "fastmcp.client"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(MissingExtraError, match=r"turnlog\[mcp\]"):
        asyncio.run(MCPServer(COMMAND, allow=[]).open())
