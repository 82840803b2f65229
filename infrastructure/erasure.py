"""A redaction made ready for recording: the rows without their content, and the catalogue's labels afterwards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec.structs import replace

from ..domain.errors import InvalidValueError
from ..domain.events import Event
from ..domain.redaction import CONTENT_FIELDS, REDACTIONS
from ..projections.catalogue import CatalogueEntry, updated_entry
from .stored_event import LABELLING, LAST, AppendRequest, Row, event_of, parse_redaction, redact_row


class Source(Protocol):
    """What a recorder has to find what is erased."""

    def read(self, session: str, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """The rows of a session after one position and up to another."""
        ...

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        """The rows of a session that are no messages."""
        ...


def erasing(source: Source, appends: Iterable[AppendRequest]) -> list[AppendRequest]:
    """The appends of one transaction, each with what it has to erase; one that cannot be recorded raises."""
    erasing = Erasure(source)
    return [erasing.add_rows(append) for append in appends]


def first_redaction(append: AppendRequest) -> int | None:
    """The place of the first redaction among the events of an append."""
    for place, draft in enumerate(append.drafts):
        if draft.name in REDACTIONS:
            return place
    return None


class Erasure:
    """Appends of one transaction, in their order, each with what it has to erase."""

    def __init__(self, recorder: Source) -> None:
        self._recorder = recorder
        self._erased: defaultdict[str, dict[int, Row]] = defaultdict(dict)
        self._recorded: defaultdict[str, list[Event]] = defaultdict(list)

    def add_rows(self, append: AppendRequest) -> AppendRequest:
        """The append with what it has to erase; a redaction of an event that is not on the record raises."""
        for draft in append.drafts:
            if draft.name in REDACTIONS and draft.event is not None:
                position, _ = parse_redaction(draft.event)
                if self._row(append.session, position) is None:
                    raise InvalidValueError(
                        f"the event at position {position}", "is not on the record: expected one that is"
                    )
        return self.add_checked_rows(append)

    def add_checked_rows(self, append: AppendRequest) -> AppendRequest:
        """The same for a record that was checked, and may bring what it redacts along."""
        erase: dict[int, Row] = {}
        freed, labels = 0, False
        for draft in append.drafts:
            if draft.name not in REDACTIONS or draft.event is None:
                continue
            position, left = parse_redaction(draft.event)
            row = self._erased[append.session].get(position) or self._row(append.session, position)
            if row is None:
                continue
            if row.payload_hash is not None:
                if row.payload != left.encode():
                    raise InvalidValueError(
                        f"the redaction of position {position}", "does not leave what an earlier one has left"
                    )
                continue
            erase[position] = self._erased[append.session][position] = _remainder(row, left)
            freed += len(row.payload or b"") - len(left.encode())
            labels = labels or row.name in LABELLING
        if erase:
            entry = self._entry_afterwards(append.session) if labels else None
            append = replace(append, erase=tuple(erase.values()), freed=freed, entry=entry)
        self._recorded[append.session] += [draft.event for draft in append.drafts if draft.event is not None]
        return append

    def _row(self, session: str, position: int) -> Row | None:
        return next(self._recorder.read(session, after=position - 1, until=position), None)

    def _entry_afterwards(self, session: str) -> CatalogueEntry:
        """The entry that the events of a session make, those of earlier appends included."""
        entry, erased = CatalogueEntry(session), self._erased[session]
        for row in self._recorder.read_structure(session, until=LAST):
            if row.name in LABELLING:
                entry = updated_entry(entry, row.time, [event_of(erased.get(row.position, row))])
        return updated_entry(entry, entry.time, self._recorded[session])


def _remainder(row: Row, left: str) -> Row:
    if row.name not in CONTENT_FIELDS:
        raise InvalidValueError(f"the event at position {row.position}", f"is {row.name}, which holds no content")
    after = redact_row(row)
    if after.payload != left.encode():
        raise InvalidValueError(f"the redaction of position {row.position}", "does not leave what a redaction leaves")
    return after
