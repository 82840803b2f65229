"""What may enter the record, from the public API and from files alike: names, times, sizes, nesting, images. Pure."""

import unicodedata

import msgspec

from .content import AssistantResponseContent, MessageContent, is_simple
from .content_types import content_in
from .errors import InvalidValue
from .events import Event, MailSent
from .images import SCHEMES, ImagePolicy, images_in
from .mail import category_named
from .plain import DEEPEST, Json
from .record import LATEST, Provenance

LONGEST_NAME = 255
"""Characters of a name."""

LARGEST_PAYLOAD = 256 << 20
"""Bytes of the payload of one event."""

DEEPEST_PAYLOAD = DEEPEST + 10
"""Levels of a payload: those of a value of the public API, and of the fields that it is nested in."""

LARGEST_NUMBER = 2**62
"""No number in a field of an event is as large; every database and every frame can hold what is smaller."""

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""The categories of characters that no name can have: controls, surrogates, separators of lines and paragraphs."""

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of what follows, so that a name is displayed as another."""

ANY_TEXT = frozenset(
    {
        *("available", "changes", "content", "data", "error", "left", "message", "metadata", "params"),
        *("reason", "request", "requested", "response", "result", "schema", "settings", "value"),
    }
)
"""Fields of events that hold what was said: any text or JSON. Text in every other field is a name."""

_COUNTS = frozenset(
    {
        *("branch", "parent", "source", "keep_last", "keep_first", "inherited_messages", "attempts"),
        *("input_tokens", "output_tokens", "total_tokens"),
    }
)
"""Fields of events that hold numbers which are never negative."""

# What some session may have allowed. Addresses that no policy allows stay out, wherever an event comes from.
_IMAGES = ImagePolicy(schemes=SCHEMES, private=True, data_limit=LARGEST_PAYLOAD)


def checked_name(name: str, what: str) -> str:
    """A name that can be shown, stored and looked up."""
    if not isinstance(name, str):
        raise InvalidValue(what, f"cannot be a {type(name).__name__}: expected a str")
    if not name or len(name) > LONGEST_NAME:
        raise InvalidValue(what, f"has {len(name)} characters: expected 1 to {LONGEST_NAME}")
    if not _is_line(name):
        reason = "has line breaks, control characters, surrogates or characters that reorder text"
        raise InvalidValue(what, f"{name!r} {reason}: expected none")
    return name


def is_name(name: object) -> bool:
    """Whether something can be a name; what cannot is not on the record."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and _is_line(name)


def check_time(time: int) -> None:
    """Reject a time, in microseconds since 1970, that is not between the years 1970 and 9999."""
    if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time <= LATEST:
        raise InvalidValue("a time", f"is {time!r}: expected microseconds since 1970, up to the year 9999")


def check_columns(session: str, provenance: Provenance, command_id: str | None) -> None:
    """Reject names, beside those in the event itself, that cannot be recorded."""
    checked_name(session, "a session id")
    if not isinstance(provenance, Provenance):
        raise InvalidValue("the provenance", f"must be a Provenance, not {type(provenance).__name__!r}")
    if provenance.actor is not None:
        checked_name(provenance.actor, "an actor")
    if provenance.correlation is not None:
        checked_name(provenance.correlation, "a correlation")
    if provenance.cause is not None:
        _check_number(provenance.cause, "a cause")
    if command_id is not None:
        checked_name(command_id, "a command id")


def check_event(event: Event) -> None:
    """Reject an event whose names, numbers or images no session could have recorded."""
    kind = type(event)
    for field in _CHECKED.get(kind) or _remember(kind):
        value = getattr(event, field)
        if value is not None:
            _check_field(field, value)
    content = getattr(event, "content", None)
    if isinstance(content, MessageContent):
        check_content(content)
    if isinstance(event, MailSent):
        _check_mail(event)


def check_content(content: MessageContent) -> None:
    """Reject the content of a message with images that no policy allows, or a usage that no column can hold."""
    usage = content.usage if isinstance(content, AssistantResponseContent) else None
    if usage is not None:
        for count in (usage.input_tokens, usage.output_tokens):
            if count is not None:
                _check_number(count, "a number of tokens", least=0)
    if not is_simple(content):
        for url in images_in(content):
            _IMAGES.check(url)


def check_payload(payload: bytes) -> None:
    """Reject a payload that is larger or nested deeper than every reader can be trusted with."""
    if len(payload) > LARGEST_PAYLOAD:
        raise InvalidValue("a payload", f"has {len(payload)} bytes: expected {LARGEST_PAYLOAD} at most")
    if payload.count(b"{") + payload.count(b"[") > DEEPEST_PAYLOAD and _depth(payload) > DEEPEST_PAYLOAD:
        raise InvalidValue("a payload", f"is nested too deep: expected {DEEPEST_PAYLOAD} levels at most")


def _is_line(name: str) -> bool:
    """Whether a name is one line of text; joiners and other marks that do not print belong to many languages."""
    return name.isprintable() or not any(unicodedata.category(each) in _NO_TEXT or each in _REORDERING for each in name)


def _remember(kind: type[Event]) -> tuple[str, ...]:
    _CHECKED[kind] = tuple(field for field in kind.__struct_fields__ if field not in ANY_TEXT)
    return _CHECKED[kind]


def _check_field(field: str, value: Json) -> None:
    if isinstance(value, str):
        checked_name(value, f"a {field.replace('_', ' ')}")
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_number(value, f"a {field.replace('_', ' ')}", least=0 if field in _COUNTS else -LARGEST_NUMBER)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_field(field, item)


def _check_mail(event: MailSent) -> None:
    category_named(event.category)
    if event.message is None:
        return
    try:
        content = content_in(event.message)
    except (msgspec.ValidationError, LookupError) as reason:
        raise InvalidValue("a mail", f"carries no message: {reason}") from None
    check_content(content)


def _check_number(value: int, what: str, least: int = -LARGEST_NUMBER) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < LARGEST_NUMBER:
        raise InvalidValue(what, f"is {value!r}: expected a whole number from {least} to {LARGEST_NUMBER - 1}")


def _depth(payload: bytes) -> int:
    """The levels of nesting of a JSON text."""
    depth = deepest = 0
    inside = escaped = False
    for byte in payload:
        if inside:
            if escaped:
                escaped = False
            elif byte == _BACKSLASH:
                escaped = True
            elif byte == _QUOTE:
                inside = False
        elif byte == _QUOTE:
            inside = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


_QUOTE, _BACKSLASH = b'"\\'
_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")
_CHECKED: dict[type[Event], tuple[str, ...]] = {}
