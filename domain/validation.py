"""What may enter the record, from the public API and from files alike: names, times, sizes, nesting, images. Pure."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from types import SimpleNamespace
from typing import NamedTuple

import msgspec

from .content import AssistantResponseContent, MessageContent, is_simple
from .content_types import content_from_stored
from .errors import InvalidValueError
from .events import Event, MailSent
from .events.mail import parse_category
from .images import SCHEMES, ImagePolicy, images_in
from .json_values import MAX_DEPTH, Json
from .recorded_event import LATEST, Provenance

MAX_NAME_LENGTH = 255
"""Characters of a name."""

MAX_PAYLOAD_BYTES = 256 << 20
"""Bytes of the payload of one event."""

MAX_PAYLOAD_DEPTH = MAX_DEPTH + 10
"""Levels of a payload: those of a value of the public API, and of the fields that it is nested in."""

MAX_NUMBER = 2**62
"""No number in a field of an event is as large; every database and every frame can hold what is smaller."""

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""The categories of characters that no name can have: controls, surrogates, separators of lines and paragraphs."""

MOST_TOKENS = 10**12
"""No model takes or gives as many tokens at once; sums of what is smaller do not overflow."""

_HIDDEN = re.compile(
    "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Bidi_Control: what follows is displayed in another direction
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"  # without width and ink
)
"""Characters that no name can have, since it would look like another name."""

_JOINERS = frozenset("\u200c\u200d")
"""Without width and ink, too, and needed to write Persian, the languages of India, and emoji."""

_PRESENTATIONS = frozenset("\ufe0e\ufe0f")
"""Behind a symbol: whether it is displayed as text or as an emoji."""

_VIRAMA = 9
"""The combining class of the marks that take the vowel from a consonant; a joiner behind one may end a word."""

_BLANK = "\u2800"
"""The one symbol without ink: a cell of Braille without dots."""

_JOINED = frozenset("LMS")
"""The first letters of the categories between which a joiner has a meaning: letters, marks, symbols."""

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
_IMAGES = ImagePolicy(schemes=SCHEMES, private=True, data_limit=MAX_PAYLOAD_BYTES)


def validate_name(name: str, what: str) -> str:
    """A name that can be shown, stored and looked up."""
    if not isinstance(name, str):
        raise InvalidValueError(what, f"cannot be a {type(name).__name__}: expected a str")
    if not name or len(name) > MAX_NAME_LENGTH:
        raise InvalidValueError(what, f"has {len(name)} characters: expected 1 to {MAX_NAME_LENGTH}")
    if not _is_line(name):
        reason = "has line breaks, control characters, surrogates, characters that are not seen, or no others"
        raise InvalidValueError(what, f"{name!r} {reason}: expected one line of visible text")
    return name


def is_valid_name(name: object) -> bool:
    """Whether something can be a name; what cannot is not on the record."""
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH and _is_line(name)


def check_time(time: int) -> None:
    """Reject a time, in microseconds since 1970, that is not between the years 1970 and 9999."""
    if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time <= LATEST:
        raise InvalidValueError("a time", f"is {time!r}: expected microseconds since 1970, up to the year 9999")


def check_columns(session: str, provenance: Provenance, command_id: str | None) -> None:
    """Reject names, beside those in the event itself, that cannot be recorded."""
    validate_name(session, "a session id")
    if not isinstance(provenance, Provenance):
        raise InvalidValueError("the provenance", f"must be a Provenance, not {type(provenance).__name__!r}")
    if provenance.actor is not None:
        validate_name(provenance.actor, "an actor")
    if provenance.correlation_id is not None:
        validate_name(provenance.correlation_id, "a correlation id")
    if provenance.causation is not None:
        _check_number(provenance.causation, "a causation")
    if command_id is not None:
        validate_name(command_id, "a command id")


def check_event(event: Event, images: ImagePolicy | None = None) -> None:
    """Reject an event whose names, numbers or images no session could have recorded, or this policy does not allow."""
    kind = type(event)
    checked = _CHECKED.get(kind) or _remember(kind)
    for field in checked.required:
        value = getattr(event, field)
        if type(value) is not int or not 0 <= value <= MOST_TOKENS:  # as most are; within the limits of every field
            _check_field(field, value)
    if checked.optional_values(event) != checked.defaults:
        for field in checked.optional:
            _check_field(field, getattr(event, field))
    content = getattr(event, "content", None)
    if isinstance(content, MessageContent):
        check_content(content, images)
    if isinstance(event, MailSent):
        _check_mail(event)


def check_content(content: MessageContent, images: ImagePolicy | None = None) -> None:
    """Reject the content of a message with images that are not allowed, or a usage that no column can hold.

    Without a policy, only what no policy allows is rejected.
    """
    if is_simple(content):
        return
    usage = content.usage if isinstance(content, AssistantResponseContent) else None
    if usage is not None:
        for count in (usage.input_tokens, usage.output_tokens):
            if count is not None:
                _check_number(count, "a number of tokens", least=0, most=MOST_TOKENS)
    for url in images_in(content):
        (images or _IMAGES).check(url)


def check_payload(payload: bytes) -> None:
    """Reject a payload that is larger or nested deeper than every reader can be trusted with."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidValueError("a payload", f"has {len(payload)} bytes: expected {MAX_PAYLOAD_BYTES} at most")
    if payload.count(b"{") + payload.count(b"[") > MAX_PAYLOAD_DEPTH and _depth(payload) > MAX_PAYLOAD_DEPTH:
        raise InvalidValueError("a payload", f"is nested too deep: expected {MAX_PAYLOAD_DEPTH} levels at most")


def _is_line(name: str) -> bool:
    """Whether a name is one line of text that is seen as it is."""
    if name.isascii():
        return name.isprintable() and not name.isspace()
    kinds = [unicodedata.category(each) for each in name]
    if _HIDDEN.search(name) or not _NO_TEXT.isdisjoint(kinds):
        return False
    if not all(_belongs(name, kinds, place) for place, each in enumerate(name) if each in _JOINERS | _PRESENTATIONS):
        return False
    return any(kind[0] not in "ZM" and kind != "Cf" and each != _BLANK for each, kind in zip(name, kinds, strict=True))


def _belongs(name: str, kinds: Sequence[str], place: int) -> bool:
    """Whether a joiner stands between letters or symbols, or the presentation of a symbol behind one."""
    before = kinds[place - 1][0] if place else ""
    if name[place] in _PRESENTATIONS:
        return before == "S"
    if place and unicodedata.combining(name[place - 1]) == _VIRAMA:
        return True
    after = kinds[place + 1][0] if place + 1 < len(name) else ""
    return before in _JOINED and after in _JOINED


class _FieldChecks(NamedTuple):
    """The fields of a type of event that are checked; optional ones that have their defaults are checked at once."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    optional_values: Callable[[object], object]
    defaults: object


def _remember(kind: type[Event]) -> _FieldChecks:
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in ANY_TEXT]
    optional = tuple(field.name for field in fields if not field.required)
    required = tuple(field.name for field in fields if field.required)
    values = attrgetter(*optional) if optional else _no_values
    defaults = values(SimpleNamespace(**{field.name: field.default for field in fields}))
    _CHECKED[kind] = _FieldChecks(required, optional, values, defaults)
    return _CHECKED[kind]


def _no_values(_: object) -> tuple[()]:
    return ()


def _check_field(field: str, value: Json) -> None:
    if isinstance(value, Enum):
        return  # its values are names
    if isinstance(value, str):
        validate_name(value, f"a {field.replace('_', ' ')}")
    elif isinstance(value, int) and not isinstance(value, bool):
        most = MOST_TOKENS if field.endswith("_tokens") else MAX_NUMBER - 1
        least = 0 if field in _COUNTS else -MAX_NUMBER
        _check_number(value, f"a {field.replace('_', ' ')}", least, most)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_field(field, item)


def _check_mail(event: MailSent) -> None:
    parse_category(event.category)
    if event.message is None:
        return
    try:
        content = content_from_stored(event.message)
    except (msgspec.ValidationError, LookupError) as reason:
        raise InvalidValueError("a mail", f"carries no message: {reason}") from None
    check_content(content)


def _check_number(value: int, what: str, least: int = -MAX_NUMBER, most: int = MAX_NUMBER - 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidValueError(what, f"is {value!r}: expected a whole number from {least} to {most}")


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
_CHECKED: dict[type[Event], _FieldChecks] = {}
