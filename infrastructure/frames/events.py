"""The record as Arrow batches: every event once, with its columns, and its payload as JSON."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ...projections.frames import record_batch
from ...projections.record_columns import events_schema
from ..recorder import Recorder
from ..stored_event import Row
from .filters import FrameFilter
from .row_pages import filtered_rows
from .session_labels import NAMING, Labels

if TYPE_CHECKING:
    import pyarrow


def event_batches(recorder: Recorder, asked: FrameFilter, until: int, rows: int) -> Iterator["pyarrow.RecordBatch"]:
    """The events up to a global position, each once, in the session that recorded it."""
    labels = Labels(recorder)
    for page in filtered_rows(recorder, asked, asked.names, until, rows):
        columns = event_columns(page, labels, asked)
        if columns[0]:
            yield record_batch(columns, events_schema())


def event_columns(page: Iterable[Row], labels: Labels, asked: FrameFilter) -> list[list[object]]:
    """The columns of those events of a page that are asked for."""
    found: list[tuple[object, ...]] = []
    for row in page:
        if row.name in NAMING and row.payload is not None:
            labels.take(row.session, row.position, row.name, row.payload)
        if asked.names and row.name not in asked.names:
            continue
        label = labels.of(row.session, row.position)
        branch = None if row.branch is None else label.names.get(row.branch)
        if not asked.takes_time(row.time) or (asked.branches is not None and branch not in asked.branches):
            continue
        found.append(
            (
                row.session,
                row.position,
                row.global_position,
                row.time,
                row.name,
                branch,
                None if row.branch is None else label.ids.get(row.branch),
                row.branch,
                label.user,
                row.actor,
                row.correlation,
                row.cause,
                row.command_id,
                None if row.payload is None else row.payload.decode(errors="replace"),
                row.payload_hash is not None,
                row.digest.hex(),
            )
        )
    return list(map(list, zip(*found, strict=True))) or [[] for _ in events_schema()]
