"""Events to stored names and JSON, and back; an old shape is lifted, an unknown one is an error that names it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from .errors import InvalidValue, UnreadableEvent
from .events import STORED_NAMES, Event
from .plain import Json

Upcaster: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]
"""Lifts a payload of an old shape into today's; pure."""

UPCASTERS: Mapping[str, tuple[str, Upcaster]] = {}
"""By old stored name: the name it has today, and how its payload becomes one of today."""

_encoder = msgspec.json.Encoder()
# What the decoder raises, and what an upcaster may that meets a payload it was not made for.
_MISFITS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_EXPECTED = "expected plain JSON values that fit its fields"
_decoders = {name: msgspec.json.Decoder(event) for name, event in STORED_NAMES.items()}
_names = {event: name for name, event in STORED_NAMES.items()}


def stored_name(event: Event) -> str:
    """The name an event is stored under."""
    return _names[type(event)]


def encode(event: Event) -> bytes:
    """The payload as JSON in UTF-8; refused if it would not be read back as the same event."""
    name = stored_name(event)
    try:
        payload = _encoder.encode(event)
        if _decoders[name].decode(payload) == event:
            return payload
    except UnicodeEncodeError:
        raise InvalidValue(name, "holds a lone surrogate: expected text that UTF-8 can say") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as reason:
        raise InvalidValue(name, f"cannot be written and read back: {reason}; {_EXPECTED}") from None
    raise InvalidValue(name, f"would be read back as something else; {_EXPECTED}")


def decode(
    name: str,
    payload: bytes | str,
    session: str,
    position: int,
    upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS,
) -> Event:
    """The event stored under a name; session and position are for the error that says it cannot be read."""
    decoder = _decoders.get(name)
    if decoder is None and name not in upcasters:
        raise UnreadableEvent(session, position, name, "no event has this stored name")
    try:
        return decoder.decode(payload) if decoder is not None else _lifted(name, payload, upcasters)
    except _MISFITS as reason:
        raise UnreadableEvent(session, position, name, f"its payload does not fit: {reason}") from None


def _lifted(name: str, payload: bytes | str, upcasters: Mapping[str, tuple[str, Upcaster]]) -> Event:
    fields: dict[str, Json] = msgspec.json.decode(payload, type=dict[str, Json])
    while name in upcasters:
        name, lift = upcasters[name]
        fields = lift(fields)
    return msgspec.convert(fields, STORED_NAMES[name])
