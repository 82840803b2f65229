"""Calls put together with their results, so that each provider is told of both in the order that it demands."""

import re
from collections import deque
from collections.abc import Iterable, Reversible, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from ...domain.content import InstructionContent, MessageRole
from ...domain.message import Message
from .message_items import message_items
from .message_parts import MISSING, Item, Part, TextItem, ToolCallItem, ToolResultItem, plain_text

NO_RESULT = "(no result of this call is on the record)"
"""Stands for the result of a call that has none here; providers refuse a call without one."""

LONGEST_ID = 40
LONGEST_NAME = 64
"""What providers take at most: OpenAI of an id and of a name; Anthropic takes more."""


class AnsweredCall(msgspec.Struct, frozen=True):
    """A call under an id that is unique in the prompt, and its one result."""

    id: str
    call: ToolCallItem
    result: ToolResultItem


class ToolTurn(msgspec.Struct, frozen=True):
    """Calls that were made together, each with its result, among what the model said with them."""

    parts: tuple[Part | AnsweredCall, ...]

    @property
    def said(self) -> tuple[Part, ...]:
        """What the model said with the calls."""
        return tuple(part for part in self.parts if not isinstance(part, AnsweredCall))

    @property
    def calls(self) -> tuple[AnsweredCall, ...]:
        """The calls, in their order."""
        return tuple(part for part in self.parts if isinstance(part, AnsweredCall))


Turn: TypeAlias = TextItem | ToolTurn


class _Pending:
    """Calls made together, while their results are looked for."""

    def __init__(self) -> None:
        self.parts: list[Part | ToolCallItem] = []
        self.results: dict[int, ToolResultItem] = {}
        self.open: dict[str | None, deque[int]] = {}
        self.over = False  # something else came after the calls


class _TurnBuilder:
    """The turns so far, and which calls wait for a result under which id, the last ones last."""

    def __init__(self) -> None:
        self.turns: list[TextItem | _Pending] = []
        self._waiting: dict[str | None, list[_Pending]] = {}

    def take(self, items: list[Item]) -> None:
        """Adds what one message is made of."""
        with_calls = any(isinstance(item, ToolCallItem) for item in items)
        if with_calls and any(isinstance(item, TextItem) for item in items):
            self.turns.append(_Pending())
        for item in items:
            match item:
                case ToolCallItem():
                    self._ask(item)
                case ToolResultItem():
                    self._answer(item)
                case TextItem() if with_calls:
                    self._calling().parts.extend(item.parts)
                case TextItem():
                    self.turns.append(item)

    def _ask(self, call: ToolCallItem) -> None:
        pending = self._calling()
        stack = self._waiting.setdefault(call.id, [])
        if not stack or stack[-1] is not pending:
            stack.append(pending)
        pending.open.setdefault(call.id, deque()).append(len(pending.parts))
        pending.parts.append(call)

    def _calling(self) -> _Pending:
        """The calls to which another one made now belongs."""
        last = self.turns[-1] if self.turns else None
        if isinstance(last, _Pending) and not last.over:
            return last
        self.turns.append(pending := _Pending())
        return pending

    def _answer(self, result: ToolResultItem) -> None:
        if self.turns and isinstance(self.turns[-1], _Pending):
            self.turns[-1].over = True
        stack = self._waiting.get(result.id)
        if not stack:
            self.turns.append(_without_call(result))
            return
        pending = stack[-1]
        places = pending.open[result.id]
        pending.results[places.popleft()] = result
        if not places:
            stack.pop()


def leading_system(turns: Iterable[Turn]) -> list[TextItem]:
    """The system messages that stand in front of all other turns."""
    found: list[TextItem] = []
    for turn in turns:
        if not isinstance(turn, TextItem) or turn.role is not MessageRole.SYSTEM:
            break
        found.append(turn)
    return found


def without_system_role(turn: Turn) -> Turn:
    """A turn for models that accept system messages only in front: one is text of the user, between <system> tags.

    This is how Pydantic AI renders it for such models.
    """
    if not isinstance(turn, TextItem) or turn.role is not MessageRole.SYSTEM:
        return turn
    return TextItem(MessageRole.USER, (f"<system>\n{plain_text(turn.parts).strip() or MISSING}\n</system>",))


def build_turns(messages: Sequence[Message]) -> list[Turn]:
    """The turns in order, system messages at their places.

    Calls without anything between them were made together. A result belongs to the last call before it that has the
    same id and no result yet, and comes directly after the calls, whatever was recorded in between.
    """
    line = _TurnBuilder()
    newest = newest_instruction(messages)
    for message in messages:
        line.take(message_items(message, message is newest))
    ids = _CallIds()
    return [turn if isinstance(turn, TextItem) else _with_result(turn, ids) for turn in line.turns]


def newest_instruction(messages: Reversible[Message]) -> Message | None:
    """The last instruction there is."""
    return next((each for each in reversed(messages) if isinstance(each.content, InstructionContent)), None)


def _without_call(result: ToolResultItem) -> TextItem:
    """A result whose call is not here, as something that the model is told."""
    what = "error" if result.failed else "result"
    named = "" if result.id is None else f" {result.id}"
    return TextItem(MessageRole.USER, (f"({what} of a tool call{named} that is not shown here)\n{result.text}",))


def _with_result(pending: _Pending, ids: "_CallIds") -> ToolTurn:
    nothing = ToolResultItem(None, NO_RESULT)
    return ToolTurn(
        tuple(
            AnsweredCall(ids.fresh(part), part, pending.results.get(place, nothing))
            if isinstance(part, ToolCallItem)
            else part
            for place, part in enumerate(pending.parts)
        )
    )


class _CallIds:
    """Ids that providers take: their letters, not too long, none twice."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, call: ToolCallItem) -> str:
        """The id of a call; one that has none is named by its position."""
        given = call.id or f"call_{'new' if call.position is None else call.position}"
        id, again = _fitting(given, LONGEST_ID), 1
        while id in self._used:
            again += 1
            id = _fitting(f"{given}_{again}", LONGEST_ID)
        self._used.add(id)
        return id


def tool_name(name: str) -> str:
    """The name of a tool in the letters that providers take; the others become underscores."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    return plain if len(plain) <= LONGEST_NAME and plain.strip("_") else _fitting(f"tool {name}", LONGEST_NAME)


def _fitting(given: str, longest: int) -> str:
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", given)
    if plain == given and len(given) <= longest:
        return given
    return f"{plain[: longest - 9]}_{sha256(given.encode()).hexdigest()[:8]}"
