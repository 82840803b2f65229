"""The record out of a store, session by session, those that others go on from first."""

from collections.abc import Iterable, Iterator

from ...domain.errors import SessionNotFoundError
from ...domain.validation import is_valid_name
from ...projections.catalogue import CatalogueEntry
from ..progress import Progress, ProgressCounter
from ..recorder import Recorder
from .format import file_footer, line_of, session_footer, session_header

BEFORE_ALL = -(2**62)


def export_lines(
    recorder: Recorder, sessions: Iterable[str] | None = None, progress: Progress | None = None
) -> Iterator[bytes]:
    """The lines of sessions and of those they go on from; of all, if none are named. As they are now."""
    chosen = _with_ancestors(recorder, sessions)
    counted = ProgressCounter(progress, sum(entry.position for entry in chosen))
    yield session_header()
    endings = []
    for entry in chosen:
        events, last = 0, None
        for row in counted.count(recorder.read(entry.session, after=BEFORE_ALL, until=entry.position)):
            yield line_of(row)
            events, last = events + 1, row
        if last is None or last.digest != entry.digest:  # it expired meanwhile
            raise SessionNotFoundError(entry.session)
        endings.append(session_footer(entry, events))
    counted.end()
    yield file_footer(endings)


def _with_ancestors(recorder: Recorder, sessions: Iterable[str] | None) -> list[CatalogueEntry]:
    """The entries, each behind that of the session it goes on from, which is read later and so knows of the fork."""
    chosen = recorder.read_entries() if sessions is None else (_entry(recorder, session) for session in sessions)
    found: dict[str, CatalogueEntry] = {}
    for entry in chosen:
        line = [entry]
        while line[-1].forked_from is not None:
            line.append(_entry(recorder, line[-1].forked_from))
        for each in reversed(line):
            known = found.get(each.session)
            if known is None or known.position < each.position:
                found[each.session] = each
    return list(found.values())


def _entry(recorder: Recorder, session: str) -> CatalogueEntry:
    entry = recorder.find_entry(session) if is_valid_name(session) else None
    if entry is None:
        raise SessionNotFoundError(str(session))
    return entry
