"""What models have used as Arrow batches: a row for each call, and for each answer that no recorded call led to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ...domain.events import ModelCalled
from ...projections.frames import record_batch
from ...projections.prices import Price, cost_of
from ...projections.record_columns import usage_schema
from ...projections.usage import call_of
from ..recorder import Recorder
from ..stored_event import MESSAGE_APPENDED, Row, decode_in_feed
from .filters import FrameFilter
from .row_pages import filtered_rows
from .session_labels import NAMING, Label, Labels

if TYPE_CHECKING:
    import pyarrow

MODEL_CALLED = "work.model_called"
READ = (MODEL_CALLED, MESSAGE_APPENDED)

MOST = 100_000
"""Calls whose places are remembered; of others the record is asked."""


def usage_batches(
    recorder: Recorder, asked: FrameFilter, until: int, rows: int, prices: Mapping[str, Price]
) -> Iterator["pyarrow.RecordBatch"]:
    """What was used up to a global position, each use once, in the session that recorded it."""
    labels, calls = Labels(recorder), ModelCalls(recorder)
    for page in filtered_rows(recorder, asked, READ, until, rows):
        columns = usage_columns(page, labels, calls, asked, prices)
        if columns[0]:
            yield record_batch(columns, usage_schema())


class ModelCalls:
    """Which places on the record are calls of a model; at most so many are remembered."""

    def __init__(self, recorder: Recorder, most: int = MOST) -> None:
        self._recorder = recorder
        self._most = most
        self._known: dict[tuple[str, int], None] = {}

    def take(self, session: str, position: int) -> None:
        """Remembers a call."""
        if len(self._known) >= self._most:
            for forgotten in list(self._known)[: len(self._known) // 2 + 1]:
                del self._known[forgotten]
        self._known[session, position] = None

    def has(self, session: str, position: int) -> bool:
        """Whether there is a call at a place."""
        if (session, position) in self._known:
            return True
        found = self._recorder.read(session, after=position - 1, until=position)
        return position >= 1 and any(row.name == MODEL_CALLED for row in found)


def usage_columns(
    page: Iterable[Row], labels: Labels, calls: ModelCalls, asked: FrameFilter, prices: Mapping[str, Price]
) -> list[list[object]]:
    """The columns of what was used by the events of a page."""
    found: list[tuple[object, ...]] = []
    for row in page:
        if row.name in NAMING:
            if row.payload is not None:
                labels.take(row.session, row.position, row.name, row.payload)
            continue
        if row.name == MODEL_CALLED:
            calls.take(row.session, row.position)
        used = _tokens_of(row, calls)
        if used is None or not asked.takes_time(row.time):
            continue
        label = labels.of(row.session, row.position)
        branch = None if used.branch is None else label.names.get(used.branch)
        if asked.branches is None or branch in asked.branches:
            found.append(_columns(row, label, used, prices))
    return list(map(list, zip(*found, strict=True))) or [[] for _ in usage_schema()]


def _tokens_of(row: Row, calls: ModelCalls) -> ModelCalled | None:
    """What an event used, as the call that it is or that it comes from; nothing if it used none or was counted."""
    if row.name == MODEL_CALLED:
        return call_of(decode_in_feed(row))
    if row.name != MESSAGE_APPENDED or row.payload is None or b'"usage"' not in row.payload:
        return None
    used = call_of(decode_in_feed(row))
    return None if used is None or (row.cause is not None and calls.has(row.session, row.cause)) else used


def _columns(row: Row, label: Label, used: ModelCalled, prices: Mapping[str, Price]) -> tuple[object, ...]:
    return (
        row.session,
        row.position,
        row.global_position,
        row.time,
        label.user,
        None if used.branch is None else label.names.get(used.branch),
        None if used.branch is None else label.ids.get(used.branch),
        row.name,
        used.model or None,
        used.provider,
        used.operation,
        used.error is not None,
        used.input_tokens,
        used.output_tokens,
        used.duration_ms,
        cost_of(used.model, used.input_tokens, used.output_tokens, prices),
    )
