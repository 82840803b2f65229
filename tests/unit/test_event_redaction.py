"""A redaction leaves nothing of the fields that hold content, and an event that can still be read and folded."""

import msgspec
import pytest

from turnlog.domain import events as e
from turnlog.domain.codec import SALT_LENGTH, add_salt, decode, encode, remove_salt, stored_name
from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.events.work import LogType
from turnlog.domain.redaction import CONTENT_FIELDS, redacted_payload
from turnlog.infrastructure.stored_event import encode_events

MARK = "her number is 555-0199"
JSON = {"told": [MARK]}

SAMPLES: list[e.Event] = [
    e.SessionStarted(MARK, MARK, "key", JSON, forked_from="other", forked_at=3, forked_digest="ab"),
    e.SessionRenamed(MARK, key="key"),
    e.MetadataUpdated({"phone": MARK, "nested": JSON}),
    e.StateSet("phone", JSON),
    e.SessionArchived(MARK),
    e.SessionRestored(MARK),
    e.SessionDeleted(MARK),
    e.BranchCreated(1, "id", MARK, parent=0, at=2, user=MARK, capabilities=["a"], metadata=JSON),
    e.BranchRenamed(1, MARK),
    e.SystemSet(0, SystemContent(system_message=MARK), MARK, JSON),
    e.MessageAppended(0, InstructionContent(instruction=MARK), MARK, MARK, JSON, lineage=("s/1",), mail=3),
    e.MessageRedacted(4, "{}", MARK),
    e.EventRedacted(4, "{}", MARK),
    e.MailSent("m", "ada", "bob", content=MARK, metadata=JSON),
    e.MailSent("m", "ada", message={"type": "instruction", "instruction": MARK}, author=MARK),
    e.MailParked("bob", [3], MARK),
    e.ToolRegistered("search", 0, JSON),
    e.ModelSet("chat", "small", settings=JSON),
    e.OperationStarted("o", "chat", 0, JSON),
    e.OperationCompleted("o", JSON),
    e.OperationFailed("o", "TimeoutError", MARK),
    e.ModelCalled("small", request=JSON, response=JSON, error=MARK, input_tokens=3),
    e.AccessDenied("tool", [MARK], 0, [MARK]),
    e.LogRecorded(LogType.INFO, MARK, MARK, JSON, request=JSON, response=JSON, error=MARK, input_tokens=3),
]


def test_there_is_a_sample_of_every_event_with_content() -> None:
    assert {stored_name(event) for event in SAMPLES} == set(CONTENT_FIELDS)


@pytest.mark.parametrize("event", SAMPLES, ids=stored_name)
def test_a_redacted_event_has_no_content_and_can_be_read(event: e.Event) -> None:
    name = stored_name(event)
    left = redacted_payload(name, add_salt(encode(event), "s" * SALT_LENGTH))

    assert b"555-0199" not in left
    assert b'"salt"' not in left
    assert redacted_payload(name, left) == left
    read = decode(name, left, "session", 7)
    kept = set(event.__struct_fields__) - set(CONTENT_FIELDS[name])
    assert {field: getattr(read, field) for field in kept} == {field: getattr(event, field) for field in kept}


def test_a_redacted_message_keeps_its_kind() -> None:
    left = redacted_payload("message.appended", encode(SAMPLES[10]))

    assert left == b'{"branch":0,"content":{"type":"instruction"},"lineage":["s/1"],"mail":3}'


def test_the_name_of_a_redacted_branch_is_one_that_no_other_has() -> None:
    assert redacted_payload("branch.renamed", encode(e.BranchRenamed(1, MARK))) == b'{"branch":1,"name":"redacted-1"}'


def test_an_overwritten_value_stays_overwritten_when_it_is_redacted() -> None:
    payload = encode(e.MetadataUpdated({"phone": MARK, "deep": JSON}))

    assert redacted_payload("session.metadata_updated", payload) == b'{"changes":{"phone":null,"deep":null}}'


@pytest.mark.parametrize("event", [e.BranchRewound(0, 3), e.MailCollected("ada", [3]), e.SessionForked("f", 2)])
def test_an_event_without_content_has_no_salt(event: e.Event) -> None:
    (drafted,) = encode_events([event])

    assert drafted.payload == encode(event)


@pytest.mark.parametrize("event", [*SAMPLES, e.SessionStarted()], ids=stored_name)
def test_a_payload_with_content_ends_with_a_salt_of_its_own(event: e.Event) -> None:
    one, other = encode_events([event, event])

    assert one.payload != other.payload
    assert len(msgspec.json.decode(one.payload)["salt"]) == SALT_LENGTH
    assert list(msgspec.json.decode(one.payload))[-1] == "salt"
    assert remove_salt(one.payload) == remove_salt(other.payload) == encode(event)
    assert decode(one.name, one.payload, "session", 1) == event


@pytest.mark.parametrize(
    "payload",
    [
        b'{"salt":"short"}',
        b'{"key":"a","value":1,"salt":7}',
        b'{"salt":"%b","key":"a","value":1}' % (b"s" * SALT_LENGTH),
        b'{"key":"a","value":{"salt":"%b"}}' % (b"s" * SALT_LENGTH),
    ],
)
def test_only_a_salt_at_the_end_of_a_payload_is_one(payload: bytes) -> None:
    assert remove_salt(payload) == payload
