"""What an operation recorded before: its answers by what was asked, its results by what was called."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

import msgspec

from ..domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    MessageContent,
    Usage,
)
from ..domain.content_types import content_to_stored
from ..domain.events import MessageAppended, ModelCalled
from ..domain.message import Message
from ..domain.model_call import ModelResponse, response_from_contents
from ..domain.recorded_event import RecordedEvent
from ..domain.response_format import usage_from
from ..projections.recorded_messages import message_from_recorded


class CachedResponse(msgspec.Struct, eq=False):
    """An answer on the record, by which model, and the messages it was recorded as."""

    position: int
    called: ModelCalled
    messages: list[Message]
    edited: Mapping[int, MessageContent] = {}

    @property
    def answer(self) -> ModelResponse:
        """The answer as it was given, or as it was edited since."""
        if not self.messages:
            said = self.called.response or {}
            return ModelResponse(text=said.get("text") or "", model=self.called.model, usage=_usage(said))
        contents = [self.edited.get(each.position or 0, each.content) for each in self.messages]
        return response_from_contents(
            [each for each in contents if isinstance(each, AssistantResponseContent | ActionRequestContent)]
        )


class ReplayCache:
    """Answers and results of the past, each taken once, in the order in which they were recorded."""

    def __init__(
        self,
        events: Iterable[RecordedEvent] = (),
        edited: Mapping[int, MessageContent] | None = None,
        *,
        answers: bool = True,
        results: bool = True,
        lasting: bool = False,
    ) -> None:
        self._answers: dict[str, deque[CachedResponse]] = defaultdict(deque)
        self._results: dict[bytes, deque[tuple[Message, ActionResponseContent]]] = defaultdict(deque)
        self._edited = edited or {}
        self._lasting = lasting
        calls: dict[int, CachedResponse] = {}
        requests: dict[int, ActionRequestContent] = {}
        for recorded in events:
            event, cause = recorded.event, recorded.causation
            if isinstance(event, ModelCalled) and event.error is None:
                calls[recorded.position] = answered = CachedResponse(recorded.position, event, [], self._edited)
                self._answers[_digest(event)].append(answered)
            elif isinstance(event, MessageAppended):
                message = message_from_recorded(recorded)
                if cause in calls:
                    calls[cause].messages.append(message)
                if isinstance(event.content, ActionRequestContent):
                    requests[recorded.position] = event.content
                elif isinstance(event.content, ActionResponseContent) and cause in requests:
                    content = self._edited.get(recorded.position, event.content)
                    if isinstance(content, ActionResponseContent):
                        self._results[_key(requests[cause])].append((message, content))

        if not answers:
            self._answers.clear()
        if not results:
            self._results.clear()

    def answer(self, digest: str) -> CachedResponse | None:
        """The next answer to a request."""
        waiting = self._answers.get(digest)
        if not waiting:
            return None
        if self._lasting:
            waiting.rotate(-1)
            return waiting[-1]
        return waiting.popleft()

    def result(self, request: ActionRequestContent) -> tuple[Message, ActionResponseContent] | None:
        """The next result of a call, and the message it was recorded as."""
        waiting = self._results.get(_key(request))
        return waiting.popleft() if waiting else None


def _digest(called: ModelCalled) -> str:
    request = called.request
    return str(request.get("digest")) if isinstance(request, dict) else ""


def _key(request: ActionRequestContent) -> bytes:
    return msgspec.json.encode(content_to_stored(request), order="deterministic")


def _usage(said: Mapping[str, object]) -> Usage | None:
    return usage_from(said["usage"]) if said.get("usage") else None
