"""Parsers of options and arguments: a wrong value is an error of usage, before the store is opened."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import typer

from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from .times import parse_duration, parse_moment, parse_time

PARQUET = "parquet"
"""The file format that only the command line writes."""

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


def choice(names: Callable[[], Iterable[str]]) -> Parser:
    """Return a parser for one of some names, which are loaded when it is used."""

    def parse(text: str) -> str:
        known = [str(name) for name in names()]
        if text in known:
            return text
        near = get_close_matches(text, known, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else ""
        expected = f"one of {', '.join(known)}" if len(known) <= MOST else f"a name such as {known[0]!r}"
        raise typer.BadParameter(f"{text!r} is not {expected}{suggestion}")

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


def value_of(text: str) -> Json:
    """Return the JSON value of a text, or the text itself."""
    from msgspec import DecodeError

    from ..domain.json_values import parse_json

    try:
        return parse_json(text)
    except DecodeError:
        return text


def _statuses() -> Iterable[str]:
    from ..projections.selection import STATUSES

    return (*STATUSES, "all")


def _orders() -> Iterable[str]:
    from ..projections.selection import Order

    return tuple(Order)


def _roles() -> Iterable[str]:
    from ..domain.chat import ROLES

    return ROLES


def _recorded_roles() -> Iterable[str]:
    from ..domain.content import MessageRole

    return tuple(MessageRole)


def _groups() -> Iterable[str]:
    from ..projections.usage import GROUPS

    return GROUPS


def _spans() -> Iterable[str]:
    from ..projections.activity import TimelineSteps

    return tuple(TimelineSteps)


def _strategies() -> Iterable[str]:
    from ..domain.decisions.history import Strategy

    return tuple(Strategy)


def _file_formats() -> Iterable[str]:
    from .._manager.files import FORMS, RECORD

    return (RECORD, *FORMS, PARQUET)


def _events() -> Iterable[str]:
    from ..domain.events import STORED_NAMES

    return STORED_NAMES


def _check_name(text: str) -> None:
    from ..domain.validation import validate_name

    validate_name(text, "a name")


def _check_query(text: str) -> None:
    from ..projections.full_text import parse_query

    parse_query(text)


def _check_path(text: str) -> None:
    from ..infrastructure.paths import validate_path

    validate_path(text, "the path")


def _check_pair(text: str) -> None:
    key, is_pair, value = text.partition("=")
    if not (key and is_pair):
        raise InvalidValueError(f"{text!r}", "is not understood: expected KEY=VALUE")
    value_of(value)


def _check_address(text: str) -> None:
    from ..infrastructure.open_store import check_address
    from ..infrastructure.store_addresses import MEMORY, normalize

    check_address(text)
    if normalize(text) == MEMORY:
        raise InvalidValueError("a store in memory", "ends with the command: name a file or a server")


STATUS, ORDER, ROLE = choice(_statuses), choice(_orders), choice(_roles)
FILE_FORMAT = choice(_file_formats)
GROUP, SPAN, STRATEGY, EVENT = choice(_groups), choice(_spans), choice(_strategies), choice(_events)
RECORDED_ROLE = choice(_recorded_roles)
MOMENT = checked(parse_moment)
DURATION = checked(parse_duration)
TIME = checked(lambda text: parse_time(text, "the time"))
NAME, PATH, PAIR = checked(_check_name), checked(_check_path), checked(_check_pair)
ADDRESS, QUERY = checked(_check_address), checked(_check_query)
