"""How many tokens a text is: an estimate that needs no vocabulary, and the sum over messages."""

import re
from collections.abc import Callable, Iterable
from math import ceil
from typing import TypeAlias

from ...domain.message import Message
from .message_items import message_items
from .message_parts import Image, TextItem
from .plain import message_text

Counter: TypeAlias = Callable[[str], int]
"""Says how many tokens a text is."""

PER_MESSAGE = 4
"""What providers add to each message for its role and its ends."""

PER_IMAGE = 1000
"""Stands for the tokens of an image, which depend on its size and on the model."""

# Each match is one token: up to so many letters of one kind. What stands alone before a word is part of its token.
_TOKENS = re.compile(
    r"[A-Za-z]{1,8}(?![\u00c0-\u024f])|[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{1,4}|[0-9]{1,3}|[!-/:-@\[-`{-~]{1,3}"
    r"|[ ]{2,}|[\r\n\t\f\v]+|[\u0e00-\u0eff]{1,2}|[\u0370-\u1cff]{1,4}"
)
_SCRIPTS = (
    (re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"), 0.85),  # Chinese, Japanese
    (re.compile(r"[\uac00-\ud7af]"), 0.95),  # Korean
    (re.compile(r"[\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0f]"), 1.5),  # pictures and what joins them
    (re.compile(r"[\u1d00-\u1dff\u1f00-\u25ff\u27c0-\u2e7f\ua000-\uabff\ue000-\uf8ff\U00010000-\U0001efff]"), 1.5),
)
"""Letters that a text has many of in a row without a space, and the tokens that each is on average."""


def estimate(text: str) -> int:
    """About how many tokens a text is to today's models; a rule over its letters, the same every time.

    Counted against the vocabulary o200k_base it is off by less than a third on every kind of text in
    tests/unit/golden/texts.json, by a tenth on English; a quarter of the letters would be off by up to six times.
    """
    tokens = len(_TOKENS.findall(text))
    if text.isascii():
        return tokens
    return ceil(tokens + sum(weight * len(letters.findall(text)) for letters, weight in _SCRIPTS))


def message_tokens(message: Message, counter: Counter, newest: bool = False) -> int:
    """The tokens of a message: of all it says, of its images, and of what a provider puts around it."""
    items = message_items(message, newest)
    images = sum(isinstance(part, Image) for item in items if isinstance(item, TextItem) for part in item.parts)
    return PER_MESSAGE + PER_IMAGE * images + counter(message_text(message, newest))


def messages_tokens(messages: Iterable[Message], counter: Counter) -> int:
    """The tokens of messages together."""
    return sum(message_tokens(message, counter) for message in messages)
