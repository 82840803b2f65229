"""Plain JSON values: what goes into the record comes out of it equal, or is refused."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from .errors.base import InvalidValueError

Json: TypeAlias = Any
"""None, bool, int, float, str, and lists and string-keyed dicts of these."""

MAX_DEPTH = 100
"""Levels of nesting that every JSON reader can be trusted with."""

AGAIN = -3
"""The depth at which values start that were taken before and stand within something by now, as in a content."""

MAX_DIGITS = 4300
"""Digits of a whole number that Python turns into text and back."""

_TOO_LONG = 10**MAX_DIGITS


def to_json_value(value: object, what: str, depth: int = 0) -> Json:
    """A copy of `value` in plain JSON types; times become ISO text in UTC, sets become sorted lists."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, what)
    if depth > MAX_DEPTH:
        raise InvalidValueError(what, f"is nested too deep: expected {MAX_DEPTH} levels at most")
    if isinstance(value, int):
        return _whole(value, what)
    if isinstance(value, float):
        return _finite(value, what)
    if isinstance(value, Mapping):
        return {_key(key, what): to_json_value(item, what, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(item, what, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((to_json_value(item, what, depth + 1) for item in value), key=msgspec.json.encode)
    return _scalar(value, what)


def parse_json(text: str | bytes) -> Json:
    """The value of a JSON text.

    Raises DecodeError for what is not JSON, and InvalidValueError for JSON that readers would not agree on: with a key
    twice in one object, nested too deep, or with a number out of range.
    """
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except msgspec.ValidationError as reason:
        raise InvalidValueError("JSON", f"cannot be read: {reason}") from None
    check_json(text)
    return value


def check_json(text: str | bytes) -> None:
    """Reject JSON that readers would not agree on: each key once in an object, and every number in range."""
    try:
        json.loads(text if isinstance(text, str) else text.decode(), object_pairs_hook=_object, parse_float=_number)
    except InvalidValueError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as reason:
        raise InvalidValueError("JSON", f"cannot be read: {reason}") from None


def json_equal(one: Json, other: Json) -> bool:
    """Whether two plain values are the same in the record, where 1, 1.0 and true differ."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(other, order="deterministic")


def to_utc(moment: datetime) -> datetime:
    """The moment in UTC; a naive one is taken as local time."""
    return moment.astimezone(UTC)


def _too_deep() -> InvalidValueError:
    return InvalidValueError("JSON", f"is nested too deep: expected {MAX_DEPTH} levels at most")


def _object(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidValueError("JSON", f"has the key {key!r} twice in one object: expected each key once")
        found[key] = value
    return found


def _number(text: str) -> float:
    return _finite(float(text), "JSON")


def _text(value: str, what: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValueError(what, "holds a lone surrogate: expected text that UTF-8 can say") from None
    return value if type(value) is str else str.__str__(value)


def _whole(value: int, what: str) -> int:
    if abs(value) >= _TOO_LONG:
        raise InvalidValueError(what, f"holds a whole number of too many digits: expected {MAX_DIGITS} at most")
    return int(value)


def _finite(value: float, what: str) -> float:
    if not math.isfinite(value):
        raise InvalidValueError(what, f"holds {value}: expected a number that JSON can say; write it as text")
    return float(value)


def _key(key: object, what: str) -> str:
    if not isinstance(key, str):
        raise InvalidValueError(what, f"has the key {key!r}; expected keys of type str")
    return _text(key, what)


def _scalar(value: object, what: str) -> Json:
    if isinstance(value, datetime):
        try:
            return to_utc(value).isoformat()
        except (OverflowError, ValueError):
            reason = f"holds {value.isoformat()}: expected a time that falls into the years 1 to 9999 in UTC"
            raise InvalidValueError(what, reason) from None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise InvalidValueError(what, f"holds a {type(value).__name__}; expected plain JSON values")
