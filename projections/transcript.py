"""Every message that was written, with its text: what a search looks through. Pure."""

from collections.abc import Iterable, Sequence

from ..domain.content import AssistantResponseContent
from ..domain.events import MessageAppended, MessageRedacted, SystemSet
from ..domain.recorded_event import RecordedEvent
from .full_text import index_text
from .projection import Projection
from .recorded_messages import message_from_recorded
from .rows import Rows
from .table_schema import INTEGER, JSON, TEXT, Key, Table

TRANSCRIPT = Table(
    "transcript",
    {
        "session": TEXT,
        "position": INTEGER,
        "global_position": INTEGER,
        "branch": INTEGER,
        "role": TEXT,
        "text": TEXT,
        "words": TEXT,
        "sender": TEXT,
        "recipient": TEXT,
        "origin": TEXT,
        "model": TEXT,
        "created": INTEGER,
        "metadata": JSON,
    },
    key=("session", "position"),
    search=("words",),
)
"""A row per message, on the branch it was written on; `created` is in microseconds since 1970, UTC.

`words` are those of the text, as a database can find them.
"""

CONTENT = ("text", "words", "sender", "recipient", "model", "metadata")
"""The columns that a redaction empties."""


class Transcript(Projection):
    """The messages as they were written; which branches show one is for the session to say.

    The row of a message that was redacted stays, without anything that the redaction removed.
    """

    name = "transcript"
    names = ("message.appended", "branch.system_set", "message.redacted")
    tables = (TRANSCRIPT,)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for recorded in batch:
            match recorded.event:
                case MessageRedacted(position):
                    row = rows[TRANSCRIPT].find(recorded.session, position)
                    if row is not None:
                        rows[TRANSCRIPT].put({name: None if name in CONTENT else row[name] for name in row})
                case SystemSet(_, None):
                    pass
                case MessageAppended() | SystemSet():
                    rows[TRANSCRIPT].put(_row(recorded))

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        for recorded in batch:
            if isinstance(recorded.event, MessageRedacted):
                yield TRANSCRIPT, (recorded.session, recorded.event.message)


def _row(recorded: RecordedEvent) -> dict[str, object]:
    message = message_from_recorded(recorded)
    content = message.content
    return {
        "session": recorded.session,
        "position": recorded.position,
        "global_position": recorded.global_position,
        "branch": message.branch,
        "role": message.role.value,
        "text": message.text,
        "words": index_text(message.text),
        "sender": message.sender,
        "recipient": message.recipient,
        "origin": message.origin.value,
        "model": content.model if isinstance(content, AssistantResponseContent) else None,
        "created": recorded.time,
        "metadata": message.metadata or None,
    }
