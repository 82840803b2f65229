"""From what a person writes for a session to the session: its id, the beginning of it, its key, its label, @last."""

from ..domain.errors import AmbiguousSessionError, SessionNotFoundError
from ..domain.errors.sessions import LAST_SESSION
from ..domain.validation import is_valid_name
from ..projections.catalogue import CatalogueEntry
from ..projections.selection import Order, Selection
from .recorder import Recorder


def resolve_reference(recorder: Recorder, reference: str) -> CatalogueEntry:
    """The catalogue's entry of the session that is meant; refused if there is none, or more than one."""
    if reference == LAST_SESSION:
        found = recorder.select_entries(Selection(order=Order.UPDATED, descending=True), None, 1)
    else:
        known = is_valid_name(reference)
        exact = (recorder.find_entry(reference) or recorder.find_key(reference)) if known else None
        found = [exact] if exact is not None else _by_name(recorder, reference) if known else []
    if not found:
        raise SessionNotFoundError(reference)
    if len(found) > 1:
        raise AmbiguousSessionError(reference, tuple(entry.session for entry in found))
    return found[0]


def _by_name(recorder: Recorder, reference: str) -> list[CatalogueEntry]:
    """The sessions whose id begins so; else those that have it for a label."""
    beginning, labelled = [], []
    for entry in recorder.read_entries():
        if entry.session.startswith(reference):
            beginning.append(entry)
        elif entry.name == reference and entry.status != "deleted":
            labelled.append(entry)
    return beginning or labelled
