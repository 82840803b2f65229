"""Messages from the events that recorded them."""

from ..domain.content import SystemContent
from ..domain.events import Event, MessageAppended, SystemSet
from ..domain.message import Message
from ..domain.ranges import Origin
from ..domain.recorded_event import RecordedEvent, to_datetime


def message_from_event(
    session: str, position: int, time: int, event: Event, origin: Origin = Origin.AUTHORED
) -> Message:
    """Return the message that an event recorded; `origin` is how it came to the branch that is read."""
    at = to_datetime(time)
    match event:
        case MessageAppended(branch, content, sender, recipient, metadata, written, lineage):
            origin = written if origin is Origin.AUTHORED else origin
            return Message(content, sender, recipient, metadata, session, position, branch, at, origin, lineage=lineage)
        case SystemSet(branch, SystemContent() as system, sender, metadata, lineage):
            return Message(system, sender, None, metadata, session, position, branch, at, origin, lineage=lineage)
        case _:
            raise TypeError(f"{type(event).__name__} is not the event of a message")


def message_from_recorded(recorded: RecordedEvent, origin: Origin = Origin.AUTHORED) -> Message:
    """Return the message of a recorded event."""
    return message_from_event(recorded.session, recorded.position, recorded.time, recorded.event, origin)
