"""The newest turns that a prompt has room for, read from the end; a call is never parted from its result."""

from collections import Counter as Multiset
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ...domain.content import InstructionContent
from ...domain.errors import PromptTooLongError
from ...domain.message import Message
from .message_items import message_items
from .message_parts import Item, ToolCallItem, ToolResultItem
from .tokens import Counter, message_tokens

REACH = 200
"""How many messages back the call of a result is looked for, before the result counts as one without a call."""


def newest_turns(
    newest_first: Iterable[Message],
    last: int | None,
    max_tokens: int | None,
    counter: Counter,
    spent: int = 0,
) -> list[Message]:
    """The messages of the newest turns in order, up to so many turns and tokens, of which some are spent already."""
    if max_tokens is not None and spent > max_tokens:
        raise PromptTooLongError(spent, max_tokens)
    kept: list[Message] = []
    instructed = False
    for count, turn in enumerate(turns_backwards(newest_first)):
        if last is not None and count >= last:
            break
        if max_tokens is not None:
            for message in turn:
                newest = not instructed and isinstance(message.content, InstructionContent)
                instructed = instructed or newest
                spent += message_tokens(message, counter, newest)
            if spent > max_tokens:
                if not kept:
                    raise PromptTooLongError(spent, max_tokens)
                break
        kept += turn
    kept.reverse()
    return kept


def turns_backwards(newest_first: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages turn by turn, newest first: a message, or calls made together and all up to their last result."""
    turn: list[_TurnParts] = []
    missing: Multiset[str | None] = Multiset()
    for message in newest_first:
        items = message_items(message)
        if len(turn) >= REACH and missing:
            *over, turn = _is_split(_without_orphans(turn))
            missing.clear()
            yield from map(_messages, over)
        if turn and not missing and not (_asks(turn[-1]) and _asks((message, items))):
            yield _messages(turn)
            turn = []
        turn.append((message, items))
        missing = _still_missing(missing, items)
    if turn:
        yield from map(_messages, _is_split(_without_orphans(turn)))


_TurnParts: TypeAlias = tuple[Message, list[Item]]


def _still_missing(missing: "Multiset[str | None]", items: list[Item]) -> "Multiset[str | None]":
    """The ids under which calls are looked for, once an older message has been looked at."""
    for item in reversed(items):
        if isinstance(item, ToolResultItem):
            missing[item.id] += 1
        elif isinstance(item, ToolCallItem) and missing[item.id]:
            missing[item.id] -= 1
    return +missing


def _is_split(told: list[_TurnParts]) -> list[list[_TurnParts]]:
    """Messages, newest first, in turns; a call is looked for among them only for the results that are told."""
    turns: list[list[_TurnParts]] = []
    missing: Multiset[str | None] = Multiset()
    for each in told:
        if turns and (missing or (_asks(turns[-1][-1]) and _asks(each))):
            turns[-1].append(each)
        else:
            turns.append([each])
        missing = _still_missing(missing, each[1])
    return turns


def _without_orphans(told: list[_TurnParts]) -> list[_TurnParts]:
    """The same messages, newest first, without the results whose call is not among them."""
    calls: Multiset[str | None] = Multiset()
    found: list[_TurnParts] = []
    for message, items in reversed(told):
        kept: list[Item] = []
        for item in items:
            if isinstance(item, ToolResultItem) and not calls[item.id]:
                continue
            if isinstance(item, ToolResultItem | ToolCallItem):
                calls[item.id] += 1 if isinstance(item, ToolCallItem) else -1
            kept.append(item)
        found.append((message, kept))
    return found[::-1]


def _messages(turn: list[_TurnParts]) -> list[Message]:
    return [message for message, _ in turn]


def _asks(told: _TurnParts) -> bool:
    return any(isinstance(item, ToolCallItem) for item in told[1])
