"""The objects of this process that a session shares with its branches."""

from collections.abc import Iterable, Mapping
from functools import partial

from .._mail.delivery_loop import MailRuntime
from .._models.imodel import LanguageModel
from .._models.registry import Operation, Registry
from ..domain.decisions import work
from .stream import SessionStream


class SessionContext:
    """The stream of a session, with the models, tools and mail locks of this process."""

    def __init__(self, stream: SessionStream, operations: Mapping[str, Operation]) -> None:
        self.stream = stream
        self.registry = Registry(operations)
        self.mail = MailRuntime(stream.id)

    def set_model(self, model: LanguageModel | str | None, purpose: str, branch: int | None) -> None:
        """Record the model for a purpose, and register the model object."""
        self.registry.add_model(model)
        name = model if model is None or isinstance(model, str) else model.name
        provider = None if model is None or isinstance(model, str) else model.provider
        settings = {} if model is None or isinstance(model, str) else {"model": model.model}
        self.stream.transact(
            lambda state: work.set_model(state, purpose, name, provider=provider, branch=branch, settings=settings)
        )

    def register_tools(self, given: Iterable[object], branch: int | None) -> None:
        """Record the names and schemas of tools, and register the tool objects."""
        tools = [tool for each in given for tool in self.registry.add_tools(each)]
        for tool in tools:
            self.stream.transact(partial(work.register_tool, tool=tool.name, schema=tool.schema, branch=branch))
