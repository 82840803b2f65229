"""Tools of other programs, which speak the Model Context Protocol: taken in by name, called and recorded like any."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import TracebackType
from typing import Self

from ..domain.content import ResponseFormat
from ..domain.errors import InvalidValueError, ItemNotFoundError, ResponseFormatError, ToolError
from ..domain.json_values import Json, to_json_value
from ..domain.validation import validate_name
from ..infrastructure.json_schema import validate_response
from ..infrastructure.models.mcp import ServerTool, ToolServer, displayed_address
from ..infrastructure.models.provider import Secret, key_from
from .tools import Tool


class MCPServer:
    """A server of tools: `async with MCPServer(["python", "files.py"], allow=["read"]) as files: ...`.

    `where` is a command with its arguments, which is started and ended with this, or an http address. `allow` names
    the tools that are taken; the server's others are out of reach. With a `name` they go by both, as `files_read`. A
    process gets no environment variables but `env` and the few that say where its home and programs are. An address
    is asked with `headers`, and with `api_key`, which is the name of an environment variable or the key itself.
    """

    def __init__(
        self,
        where: str | Sequence[str],
        *,
        allow: Iterable[str],
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | Secret | None = None,
        timeout: float = 30,
    ) -> None:
        self.name = None if name is None else validate_name(name, "a server of tools")
        self.allow = _filter_allowed(allow)
        self._where = _where(where, remote_only=headers is not None or api_key is not None, env=env)
        self._env, self._headers, self._key, self.timeout = env, headers, key_from(api_key), timeout
        self._server: ToolServer | None = None
        self._tools: list[Tool] = []

    def __repr__(self) -> str:
        where = displayed_address(self._where) if isinstance(self._where, str) else self._where[0]
        return f"MCPServer({where!r}, allow={list(self.allow)!r})"

    @property
    def tools(self) -> list[Tool]:
        """The tools that are allowed, once it is open; they stay known when it is closed, and fail then."""
        if self._server is None:
            raise InvalidValueError(repr(self), "was never opened: expected async with, or await its open()")
        return list(self._tools)

    async def open(self) -> Self:
        """Starts it or connects to it; what is allowed and not there is refused."""
        key = self._key()
        headers = dict(self._headers or {}) | ({} if key is None else {"Authorization": f"Bearer {key}"})
        server = ToolServer(self._where, env=self._env, headers=headers, timeout=self.timeout)
        said = {each.name: each for each in await server.open()}
        for name in self.allow:
            if name not in said:
                await server.close()
                raise ItemNotFoundError("tool", repr(name), f"server {self.name!r}", tuple(said))
        self._server = server
        self._tools = [ServedTool(server, said[name], self._tool_name(name)) for name in self.allow]
        return self

    async def close(self) -> None:
        """Ends the connection, and the process if there is one."""
        if self._server is not None:
            await self._server.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _tool_name(self, tool: str) -> str:
        return tool if self.name is None else f"{self.name}_{tool}"


class ServedTool(Tool):
    """A tool of a server; its schema is what the server says."""

    def __init__(self, server: ToolServer, said: ServerTool, name: str) -> None:
        super().__init__(partial(server.call, said.name), name, said.description)
        self._said = said

    @cached_property
    def schema(self) -> dict[str, Json]:
        """Its name, description and parameters, in the form that OpenAI has for functions."""
        function = {"name": self.name, "description": self.description, "parameters": self._said.parameters}
        return {"type": "function", "function": to_json_value(function, f"the schema of tool {self.name!r}")}

    def _validate(self, arguments: Mapping[str, Json]) -> tuple[tuple[object, ...], dict[str, object]]:
        given = dict(arguments)
        try:
            validate_response(ResponseFormat(self.name, self._said.parameters), given)
        except ResponseFormatError as misfit:
            raise ToolError(self.name, f"its arguments do not fit: {misfit}") from None
        return (given,), {}


def _filter_allowed(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InvalidValueError("allow", f"is the text {given!r}: expected the names of tools, as [{given!r}]")
    return tuple(dict.fromkeys(validate_name(name, "a tool") for name in given))


def _where(given: str | Sequence[str], *, remote_only: bool, env: Mapping[str, str] | None) -> str | tuple[str, ...]:
    if isinstance(given, str):
        if not given.startswith(("http://", "https://")):
            raise InvalidValueError(
                "a server of tools", f"cannot be {displayed_address(given)!r}: expected an http address, or a list"
            )
        if env is not None:
            raise InvalidValueError("env", "is for a process that is started here: expected none with an address")
        return given
    command = tuple(given)
    if not command or not all(isinstance(each, str) and each for each in command):
        raise InvalidValueError(
            "a server of tools", "has no command: expected one with its arguments, as a list of texts"
        )
    if remote_only:
        raise InvalidValueError("headers and api_key", "are for an address: expected env for a process")
    return command
