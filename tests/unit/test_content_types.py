"""Contents of an application's own have a stored name; those that nobody here knows are kept as they are."""

import copy
import pickle
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import msgspec
import pytest

from turnlog.domain import codec, content_types
from turnlog.domain.chat import chat_from_content
from turnlog.domain.content import Content, InstructionContent, MessageContent, MessageRole
from turnlog.domain.content_parsing import parse_content, validate_content
from turnlog.domain.content_types import UnknownContent, content_type
from turnlog.domain.errors import InvalidContentError, InvalidValueError, ReadOnlyError
from turnlog.domain.events import MessageAppended
from turnlog.domain.json_values import Json
from turnlog.domain.message import Message


class Line(msgspec.Struct, frozen=True):
    """One thing on an invoice."""

    what: str
    cents: int = 0


class Invoice(MessageContent, frozen=True):
    """An invoice that was shown to somebody."""

    role: ClassVar[MessageRole] = MessageRole.ASSISTANT

    number: int
    lines: list[Line] = msgspec.field(default_factory=list)
    due: datetime | None = None
    notes: dict[str, Json] = msgspec.field(default_factory=dict)

    @property
    def body(self) -> Json:
        return f"Invoice {self.number}"


INVOICE = Invoice(number=7, lines=[Line("tea", 250)], due=datetime(2026, 1, 2, tzinfo=UTC), notes={"a": [1]})

STORED = (
    b'{"branch":0,"content":{"type":"invoice.shown","role":"assistant","number":7,"lines":[{"what":"tea","cents":250}],'
    b'"due":"2026-01-02T00:00:00Z","notes":{"a":[1]}},"sender":"ada"}'
)


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_types, "_classes", {})
    monkeypatch.setattr(content_types, "_names", {})


def appended(content: MessageContent, sender: str | None = "ada") -> MessageAppended:
    return MessageAppended(0, cast(Content, content), sender)


def read(payload: bytes) -> MessageAppended:
    event = codec.decode("message.appended", payload, "s", 1)
    assert isinstance(event, MessageAppended)
    return event


def test_a_content_of_an_applications_own_is_stored_under_its_name_with_its_role() -> None:
    content_type("invoice.shown")(Invoice)

    assert codec.encode(appended(INVOICE)) == STORED
    assert read(STORED) == appended(INVOICE)
    assert read(STORED).content.role == "assistant"
    assert read(STORED).content.text == "Invoice 7"


def test_all_its_fields_are_stored_so_that_a_default_may_change() -> None:
    content_type("invoice.shown")(Invoice)

    assert codec.encode(appended(Invoice(number=7), None)) == (
        b'{"branch":0,"content":{"type":"invoice.shown","role":"assistant","number":7,"lines":[],"due":null,"notes":{}}}'
    )


def test_a_content_that_nobody_here_knows_reads_back_as_it_is_and_is_stored_again_byte_for_byte() -> None:
    event = read(STORED)

    assert isinstance(event.content, UnknownContent)
    assert event.content.tag == "invoice.shown"
    assert event.content.role == "assistant"
    assert event.content.fields["lines"] == [{"what": "tea", "cents": 250}]
    assert event.content.body["number"] == 7
    assert codec.encode(event) == STORED


@pytest.mark.parametrize(
    "content",
    [
        b'{"type":"poem"}',
        b'{"type":"poem","b":1,"a":{"z":null,"y":[1.5,-0.0,5e-324,123456789012345678901234567890,"\\u0000"]}}',
        '{"type":"\u00e9","text":"\U0001f469\u200d\U0001f680 \u202e"}'.encode(),
        b'{"type":"os.system","role":"system"}',
        b'{"type":"poem","role":["user"],"extra":{"a":1},"tag":"x","fields":7}',
        b'{"type":"","text":"a"}',
    ],
)
def test_whatever_an_unknown_content_holds_comes_out_as_it_went_in(content: bytes) -> None:
    payload = b'{"branch":0,"content":' + content + b"}"

    assert codec.encode(read(payload)) == payload.replace(b"\\u0000", b"\\u0000")
    message = Message(read(payload).content)
    assert Message.from_json(message.to_json()) == message
    assert codec.encode(appended(validate_content(message.clone().content), None)) == payload
    assert pickle.loads(pickle.dumps(message)) == message == copy.deepcopy(message)


@pytest.mark.parametrize(
    ("role", "read_as"),
    [('"user"', "user"), ('"tool"', "tool"), ('"system"', "unset"), ("7", "unset"), ("{}", "unset")],
)
def test_an_unknown_content_has_the_role_that_is_stored_if_a_content_can_have_it(role: str, read_as: str) -> None:
    assert read(b'{"branch":0,"content":{"type":"poem","role":%s}}' % role.encode()).content.role == read_as


def test_a_content_that_does_not_fit_its_class_any_more_stays_readable() -> None:
    content_type("invoice.shown")(Invoice)
    payload = b'{"branch":0,"content":{"type":"invoice.shown","role":"assistant","total":7}}'

    assert isinstance(read(payload).content, UnknownContent)
    assert codec.encode(read(payload)) == payload


def test_an_own_content_is_checked_at_the_door_and_not_shared_with_the_caller() -> None:
    content_type("invoice.shown")(Invoice)
    notes: dict[str, Any] = {"a": [1]}
    message = Message(Invoice(number=7, notes=notes))

    notes["a"].append(2)

    assert cast(Invoice, message.content).notes == {"a": [1]}
    with pytest.raises(ReadOnlyError):
        cast(Invoice, message.content).notes["a"].append(2)
    for wrong in (
        Invoice(number="7"),  # type: ignore[arg-type]  # what a caller without types can do
        Invoice(number=7, notes={"a": float("nan")}),
        Invoice(number=7, notes={"a": b""}),
    ):
        with pytest.raises((InvalidContentError, InvalidValueError)):
            validate_content(wrong)


def test_an_own_content_can_be_given_as_a_dict_with_its_type_and_as_the_chat_dict_it_is_told_as() -> None:
    content_type("invoice.shown")(Invoice)
    given = {"type": "invoice.shown", "number": 7, "lines": [{"what": "tea", "cents": 250}], "notes": {"a": [1]}}

    assert parse_content({**given, "due": "2026-01-02T00:00:00Z"}) == INVOICE
    assert parse_content(chat_from_content(INVOICE)) == INVOICE
    assert chat_from_content(INVOICE)["content"] == "Invoice 7"
    for wrong in ({"type": "invoice.shown"}, {**given, "nmber": 7}, {**given, "role": "user"}):
        with pytest.raises(InvalidContentError, match=r"invoice\.shown"):
            parse_content(wrong)
    with pytest.raises(InvalidContentError, match="unknown keys"):
        parse_content({"type": "invoice.hidden", "number": 7})


def test_an_own_content_in_a_message_is_told_as_json_and_read_back() -> None:
    content_type("invoice.shown")(Invoice)
    message = Message(INVOICE, "ada")

    assert message.role is MessageRole.ASSISTANT
    assert Message.from_json(message.to_json()) == message
    assert hash(Message.from_json(message.to_json())) == hash(message)


# --- Names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["instruction", "system", "assistant_response", "action_request", "action_response"])
def test_a_name_of_turnlogs_own_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"'{name}' is taken by .*Content"):
        content_type(name)(Invoice)


def test_a_name_that_is_taken_is_refused_and_a_class_has_one_name() -> None:
    class Other(Invoice, frozen=True):
        pass

    content_type("invoice.shown")(Invoice)

    with pytest.raises(InvalidValueError, match="taken by Invoice"):
        content_type("invoice.shown")(Other)
    with pytest.raises(InvalidValueError, match=r"invoice\.shown"):
        content_type("invoice.hidden")(Invoice)
    with pytest.raises(InvalidContentError, match="Other is no kind of content"):
        validate_content(Other(number=1))


def test_the_same_class_defined_anew_takes_the_place_of_the_old_one() -> None:
    def define() -> type[MessageContent]:
        class Note(Invoice, frozen=True):
            pass

        return content_type("note")(Note)

    define()
    newest = define()

    assert type(parse_content({"type": "note", "number": 1})) is newest


class Empty(MessageContent, frozen=True):
    """Says nothing."""

    role: ClassVar[MessageRole] = MessageRole.USER


class Nobody(MessageContent, frozen=True):
    """Nobody says it."""

    @property
    def body(self) -> Json:
        return ""


class OfTheSystem(Nobody, frozen=True):
    """Would stand in front of all others."""

    role: ClassVar[MessageRole] = MessageRole.SYSTEM


class Reserved(Nobody, frozen=True):
    """Has a field where the record keeps what it is."""

    role: ClassVar[MessageRole] = MessageRole.USER
    type: str = ""


class Unreadable(Nobody, frozen=True):
    """Has a field that JSON cannot say."""

    role: ClassVar[MessageRole] = MessageRole.USER
    either: list[int] | set[int] = msgspec.field(default_factory=list)


@pytest.mark.parametrize("kind", [Empty, Nobody, OfTheSystem, Reserved, Unreadable, Line, int, "Invoice", None])
def test_a_class_that_cannot_be_a_content_is_refused(kind: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"expected|cannot be read back"):
        content_type("a.b")(kind)

    assert not content_types.is_registered("a.b")


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", "a b", "Invoice", "a.b\n", 'a"b', 7, None])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(InvalidValueError, match="name"):
        content_type(name)


def test_what_a_caller_calls_unknown_must_be_unknown() -> None:
    content_type("invoice.shown")(Invoice)

    for tag in ("instruction", "invoice.shown"):
        with pytest.raises(InvalidContentError, match="is known here"):
            validate_content(UnknownContent(tag=tag, fields={}))
    with pytest.raises(InvalidContentError, match="is known here"):
        validate_content(UnknownContent(tag="poem", fields={"type": "instruction"}))


def test_the_contents_of_turnlogs_own_are_read_by_one_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("the slow way was taken")

    payload = codec.encode(appended(InstructionContent(instruction="a")))
    monkeypatch.setattr(codec, "_build", refuse)

    assert read(payload) == appended(InstructionContent(instruction="a"))
