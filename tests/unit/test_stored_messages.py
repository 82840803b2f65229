"""What frames and filters decode of a stored message is what the message says."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.domain.codec import encode
from turnlog.domain.content import (
    KINDS,
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    Content,
    InstructionContent,
    SystemContent,
    Usage,
)
from turnlog.domain.errors import UnreadableEventError
from turnlog.domain.events import MessageAppended, SystemSet
from turnlog.domain.ranges import Origin
from turnlog.projections.message_pages import SYSTEM, MessagePage
from turnlog.projections.recorded_messages import message_from_event
from turnlog.projections.stored_messages import (
    StoredAssistant,
    StoredContent,
    StoredMessage,
    StoredMessages,
    StoredOther,
    decode_page,
)

words = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.just("text"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(words, values, max_size=3)
tokens = st.none() | st.integers(0, 2**70)
usages = st.none() | st.builds(lambda one, two: Usage(input_tokens=one, output_tokens=two), tokens, tokens)
contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(lambda text: SystemContent(system_message=text), words),
    st.builds(lambda body, extra: InstructionContent(instruction=body, extra=extra), values, objects),
    st.builds(
        lambda body, model, usage: AssistantResponseContent(assistant_response=body, model=model, usage=usage),
        values,
        st.none() | words,
        usages,
    ),
    st.builds(lambda name, given: ActionRequestContent(function=name, arguments=given), words, objects),
    st.builds(lambda result: ActionResponseContent(result=result), values),
    st.builds(lambda error: ActionResponseContent(error=error), words),
)
participants = st.none() | words


def page_of(*payloads: bytes | None, branch: int = 0) -> MessagePage:
    bodies = [(place, 1_000, payload, place, None, None) for place, payload in enumerate(payloads, 1)]
    return MessagePage("s", 0, bodies, branch, Origin.AUTHORED)


def only(stored: StoredMessages) -> tuple[StoredMessage, StoredContent | StoredOther]:
    (message,), (content,) = stored
    return message, content


@given(contents, participants, participants, objects, st.sampled_from(Origin))
def test_what_is_decoded_is_what_the_message_says(
    content: Content, sender: str | None, recipient: str | None, metadata: dict[str, object], origin: Origin
) -> None:
    event = MessageAppended(3, content, sender, recipient, metadata, origin)
    message = message_from_event("s", 1, 1_000, event)

    found, decoded = only(decode_page(page_of(encode(event))))

    assert (decoded.text, decoded.role, found.branch) == (message.text, message.role, message.branch)
    assert msgspec.json.decode(found.content)["type"] == type(content).__struct_config__.tag
    assert (found.sender, found.recipient, found.origin) == (message.sender, message.recipient, message.origin)
    assert msgspec.json.decode(found.metadata) == metadata
    if isinstance(content, AssistantResponseContent):
        assert isinstance(decoded, StoredAssistant)
        assert decoded.model == content.model
        assert (decoded.usage is None) == (content.usage is None)
        if decoded.usage and content.usage:
            assert decoded.usage.input_tokens == content.usage.input_tokens
            assert decoded.usage.output_tokens == content.usage.output_tokens


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_message_without_its_words_says_what_a_content_of_its_kind_does(kind: type[Content]) -> None:
    tag = kind.__struct_config__.tag
    payload = msgspec.json.encode({"branch": 0, "content": {"type": tag}})

    _, decoded = only(decode_page(page_of(payload)))

    assert (decoded.text, decoded.role) == (kind().text, kind.role)


def test_a_system_message_is_decoded_as_what_set_it() -> None:
    event = SystemSet(2, SystemContent(system_message="Be terse."))

    found, decoded = only(decode_page(page_of(encode(event), branch=SYSTEM)))

    assert (decoded.text, decoded.role.value, found.branch) == ("Be terse.", "system", 2)


def test_a_payload_that_was_erased_is_named() -> None:
    there = encode(MessageAppended(0, InstructionContent(instruction="a")))

    with pytest.raises(UnreadableEventError, match=r"position 2 of session s cannot be read: its payload is missing"):
        decode_page(page_of(there, None))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"branch": 0, "content": {"type": 5}}', b"\xff"])
def test_a_payload_that_does_not_fit_is_named(payload: bytes) -> None:
    with pytest.raises(UnreadableEventError, match=r"'message.appended' at position 1 of session s"):
        decode_page(page_of(payload))
