"""The record in Parquet files: each event in one window, each window in files of its own, written once or over again.

What a window's files hold follows from the record and the window alone. So whoever was interrupted writes it again
under the same names; and what was redacted since is taken out of files by writing them anew.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...domain.errors import InvalidValueError
from ...domain.events import EventRedacted, MessageRedacted, SessionForked
from ...projections.extras import needed
from ...projections.frames import record_batch
from ...projections.prices import PRICES
from ...projections.record_columns import events_schema, messages_schema, usage_schema
from ...projections.said import said_in_feed
from ..recorder import Recorder, body_of
from ..rows import Row, event_in_feed, redaction_in
from .asked import EVERYTHING
from .events import event_columns
from .feeding import feed
from .frame import Frame
from .labels import NAMING, Labels
from .messages import READ, columns_of, wanted_of, written_of
from .place import Checkpoint, Place, Window
from .usage import Calls, usage_columns
from .withdrawn import Withdrawn, withdrawn

if TYPE_CHECKING:
    import pyarrow

EVENTS = 50_000
"""Events of a window at most, if nobody says how many."""

HEAVY = 64_000_000
"""Bytes of payloads that end a window."""

DAY = 86_400_000_000


class Exported(msgspec.Struct, frozen=True):
    """What an export has done: the events it added, the files it wrote, and those it wrote over to take words out.

    All up to this global position is in the files now.
    """

    events: int
    files: int
    rewritten: int
    global_position: int


class Export:
    """One run that brings a folder of Parquet files up to where the record is when it begins."""

    def __init__(self, recorder: Recorder, folder: Path, most: int, sessions: Frame) -> None:
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise InvalidValueError("the events of a file", f"are {most!r}: expected 1 or more")
        self._recorder = recorder
        self._place = Place(folder)
        self._most = most
        self._sessions = sessions
        self._known = _Known(recorder)
        self._events = self._files = self._rewritten = 0

    def run(self) -> Exported:
        """Writes what is not in the files yet; refused while somebody else does."""
        with needed("pyarrow", "frames"):
            import pyarrow  # noqa: F401 (the files are made with it)
        with self._place.alone():
            done = self._place.checkpoint(self._recorder)
            self._place.clear_parts()
            last = self._recorder.last_global_position()
            taken_back = withdrawn(self._recorder, last)
            if done.writing is not None:  # by somebody who was interrupted
                done = self._take(done, done.writing, self._rows(done.writing), taken_back)
            while rows := self._next_rows(done.global_position, last):
                done = self._take(done, Window(done.global_position, rows[-1].global_position), rows, taken_back)
            path = self._place.folder / "sessions" / "sessions.parquet"
            self._place.write(path, self._sessions.schema, self._sessions)
        return Exported(self._events, self._files, self._rewritten, done.global_position)

    def _take(self, done: Checkpoint, window: Window, rows: Sequence[Row], taken_back: Withdrawn) -> Checkpoint:
        """Brings a window into files, and takes out of earlier ones what it redacted."""
        self._place.keep(msgspec.structs.replace(done, writing=window))
        self._files += self._write(window, rows, taken_back, self._known)
        for earlier in self._touched(rows, window):
            self._rewritten += self._write(earlier, self._rows(earlier), taken_back, _Known(self._recorder))
        self._events += len(rows)
        digest = rows[-1].digest.hex() if rows else ""  # they may have expired since
        now = Checkpoint(window.until, digest)
        self._place.keep(now)
        return now

    def _write(self, window: Window, rows: Sequence[Row], taken_back: Withdrawn, known: "_Known") -> int:
        """Writes the files of a window, and takes away those that it is in no more; answers how many it is in."""
        written = {
            self._place.write(self._place.folder / kind / f"day={day}" / window.file, schema, [batch])
            for kind, schema, columns, times in _kinds(rows, taken_back, known)
            for day, batch in _by_day(columns, times, schema)
        }
        for stale in self._place.files_of(window) - written:
            stale.unlink()
        return len(written)

    def _touched(self, rows: Sequence[Row], window: Window) -> list[Window]:
        """The earlier windows that hold content that these rows redacted."""
        places: set[int] = set()
        for row in rows:
            event = event_in_feed(row)
            if isinstance(event, MessageRedacted | EventRedacted):
                position, _ = redaction_in(event)
                for found in self._recorder.read(row.session, after=position - 1, until=position):
                    named = self._named_by(row.session, position) if found.name in NAMING else ()
                    places.update((found.global_position, *named))
        if not any(place <= window.after for place in places):
            return []
        return [each for each in self._place.windows() if any(each.after < place <= each.until for place in places)]

    def _named_by(self, session: str, position: int) -> Iterator[int]:
        """The global positions of all events that have the user or the branch that an event named in a column."""
        for row in self._recorder.read(session, after=position):
            yield row.global_position
            if row.name == "session.forked" and isinstance(forked := event_in_feed(row), SessionForked):
                yield from self._named_by(forked.fork, 0)

    def _rows(self, window: Window) -> list[Row]:
        """All rows of a window."""
        pages = feed(self._recorder, (), window.until, after=window.after)
        return [row for page in pages for row in page]

    def _next_rows(self, after: int, last: int) -> list[Row]:
        """The rows of the next window: so many, and fewer if they are heavy."""
        rows: list[Row] = []
        weight = 0
        for page in feed(self._recorder, (), last, after=after, rows=min(self._most, 2000)):
            rows += page
            weight += sum(len(row.payload or b"") for row in page)
            if len(rows) >= self._most or weight >= HEAVY:
                break
        return rows[: self._most]


class _Known:
    """What is known from the rows before: each kind of file reads along for itself."""

    def __init__(self, recorder: Recorder) -> None:
        self.messages, self.usage, self.events = Labels(recorder), Labels(recorder), Labels(recorder)
        self.calls = Calls(recorder)


def _kinds(
    rows: Sequence[Row], taken_back: Withdrawn, known: _Known
) -> Iterator[tuple[str, "pyarrow.Schema", list[list[object]], list[int]]]:
    """The rows of a window as messages, as what was used and as events, each with their times."""
    read = [body_of(row) for row in rows if row.name in READ]
    written = written_of(wanted_of(read, EVERYTHING), known.messages)
    columns = columns_of(written, said_in_feed(written.bodies))
    schema = messages_schema()
    yield "messages", schema.remove(schema.get_field_index("retracted")), columns, [body[3] for body in written.bodies]
    used = usage_columns(rows, known.usage, known.calls, EVERYTHING, PRICES)
    yield "usage", usage_schema(), used, used[3]  # type: ignore[misc]  # times are whole numbers
    events = event_columns(rows, known.events, EVERYTHING)
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
