"""Events are stored under fixed names as JSON, and come back equal, or the error says which event cannot be read."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from turnlog.domain import events
from turnlog.domain.codec import UPCASTERS, Upcaster, decode, encode, stored_name
from turnlog.domain.content import (
    KINDS,
    ActionResponseContent,
    InstructionContent,
    ResponseFormat,
    SystemContent,
    Usage,
)
from turnlog.domain.decisions.history import Strategy
from turnlog.domain.errors import InvalidValueError, UnreadableEventError
from turnlog.domain.events import (
    STORED_NAMES,
    BranchCreated,
    BranchMerged,
    Event,
    MessageAppended,
    SessionArchived,
    SessionRenamed,
    SessionStarted,
    StateSet,
    SystemSet,
    UnknownEvent,
)
from turnlog.domain.events.work import LogType
from turnlog.domain.json_values import Json
from turnlog.domain.ranges import Origin, Range

GOLDEN = Path(__file__).parent / "golden" / "events.json"

# --- The storage format -----------------------------------------------------------------------------------


def stored_format() -> dict[str, Any]:
    """Everything that a stored payload is made of."""
    return {
        "events": {name: fields_of(event) for name, event in STORED_NAMES.items()},
        "contents": {tag_of(kind): fields_of(kind) for kind in KINDS},
        "parts": {part.__name__: fields_of(part) for part in (ResponseFormat, Usage)},
        "arrays": {"Range": [f"{name}: {field['type']}" for name, field in fields_of(Range).items()]},
        "words": {words.__name__: [word.value for word in words] for words in (LogType, Origin, Strategy)},
    }


def fields_of(struct: type[msgspec.Struct]) -> dict[str, dict[str, Json]]:
    return {field.encode_name: described(field) for field in inspected(struct).fields}


def inspected(struct: type[msgspec.Struct]) -> inspect.StructType:
    found = inspect.type_info(struct)
    assert isinstance(found, inspect.StructType)
    return found


def tag_of(struct: type[msgspec.Struct]) -> str:
    return str(inspected(struct).tag)


def described(field: inspect.Field) -> dict[str, Json]:
    found: dict[str, Json] = {"type": spelled(field.type)}
    if field.default_factory is not msgspec.NODEFAULT:
        found["default"] = field.default_factory()
    elif field.default is not msgspec.NODEFAULT:
        found["default"] = list(field.default) if field.default == () else field.default
    return found


def spelled(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types=types):
            return " | ".join(sorted(map(spelled, types)))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"list[{spelled(item)}]"
        case inspect.DictType(key_type=key, value_type=value):
            return f"dict[{spelled(key)}, {spelled(value)}]"
        case inspect.StructType(tag=str(tag)):
            return tag
        case inspect.StructType(cls=cls) | inspect.EnumType(cls=cls):
            return cls.__name__
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def test_stored_names_and_fields_are_those_on_file() -> None:
    found, on_file = stored_format(), json.loads(GOLDEN.read_text("utf-8"))

    assert found == on_file, (
        f"names and fields are the storage format: add, never alter. If this is an addition (a field with a "
        f"default, an event, a content), add it to {GOLDEN.name} by hand."
    )


def all_events(root: type[Event] = Event) -> set[type[Event]]:
    """Every class of event in the house, whether it has a stored name or not."""
    found: set[type[Event]] = set()
    for kind in root.__subclasses__():
        found |= {kind} | all_events(kind)
    return {kind for kind in found if kind.__module__.startswith(events.__name__) and kind is not events.BranchEvent}


def test_every_event_has_one_stored_name() -> None:
    assert set(STORED_NAMES.values()) == all_events() - {UnknownEvent}  # which is never recorded
    assert len(set(STORED_NAMES.values())) == len(STORED_NAMES)


def test_a_stored_name_is_a_group_and_what_happened_and_no_path_of_a_class() -> None:
    groups = "session|branch|message|event|mail|work|log"

    assert [name for name in STORED_NAMES if not re.fullmatch(rf"({groups})\.[a-z]+(_[a-z]+)*", name)] == []


def test_payloads_hold_no_column_of_the_record() -> None:
    columns = {"session", "position", "time", "actor", "correlation", "cause", "digest", "correlation_id", "causation"}

    assert [name for name, event in STORED_NAMES.items() if columns & set(event.__struct_fields__)] == []


@pytest.mark.parametrize(
    ("event", "name", "payload"),
    [
        (SessionStarted(), "session.started", b"{}"),
        (SessionRenamed(None), "session.renamed", b'{"name":null}'),
        (StateSet("a", None), "session.state_set", b'{"key":"a","value":null}'),
        (
            BranchCreated(1, "id-1", "retry", parent=0, at=7, capabilities=[]),
            "branch.created",
            b'{"branch":1,"id":"id-1","name":"retry","parent":0,"at":7,"capabilities":[]}',
        ),
        (
            BranchMerged(0, 1, 9, "append", 2, (Range(1, 7, 8, 2, Origin.MERGED),)),
            "branch.merged",
            b'{"branch":0,"source":1,"at":9,"strategy":"append","keep_first":2,"ranges":[[1,7,8,2,"merged"]]}',
        ),
        (
            MessageAppended(0, InstructionContent(instruction="h\u00e9llo"), sender="ada"),
            "message.appended",
            '{"branch":0,"content":{"type":"instruction","instruction":"h\u00e9llo"},"sender":"ada"}'.encode(),
        ),
        (
            MessageAppended(0, ActionResponseContent(error="")),
            "message.appended",
            b'{"branch":0,"content":{"type":"action_response","error":"","success":false}}',
        ),
        (
            SystemSet(0, SystemContent(system_message="be terse")),
            "branch.system_set",
            b'{"branch":0,"content":{"type":"system","system_message":"be terse"}}',
        ),
    ],
)
def test_a_payload_is_json_text(event: Event, name: str, payload: bytes) -> None:
    assert stored_name(event) == name
    assert encode(event) == payload
    assert decode(name, payload, "s", 1) == event
    assert decode(name, payload.decode(), "s", 1) == event


# --- There and back ---------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
"""Any plain value."""


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value that a field of this type can have."""
    match kind:
        case inspect.UnionType(types=types):
            return st.one_of(*map(values, types))
        case inspect.ListType(item_type=item):
            return st.lists(values(item), max_size=3)
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3).map(tuple)
        case inspect.DictType(value_type=value):
            return st.dictionaries(st.text(), values(value), max_size=3)
        case inspect.StructType(cls=cls, fields=fields) if cls is ActionResponseContent:
            made = {field.name: values(field.type) for field in fields}
            return st.builds(cls, **{**made, "success": st.none() | st.just(False)})
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type) for field in fields})
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.IntType():
            return st.integers()
        case inspect.StrType():
            return st.text()
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType():
            return JSON
        case _:
            raise AssertionError(f"no values are known for {kind}")


@pytest.mark.parametrize("name", STORED_NAMES)
@settings(max_examples=25, derandomize=True)
@given(data=st.data())
def test_an_event_comes_back_as_it_went(name: str, data: st.DataObject) -> None:
    event: Event = data.draw(values(inspect.type_info(STORED_NAMES[name])))

    found = decode(name, encode(event), "s", 1)

    assert found == event
    assert type(found) is type(event)


@pytest.mark.parametrize(
    "value",
    [
        "nul \0 and \x7f",
        "\U0001f469\u200d\U0001f680 \u202e",
        '</script>\u2028\u2029\\"',
        2**53 + 1,
        2**64,
        -(10**4000),
        -0.0,
        5e-324,
        1.7976931348623157e308,
        {"": {"a.b": []}},
        {"type": "message.appended", "__proto__": 1},
        1,
        True,
        1.0,
    ],
)
def test_a_value_that_json_can_say_is_kept_exactly(value: Json) -> None:
    found = decode("session.state_set", encode(StateSet("a", value)), "s", 1)

    assert repr(found) == repr(StateSet("a", value))


def nested(levels: int) -> list[Json]:
    value: list[Json] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "event",
    [
        StateSet("a", "\ud800"),
        StateSet("a", {"\udfff": 1}),
        StateSet("\ud800", 1),
        StateSet("a", float("nan")),
        StateSet("a", [float("-inf")]),
        StateSet("a", {1: "a"}),
        StateSet("a", {None: "a"}),
        StateSet("a", (1, 2)),
        StateSet("a", {"a", "b"}),
        StateSet("a", b"bytes"),
        StateSet("a", object()),
        StateSet("a", 10**5000),
        StateSet("a", nested(10_000)),
        SessionRenamed(7),  # type: ignore[arg-type]  # what a caller without types can do
        BranchCreated(True, "id", "main", at=1.5),  # type: ignore[arg-type]  # what a caller without types can do
        MessageAppended(0, "hello"),  # type: ignore[arg-type]  # what a caller without types can do
    ],
    ids=lambda event: stored_name(event) if isinstance(event, Event) else None,
)
def test_an_event_that_would_not_come_back_the_same_is_refused_by_name(event: Event) -> None:
    with pytest.raises(InvalidValueError, match="expected") as refused:
        encode(event)

    assert refused.value.what == stored_name(event)


# --- What cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("session.exploded", b"{}", "no event has this stored name"),
        ("turnlog.domain.events.SessionStarted", b"{}", "no event has this stored name"),
        ("", b"{}", "no event has this stored name"),
        ("session.renamed", b"{}", "missing required field `name`"),
        ("session.renamed", b'{"name":"a","nmae":"b"}', "unknown field `nmae`"),
        ("session.renamed", b'{"name":7}', "got `int`"),
        ("session.renamed", b"[]", "got `array`"),
        ("session.renamed", b"null", "got `null`"),
        ("session.renamed", b"", "truncated"),
        ("session.renamed", b'{"name":"a"', "truncated"),
        ("session.renamed", b'{"name":"a"}}', "trailing"),
        ("session.renamed", b'{"name":NaN}', "malformed"),
        ("session.renamed", b'{"name":"\xff"}', "utf-8"),
        ("session.renamed", '{"name":"\ud800"}', "utf-8"),
        ("session.state_set", b'{"key":"a","value":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "recursion"),
        ("session.state_set", b'{"key":"a","value":1e999}', "out of range"),
        ("branch.renamed", b'{"branch":true,"name":"a"}', "got `bool`"),
        ("branch.created", b'{"branch":0,"id":"a","name":"a","origin":"stolen"}', "stolen"),
        ("message.appended", b'{"branch":0,"content":{"instruction":"a"}}', "missing required field `type`"),
        ("message.appended", b'{"branch":0,"content":{"type":7}}', "got `int`"),
        ("message.appended", b'{"branch":0,"content":{"type":"poem"},"sendr":"ada"}', "unknown field"),
        ("message.appended", b'{"branch":0,"content":{"type":"system","instruction":"a"}}', "unknown field"),
        ("branch.merged", b'{"branch":0,"source":1,"at":2,"strategy":"a","keep_first":0,"ranges":[[1]]}', "length"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, payload: bytes | str, reason: str) -> None:
    with pytest.raises(UnreadableEventError) as unreadable:
        decode(name, payload, "s-7", 42)

    assert (unreadable.value.session, unreadable.value.position, unreadable.value.name) == ("s-7", 42, name)
    assert f"event {name!r} at position 42 of session s-7 cannot be read" in str(unreadable.value)
    assert reason in str(unreadable.value).lower()


def test_decoders_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a decoder was made for one event")

    monkeypatch.setattr(msgspec.json, "Decoder", refuse)
    monkeypatch.setattr(msgspec.json, "Encoder", refuse)

    for name, event in [("session.archived", SessionArchived()), ("session.renamed", SessionRenamed("a"))]:
        assert decode(name, encode(event), "s", 1) == event


# --- Old shapes -------------------------------------------------------------------------------------------


def label_to_name(fields: dict[str, Json]) -> dict[str, Json]:
    return {"name": fields["label"]}


def title_to_label(fields: dict[str, Json]) -> dict[str, Json]:
    return {"label": fields["title"]["text"]}


LIFTED: Mapping[str, tuple[str, Upcaster]] = {
    "session.labelled": ("session.renamed", label_to_name),
    "session.titled": ("session.labelled", title_to_label),
}


def test_an_old_shape_is_lifted_to_the_name_and_the_fields_of_today() -> None:
    found = decode("session.labelled", b'{"label":"a"}', "s", 1, LIFTED)

    assert found == SessionRenamed("a")


def test_a_very_old_shape_is_lifted_step_by_step() -> None:
    found = decode("session.titled", b'{"title":{"text":"a"}}', "s", 1, LIFTED)

    assert found == SessionRenamed("a")


def test_a_lifted_payload_is_checked_and_typed_like_any_other() -> None:
    ranges = {"branch.spliced": ("branch.reordered", lambda fields: {"branch": 0, "ranges": fields["parts"]})}

    found = decode("branch.spliced", b'{"parts":[[0,3,4,2,"merged"]]}', "s", 1, ranges)

    assert found == events.BranchReordered(0, (Range(0, 3, 4, 2, Origin.MERGED),))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("session.labelled", b"{}"),
        ("session.labelled", b"[]"),
        ("session.labelled", b'{"label":7}'),
        ("session.labelled", b"not json"),
        ("session.labelled", b'{"label":"\xff"}'),
        ("session.titled", b'{"title":{"label":"a"}}'),
        ("session.titled", b'{"title":["a"]}'),
        ("session.titled", b'{"title":null}'),
    ],
)
def test_an_old_payload_that_does_not_fit_is_named(name: str, payload: bytes) -> None:
    with pytest.raises(UnreadableEventError, match=f"event '{name}' at position 42 of session s-7"):
        decode(name, payload, "s-7", 42, LIFTED)


def test_a_shape_of_today_is_not_lifted() -> None:
    never: Mapping[str, tuple[str, Upcaster]] = {"session.renamed": ("session.archived", lambda fields: fields)}

    assert decode("session.renamed", b'{"name":"a"}', "s", 1, never) == SessionRenamed("a")


def test_every_old_name_leads_to_one_of_today() -> None:
    assert [name for name in UPCASTERS if name in STORED_NAMES] == []
    assert [to for to, _ in UPCASTERS.values() if to not in STORED_NAMES and to not in UPCASTERS] == []
