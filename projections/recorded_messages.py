"""Messages from the events that recorded them."""

from ..domain.content import SystemContent
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.message import Message
from ..domain.ranges import Origin
from ..domain.recorded_event import RecordedEvent, to_datetime


def message_from_event(
    session: str,
    position: int,
    time: int,
    event: Event,
    origin: Origin = Origin.AUTHORED,
    *,
    redacted: bool = False,
) -> Message:
    """Return the message that an event recorded; `origin` is how it came to the branch that is read."""
    at = to_datetime(time)
    match event:
        case MessageAppended(branch, content, sender, recipient, metadata, written, lineage):
            origin = written if origin is Origin.AUTHORED else origin
            of = (sender, recipient, metadata, session, position, branch, at, origin, None, lineage, redacted)
            return Message(content, *of)
        case SystemSet(branch, SystemContent() as system, sender, metadata, lineage):
            of = (sender, None, metadata, session, position, branch, at, origin, None, lineage, redacted)
            return Message(system, *of)
        case _:
            raise TypeError(f"{type(event).__name__} is not the event of a message")


def message_from_recorded(recorded: RecordedEvent, origin: Origin = Origin.AUTHORED) -> Message:
    """Return the message of a recorded event."""
    place = recorded.session, recorded.position, recorded.time
    return message_from_event(*place, recorded.event, origin, redacted=recorded.redacted)
