"""Events to stored names and JSON, and back; an old shape is lifted, an unknown one is an error that names it."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from msgspec.structs import asdict, replace

from .content import KINDS, MessageContent
from .content_types import OWN, content_from_stored, content_to_stored
from .errors import InvalidContentError, InvalidValueError, UnreadableEventError
from .events import STORED_NAMES, Event, MessageAppended, UnknownEvent
from .json_values import Json

Upcaster: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]
"""Lifts a payload of an old shape into today's; pure."""

UPCASTERS: Mapping[str, tuple[str, Upcaster]] = {}
"""By old stored name: the name it has today, and how its payload becomes one of today."""

SALT_LENGTH = 20
"""Characters of a salt, of the alphabet of URL-safe Base64: 120 random bits."""

_SALT = b',"salt":"'
_SALT_START = -len(_SALT) - SALT_LENGTH - len(b'"}')
_SALTED = re.compile(rb'[{,]"salt":"[A-Za-z0-9_-]{%d}"}' % SALT_LENGTH)
_encoder = msgspec.json.Encoder()
# What the decoder raises, and what an upcaster may that meets a payload it was not made for.
_MISFITS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_EXPECTED = "expected plain JSON values that fit its fields"
_decoders = {name: msgspec.json.Decoder(event) for name, event in STORED_NAMES.items()}
_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(MessageAppended)}
_names = {event: name for name, event in STORED_NAMES.items()}


def stored_name(event: Event) -> str:
    """The name an event is stored under."""
    name = _names.get(type(event))
    if name is None:
        what = f"the class {event.__name__}" if isinstance(event, type) else f"a {type(event).__name__}"
        raise InvalidValueError("an event", f"cannot be {what}: expected one that can be recorded")
    return name


def add_salt(payload: bytes, salt: str) -> bytes:
    """The payload with a salt at its end, so that its hash does not give its content away."""
    return payload[:-1] + (_SALT[1:] if payload == b"{}" else _SALT) + salt.encode() + b'"}'


def is_salted(payload: bytes) -> bool:
    """Whether a payload, which is JSON, ends with a salt."""
    return _SALTED.fullmatch(payload[_SALT_START:]) is not None


def remove_salt(payload: bytes) -> bytes:
    """The payload without the salt at its end, if it has one."""
    if payload[_SALT_START : _SALT_START + len(_SALT)] == _SALT:
        return payload[:_SALT_START] + b"}"
    alone = len(payload) == -_SALT_START and payload.startswith(b"{" + _SALT[1:])
    return b"{}" if alone else payload


def encode(event: Event) -> bytes:
    """The payload as JSON in UTF-8; refused if it would not be read back as the same event."""
    name = stored_name(event)
    try:
        payload = _encoder.encode(_storable(event))
        if _decode(name, payload) == event:
            return payload
    except InvalidContentError:
        raise
    except UnicodeEncodeError:
        raise InvalidValueError(name, "holds a lone surrogate: expected text that UTF-8 can say") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as reason:
        raise InvalidValueError(name, f"cannot be written and read back: {reason}; {_EXPECTED}") from None
    raise InvalidValueError(name, f"would be read back as something else; {_EXPECTED}")


def decode(
    name: str,
    payload: bytes | str,
    session: str,
    position: int,
    upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS,
) -> Event:
    """The event stored under a name; session and position are for the error that says it cannot be read."""
    known = name in _decoders
    if not known and name not in upcasters:
        raise UnreadableEventError(session, position, name, "no event has this stored name")
    try:
        payload = remove_salt(payload.encode() if isinstance(payload, str) else payload)
        return _decode(name, payload) if known else _upcast(name, payload, upcasters)
    except _MISFITS as reason:
        raise UnreadableEventError(session, position, name, f"its payload does not fit: {reason}") from None


def unknown_event(payload: bytes | None, reason: str) -> UnknownEvent:
    """What a reader gets for an event that cannot be read."""
    try:
        return UnknownEvent(reason, None if payload is None else msgspec.json.decode(payload))
    except (ValueError, RecursionError):
        return UnknownEvent(reason)


def _storable(event: Event) -> object:
    """What the encoder writes: the event, or its fields if its content is an application's own."""
    content = event.content if isinstance(event, MessageAppended) else None
    if type(content) in KINDS or not isinstance(content, MessageContent):
        return event
    fields = {name: value for name, value in asdict(event).items() if value != _DEFAULTS.get(name, ...)}
    return {**fields, "content": content_to_stored(content)}


def _decode(name: str, payload: bytes | str) -> Event:
    try:
        return _decoders[name].decode(payload)
    except msgspec.ValidationError:
        if STORED_NAMES[name] is not MessageAppended:
            raise
        return _build(MessageAppended, msgspec.json.decode(payload, type=dict[str, Json]))


def _build(kind: type[Event], fields: dict[str, Json]) -> Event:
    """The event with these fields, also if its content is none of Turnlog's own."""
    content = fields.get("content") if kind is MessageAppended else None
    tag = content.get("type") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(tag, str) or tag in OWN:
        return msgspec.convert(fields, kind)
    event = msgspec.convert({**fields, "content": {"type": next(iter(OWN))}}, kind)
    return replace(event, content=content_from_stored(content))


def _upcast(name: str, payload: bytes | str, upcasters: Mapping[str, tuple[str, Upcaster]]) -> Event:
    fields: dict[str, Json] = msgspec.json.decode(payload, type=dict[str, Json])
    while name in upcasters:
        name, lift = upcasters[name]
        fields = lift(fields)
    return _build(STORED_NAMES[name], fields)
