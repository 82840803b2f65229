"""What a model is asked and what it answers, in values of our own that no provider's package is needed for."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby

import msgspec

from .content import ActionRequestContent, ActionResponseContent, AssistantResponseContent, MessageContent, Usage
from .content_types import content_to_stored
from .json_values import Json
from .message import Message


class ModelRequest(msgspec.Struct, frozen=True):
    """All that an answer can depend on, but for the model itself."""

    messages: tuple[Message, ...]
    tools: tuple[Json, ...] = ()
    settings: dict[str, Json] = {}

    @property
    def digest(self) -> str:
        """The same for the same words, tools and settings, wherever and whenever they are asked."""
        said = [content_to_stored(content) for content in _canonical(message.content for message in self.messages)]
        form = msgspec.json.encode([said, self.tools, recorded_settings(self.settings)], order="deterministic")
        return sha256(form).hexdigest()


def recorded_settings(settings: Mapping[str, Json]) -> dict[str, Json]:
    """The settings but for headers: these say how a request is sent, not what is asked, and may be secret."""
    return {key: value for key, value in settings.items() if key != "extra_headers"}


def _canonical(contents: Iterable[MessageContent]) -> Iterator[MessageContent]:
    """The contents, results that follow each other by their ids: which of them came first is chance."""
    for are_results, together in groupby(contents, lambda content: isinstance(content, ActionResponseContent)):
        run = list(together)
        yield from sorted(run, key=_request_id) if are_results else run


def _request_id(content: MessageContent) -> str:
    return getattr(content, "request_id", None) or ""


class ModelResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered: text, the tools it wants to be called, and what that has used."""

    text: str = ""
    calls: tuple[ActionRequestContent, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    id: str | None = None
    raw: Json = None
    attempts: int = 1

    def contents(self) -> list[AssistantResponseContent | ActionRequestContent]:
        """The answer as messages; one that says nothing and asks for nothing is an empty one."""
        said = AssistantResponseContent(assistant_response=self.text, model=self.model, usage=self.usage, raw=self.raw)
        return [*([said] if self.text or not self.calls else []), *self.calls]


def response_from_contents(contents: list[AssistantResponseContent | ActionRequestContent]) -> ModelResponse:
    """The answer that was recorded as these messages."""
    said = [each for each in contents if isinstance(each, AssistantResponseContent)]
    calls = tuple(each for each in contents if isinstance(each, ActionRequestContent))
    if not said:
        return ModelResponse(calls=calls)
    return ModelResponse(text=said[0].text, calls=calls, model=said[0].model, usage=said[0].usage, raw=said[0].raw)
