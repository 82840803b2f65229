"""Redacted messages for people: when, by whom and why they were redacted."""

from ..domain.events import MessageRedacted
from ..domain.message import REDACTED, Message
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.session_reader import read_structure
from ..infrastructure.store import Store
from .escape import quote
from .render import clock_time, displayed_text


class RedactionLookup:
    """The redactions of messages, read once for each session that recorded one of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, dict[int, RecordedEvent]] = {}

    def text(self, message: Message) -> str:
        """Return the text of a message to display, with the redaction of one that was redacted."""
        if not message.redacted:
            return displayed_text(message)
        session, _, position = (message.id or "").rpartition("/")
        redaction = self._of(session).get(int(position))
        return REDACTED if redaction is None else f"{REDACTED} {_circumstances(redaction)}"

    def _of(self, session: str) -> dict[int, RecordedEvent]:
        if session not in self._known:
            recorded = read_structure(self._store.recorder, session, ("message.redacted",))
            self._known[session] = {
                each.event.message: each for each in recorded if isinstance(each.event, MessageRedacted)
            }
        return self._known[session]


def _circumstances(redaction: RecordedEvent) -> str:
    assert isinstance(redaction.event, MessageRedacted)
    by = f" by {quote(redaction.actor)}" if redaction.actor else ""
    reason = f": {redaction.event.reason}" if redaction.event.reason else ""
    return f"{clock_time(redaction.created_at)}{by}{reason}"
