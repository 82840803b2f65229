"""What a handle has to work with: models, tools and operations by their names. The record knows the names alone."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from ..domain.decisions import work
from ..domain.decisions.mail import KnownNames
from ..domain.errors import InvalidValueError, ItemNotFoundError
from ..domain.events import Event
from ..domain.state import State
from .imodel import LanguageModel, default_model, iModel
from .tools import Tool, each_tool, tool_from

_GIVE_MODEL = "give one, for example Session(default_generate_model=iModel(...))"

OperationFunction: TypeAlias = Callable[[Any, Any], Awaitable[object]]
"""An async function of a `RunContext` and parameters."""


class Operation(NamedTuple):
    """The function of an operation, and the class of its parameters if it is built in."""

    function: OperationFunction
    params: type[Any] | None = None


class Registry:
    """Shared by a session and the branches got from it."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self.models: dict[str, LanguageModel] = {}
        self.tools: dict[str, Tool] = {}
        self.operations = dict(operations)
        self.named_tools: set[str] = set()
        self.named_models: set[str] = set()

    def add_tools(self, given: object) -> list[Tool]:
        """Register the tools among what a caller gave, and return them; names are not tools."""
        found = [tool_from(each) for each in each_tool(given) if isinstance(each, Tool) or callable(each)]
        self.tools |= {tool.name: tool for tool in found}
        self.named_tools |= self.tools.keys()
        return found

    def add_model(self, given: object) -> None:
        """Keeps a model; one that is only named is not, and two that differ cannot have the same name."""
        if not isinstance(given, LanguageModel):
            return
        known = self.models.get(given.name)
        if known is not None and known is not given and _identity(known) != _identity(given):
            raise InvalidValueError("a model", f"named {given.name!r} is there already: expected a name=... of its own")
        self.models[given.name] = given
        self.named_models.add(given.name)

    @property
    def known_names(self) -> KnownNames:
        """The names of the tools and models that were registered as objects."""
        return KnownNames(frozenset(self.named_tools), frozenset(self.named_models))

    def operation(self, name: str) -> Operation:
        """The operation of a name."""
        if name not in self.operations:
            raise ItemNotFoundError("operation", repr(name), known=tuple(self.operations))
        return self.operations[name]

    def tool(self, name: str) -> Tool:
        """The tool of a name."""
        if name not in self.tools:
            raise ItemNotFoundError("tool", repr(name), known=tuple(self.tools))
        return self.tools[name]

    def model(self, state: State, branch: int, purpose: str, given: "LanguageModel | str | None") -> LanguageModel:
        """The model that is given, or named, or that the branch has for a purpose."""
        if given is not None and not isinstance(given, str):
            self.add_model(given)
            return given
        name = given if given is not None else work.model_of(state, branch, purpose)
        if name is None:
            found = self._default_model()
            if found is None:
                place = f"session {state.session}"
                raise ItemNotFoundError("model", f"for {purpose!r}", place, advice=_GIVE_MODEL)
            return found
        return self._find_model(state, branch, name, given is not None)

    def _default_model(self) -> LanguageModel | None:
        """The model of the environment, which is the same object each time."""
        found = default_model()
        return None if found is None else self.models.setdefault(found.name, found)

    def _find_model(self, state: State, branch: int, name: str, only_now: bool) -> LanguageModel:
        for known in self.models.values():
            if name in (known.name, known.model, f"{known.provider}/{known.model}"):
                return known
        service = self._service_of(state, branch) if only_now else None
        if isinstance(service, iModel):
            return self.models.setdefault(name, service.sibling(name))
        raise ItemNotFoundError(
            "model", repr(name), f"session {state.session}", tuple(self.models), "" if self.models else _GIVE_MODEL
        )

    def _service_of(self, state: State, branch: int) -> LanguageModel | None:
        """The model that the branch uses, or that of the environment if none was ever set."""
        usual = work.model_of(state, branch, "generate")
        return self._default_model() if usual is None else self.models.get(usual)


def _identity(model: LanguageModel) -> tuple[object, ...]:
    return type(model), model.provider, model.model, getattr(model, "base_url", None)


def registration_steps(
    registry: Registry, generate: object, parse: object, tools: object
) -> list[Callable[[State], Sequence[Event]]]:
    """The decisions by which a session begins with models and tools, which are kept at hand."""
    steps: list[Callable[[State], Sequence[Event]]] = []
    for purpose, given in (("generate", generate), ("parse", parse)):
        if given is not None:
            steps.append(partial(_set_model, purpose=purpose, model=_prepare_model(registry, given)))
    taken = registry.add_tools(tools)
    return [*steps, *(partial(work.register_tool, tool=tool.name, schema=tool.schema) for tool in taken)]


def _prepare_model(registry: Registry, given: object) -> LanguageModel:
    """A model, or the one that a text as "provider/model" names."""
    model = iModel(given) if isinstance(given, str) else given
    if not isinstance(model, LanguageModel):
        raise InvalidValueError("a model", f"cannot be a {type(given).__name__}: expected an iModel, or its name")
    registry.add_model(model)
    return model


def _set_model(state: State, purpose: str, model: LanguageModel) -> Sequence[Event]:
    return work.set_model(state, purpose, model.name, provider=model.provider, settings={"model": model.model})
