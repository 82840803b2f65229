"""What goes into the record as a value comes out of it equal, or is refused."""

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog._operations.structured_output import parse_response
from turnlog.domain.content import AssistantResponseContent, ResponseFormat
from turnlog.domain.errors import InvalidValueError, ResponseFormatError
from turnlog.domain.json_values import check_json, json_equal, parse_json, to_json_value, to_utc
from turnlog.infrastructure.json_schema import validate_response
from turnlog.infrastructure.models.pydantic_ai_messages import _call


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Metres(float):
    """A float of somebody else's, as numpy has."""


class Word(str):
    """A str of somebody else's."""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (-0.0, -0.0),
        ("nul \0 \U0001f680", "nul \0 \U0001f680"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Metres(1.5), 1.5),
        (Word("w\u00f6rd"), "w\u00f6rd"),
        ((1, (2,)), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({2, 1}), [1, 2]),
        (MappingProxyType({Colour.RED: {Word("a"): ()}}), {"red": {"a": []}}),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00+00:00"),
    ],
)
def test_a_value_becomes_plain(value: object, found: object) -> None:
    assert repr(to_json_value(value, "a value")) == repr(found)
    assert types_in(to_json_value(value, "a value")) <= {type(None), bool, int, float, str, list, dict}


def types_in(value: object) -> set[type]:
    match value:
        case list():
            return {type(value)}.union(*map(types_in, value))
        case dict():
            return {type(value)}.union(*map(types_in, value.values()), *map(types_in, value))
        case _:
            return {type(value)}


def test_a_naive_time_is_taken_as_local() -> None:
    naive = datetime(2026, 1, 2, 3)  # noqa: DTZ001 that is the point

    assert to_utc(naive) == naive.astimezone()
    assert to_json_value(naive, "a value") == naive.astimezone().astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "holds nan: expected a number that JSON can say"),
        (-math.inf, "holds -inf: expected a number that JSON can say"),
        (Metres("inf"), "holds inf: expected a number that JSON can say"),
        ("a\ud800", "holds a lone surrogate: expected text that UTF-8 can say"),
        ({"\udfff": 1}, "holds a lone surrogate: expected text that UTF-8 can say"),
        ({"\udfff"}, "holds a lone surrogate: expected text that UTF-8 can say"),
        ([10**4300], "holds a whole number of too many digits: expected 4300 at most"),
        ({-(10**4300)}, "holds a whole number of too many digits: expected 4300 at most"),
        ({1: "a"}, "has the key 1; expected keys of type str"),
        ({None: "a"}, "has the key None; expected keys of type str"),
        (b"bytes", "holds a bytes; expected plain JSON values"),
        (object(), "holds a object; expected plain JSON values"),
        (Decimal(1), "holds a Decimal; expected plain JSON values"),
        (time(1), "holds a time; expected plain JSON values"),
        (timedelta(1), "holds a timedelta; expected plain JSON values"),
        (
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
            "holds 0001-01-01T00:00:00+05:00: expected a time that falls into the years 1 to 9999 in UTC",
        ),
    ],
)
def test_a_value_that_the_record_cannot_say_is_refused(value: object, words: str) -> None:
    for wrapped in (value, [value] if not isinstance(value, dict) else {"a": value}, {"a": [value]}):
        with pytest.raises(InvalidValueError) as refused:
            to_json_value(wrapped, "state 'a'")
        assert str(refused.value).startswith(f"state 'a' {words}")


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def test_nesting_has_an_end() -> None:
    assert to_json_value(nested(100), "a value") == nested(100)
    with pytest.raises(InvalidValueError, match="a value is nested too deep: expected 100 levels at most"):
        to_json_value(nested(102), "a value")
    with pytest.raises(InvalidValueError, match="nested too deep"):
        to_json_value(nested(10_000), "a value")


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(InvalidValueError, match="nested too deep"):
        to_json_value(value, "a value")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=200, derandomize=True)
@given(JSON)
def test_a_plain_value_is_kept_as_it_is_and_goes_through_json(value: object) -> None:
    assert repr(to_json_value(value, "a value")) == repr(value)
    assert repr(msgspec.json.decode(msgspec.json.encode(value))) == repr(value)
    assert json_equal(value, json.loads(json.dumps(value)))


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), (0, None), ("", None), ([], {}), ("1", 1), ([1], [True])]
)
def test_values_that_read_differently_are_not_the_same(one: object, other: object) -> None:
    assert not json_equal(one, other)
    assert not json_equal({"a": one}, {"a": other})


def test_the_order_of_keys_makes_no_difference_and_that_of_a_list_does() -> None:
    assert json_equal({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    assert not json_equal([1, 2], [2, 1])


# JSON texts


@pytest.mark.parametrize("text", ['{"a":[1,2.5,null,true,"x"]}', "1180591620717411303424", '""', "-0.0", "[]"])
def test_json_is_parsed(text: str) -> None:
    assert json_equal(parse_json(text), json.loads(text))
    assert json_equal(parse_json(text.encode()), json.loads(text))


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]'])
def test_json_with_a_key_twice_is_an_error(text: str) -> None:
    for parse in (parse_json, check_json):
        with pytest.raises(InvalidValueError, match="the key 'a' twice"):
            parse(text)


@pytest.mark.parametrize("text", ["1e400", '{"a":[-1e400]}', "[" * 100_000 + "]" * 100_000])
def test_json_that_is_out_of_range_is_an_error(text: str) -> None:
    for parse in (parse_json, check_json):
        with pytest.raises(InvalidValueError, match=r"expected|out of range"):
            parse(text)


@pytest.mark.parametrize("text", ["", "{", "NaN", "Infinity", "x", "'a'"])
def test_what_is_no_json_is_not_parsed(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        parse_json(text)


@pytest.mark.parametrize("text", ['{"to":"ada","to":"eve"}', '{"amount":1e400}'])
def test_arguments_that_readers_would_not_agree_on_stay_text(text: str) -> None:
    assert _call("send", text, "call_1").extra == {"unreadable_arguments": text}
    with pytest.raises(ResponseFormatError):
        parse_response(text, ResponseFormat("sent", {"type": "object"}))
    with pytest.raises(ResponseFormatError):
        validate_response(ResponseFormat("sent", {"type": "object"}), AssistantResponseContent(text))
