"""What frames and filters want to know of stored messages, without making a Message of each.

Only the fields that are asked for are decoded, which takes half the time. The text of a content is that of its class in
the domain all the same: a content of a kind that is not known here is made, and asked.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import ClassVar, NamedTuple, TypeAlias, get_args

import msgspec

from ..domain.codec import decode
from ..domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageRole,
    SystemContent,
    Usage,
)
from ..domain.content_parts import as_text, assistant_text, call_text
from ..domain.errors import UnreadableEventError
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.json_values import Json
from ..domain.ranges import Origin
from .message_pages import SYSTEM, Body, FeedBody, MessagePage

NO_METADATA = msgspec.Raw(b"{}")


class TokenCounts(msgspec.Struct, gc=False):
    """What an answer has used."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class AssistantExtra(msgspec.Struct, gc=False):
    """What of the extra of an answer its text depends on."""

    audio: Json = None
    function_call: Json = None


class _StoredContent(msgspec.Struct, gc=False):
    """A content, of which only what frames and filters need is decoded."""

    role: ClassVar[MessageRole]


class _TextContent(_StoredContent, gc=False):
    """A content whose text is that of its body."""

    body: Json = None

    @property
    def text(self) -> str:
        """The plain text of the content."""
        return self.body if type(self.body) is str else as_text(self.body)


class StoredSystem(_TextContent, tag="system", rename={"body": "system_message"}, gc=False):
    role: ClassVar[MessageRole] = SystemContent.role
    body: Json = ""


class StoredInstruction(_TextContent, tag="instruction", rename={"body": "instruction"}, gc=False):
    role: ClassVar[MessageRole] = InstructionContent.role
    body: Json = None


class StoredAssistant(_TextContent, tag="assistant_response", rename={"body": "assistant_response"}, gc=False):
    role: ClassVar[MessageRole] = AssistantResponseContent.role
    body: Json = ""
    model: str | None = None
    usage: TokenCounts | None = None
    tool_calls: list[Json] = []
    refusal: str | None = None
    extra: AssistantExtra | None = None

    @property
    def text(self) -> str:
        """The plain text of the content."""
        if type(self.body) is str and not self.tool_calls and self.refusal is None and self.extra is None:
            return self.body
        extra = {} if self.extra is None else {"audio": self.extra.audio, "function_call": self.extra.function_call}
        return assistant_text(self.body, self.refusal, self.tool_calls, extra)


class StoredToolCall(_StoredContent, tag="action_request", gc=False):
    role: ClassVar[MessageRole] = ActionRequestContent.role
    function: str = ""
    arguments: dict[str, Json] = {}

    @property
    def text(self) -> str:
        """The plain text of the content."""
        return call_text(self.function, self.arguments)


class StoredToolResult(_StoredContent, tag="action_response", gc=False):
    role: ClassVar[MessageRole] = ActionResponseContent.role
    result: Json = None
    error: str | None = None

    @property
    def text(self) -> str:
        """The plain text of the content."""
        return as_text(self.result if self.error is None else self.error)


class StoredOther(msgspec.Struct, gc=False):
    """A content of a kind that is not known here."""

    role: MessageRole
    text: str
    model: str | None = None
    usage: TokenCounts | None = None


StoredContent: TypeAlias = StoredSystem | StoredInstruction | StoredAssistant | StoredToolCall | StoredToolResult


class StoredMessage(msgspec.Struct, gc=False):
    """A message as it is stored; `content` is JSON, empty if it cannot be read."""

    branch: int
    content: msgspec.Raw
    sender: str | None = None
    recipient: str | None = None
    metadata: msgspec.Raw = NO_METADATA
    origin: str = Origin.AUTHORED.value


class StoredMessages(NamedTuple):
    """Messages, and beside each its decoded content."""

    messages: Sequence[StoredMessage]
    contents: Sequence[StoredContent | StoredOther]


def decode_page(page: MessagePage) -> StoredMessages:
    """Decode the messages of a page."""
    try:
        return _decode_all([body[2] for body in page.bodies])
    except _MISFITS:  # of one at least; from here on each by itself
        return _side_by_side(_decode_body(page, body) for body in page.bodies)


def decode_pages(pages: Sequence[MessagePage]) -> StoredMessages:
    """Decode the messages of several pages."""
    if len(pages) == 1:
        return decode_page(pages[0])
    parts = [decode_page(page) for page in pages]
    messages = chain.from_iterable(part.messages for part in parts)
    return StoredMessages(list(messages), list(chain.from_iterable(part.contents for part in parts)))


def decode_feed(bodies: Sequence[FeedBody]) -> StoredMessages:
    """Decode messages of any sessions; one that cannot be read has no role and no text."""
    try:
        return _decode_all([body[6] for body in bodies])
    except _MISFITS:
        return _side_by_side(map(_decode_feed_body, bodies))


def _decode_all(payloads: Iterable[bytes | None]) -> StoredMessages:
    messages = [_decode_message(payload) for payload in payloads]  # type: ignore[arg-type]  # without one: TypeError
    return StoredMessages(messages, [_decode_content(message.content) for message in messages])


def _side_by_side(pairs: Iterable[tuple[StoredMessage, StoredContent | StoredOther]]) -> StoredMessages:
    return StoredMessages(*map(list, zip(*pairs, strict=True)))


def _decode_feed_body(body: FeedBody) -> tuple[StoredMessage, StoredContent | StoredOther]:
    session, position, global_position, time, name, branch, payload, actor, correlation = body
    written = branch if name == "message.appended" and branch is not None else SYSTEM
    alone = (position, time, payload, global_position, actor, correlation)
    try:
        return _decode_body(MessagePage(session, 0, [alone], written, Origin.AUTHORED), alone)
    except UnreadableEventError:
        return StoredMessage(branch or 0, _content_json(payload)), StoredOther(MessageRole.UNSET, "")


def _decode_body(page: MessagePage, body: Body) -> tuple[StoredMessage, StoredContent | StoredOther]:
    payload = body[2]
    try:
        message = _decode_message(payload)  # type: ignore[arg-type]  # without one: TypeError
        return message, _decode_content(message.content)
    except _MISFITS:
        return _of_event(event_of(page, body), _content_json(payload))


def _content_json(payload: bytes | None) -> msgspec.Raw:
    """The content in a payload; empty if there is none that can be read."""
    try:
        return _decode_raw(payload).content  # type: ignore[arg-type]  # without one: TypeError
    except _MISFITS:
        return msgspec.Raw()


def content_roles(stored: StoredMessages) -> list[str]:
    """The roles of contents; only one of a kind that is not known here has a role of its own."""
    roles = map(_ROLES.get, map(type, stored.contents))
    pairs = zip(roles, stored.contents, strict=True)
    return [content.role.value if role is None else role for role, content in pairs]


def content_types(stored: StoredMessages) -> list[str | None]:
    """The types of contents; that of a kind that is not known here is in its JSON."""
    types = list(map(_TYPES.get, map(type, stored.contents)))
    if None not in types:
        return types
    pairs = zip(types, stored.messages, strict=True)
    return [_type_in_json(message.content) if known is None else known for known, message in pairs]


def _type_in_json(content: msgspec.Raw) -> str | None:
    try:
        return _decode_type(content).type
    except _MISFITS:
        return None


def event_of(page: MessagePage, body: Body) -> Event:
    """The event that a message of a page is on the record."""
    position, _, payload, _, _, _ = body
    name = "branch.system_set" if page.branch == SYSTEM else "message.appended"
    if payload is None:
        raise UnreadableEventError(
            page.session, position, name, "its payload is missing, damaged, or in an encoding that is not known"
        )
    return decode(name, payload, page.session, position)


def _of_event(event: Event, json: msgspec.Raw) -> tuple[StoredMessage, StoredOther]:
    assert isinstance(event, MessageAppended | SystemSet)
    content = event.content
    assert content is not None
    metadata = msgspec.Raw(msgspec.json.encode(event.metadata)) if event.metadata else NO_METADATA
    recipient, origin = (
        (event.recipient, event.origin.value) if isinstance(event, MessageAppended) else (None, Origin.AUTHORED.value)
    )
    usage: object = getattr(content, "usage", None)
    tokens = TokenCounts(usage.input_tokens, usage.output_tokens) if isinstance(usage, Usage) else None
    model: object = getattr(content, "model", None)
    other = StoredOther(content.role, content.text, model if isinstance(model, str) else None, tokens)
    return StoredMessage(event.branch, json, event.sender, recipient, metadata, origin), other


_MISFITS = (ValueError, TypeError, RecursionError)
_decode_message = msgspec.json.Decoder(StoredMessage).decode
_decode_content = msgspec.json.Decoder(StoredContent).decode
_ROLES: dict[type, str] = {kind: kind.role.value for kind in get_args(StoredContent)}
_TYPES: dict[type, str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(StoredContent)}


class _RawContent(msgspec.Struct, gc=False):
    content: msgspec.Raw


class _ContentType(msgspec.Struct, gc=False):
    type: str


_decode_raw = msgspec.json.Decoder(_RawContent).decode
_decode_type = msgspec.json.Decoder(_ContentType).decode
