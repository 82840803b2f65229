"""The record in Parquet files: each event in one window, each window in files of its own, written once or over again.

What a window's files hold follows from the record and the window alone. So whoever was interrupted writes it again
under the same names; and what was redacted since is taken out of files by writing them anew.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, compress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...domain.errors import InvalidValueError
from ...domain.events import EventRedacted, MessageRedacted, SessionForked
from ...domain.optional_dependencies import require
from ...projections.frames import record_batch
from ...projections.prices import PRICES
from ...projections.record_columns import events_schema, messages_schema, usage_schema
from ...projections.stored_messages import decode_feed
from ..recorder import Recorder, stored_body
from ..stored_event import Row, decode_in_feed, parse_redaction
from .events import event_columns
from .filters import NO_FILTER
from .frame import Frame
from .messages import READ, feed_columns, feed_messages, filter_events
from .parquet_folder import ExportCheckpoint, ParquetFolder, Window
from .retractions import RETRACTIONS, Retractions
from .row_pages import feed_rows
from .session_labels import NAMING, Labels
from .usage import ModelCalls, usage_columns

if TYPE_CHECKING:
    import pyarrow

EVENTS = 50_000
"""Events of a window at most, if nobody says how many."""

HEAVY = 64_000_000
"""Bytes of payloads that end a window."""

DAY = 86_400_000_000


class ExportResult(msgspec.Struct, frozen=True):
    """What an export has done: the events it added, the files it wrote, and those it wrote over to take words out.

    All up to this global position is in the files now.
    """

    events: int
    files: int
    rewritten: int
    global_position: int


class ParquetExport:
    """One run that brings a folder of Parquet files up to where the record is when it begins."""

    def __init__(self, recorder: Recorder, folder: Path, most: int, sessions: Frame) -> None:
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise InvalidValueError("the events of a file", f"are {most!r}: expected 1 or more")
        self._recorder = recorder
        self._place = ParquetFolder(folder)
        self._most = most
        self._sessions = sessions
        self._known = _SeenRows(recorder)
        self._events = self._files = self._rewritten = 0

    def run(self) -> ExportResult:
        """Writes what is not in the files yet; refused while somebody else does."""
        with require("pyarrow", "frames"):
            import pyarrow  # noqa: F401 (the files are made with it)
        with self._place.alone():
            done = self._place.checkpoint(self._recorder)
            self._place.clear_parts()
            last = self._recorder.last_global_position()
            taken_back = Retractions(chain.from_iterable(feed_rows(self._recorder, RETRACTIONS, last)))
            if done.writing is not None:  # by somebody who was interrupted
                done = self._take(done, done.writing, self._rows(done.writing), taken_back)
            while rows := self._next_rows(done.global_position, last):
                done = self._take(done, Window(done.global_position, rows[-1].global_position), rows, taken_back)
            path = self._place.folder / "sessions" / "sessions.parquet"
            self._place.write(path, self._sessions.schema, self._sessions)
        return ExportResult(self._events, self._files, self._rewritten, done.global_position)

    def _take(
        self, done: ExportCheckpoint, window: Window, rows: Sequence[Row], taken_back: Retractions
    ) -> ExportCheckpoint:
        """Brings a window into files, and takes out of earlier ones what it redacted."""
        self._place.keep(msgspec.structs.replace(done, writing=window))
        self._files += self._write(window, rows, taken_back, self._known)
        for earlier in self._find_windows_to_rewrite(rows, window):
            self._rewritten += self._write(earlier, self._rows(earlier), taken_back, _SeenRows(self._recorder))
        self._events += len(rows)
        digest = rows[-1].digest.hex() if rows else ""  # they may have expired since
        now = ExportCheckpoint(window.until, digest)
        self._place.keep(now)
        return now

    def _write(self, window: Window, rows: Sequence[Row], taken_back: Retractions, known: "_SeenRows") -> int:
        """Writes the files of a window, and takes away those that it is in no more; answers how many it is in."""
        written = {
            self._place.write(self._place.folder / kind / f"day={day}" / window.file, schema, [batch])
            for kind, schema, columns, times in _kinds(rows, taken_back, known)
            for day, batch in _by_day(columns, times, schema)
        }
        for stale in self._place.files_of(window) - written:
            stale.unlink()
        return len(written)

    def _find_windows_to_rewrite(self, rows: Sequence[Row], window: Window) -> list[Window]:
        """The earlier windows that hold content that these rows redacted."""
        places: set[int] = set()
        for row in rows:
            event = decode_in_feed(row)
            if isinstance(event, MessageRedacted | EventRedacted):
                position, _ = parse_redaction(event)
                for found in self._recorder.read(row.session, after=position - 1, until=position):
                    named = self._find_positions_labelled_by(row.session, position) if found.name in NAMING else ()
                    places.update((found.global_position, *named))
        if not any(place <= window.after for place in places):
            return []
        return [each for each in self._place.windows() if any(each.after < place <= each.until for place in places)]

    def _find_positions_labelled_by(self, session: str, position: int) -> Iterator[int]:
        """The global positions of all events that have the user or the branch that an event named in a column."""
        for row in self._recorder.read(session, after=position):
            yield row.global_position
            if row.name == "session.forked" and isinstance(forked := decode_in_feed(row), SessionForked):
                yield from self._find_positions_labelled_by(forked.fork, 0)

    def _rows(self, window: Window) -> list[Row]:
        """All rows of a window."""
        pages = feed_rows(self._recorder, (), window.until, after=window.after)
        return [row for page in pages for row in page]

    def _next_rows(self, after: int, last: int) -> list[Row]:
        """The rows of the next window: so many, and fewer if they are heavy."""
        rows: list[Row] = []
        weight = 0
        for page in feed_rows(self._recorder, (), last, after=after, rows=min(self._most, 2000)):
            rows += page
            weight += sum(len(row.payload or b"") for row in page)
            if len(rows) >= self._most or weight >= HEAVY:
                break
        return rows[: self._most]


class _SeenRows:
    """What is known from the rows before: each kind of file reads along for itself."""

    def __init__(self, recorder: Recorder) -> None:
        self.messages, self.usage, self.events = Labels(recorder), Labels(recorder), Labels(recorder)
        self.calls = ModelCalls(recorder)


def _kinds(
    rows: Sequence[Row], taken_back: Retractions, known: _SeenRows
) -> Iterator[tuple[str, "pyarrow.Schema", Sequence[Sequence[object]], list[int]]]:
    """The rows of a window as messages, as what was used and as events, each with their times."""
    read = [stored_body(row) for row in rows if row.name in READ]
    written = feed_messages(filter_events(read, NO_FILTER), known.messages)
    columns = feed_columns(written, decode_feed(written.bodies), [False] * len(written.bodies))
    schema = messages_schema()
    retracted = schema.get_field_index("retracted")  # which changes after a window was written
    del columns[retracted]
    yield "messages", schema.remove(retracted), columns, [body[3] for body in written.bodies]
    used = usage_columns(rows, known.usage, known.calls, NO_FILTER, PRICES)
    yield "usage", usage_schema(), used, used[3]  # type: ignore[misc]  # times are whole numbers
    events = event_columns(rows, known.events, NO_FILTER)
    yield "events", events_schema(), events, events[3]  # type: ignore[misc]  # times are whole numbers


def _by_day(
    columns: Sequence[Sequence[object]], times: Sequence[int], schema: "pyarrow.Schema"
) -> Iterator[tuple[str, "pyarrow.RecordBatch"]]:
    """The rows of each day, in UTC."""
    days = [time // DAY for time in times]
    for day in sorted(set(days)):
        kept = [each == day for each in days]
        batch = record_batch([list(compress(column, kept)) for column in columns], schema)
        yield f"{datetime.fromtimestamp(day * DAY // 1_000_000, UTC):%Y-%m-%d}", batch
