"""What an operation may use: models, tools and shapes are looked up and allowed here, and nowhere else."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._models.imodel import LanguageModel
from .._models.registry import Registry
from .._models.tools import Tool
from .._session.stream import Origins, SessionStream
from ..domain.content import InstructionContent, ResponseFormat
from ..domain.decisions import work
from ..domain.errors import AccessDeniedError
from ..domain.json_values import Json
from ..domain.message import Message
from .call_record import name_in


class Access:
    """The access of one operation on a branch; what is denied is recorded, with what led to it."""

    def __init__(
        self,
        stream: SessionStream,
        registry: Registry,
        branch: int,
        model: LanguageModel | None,
        origins: Callable[[], Origins | None],
    ) -> None:
        self._stream, self._branch, self._model, self._origins = stream, branch, model, origins
        self.registry = registry

    def allow(self, kind: str, asked: Iterable[Iterable[str]]) -> None:
        """Refuses what the branch may not use, and records that it was asked for."""
        wanted = [tuple(names) for names in asked]
        with self._stream.state() as state:
            denial = work.find_denial(state, self._branch, kind, wanted)
            name, session = state.branches[self._branch].name, state.session
        if denial is None:
            return
        self._stream.transact(lambda state: work.deny(state, denial), origins=self._origins())
        raise AccessDeniedError(session, name, kind, tuple(denial.requested), tuple(denial.available))

    def allow_model(self, purpose: str, given: LanguageModel | str | None) -> LanguageModel:
        """The model for a purpose, if there is one and the branch may use it."""
        if self._model is not None:
            given = self._model
        with self._stream.state() as state:
            model = self.registry.model(state, self._branch, purpose, given)
        self.allow("resources", [(model.name, model.model, f"{model.provider}/{model.model}")])
        return model

    def allow_shape(self, shape: ResponseFormat | None) -> None:
        """Refuses a type of output that the branch may not give."""
        if shape is not None:
            self.allow("capabilities", [(shape.name,)])

    def allow_tools(self, names: Sequence[str]) -> list[Tool]:
        """The tools, if the branch may use them."""
        found = [self.registry.tool(name) for name in names]
        self.allow("resources", [(name,) for name in names])
        return found

    def find_tool(self, name: str) -> str | None:
        """The name if it is one of a tool, and None if it is only what a model wants to call."""
        with self._stream.state() as state:
            return name if name in self.registry.tools or name in state.tools else None

    def tools_in_reach(self) -> list[str]:
        """The names of the tools that the branch has and may use, and that are at hand."""
        with self._stream.state() as state:
            resources = state.branches[self._branch].resources
            names = work.tools_of(state, self._branch)
        return [name for name in names if name in self.registry.tools and (resources is None or name in resources)]

    def tool_schemas(self, instruction: object, tools: object) -> list[Json]:
        """The schemas of the tools that are offered, if the branch may use them.

        An instruction that offers tools already, such as one read from the record, offers just these.
        """
        content = instruction.content if isinstance(instruction, Message) else None
        if isinstance(content, InstructionContent) and content.tool_schemas:
            self.allow("resources", [(str(name_in(schema)),) for schema in content.tool_schemas])
            return list(content.tool_schemas)
        return [tool.schema for tool in self.allow_tools(self._tool_names(tools))]

    def _tool_names(self, tools: Any) -> list[str]:
        """The names of tools: all of the branch for True, or those passed, which are registered."""
        if tools is None or tools is False:
            return []
        if tools is True:
            return self.tools_in_reach()
        single = isinstance(tools, str) or callable(tools) or hasattr(tools, "schema")
        each_of = [tools] if single else list(tools)
        objects = [each for each in each_of if not isinstance(each, str)]
        names = {id(each): tool.name for each, tool in zip(objects, self.registry.add_tools(each_of), strict=True)}
        return [each if isinstance(each, str) else names[id(each)] for each in each_of]
