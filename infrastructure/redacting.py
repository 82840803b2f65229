"""A redaction made ready for recording: the rows without their content, and the catalogue's labels afterwards."""

from collections.abc import Mapping

from msgspec.structs import replace

from ..domain.errors import InvalidValue
from ..domain.redaction import CONTENT_FIELDS, REDACTIONS
from ..projections.catalogue import Entry, described
from .recorder import Recorder
from .rows import LABELLING, LAST, Append, Row, event_of, redacted, redaction_in


def erasing(recorder: Recorder, append: Append) -> Append:
    """The append; if it redacts events that are on the record, with what its transaction has to erase."""
    redactions = [event for draft in append.drafts if draft.name in REDACTIONS and (event := draft.event)]
    if not redactions:
        return append
    found: dict[int, Row] = {}
    for position, text in map(redaction_in, redactions):
        row = next(recorder.read(append.session, after=position - 1, until=position), None)
        if row is None or row.payload_hash is not None:
            continue
        if row.name not in CONTENT_FIELDS:
            raise InvalidValue(f"the event at position {position}", f"is {row.name}, which holds no content")
        left = redacted(row)
        if left.payload != text.encode():
            raise InvalidValue(f"the redaction of position {position}", "does not leave what a redaction leaves")
        found[position] = row
    erase = {position: redacted(row) for position, row in found.items()}
    freed = sum(len(row.payload or b"") - len(erase[position].payload or b"") for position, row in found.items())
    labels = any(row.name in LABELLING for row in found.values())
    entry = _entry_afterwards(recorder, append.session, erase) if labels else None
    return replace(append, erase=tuple(erase.values()), freed=freed, entry=entry)


def _entry_afterwards(recorder: Recorder, session: str, erase: Mapping[int, Row]) -> Entry:
    """The entry that the events of a session make, with some of them redacted."""
    entry = Entry(session)
    for row in recorder.read_structure(session, until=LAST):
        if row.name in LABELLING:
            entry = described(entry, row.time, [event_of(erase.get(row.position, row))])
    return entry
