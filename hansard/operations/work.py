"""An operation at work on a branch: every step of it is allowed, done, and on the record before the next."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from .._equipment import Equipment
from .._live import Live
from ..domain.asking import Answer, Asked
from ..domain.content import ActionRequestContent, ActionResponseContent, ResponseFormat
from ..domain.decisions import work
from ..domain.errors import HansardError
from ..domain.events import Event, MessageAppended, ModelCalled, SystemSet
from ..domain.evolve import Placed
from ..domain.message import Message
from ..domain.plain import Json
from ..domain.state import State
from ..domain.work_errors import AccessDenied, InvalidArguments, ModelFailed, ToolFailed, UnknownTool
from ..imodel import LanguageModel
from ..infrastructure.reading import SessionReader
from ..projections.messages import message_of, shown_messages
from ..tool import Tool
from .journal import Journal

T = TypeVar("T")


class Left(msgspec.Struct):
    """What is left of an operation that was interrupted: where it began, with which messages, and what it had done."""

    began: int
    said: list[Message]
    journal: Journal


Interrupts = asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit


class Work:
    """One operation. It sees what the branch showed when it began, and what it has said itself since."""

    def __init__(
        self,
        live: Live,
        branch: int,
        id: str,
        name: str,
        *,
        model: LanguageModel | None = None,
        left: "Left | None" = None,
        replayed: Journal | None = None,
    ) -> None:
        self.live, self.branch, self.id, self.name = live, branch, id, name
        self.attempt = 0
        self._model = model
        self._left = left
        self._journal = Journal() if left is None else left.journal
        self._replayed = replayed  # of another operation, which this one does over
        self._shown: list[Message] = []
        self.began = 0

    @property
    def equipment(self) -> Equipment:
        """The models, tools and operations in reach."""
        return self.live.equipment

    @property
    def shown(self) -> list[Message]:
        """What the operation sees of the branch."""
        return list(self._shown)

    @property
    def last_said(self) -> int | None:
        """The position of the last message that it put on the branch."""
        return next((each.position for each in reversed(self._shown) if (each.position or 0) > self.began), None)

    # Beginning and end

    async def begin(self, params: Json = None, said: Sequence[Message] = ()) -> list[Message]:
        """Opens the operation, with the messages it begins with; goes on with it if it was interrupted."""
        if self._left is not None:
            return await self._take_up(self._left)
        placed = await self._record(
            lambda state: work.start(state, self.id, self.name, self.branch, params, said),
            lambda first: [None, *(first for _ in said)],
        )
        self.began = began = placed[0][0]
        await self._apart(lambda: self._look(began))
        return self._heard(placed)

    async def _take_up(self, left: "Left") -> list[Message]:
        await self._record(lambda state: work.resume(state, self.id), lambda first: [left.began])
        with self.live.current() as state:
            self.attempt = state.operations[self.id].attempt
        self.began = left.began
        await self._apart(lambda: self._look(left.began))
        self._shown += left.said
        return left.said

    async def complete(self, result: Json) -> None:
        """Ends the operation well."""
        await self._record(lambda state: work.complete(state, self.id, self.attempt, result), self._led)

    def fail(self, error: BaseException) -> None:
        """Ends the operation, which failed; if not even that can be recorded, it stays open."""
        reason = "it was cancelled" if isinstance(error, Interrupts) else str(error) or type(error).__name__
        with suppress(HansardError):
            self.live.change(
                lambda state: work.fail(state, self.id, self.attempt, type(error).__name__, reason), causes=self._led
            )

    # Steps

    async def say(self, messages: Sequence[Message]) -> list[Message]:
        """Puts messages on the branch."""
        return self._heard(
            await self._record(
                lambda state: work.go_on(state, self.id, self.attempt, self.branch, None, messages),
                lambda first: [self.began] * len(messages),
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
    ) -> tuple[Answer, list[Message]]:
        """What a model answers to what is shown and what is new; it is `kept` as messages, or with the call alone.

        Asked `alone`, what is new is all that the model sees.
        """
        shown = tuple(new) if alone else (*self._shown, *new)
        asked = Asked(shown, tuple(tools), dict(settings or {}))
        digest = asked.digest
        before = self._journal.answer(digest)
        if before is not None:
            self._shown += before.messages
            return before.answer, before.messages
        again = None if self._replayed is None else self._replayed.answer(digest)
        if again is not None:
            called = again.called
            request = self._request(asked, digest, new)
            return await self._keep(_same_call(called, self.id, self.branch, request), again.answer, kept)
        asking = await self._apart(lambda: self._allowed_model(purpose, model))
        return await self._called(asking, asked, digest, new, kept, heard)

    async def act(
        self, requests: Sequence[Message], *, timeout: float | None = None, concurrent: bool = True
    ) -> list[ActionResponseContent]:
        """The results of calls, in their order, each recorded as it comes; what fails is a result that says so."""
        if concurrent:
            return list(await asyncio.gather(*(self._act(each, timeout) for each in requests)))
        return [await self._act(each, timeout) for each in requests]

    def tools_in_reach(self) -> list[str]:
        """The names of the tools that the branch has and may use, and that are at hand."""
        with self.live.current() as state:
            resources = state.branches[self.branch].resources
            names = work.tools_of(state, self.branch)
        return [name for name in names if name in self.equipment.tools and (resources is None or name in resources)]

    # Access: the one place

    def allow(self, kind: str, asked: Iterable[Iterable[str]]) -> None:
        """Refuses what the branch may not use, and records that it was asked for."""
        wanted = [tuple(names) for names in asked]
        with self.live.current() as state:
            denial = work.denied(state, self.branch, kind, wanted)
            name, session = state.branches[self.branch].name, state.session
        if denial is None:
            return
        self.live.change(lambda state: work.record_denied(state, denial), causes=self._led if self.began else None)
        raise AccessDenied(session, name, kind, tuple(denial.asked), tuple(denial.available))

    def allow_model(self, purpose: str, given: LanguageModel | str | None) -> None:
        """Refuses a model that is not there, or that the branch may not use, before anything is said.

        What is answered from the record needs none; there, it is looked for when it is to be asked.
        """
        if self._replayed is None and self._left is None:
            self._allowed_model(purpose, given)

    def allow_shape(self, shape: ResponseFormat | None) -> None:
        """Refuses a type of output that the branch may not give."""
        if shape is not None:
            self.allow("capabilities", [(shape.name,)])

    def allow_tools(self, names: Sequence[str]) -> list[Tool]:
        """The tools, if the branch may use them."""
        found = [self.equipment.tool(name) for name in names]
        self.allow("resources", [(name,) for name in names])
        return found

    def _allowed_model(self, purpose: str, given: LanguageModel | str | None) -> LanguageModel:
        if self._model is not None:
            given = self._model
        with self.live.current() as state:
            model = self.equipment.model(state, self.branch, purpose, given)
        self.allow("resources", [(model.name, model.model, f"{model.provider}/{model.model}")])
        return model

    # Inside

    async def _called(
        self,
        model: LanguageModel,
        asked: Asked,
        digest: str,
        new: Sequence[Message],
        kept: bool,
        heard: Callable[[str], None] | None,
    ) -> tuple[Answer, list[Message]]:
        began = perf_counter()
        request = self._request(asked, digest, new)
        try:
            answer = await model.ask(asked, heard)
        except BaseException as error:
            spent = (perf_counter() - began) * 1000
            self._failed_call(model, request, error, spent)
            raise
        usage = answer.usage
        called = ModelCalled(
            model=answer.model or model.model,
            provider=model.provider,
            operation=self.id,
            branch=self.branch,
            request=request,
            response=_response(answer, kept),
            input_tokens=None if usage is None else usage.input_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            duration_ms=round((perf_counter() - began) * 1000, 3),
            service=model.name,
            attempts=answer.attempts,
        )
        return await self._keep(called, answer, kept)

    async def _keep(self, called: ModelCalled, answer: Answer, kept: bool) -> tuple[Answer, list[Message]]:
        said = [Message(content, sender=called.service) for content in answer.contents()] if kept else []
        placed = await self._record(
            lambda state: work.go_on(state, self.id, self.attempt, self.branch, called, said),
            lambda first: [self.began, *(first for _ in said)],
        )
        return answer, self._heard(placed)

    def _failed_call(self, model: LanguageModel, request: Json, error: BaseException, spent: float) -> None:
        reason = "it was cancelled" if isinstance(error, Interrupts) else str(error) or type(error).__name__
        partial = error.partial if isinstance(error, ModelFailed) else None
        called = ModelCalled(
            model=model.model,
            provider=model.provider,
            operation=self.id,
            branch=self.branch,
            request=request,
            response=None if partial is None else {"partial": partial},
            error=reason,
            duration_ms=round(spent, 3),
            service=model.name,
            attempts=error.attempts if isinstance(error, ModelFailed) else 1,
        )
        with suppress(HansardError):  # the first error is the one that is told
            self.live.change(
                lambda state: work.go_on(state, self.id, self.attempt, self.branch, called), causes=self._led
            )

    def _request(self, asked: Asked, digest: str, new: Sequence[Message]) -> Json:
        own = [message.position for message in self._shown if message.position and message.position > self.began]
        return {
            "digest": digest,
            "at": self.began,
            "own": own,
            **({"new": [message.to_dict()["content"] for message in new]} if new else {}),
            **({"tools": [name_in(schema) for schema in asked.tools]} if asked.tools else {}),
            **({"settings": asked.settings} if asked.settings else {}),
        }

    async def _act(self, request: Message, timeout: float | None) -> ActionResponseContent:
        content = request.content
        assert isinstance(content, ActionRequestContent)
        before = self._journal.result(content)
        if before is not None:
            self._shown.append(before[0])
            return before[1]
        again = None if self._replayed is None else self._replayed.result(content)
        response = again[1] if again is not None else await self._result(content, timeout)
        placed = await self._record(
            lambda state: work.go_on(state, self.id, self.attempt, self.branch, None, [Message(response)]),
            lambda first: [request.position],
        )
        self._heard(placed)
        return response

    async def _result(self, request: ActionRequestContent, timeout: float | None) -> ActionResponseContent:
        try:
            if "unreadable_arguments" in request.extra:
                raise InvalidArguments(request.function, "its arguments are no JSON object")
            (tool,) = await self._apart(lambda: self.allow_tools([request.function]))
            async with asyncio.timeout(timeout):
                result = await tool.call(request.arguments)
        except TimeoutError as error:
            reason = str(error) if isinstance(error, ToolFailed) else f"no result within {timeout:g} s"
            return ActionResponseContent(error=reason, request_id=request.request_id)
        except (ToolFailed, UnknownTool, AccessDenied) as error:
            return ActionResponseContent(error=str(error), request_id=request.request_id)
        return ActionResponseContent(result=result, request_id=request.request_id)

    def _heard(self, placed: Sequence[Placed]) -> list[Message]:
        found = [message_of(self.live.id, *each) for each in placed if isinstance(each[2], MessageAppended)]
        for message in found:
            self._shown.append(message)
        if any(isinstance(event, SystemSet) for _, _, event in placed):
            self._look(placed[-1][0])
        return found

    def _look(self, at: int | None = None) -> None:
        """Sees what the branch shows."""
        with self.live.current() as state:
            reader = SessionReader(self.live.store, state)
            shown = shown_messages(reader, state.showing(self.branch, at), state.written)
        self._shown = list(shown)

    def _led(self, first: int) -> list[int | None]:
        return [self.began or None]

    async def _record(
        self, decision: Callable[[State], Sequence[Event]], causes: Callable[[int], Sequence[int | None]]
    ) -> list[Placed]:
        return await self._apart(lambda: self.live.change(decision, causes=causes))

    async def _apart(self, step: Callable[[], T]) -> T:
        """Does what touches the store in a thread; one that has begun is waited for even if this is cancelled."""
        doing = asyncio.ensure_future(asyncio.to_thread(step))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            with suppress(HansardError, asyncio.CancelledError):
                await doing
            raise


def name_in(schema: Json) -> Json:
    """The name of a tool, from its schema."""
    match schema:
        case {"function": {"name": name}} | {"name": name}:
            return name
        case _:
            return None


def _response(answer: Answer, kept: bool) -> Json:
    """What of an answer is in no message."""
    said: dict[str, Json] = {"finish_reason": answer.finish_reason, "id": answer.id}
    if not kept:
        said |= {"text": answer.text}
        if answer.usage is not None:
            said |= {"usage": {"input_tokens": answer.usage.input_tokens, "output_tokens": answer.usage.output_tokens}}
    return {key: value for key, value in said.items() if value is not None}


def _same_call(called: ModelCalled, operation: str, branch: int, request: Json) -> ModelCalled:
    """A call that was answered from the record: nobody was asked, so neither tokens nor time are counted again."""
    return replace(
        called,
        operation=operation,
        branch=branch,
        request=request,
        input_tokens=None,
        output_tokens=None,
        duration_ms=None,
        attempts=0,
    )
