"""What can be done on a branch with models and tools: talk, act, find in a text. Every step of it is on the record."""

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Any

from ._models.imodel import LanguageModel
from ._models.tools import Tool
from ._operations.act import requests_from
from ._operations.operate import OperationResult
from ._operations.params import InstructionLike
from ._operations.run import parse_params, run_operation, stream_operation
from ._session_context import SessionContext
from .domain.content import ActionResponseContent
from .domain.decisions import work
from .infrastructure.async_methods import awaited


class BranchOperations:
    """A branch at which models and tools can be set to work.

    Each of these takes, by name, what the parameters of its operation have (`OperateParams` and so on) and settings of
    the model, as `temperature` or `max_tokens`; `imodel` is a model or the name of one, for this once.
    """

    _context: SessionContext
    number: int

    async def chat(self, instruction: InstructionLike = None, **given: Any) -> str:
        """Says something to the model, and what it answers."""
        return str(await self._conduct("chat", instruction=instruction, **given))

    async def communicate(self, instruction: InstructionLike = None, **given: Any) -> Any:
        """Says something to the model: what it answers as text, or as a value of the `response_format`.

        With `tools`, it may call these, and is shown their results, until it answers.
        """
        return await self._conduct("communicate", instruction=instruction, **given)

    def stream(self, instruction: InstructionLike = None, **given: Any) -> AsyncIterator[str]:
        """Says something to the model: the text of the answer piece by piece; it is recorded when it is complete."""
        return stream_operation(
            lambda heard: self._conduct("communicate", instruction=instruction, heard=heard, **given)
        )

    async def generate(self, instruction: InstructionLike = None, **given: Any) -> Any:
        """What the model answers, without leaving a message on the branch; the call is on the record."""
        return await self._conduct("generate", instruction=instruction, **given)

    async def operate(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Has the model do something: what came of it, with the calls it asked for."""
        done: OperationResult = await self._conduct("operate", instruction=instruction, **given)
        return done

    async def react(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Has the model work something out with the branch's tools, step by step, for `max_steps` at most."""
        done: OperationResult = await self._conduct("react", instruction=instruction, **given)
        return done

    async def act(self, requests: object, **given: Any) -> list[ActionResponseContent]:
        """Makes calls: the results, in their order; one that fails raises, and is on the record like the others."""
        done: list[ActionResponseContent] = await self._conduct("act", requests=requests_from(requests), **given)
        return done

    async def invoke_action(self, action: object, **given: Any) -> ActionResponseContent:
        """Makes one call: a request of the model, or a function's name and arguments."""
        return (await self.act([action] if not isinstance(action, list) else action, **given))[0]

    async def parse(self, text: str, request_type: object = None, **given: Any) -> Any:
        """What a text says in the shape of `request_type`; the parse model is asked to mend what does not fit."""
        return await self._conduct("parse", text=text, request_type=request_type, **given)

    async def interpret(self, text: str, **given: Any) -> str:
        """A text said again so that a model understands it better."""
        return str(await self._conduct("interpret", text=text, **given))

    # What there is to work with

    def set_model(self, model: LanguageModel | str | None, purpose: str = "generate") -> None:
        """The model that this branch uses for a purpose ("generate", "parse", "interpret") from here on."""
        set_model(self._context, model, purpose, self.number)

    def register_tools(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        """Puts tools in reach of this branch."""
        register_tools(self._context, tools, self.number)

    aset_model = awaited(set_model)
    aregister_tools = awaited(register_tools)

    async def _conduct(self, operation: str, **given: Any) -> Any:
        return await run_operation(
            self._context, operation, self.number, parse_params(self._context, operation, None, given)
        )


def set_model(context: SessionContext, model: LanguageModel | str | None, purpose: str, branch: int | None) -> None:
    """Puts on the record which model is used, and keeps it if it is one."""
    context.registry.add_model(model)
    name = model if model is None or isinstance(model, str) else model.name
    provider = None if model is None or isinstance(model, str) else model.provider
    settings = {} if model is None or isinstance(model, str) else {"model": model.model}
    context.stream.transact(
        lambda state: work.set_model(state, purpose, name, provider=provider, branch=branch, settings=settings)
    )


def register_tools(context: SessionContext, given: Iterable[object], branch: int | None) -> None:
    """Puts on the record which tools there are, and keeps them."""
    tools = [tool for each in given for tool in context.registry.add_tools(each, each)]
    for tool in tools:
        context.stream.transact(partial(work.register_tool, tool=tool.name, schema=tool.schema, branch=branch))
