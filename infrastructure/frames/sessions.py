"""The catalogue as Arrow batches."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

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
                    entry.user,
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
