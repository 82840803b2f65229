"""Tools: functions that models may call, with arguments that are checked and results that can be recorded."""

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, is_dataclass
from functools import cached_property, partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import msgspec

from ..domain.errors import InvalidValueError, ItemNotFoundError, ToolError, ToolTimeoutError
from ..domain.json_values import Json, to_json_value
from ..domain.validation import validate_name

if TYPE_CHECKING:
    from pydantic import BaseModel


class Tool:
    """A function that a model may call: `Tool(name="calculator", func=calculate)`.

    Its schema is that of its signature; what it says of itself is its docstring. A plain function runs in a thread,
    an async one is awaited, neither for longer than `timeout` seconds. What it returns is recorded, so that must be
    plain JSON, or something with fields that are.
    """

    def __init__(
        self,
        func: Callable[..., object] | None = None,
        name: str | None = None,
        description: str | None = None,
        *,
        func_callable: Callable[..., object] | None = None,
        timeout: float | None = None,
    ) -> None:
        given = func if func is not None else func_callable
        if not callable(given):
            raise InvalidValueError("a tool", "has no function: expected Tool(func=...)")
        self.func = given
        self.name = validate_name(name or str(getattr(given, "__name__", "")), "a tool")
        self.description = description if description is not None else inspect.getdoc(given) or ""
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    @cached_property
    def schema(self) -> dict[str, Json]:
        """Its name, description and parameters, in the form that OpenAI has for functions."""
        parameters = self._arguments.model_json_schema(by_alias=True)
        parameters.pop("title", None)
        parameters.pop("description", None)
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": to_json_value(function, f"the schema of tool {self.name!r}")}

    async def call(self, arguments: Mapping[str, Json]) -> Json:
        """What the function returns, as plain JSON; arguments that do not fit are refused before it is called."""
        args, given = self._validate(arguments)
        try:
            async with asyncio.timeout(self.timeout):
                result = await self._run(args, given)
        except TimeoutError as error:
            if self.timeout is None:
                raise ToolError(self.name, _error_text(error)) from error
            raise ToolTimeoutError(self.name, f"no result within {self.timeout:g} s") from error
        except ToolError:
            raise
        except Exception as error:
            raise ToolError(self.name, _error_text(error)) from error
        return self._plain(result)

    async def _run(self, args: tuple[object, ...], given: dict[str, object]) -> object:
        if inspect.iscoroutinefunction(self.func) or inspect.iscoroutinefunction(getattr(self.func, "__call__", None)):  # noqa: B004 whether it is async, not whether it can be called
            called: Any = self.func(*args, **given)
            return await called
        result = await _in_thread(partial(copy_context().run, self.func, *args, **given))
        return await result if inspect.isawaitable(result) else result

    def _plain(self, result: object) -> Json:
        dump = getattr(result, "model_dump", None)
        if callable(dump) and not isinstance(result, type):
            result = dump(mode="json")
        elif is_dataclass(result) and not isinstance(result, type):
            result = asdict(result)
        elif isinstance(result, msgspec.Struct):
            result = msgspec.to_builtins(result)
        try:
            return to_json_value(result, "the result")
        except (InvalidValueError, RecursionError) as reason:
            raise ToolError(self.name, str(reason)) from None

    def _validate(self, arguments: Mapping[str, Json]) -> tuple[tuple[object, ...], dict[str, object]]:
        from pydantic import ValidationError

        try:
            found = self._arguments.model_validate(dict(arguments))
        except ValidationError as reason:
            faults = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in reason.errors()
            )
            raise ToolError(self.name, f"its arguments do not fit: {faults}") from None
        args: list[object] = []
        given: dict[str, object] = {}
        values = {field.alias: getattr(found, name) for name, field in type(found).model_fields.items()}
        for each in self._signature.parameters.values():
            if each.kind is each.VAR_KEYWORD:
                given |= found.model_extra or {}
            elif each.kind is each.POSITIONAL_ONLY:
                args.append(values[each.name])
            elif each.kind is each.VAR_POSITIONAL:
                args += values[each.name]
            elif each.name in found.model_fields_set or each.name in self._argument_names(found):
                given[each.name] = values[each.name]
        return tuple(args), given

    @staticmethod
    def _argument_names(found: "BaseModel") -> set[str]:
        """The arguments that were given, by their own names."""
        fields = type(found).model_fields
        return {str(fields[name].alias) for name in found.model_fields_set if name in fields}

    @cached_property
    def _signature(self) -> inspect.Signature:
        try:
            return inspect.signature(self.func, eval_str=True)
        except (NameError, TypeError, ValueError) as reason:
            raise InvalidValueError(f"tool {self.name!r}", f"has a signature that cannot be read: {reason}") from None

    @cached_property
    def _arguments(self) -> "type[BaseModel]":
        """A model of the arguments; its fields have names of their own, so that an argument may have any."""
        from pydantic import ConfigDict, Field, PydanticUserError, create_model

        fields: dict[str, Any] = {}
        extra: Any = "forbid"
        for number, each in enumerate(self._signature.parameters.values()):
            kind: Any = Any if each.annotation is each.empty else each.annotation
            default: Any = ... if each.default is each.empty else each.default
            if each.kind is each.VAR_KEYWORD:
                extra = "allow"
                continue
            if each.kind is each.VAR_POSITIONAL:
                kind, default = list[kind], []
            fields[f"argument_{number}"] = (kind, Field(default, alias=each.name, title=None))
        try:
            config = ConfigDict(extra=extra, arbitrary_types_allowed=False)
            return create_model("Arguments", __config__=config, **fields)
        except PydanticUserError as reason:
            raise InvalidValueError(
                f"tool {self.name!r}", f"has arguments that no schema can say: {reason.message}"
            ) from None


class ActionManager(Mapping[str, Tool]):
    """Tools by their names."""

    def __init__(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        self.registry: dict[str, Tool] = {}
        for each in tools:
            self.register_tools(each)

    def register_tools(
        self, tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]], update: bool = False
    ) -> None:
        """Takes tools in; a name that is taken is refused, unless it is to be updated."""
        for given in [tools] if isinstance(tools, Tool) or callable(tools) else tools:
            tool = tool_from(given)
            if tool.name in self.registry and not update and self.registry[tool.name] is not tool:
                raise InvalidValueError(
                    "a tool", f"{tool.name!r} is there already: expected another name, or update=True"
                )
            self.registry[tool.name] = tool

    register_tool = register_tools

    def __getitem__(self, name: str) -> Tool:
        if name not in self.registry:
            raise ItemNotFoundError("tool", repr(name), known=tuple(self.registry))
        return self.registry[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.registry)

    def __len__(self) -> int:
        return len(self.registry)

    def __repr__(self) -> str:
        return f"ActionManager({list(self.registry)})"

    def schemas(self) -> list[Json]:
        """The schemas of all, in the form that OpenAI has for functions."""
        return [tool.schema for tool in self.registry.values()]


def each_tool(given: object) -> list[object]:
    """The tools, functions or names that a caller gave: one, several, or those of a mapping."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple | set | frozenset) else [given]


async def _in_thread(call: Callable[[], object]) -> object:
    """What a function returns that is called in a thread of its own; one that hangs keeps nobody from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        elif isinstance(error, Exception) and not isinstance(error, StopIteration):
            answer.set_exception(error)
        else:
            answer.set_exception(RuntimeError(_error_text(error)))

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001 whatever it is, the one who waits is told
            error = raised
        with suppress(RuntimeError):  # nobody waits any more: the event loop was closed
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, daemon=True, name="turnlog-tool").start()
    return await answer


def tool_from(given: object) -> Tool:
    """A tool of one's own, or of a function."""
    if isinstance(given, Tool):
        return given
    if callable(given):
        return Tool(given)
    raise InvalidValueError("a tool", f"cannot be a {type(given).__name__}: expected a Tool or a function")


def _error_text(error: BaseException) -> str:
    """An error in the words of a tool's result."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
