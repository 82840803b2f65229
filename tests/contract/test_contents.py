"""What was said is what is read: every kind of content, every empty-looking value, any JSON, in every kind of store."""

from typing import Any, ClassVar, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog import Message, Session, Store
from turnlog.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    ImagePolicy,
    InstructionContent,
    MessageContent,
    MessageRole,
    SystemContent,
    UnknownContent,
    content_type,
)
from turnlog.domain import content_types
from turnlog.domain.content import Content
from turnlog.domain.events import MessageAppended
from turnlog.domain.json_values import Json
from turnlog.errors import ImageNotAllowedError, InvalidValueError, TurnlogError

EMPTY: list[Json] = [None, False, 0, 0.0, "", [], {}, [[]], {"": None}]

CONTENTS: list[tuple[MessageContent, str, bool | None]] = [
    *((InstructionContent(instruction=value), "user", None) for value in EMPTY),
    *((InstructionContent(instruction="", guidance=value, context=[value]), "user", None) for value in EMPTY),
    *((InstructionContent(extra={"a": value}), "user", None) for value in EMPTY),
    *((AssistantResponseContent(assistant_response=value), "assistant", None) for value in EMPTY),
    *((AssistantResponseContent(raw=value), "assistant", None) for value in EMPTY),
    *((ActionRequestContent(function="", arguments={"a": value}), "assistant", None) for value in EMPTY),
    (ActionRequestContent(), "assistant", None),
    *((ActionResponseContent(result=value), "tool", True) for value in EMPTY),
    *((ActionResponseContent(result=value, error=""), "tool", False) for value in EMPTY),
    *((ActionResponseContent(result=value, error="boom"), "tool", False) for value in EMPTY),
    *((ActionResponseContent(result=value, success=False), "tool", False) for value in EMPTY),
]


def succeeded(message: Message) -> bool | None:
    return message.content.success if isinstance(message.content, ActionResponseContent) else None


def test_role_and_success_are_the_same_after_storage_export_and_import(store: Store) -> None:
    session = Session(store=store)
    branch = session.default_branch
    branch.add_many([content for content, _, _ in CONTENTS])

    read = list(Session.open(session.id, store=store).messages)
    exported = [Message.from_json(message.to_json()) for message in read]
    imported = list(Session(messages=exported, store=store).messages)
    told_anew = list(session.fork_session(self_contained=True).messages)
    as_dicts = list(Session(messages=session.get_messages(), store=store).messages)

    expected = [(role, success) for _, role, success in CONTENTS]
    for messages in (read, exported, imported, told_anew, as_dicts):
        assert [(message.role, succeeded(message)) for message in messages] == expected
    for messages in (read, exported, imported, told_anew):
        assert [repr(message.content) for message in messages] == [repr(content) for content, _, _ in CONTENTS]


def test_an_empty_system_message_keeps_its_role(store: Store) -> None:
    session = Session({"system_message": ""}, store=store)

    system = Session.open(session.id, store=store).default_branch.system

    assert system is not None
    assert (system.role, system.content) == ("system", SystemContent())
    assert Message.from_json(system.to_json()) == system


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["\0", "\u202e\u05d0", "\U0001f469\u200d\U0001f680", "\u2028", "\\ud800", "\ufeff", "\ufffe"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(JSON, min_size=1, max_size=8))
def test_any_json_is_read_back_exactly(store: Store, values: list[Json]) -> None:
    session = Session(store=store)
    branch = session.default_branch

    branch.add_many([{"result": value} for value in values])
    branch.add_many([{"role": "user", "content": value, "kept": value} for value in values if value is not None])

    read = list(Session.open(session.id, store=store).messages)
    results = [message.content.result for message in read if isinstance(message.content, ActionResponseContent)]
    said = [message["kept"] for message in read if isinstance(message.content, InstructionContent)]
    assert repr(results) == repr(values)
    assert repr(said) == repr([value for value in values if value is not None])
    assert [Message.from_json(message.to_json()) for message in read] == read


def test_what_is_nested_as_deep_as_can_be_is_exported_imported_and_copied_like_all_else(store: Store) -> None:
    deepest: list[Json] = []
    for _ in range(98):
        deepest = [deepest]
    session = Session(store=store)
    session.add({"result": deepest})
    session.add({"role": "user", "content": "x", "deep": deepest})

    for message in list(session.messages):
        assert Message.from_json(message.to_json()) == message
        assert session.add(message.clone()).content == message.content
    session.messages = session.get_messages()
    assert len(session.fork_session(self_contained=True).messages) == 4
    with pytest.raises(InvalidValueError, match="nested too deep"):
        session.add({"result": [[[deepest]]]})


def test_a_text_of_five_megabytes_is_read_back_exactly(store: Store) -> None:
    text = "\u00e9\U0001f600\0 \\" * 500_000
    session = Session(store=store)

    session.add(text)

    assert len(text.encode()) >= 4_500_000
    assert session.messages[0].text == text
    assert store.verify(session.id).ok


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), "\ud800", {"\udfff": 1}, 10**5000, b"", {1: 2}, object(), {7j}],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_is_refused_by_name_and_nothing_is_written(store: Store, value: Any) -> None:
    session = Session(store=store)
    before = session.position

    for given_ in (value, [value], {"a": [value]}):
        with pytest.raises(InvalidValueError, match="expected"):
            session.add({"result": given_})
        with pytest.raises(InvalidValueError, match="expected"):
            session.add("fine", metadata={"a": given_})

    assert session.position == before


# --- Contents of an application's own ---------------------------------------------------------------------


class Shown(MessageContent, frozen=True):
    """An invoice that was shown to somebody."""

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    number: int
    lines: list[str] = msgspec.field(default_factory=list)

    @property
    def body(self) -> Json:
        return f"Invoice {self.number}"


def test_an_own_content_is_kept_and_is_unknown_where_it_is_not_registered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_types, "_classes", {})
    monkeypatch.setattr(content_types, "_names", {})
    content_type("invoice.shown")(Shown)
    session = Session(store=store)
    added = session.add(Shown(number=7, lines=["tea"]))

    assert session.messages[0] == added
    assert isinstance(session.messages[0].content, Shown)

    monkeypatch.setattr(content_types, "_classes", {})
    monkeypatch.setattr(content_types, "_names", {})
    elsewhere = Session.open(session.id, store=store)
    unknown = elsewhere.messages[0]
    assert unknown.content == UnknownContent(
        tag="invoice.shown", fields={"role": "assistant", "number": 7, "lines": ["tea"]}
    )
    assert (unknown.role, unknown.id) == ("assistant", added.id)
    copy = elsewhere.add(unknown.clone(sender="ada"))
    other = Session(messages=[Message.from_json(unknown.to_json())], store=store)
    anew = elsewhere.fork_session(self_contained=True)
    assert store.verify().ok

    content_type("invoice.shown")(Shown)
    for message in (session.messages[1], other.messages[0], anew.messages[0], anew.messages[1]):
        assert message.content == Shown(number=7, lines=["tea"])
    assert session.messages[1].lineage == (added.id,)
    assert copy.lineage == (added.id,)


def test_an_unknown_content_is_stored_again_byte_for_byte(stores: Any) -> None:
    store = stores.new()
    session = Session(store=store)
    fields = {"z": 1.0, "a": [10**30, -0.0, "\0"], "role": "tool"}
    content = cast(Content, UnknownContent(tag="poem.said", fields=fields))
    branch = session.default_branch
    store.append(session.id, [MessageAppended(branch.number, content)])

    branch.add(session.messages[0].content)

    events = [recorded.event for recorded in session.events(names=["message.appended"])]
    payloads = [event.content for event in events if isinstance(event, MessageAppended)]
    assert repr(payloads[0]) == repr(payloads[1]) == repr(content)
    assert [message.role for message in session.messages] == ["tool", "tool"]


# --- Images -----------------------------------------------------------------------------------------------

BAD = "https://169.254.169.254/latest/meta-data/"
PART = {"type": "image_url", "image_url": {"url": BAD}}


@pytest.mark.parametrize(
    "write",
    [
        lambda session, bad: session.add(bad),
        lambda session, bad: session.default_branch.add(bad),
        lambda session, bad: session.default_branch.add(bad, expected=session.position),
        lambda session, bad: session.default_branch.add(bad, command_id="c"),
        lambda session, bad: session.default_branch.add_many(["fine", bad]),
        lambda session, bad: session.create_branch("other", messages=["fine", bad]),
        lambda session, bad: session.create_branch(name="other", messages=[bad]),
        lambda session, bad: session.default_branch.replace([bad]),
        lambda session, bad: setattr(session, "messages", ["fine", bad]),
        lambda session, bad: session.add(Message.from_dict({"content": bad.to_dict()["content"]})),
        lambda session, bad: session.default_branch.set_system({"system_message": "x", "extra": {"a": [PART]}}),
        lambda session, bad: session.fork(system={"system_message": "x", "extra": {"a": [PART]}}),
    ],
)
def test_an_image_that_the_policy_does_not_allow_is_refused_on_every_way_to_the_record(
    store: Store, write: Any
) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add("fine")
    before = session.position

    with pytest.raises(ImageNotAllowedError):
        write(session, Message({"role": "user", "content": [PART]}))

    assert session.position == before
    assert Session.open(session.id, store=store).position == before


def test_a_session_with_such_an_image_is_not_started(store: Store) -> None:
    with pytest.raises(ImageNotAllowedError):
        Session(messages=[{"instruction": "x", "images": [BAD]}], session_id="s", store=store)

    assert store.find_session("s") is None


def test_the_policy_belongs_to_the_handle_and_what_is_recorded_stays_readable(store: Store) -> None:
    wide = Session(store=store, images=ImagePolicy(schemes=frozenset({"http"}), private=True))
    wide.add({"instruction": "x", "images": ["http://10.0.0.1/a.png"]})
    wide.fork(name="retry").add({"instruction": "y", "images": ["http://10.0.0.1/a.png"]})
    wide.fork_session().add({"instruction": "z", "images": ["http://10.0.0.1/a.png"]})

    strict = Session.open(wide.id, store=store)

    assert cast(InstructionContent, strict.messages[0].content).images == ["http://10.0.0.1/a.png"]
    assert [branch.name for branch in strict.branches] == ["main", "retry"]
    with pytest.raises(ImageNotAllowedError):
        strict.add(strict.messages[0])
    with pytest.raises(ImageNotAllowedError):
        strict.fork_session(self_contained=True)
    assert len(wide.fork_session(self_contained=True).messages) == 1
    again = Session.open(wide.id, store=store, images=ImagePolicy(schemes=["http"], private=True))  # type: ignore[arg-type]  # any iterable
    again.add(strict.messages[0])


def test_what_is_no_policy_is_refused_and_nothing_is_started(store: Store) -> None:
    with pytest.raises(TurnlogError, match="expected an ImagePolicy"):
        Session(session_id="s", store=store, images={"https"})  # type: ignore[arg-type]  # that is the point

    assert store.find_session("s") is None
