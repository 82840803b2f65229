"""For whoever writes projections: given these events, then these rows; and proof that all ways of running it agree.

Needs neither pytest nor Hypothesis.
"""

from collections.abc import Iterable, Sequence

from .domain.codec import stored_name
from .domain.events import Event
from .domain.record import NOBODY, Provenance, RecordedEvent
from .projections.definition import Projection, fold
from .projections.tables import Row, Table

FIRST_MOMENT = 1_700_000_000_000_000
"""When the first event of a test is said to be recorded: 14 November 2023, 22:13:20 UTC."""

SECOND = 1_000_000


def history(
    *events: Event, session: str = "s", after: Sequence[RecordedEvent] = (), provenance: Provenance = NOBODY
) -> list[RecordedEvent]:
    """Events as they would stand on the record, behind others, each a second after the one before."""
    place = len(after)
    position = sum(event.session == session for event in after)
    who = provenance.actor, provenance.correlation, provenance.cause
    return [
        *after,
        *(
            RecordedEvent(
                session,
                position + number,
                place + number,
                FIRST_MOMENT + (place + number - 1) * SECOND,
                stored_name(event),
                event,
                *who,
                None,
                b"",
            )
            for number, event in enumerate(events, 1)
        ),
    ]


class Given:
    """A projection and what has happened."""

    def __init__(self, projection: Projection, events: Iterable[RecordedEvent]) -> None:
        self._rows = fold(projection, events)

    def rows(self, table: Table | str) -> list[Row]:
        """The rows of a table, in the order of their keys."""
        return self._rows[table].under()

    def then(self, table: Table | str, *rows: Row) -> "Given":
        """Asserts that exactly these rows are in the table; columns that a row does not name are None."""
        found = self.rows(table)
        columns = list(found[0]) if found else []
        expected = [{**dict.fromkeys(columns), **row} for row in rows]
        if found != expected:
            raise AssertionError(f"the rows are\n{_lines(found)}\nand not\n{_lines(expected)}")
        return self


def given(projection: Projection, *events: Event | RecordedEvent, session: str = "s") -> Given:
    """A projection to which events have happened: those of one session, or recorded ones of several."""
    recorded: list[RecordedEvent] = []
    for event in events:
        if isinstance(event, RecordedEvent):
            recorded.append(event)
        else:
            recorded = history(event, session=session, after=recorded)
    return Given(projection, recorded)


def _lines(rows: Sequence[Row]) -> str:
    return "\n".join(f"  {row}" for row in rows) or "  none"
