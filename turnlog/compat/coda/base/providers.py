"""Providers of models, called synchronously."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .... import Message
from ....models import ModelRequest, ModelResponse, iModel

__all__ = ["ChatResponse", "Provider", "ProviderFactory"]


@dataclass(frozen=True)
class ChatResponse:
    """The response of a model; `turnlog` is the ordinary one, with tool calls and usage."""

    content: str
    turnlog: ModelResponse


class Provider:
    """A provider of models, with the settings of its models."""

    def __init__(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._settings = dict(settings or {})
        self._models: dict[str, iModel] = {}

    def __repr__(self) -> str:
        return f"<Provider {self.name!r}>"

    def chat(self, messages: Iterable[Mapping[str, Any]], model: str, **settings: Any) -> ChatResponse:
        """Send messages to a model, and return its response; `temperature` and others are settings of the model.

        It may be called where an event loop runs, which waits meanwhile.
        """
        request = ModelRequest(tuple(Message(content=dict(each)) for each in messages), settings=settings)
        with ThreadPoolExecutor(max_workers=1) as thread:
            response = thread.submit(asyncio.run, self._ask(model, request)).result()
        return ChatResponse(response.text, response)

    async def _ask(self, model: str, request: ModelRequest) -> ModelResponse:
        async with self._model(model) as asked:
            return await asked.ask(request)

    def _model(self, model: str) -> iModel:
        """The model with a name; all models of a provider share its rate limit."""
        if model not in self._models:
            first = next(iter(self._models.values()), None)
            self._models[model] = iModel(self.name, model, **self._settings) if first is None else first.sibling(model)
        return self._models[model]


class ProviderFactory:
    """Creates providers; the configuration may have arguments of `iModel` under `providers` and their names."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._settings: Mapping[str, Mapping[str, Any]] = (config or {}).get("providers", {})

    def create(self, name: str) -> Provider:
        """Return a provider: "openai", "anthropic", "ollama", ..."""
        return Provider(name, self._settings.get(name))
