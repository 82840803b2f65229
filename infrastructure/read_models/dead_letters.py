"""What a redaction does to dead letters, and what dead letters keep back."""

from collections.abc import Iterable, Mapping, Sequence

from ...domain.events import EventRedacted, MessageRedacted
from ...domain.redaction import REDACTIONS
from ..recorder import Recorder
from ..stored_event import Row, decode_in_feed, parse_redaction
from .ledger import DeadLetter, Ledger, ProjectionMethod


def first_held_positions(letters: Iterable[DeadLetter]) -> dict[str, int]:
    """The sessions whose events wait behind a dead letter, and its position."""
    return {letter.session: letter.position for letter in letters if letter.hook == ProjectionMethod.APPLY}


def redact_letters(ledger: Ledger, letters: Iterable[DeadLetter], rows: Sequence[Row]) -> bool:
    """Reduce the errors of dead letters that met a redacted event to their kind; return whether there were any."""
    redacted = {
        (row.session, parse_redaction(event)[0])
        for row in rows
        if row.name in REDACTIONS and isinstance(event := decode_in_feed(row), MessageRedacted | EventRedacted)
    }
    found = [letter for letter in letters if (letter.session, letter.position) in redacted]
    for letter in found:
        letter.error = letter.error.partition(":")[0]
        ledger.note(letter)
    ledger.save()
    return bool(found)


def sessions_with_held_redactions(recorder: Recorder, held: Mapping[str, int]) -> list[str]:
    """The sessions with redactions among the events that wait behind a dead letter."""
    return [
        session
        for session, position in held.items()
        if any(row.name in REDACTIONS for row in recorder.read(session, after=position - 1))
    ]
