"""Tools, and calls of them."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ... import Tool
from ...models import ActionManager
from .protocols import Event, JsonValue

__all__ = ["ActionManager", "FunctionCalling", "Tool"]


class FunctionCalling(Event):
    """One call of a tool apart from any branch; `branch.invoke_action` records its calls."""

    def __init__(self, func_tool: Tool | Callable[..., object], arguments: Mapping[str, JsonValue]) -> None:
        super().__init__()
        self.func_tool = func_tool if isinstance(func_tool, Tool) else Tool(func_tool)
        self.arguments = dict(arguments)

    @property
    def function(self) -> str:
        """The name of the tool."""
        return self.func_tool.name

    def _work(self) -> Coroutine[Any, Any, JsonValue]:
        return self.func_tool.call(self.arguments)
