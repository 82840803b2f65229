"""An operation at work on a branch: every step of it is allowed, done, and on the record before the next."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

import msgspec

from .._models.imodel import LanguageModel
from .._models.registry import Registry
from .._session.context import SessionContext
from .._session.stream import Origin, Origins
from ..domain.content import ActionRequestContent, ActionResponseContent
from ..domain.decisions import work
from ..domain.errors import AccessDeniedError, ItemNotFoundError, ToolError, TurnlogError
from ..domain.events import Event, MessageAppended, ModelCalled, SystemSet
from ..domain.evolve import Placed
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.model_call import ModelRequest, ModelResponse
from ..domain.state import State
from ..domain.validation import is_valid_name
from ..infrastructure.async_methods import settle
from ..infrastructure.session_reader import SessionReader
from ..projections.messages import branch_messages
from ..projections.recorded_messages import message_from_event
from .access import Access
from .call_record import failed_model_call, is_same_call, model_called, model_request
from .replay_cache import ReplayCache

T = TypeVar("T")


class ResumePoint(msgspec.Struct):
    """What is left of an operation that was interrupted: where it began, with which messages, and what it had done.

    `attempt` is the number of the attempt that continues it: those before can record nothing for it any more.
    """

    began: int
    attempt: int
    said: list[Message]
    journal: ReplayCache


Interrupts = asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit


class RunContext:
    """One operation. It sees what the branch showed when it began, and what it has said itself since."""

    def __init__(
        self,
        context: SessionContext,
        branch: int,
        id: str,
        name: str,
        *,
        model: LanguageModel | None = None,
        left: "ResumePoint | None" = None,
        replayed: ReplayCache | None = None,
    ) -> None:
        self.context, self.branch, self.id, self.name = context, branch, id, name
        self.attempt = 0
        self.access = Access(
            context.stream, context.registry, branch, model, lambda: self._origins if self.began else None
        )
        self._left = left
        self._journal = ReplayCache() if left is None else left.journal
        self._replayed = replayed  # of another operation, which this one does over
        self._shown: list[Message] = []
        self.began = 0

    @property
    def equipment(self) -> Registry:
        """The models, tools and operations in reach."""
        return self.context.registry

    def allow_model(self, purpose: str, given: LanguageModel | str | None) -> None:
        """Refuses a model that is not there, or that the branch may not use, before anything is said.

        What is answered from the record needs none; there, it is looked for when it is to be asked.
        """
        if self._replayed is None and self._left is None:
            self.access.allow_model(purpose, given)

    @property
    def shown(self) -> list[Message]:
        """What the operation sees of the branch."""
        return list(self._shown)

    @property
    def last_message(self) -> int | None:
        """The position of the last message that it put on the branch."""
        return next((each.position for each in reversed(self._shown) if (each.position or 0) > self.began), None)

    # Beginning and end

    async def begin(self, params: Json = None, said: Sequence[Message] = ()) -> list[Message]:
        """Opens the operation, with the messages it begins with; goes on with it if it was interrupted."""
        if self._left is not None:
            return await self._take_up(self._left)
        placed = await self._apart(lambda: self._start(params, said))
        await self._apart(lambda: self._look(self.began))
        return self._messages_among(placed)

    def _start(self, params: Json, said: Sequence[Message]) -> list[Placed]:
        placed = self.context.stream.transact(
            lambda state: work.start(state, self.id, self.name, self.branch, params, said),
            origins=lambda first: [Origin(), *(Origin(first) for _ in said)],
        )
        self.began = placed[0][0]  # in this thread: a caller that is cancelled meanwhile does not get the result
        return placed

    async def _take_up(self, left: "ResumePoint") -> list[Message]:
        self.attempt, self.began = left.attempt, left.began
        await self._apart(lambda: self._look(left.began))
        self._shown += left.said
        return left.said

    async def complete(self, result: Json) -> None:
        """Ends the operation well."""
        await self._record(lambda state: work.complete(state, self.id, self.attempt, result), self._origins)

    def fail(self, error: BaseException) -> None:
        """Ends the operation, which failed; if not even that can be recorded, it stays open."""
        kind, reason = type(error).__name__, reason_of(error)
        with suppress(TurnlogError):
            self.context.stream.transact(
                lambda state: work.fail(state, self.id, self.attempt, kind, reason), origins=self._origins
            )

    # Steps

    async def say(self, messages: Sequence[Message]) -> list[Message]:
        """Puts messages on the branch."""
        return self._messages_among(
            await self._record(
                lambda state: work.record_step(state, self.id, self.attempt, self.branch, None, messages),
                lambda first: [Origin(self.began)] * len(messages),
            )
        )

    async def ask(
        self,
        *,
        purpose: str = "generate",
        model: LanguageModel | str | None = None,
        new: Sequence[Message] = (),
        kept: bool = True,
        alone: bool = False,
        tools: Sequence[Json] = (),
        settings: dict[str, Json] | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> tuple[ModelResponse, list[Message]]:
        """What a model answers to what is shown and what is new; it is `kept` as messages, or with the call alone.

        Asked `alone`, what is new is all that the model sees.
        """
        shown = tuple(new) if alone else (*self._shown, *new)
        asked = ModelRequest(shown, tuple(tools), dict(settings or {}))
        digest = asked.digest
        before = self._journal.answer(digest)
        if before is not None:
            self._shown += before.messages
            return before.answer, before.messages
        again = None if self._replayed is None else self._replayed.answer(digest)
        if again is not None:
            called = again.called
            request = self._request(asked, new)
            return await self._keep(is_same_call(called, self.id, self.branch, request), again.answer, kept)
        asking = await self._apart(lambda: self.access.allow_model(purpose, model))
        return await self._record_call(asking, asked, new, kept, heard)

    async def act(
        self,
        requests: Sequence[Message],
        *,
        timeout: float | None = None,
        concurrent: bool = True,
        suppress_errors: bool = True,
    ) -> list[ActionResponseContent]:
        """Return the results of calls, in their order, each recorded as it comes.

        A call that fails has a result that says so; without `suppress_errors`, the first one is raised as well.
        """
        if concurrent:
            results = list(await asyncio.gather(*(self._act(each, timeout) for each in requests)))
        else:
            results = [await self._act(each, timeout) for each in requests]
        if not suppress_errors:
            _raise_failure(requests, results)
        return results

    # Inside

    async def _record_call(
        self,
        model: LanguageModel,
        asked: ModelRequest,
        new: Sequence[Message],
        kept: bool,
        heard: Callable[[str], None] | None,
    ) -> tuple[ModelResponse, list[Message]]:
        began = perf_counter()
        request = self._request(asked, new)
        try:
            answer = await model.ask(asked, heard)
        except BaseException as error:
            self._record_failed_call(model, request, error, (perf_counter() - began) * 1000)
            raise
        spent = (perf_counter() - began) * 1000
        called = model_called(model, self.id, self.branch, request, answer, spent, kept=kept)
        return await self._keep(called, answer, kept)

    async def _keep(
        self, called: ModelCalled, answer: ModelResponse, kept: bool
    ) -> tuple[ModelResponse, list[Message]]:
        said = [Message(content, sender=called.service) for content in answer.contents()] if kept else []
        model = called.service if is_valid_name(called.service) else None
        placed = await self._record(
            lambda state: work.record_step(state, self.id, self.attempt, self.branch, called, said),
            lambda first: [Origin(self.began, model), *(Origin(first, model) for _ in said)],
        )
        return answer, self._messages_among(placed)

    def _record_failed_call(self, model: LanguageModel, request: Json, error: BaseException, spent: float) -> None:
        called = failed_model_call(model, self.id, self.branch, request, error, reason_of(error), spent)
        with suppress(TurnlogError):  # the first error is the one that is told
            self.context.stream.transact(
                lambda state: work.record_step(state, self.id, self.attempt, self.branch, called), origins=self._origins
            )

    def _request(self, asked: ModelRequest, new: Sequence[Message]) -> Json:
        own = [message.position for message in self._shown if message.position and message.position > self.began]
        return model_request(asked, self.began, own, new)

    async def _act(self, request: Message, timeout: float | None) -> ActionResponseContent:
        content = request.content
        assert isinstance(content, ActionRequestContent)
        before = self._journal.result(content)
        if before is not None:
            self._shown.append(before[0])
            return before[1]
        again = None if self._replayed is None else self._replayed.result(content)
        response = again[1] if again is not None else await self._result(content, timeout)
        tool = await self._apart(lambda: self.access.find_tool(content.function))
        placed = await self._record(
            lambda state: work.record_step(state, self.id, self.attempt, self.branch, None, [Message(response)]),
            lambda first: [Origin(request.position, tool)],
        )
        self._messages_among(placed)
        return response

    async def _result(self, request: ActionRequestContent, timeout: float | None) -> ActionResponseContent:
        try:
            if "unreadable_arguments" in request.extra:
                raise ToolError(request.function, "its arguments are no JSON object")
            (tool,) = await self._apart(lambda: self.access.allow_tools([request.function]))
            async with asyncio.timeout(timeout):
                result = await tool.call(request.arguments)
        except TimeoutError as error:
            reason = str(error) if isinstance(error, ToolError) else f"no result within {timeout:g} s"
            return ActionResponseContent(error=reason, request_id=request.request_id)
        except (ToolError, ItemNotFoundError, AccessDeniedError) as error:
            return ActionResponseContent(error=str(error), request_id=request.request_id)
        return ActionResponseContent(result=result, request_id=request.request_id)

    def _messages_among(self, placed: Sequence[Placed]) -> list[Message]:
        found = [
            message_from_event(self.context.stream.id, *each) for each in placed if isinstance(each[2], MessageAppended)
        ]
        for message in found:
            self._shown.append(message)
        if any(isinstance(event, SystemSet) for _, _, event in placed):
            self._look(placed[-1][0])
        return found

    def _look(self, at: int | None = None) -> None:
        """Sees what the branch shows."""
        with self.context.stream.state() as state:
            reader = SessionReader(self.context.stream.store.recorder, state)
            shown = branch_messages(reader, state.showing(self.branch, at), state.written)
        self._shown = list(shown)

    def _origins(self, first: int) -> list[Origin]:
        return [Origin(self.began or None)]

    async def _record(self, decision: Callable[[State], Sequence[Event]], origins: Origins) -> list[Placed]:
        return await self._apart(lambda: self.context.stream.transact(decision, origins=origins))

    async def _apart(self, step: Callable[[], T]) -> T:
        """Does what touches the store in a thread; cancelled, it settles first."""
        return await settle(step)


def reason_of(error: BaseException) -> str:
    """Why something failed, in the words that are recorded."""
    return "it was cancelled" if isinstance(error, Interrupts) else str(error) or type(error).__name__


def _raise_failure(requests: Sequence[Message], results: Sequence[ActionResponseContent]) -> None:
    for request, result in zip(requests, results, strict=True):
        if not result.success and isinstance(request.content, ActionRequestContent):
            name, reason = request.content.function, result.error or ""
            raise ToolError(name, reason.removeprefix(str(ToolError(name, ""))))
