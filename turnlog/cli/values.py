"""Parsers of options and arguments: a wrong value is an error of usage, before the store is opened.

What the checks of a name and of an address need is imported when they are used, so that `turnlog --help` is quick.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import typer
from msgspec import DecodeError

from ..domain.errors import InvalidValueError
from ..domain.errors.base import nearest
from ..domain.json_values import Json, parse_json
from ..infrastructure.paths import validate_path
from ..infrastructure.store_addresses import MEMORY, normalize
from .times import parse_duration, parse_moment, parse_time

MOST = 10
"""Names that an error lists."""

Parser = Callable[[str], str]
"""Returns a value as it is, or raises BadParameter."""


@contextmanager
def usage_errors(parameter: str) -> Iterator[None]:
    """Turn an InvalidValueError that a parameter causes into an error of usage."""
    try:
        yield
    except InvalidValueError as reason:
        raise typer.BadParameter(str(reason), param_hint=parameter) from reason


def choice(names: Iterable[str]) -> Parser:
    """Return a parser for one of some names."""
    known = [str(name) for name in names]

    def parse(text: str) -> str:
        if text in known:
            return text
        near = nearest(text, known)
        expected = f"one of {', '.join(known)}" if len(known) <= MOST else f"a name such as {known[0]!r}"
        raise typer.BadParameter(f"{text!r} is not {expected}{near and f'; {near}'}")

    return parse


def checked(check: Callable[[str], object]) -> Parser:
    """Return a parser for the values that a function accepts without an InvalidValueError."""

    def parse(text: str) -> str:
        try:
            check(text)
        except InvalidValueError as reason:
            raise typer.BadParameter(str(reason)) from reason
        return text

    return parse


def parse_position(text: str) -> int:
    """Parse a position of a session."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a position; see `turnlog log SESSION` for the positions") from None


def value_of(text: str) -> Json:
    """Return the JSON value of a text, or the text itself."""
    try:
        return parse_json(text)
    except DecodeError:
        return text


def _check_name(text: str) -> None:
    from ..domain.validation import validate_name

    validate_name(text, "a name")


def _check_pair(text: str) -> None:
    key, is_pair, value = text.partition("=")
    if not (key and is_pair):
        raise InvalidValueError(f"{text!r}", "is not understood: expected KEY=VALUE")
    value_of(value)


def _check_address(text: str) -> None:
    from ..infrastructure.open_store import check_address

    check_address(text)
    if normalize(text) == MEMORY:
        raise InvalidValueError("a store in memory", "ends with the command: name a file or a server")


MOMENT = checked(parse_moment)
DURATION = checked(parse_duration)
TIME = checked(lambda text: parse_time(text, "the time"))
NAME, PATH, PAIR = checked(_check_name), checked(lambda text: validate_path(text, "the path")), checked(_check_pair)
ADDRESS = checked(_check_address)
