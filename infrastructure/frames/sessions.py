"""The catalogue as Arrow batches."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from ...projections.catalogue import CatalogueEntry
from ...projections.frames import record_batch
from ...projections.record_columns import sessions_schema
from ..recorder import Recorder

if TYPE_CHECKING:
    import pyarrow


def session_batches(recorder: Recorder, rows: int) -> Iterator["pyarrow.RecordBatch"]:
    """The sessions in the order they were started, those that were deleted too."""
    entries = recorder.read_entries()
    while page := list(islice(entries, rows)):
        columns = zip(
            *(
                (
                    entry.session,
                    entry.key,
                    entry.name,
                    _user_of(recorder, entry),
                    entry.status,
                    entry.position,
                    entry.messages,
                    entry.bytes,
                    entry.forked_from,
                    entry.forked_at,
                    entry.created,
                    entry.updated,
                    msgspec.json.encode(entry.metadata).decode(),
                )
                for entry in page
            ),
            strict=True,
        )
        yield record_batch(list(columns), sessions_schema())


def _user_of(recorder: Recorder, entry: CatalogueEntry) -> str | None:
    """The user of a session, or of the nearest session that it continues and that has one."""
    found: CatalogueEntry | None = entry
    while found is not None and found.user is None and found.forked_from is not None:
        found = recorder.find_entry(found.forked_from)
    return None if found is None else found.user
