"""A server of tools that speaks MCP, over pydantic-ai's client: its own process, or an address."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from ...domain.errors import ToolError
from ...domain.json_values import Json
from ...domain.optional_dependencies import require

if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset


class ServerTool(msgspec.Struct, frozen=True):
    """What a server says of one of its tools."""

    name: str
    description: str
    parameters: dict[str, Json]


class ToolServer:
    """A connection to a server, which belongs to the event loop that it was opened in."""

    def __init__(
        self,
        where: str | Sequence[str],
        *,
        env: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> None:
        self._where, self._env, self._headers, self._timeout = where, env, headers, timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: MCPToolset[Any] | None = None

    @property
    def name(self) -> str:
        """What it is called in errors: its address without what is secret in it, or its command."""
        return displayed_address(self._where) if isinstance(self._where, str) else self._where[0]

    async def open(self) -> list[ServerTool]:
        """Connects, and answers with the tools that the server has."""
        client = self._make_client()
        try:
            async with asyncio.timeout(self._timeout):
                await client.__aenter__()
                tools = await client.list_tools()
        except Exception as error:  # noqa: BLE001 whatever stops a foreign server is told by one name
            await _close_client(client)
            raise ToolError(self.name, self._clean(_describe(error))) from None
        except BaseException:
            await _close_client(client)
            raise
        self._client, self._loop = client, asyncio.get_running_loop()
        return [ServerTool(each.name, each.description or "", _parameters(each)) for each in tools]

    async def close(self) -> None:
        """Ends the connection, and the process if there is one."""
        client, self._client = self._client, None
        if client is not None:
            await _close_client(client)

    async def call(self, tool: str, arguments: dict[str, Json]) -> object:
        """What a tool answers; what it or its server fails at is raised."""
        if self._client is None:
            raise ToolError(tool, "the server is closed; keep it open while its tools are called")
        if self._loop is not asyncio.get_running_loop():
            raise ToolError(tool, "the server was opened in another event loop; call its tools there")
        from fastmcp.exceptions import ToolError as ServerToolError

        try:
            return _plain(await self._client.direct_call_tool(tool, arguments))
        except ServerToolError as error:
            raise ToolError(tool, f"its server {self.name} failed: {self._clean(str(error))}") from None
        except Exception as error:  # noqa: BLE001 whatever stops a foreign server is raised as one error
            raise ToolError(tool, f"its server {self.name} failed: {self._clean(_describe(error))}") from None

    def _make_client(self) -> "MCPToolset[Any]":
        with require("fastmcp", "mcp"):
            from fastmcp.client.transports import StdioTransport
        with require("pydantic_ai", "mcp"):
            from pydantic_ai.mcp import MCPToolset

        if isinstance(self._where, str):
            return MCPToolset(
                self._where,
                headers=dict(self._headers) if self._headers else None,
                tool_error_behavior="error",
                init_timeout=self._timeout,
                read_timeout=None,
            )
        command, *arguments = self._where
        process = StdioTransport(command, arguments, env=dict(self._env or {}), keep_alive=False)
        return MCPToolset(process, tool_error_behavior="error", init_timeout=self._timeout, read_timeout=None)

    def _clean(self, text: str) -> str:
        for secret in (*(self._headers or {}).values(), *(self._env or {}).values()):
            for part in (secret, secret.removeprefix("Bearer ")):
                if len(part) > 3:
                    text = text.replace(part, "***")
        return re.sub(r"(https?://)[^/@\s]*@", r"\1***@", text)


def displayed_address(address: str) -> str:
    """An address as it can be shown: without a password, and without what is asked in it, which may be a key."""
    return re.sub(r"//[^/@]*@", "//***@", address.partition("?")[0])


async def _close_client(client: "MCPToolset[Any]") -> None:
    with suppress(Exception):  # it may be gone already, and nobody can do anything about that
        await client.__aexit__(None, None, None)


def _parameters(tool: Any) -> dict[str, Json]:
    # Its second version renamed the field, and warns of the old name.
    found = tool.input_schema if hasattr(tool, "input_schema") else tool.inputSchema
    return dict(found or {"type": "object", "properties": {}})


def _plain(result: object) -> object:
    """What came, with bytes in base64, which JSON has no other way to say."""
    from pydantic_ai.messages import BinaryContent

    if isinstance(result, list):
        return [_plain(each) for each in result]
    if isinstance(result, BinaryContent):
        return {"media_type": result.media_type, "data": b64encode(result.data).decode()}
    return result


def _describe(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
