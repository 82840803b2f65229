"""The messages a branch shows: a lazy sequence that reads what is asked for and nothing else."""

from array import array
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Reversible, Set
from typing import TYPE_CHECKING, overload

from msgspec.structs import replace

from ..domain.codec import is_salted
from ..domain.message import Message
from ..domain.ranges import (
    MessageOrigin,
    Origin,
    Range,
    Ranges,
    Written,
    from_positions,
    length,
    message_origins,
    positions,
    take_first,
    take_last,
)
from ..domain.state import Visibility
from . import frames
from .message_filter import (
    MessageFilter,
    Moment,
    OneOrMore,
    between_positions,
    first_position,
    last_position,
    message_filter,
    of_origins,
)
from .message_order import merge_in_recorded_order
from .message_pages import SYSTEM, Body, MessagePage, MessageReader, pages
from .notebook_html import ENDS, html_table
from .record_columns import messages_schema
from .recorded_messages import message_from_event
from .stored_messages import decode_page, event_of

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Messages(Reversible[Message], Collection[Message]):
    """The messages that a branch showed at one moment; what is recorded later does not change them.

    They have all that a sequence has, and speak the Arrow PyCapsule protocol, so Polars, DuckDB and pandas take them as
    they are. `collections.abc.Sequence` is not among their bases: Polars would take them for a list of objects.
    """

    def __init__(self, reader: MessageReader, ranges: Ranges, written: Written) -> None:
        self._reader = reader
        self._known = ranges
        self._written = written

    @property
    def _ranges(self) -> Ranges:
        return self._known

    def __len__(self) -> int:
        return length(self._ranges)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> "Messages": ...
    def __getitem__(self, index: int | slice) -> "Message | Messages":
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return self._slice(chosen)
        (message,) = self._slice(range(chosen, chosen + 1))
        return message

    def __iter__(self) -> Iterator[Message]:
        for page in self._pages():
            for body in page.bodies:
                yield self._message(page, body)

    def __reversed__(self) -> Iterator[Message]:
        for page in self._pages(backwards=True):
            for body in page.bodies:
                yield self._message(page, body)

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._reader.in_threads(self)

    def __contains__(self, message: object) -> bool:
        return any(each == message for each in self)

    def index(self, message: Message, start: int = 0, stop: int | None = None) -> int:
        """Where a message is first shown; ValueError if it is not."""
        chosen = range(len(self))[start:stop]
        for place, each in zip(chosen, self[start:stop], strict=True):
            if each == message:
                return place
        raise ValueError(f"{message!r} is not among the {len(chosen)} messages")

    def count(self, message: Message) -> int:
        """How often a message is shown."""
        return sum(each == message for each in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Messages) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(tuple(self.ids))

    def __repr__(self) -> str:
        return f"<{len(self)} messages of session {self._reader.session}>"

    @property
    def positions(self) -> list[int]:
        """The positions of the messages, without reading them."""
        return list(positions(self._ranges, self._written))

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, without reading them."""
        return [self._reader.id_of(position) for position in self.positions]

    def last(self, count: int) -> "Messages":
        """The last messages, as many as there are up to `count`."""
        return self._of(take_last(self._ranges, count, self._written))

    def filter(
        self,
        *,
        role: OneOrMore[str] | None = None,
        sender: OneOrMore[str | None] | None = None,
        recipient: OneOrMore[str | None] | None = None,
        origin: OneOrMore[str] | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        contains: str | None = None,
    ) -> "Messages":
        """Those messages that are all that is asked; where several values are given, any of them will do.

        Both moments are included. `contains` does not tell upper from lower case. Who iterates reads page by page, and
        sees the first before the last is read; who asks for the length or a place has all read once, and none kept.
        """
        asked = message_filter(role, sender, recipient, origin, contains)
        found = self
        if since is not None or until is not None:
            bounds = first_position(self._reader, self._span, since), last_position(self._reader, self._span, until)
            found = found._with_ranges(lambda ranges: between_positions(ranges, self._written, *bounds))
        if (origins := asked.origins) is not None:
            found = found._with_ranges(lambda ranges: of_origins(ranges, origins))
        return found if asked.is_anything else _FilteredMessages(found, asked)

    def batches(self) -> Iterator["pyarrow.RecordBatch"]:
        """The messages as Arrow record batches, each made when it is asked for."""
        return frames.batches(self._reader, self._pages())

    def to_arrow(self) -> "pyarrow.Table":
        """The messages as an Arrow table, one row for each."""
        return frames.arrow(self._reader, self._pages())

    def to_df(self) -> "pandas.DataFrame":
        """The messages as a pandas DataFrame, one row for each."""
        return frames.pandas_frame(self._reader, self._pages())

    def to_polars(self) -> "polars.DataFrame":
        """The messages as a Polars DataFrame, one row for each."""
        return frames.polars_frame(self._reader, self._pages())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of the rows as an Arrow PyCapsule, read while it is taken."""
        return frames.stream(self._reader, self._pages()).__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The columns as an Arrow PyCapsule."""
        return messages_schema().__arrow_c_schema__()

    def _repr_html_(self) -> str:
        count = len(self)
        whole = count <= 2 * ENDS + 1
        head, tail = (self, ()) if whole else (self[:ENDS], self.last(ENDS))
        return html_table(repr(self).strip("<>"), head, 0 if whole else count - 2 * ENDS, tail)

    def _slice(self, chosen: range) -> "Messages":
        if chosen.step == 1:
            ahead = take_first(self._ranges, chosen.stop, self._written)
            return self._of(take_last(ahead, len(chosen), self._written))
        order = list(message_origins(self._ranges, self._written))
        return self._of(from_positions([order[place] for place in chosen], self._written))

    def _of(self, ranges: Ranges) -> "Messages":
        return Messages(self._reader, ranges, self._written)

    @property
    def _span(self) -> Ranges:
        """The ranges in which the messages are, perhaps among others."""
        return self._known

    def _with_ranges(self, reduce: Callable[[Ranges], Ranges]) -> "Messages":
        """The messages that are in fewer ranges; nothing is read to find out."""
        return self._of(reduce(self._known))

    def _pages(self, *, backwards: bool = False) -> Iterator[MessagePage]:
        return pages(self._reader, self._ranges, self._written, backwards=backwards)

    def _message(self, page: MessagePage, body: Body) -> Message:
        position, time, payload, *_ = body
        event = event_of(page, body)
        redacted = payload is not None and not is_salted(payload)  # a redaction leaves no salt
        message = message_from_event(page.session, position, time, event, page.origin, redacted=redacted)
        if page.session == self._reader.session:
            return message
        local = position - page.ahead
        return replace(message, session=self._reader.session, position=local, recorded_as=message.id)


class _FilteredMessages(Messages):
    """Those of some messages that are wanted; which ones is found out by whoever needs to know."""

    def __init__(self, source: Messages, asked: MessageFilter) -> None:
        super().__init__(source._reader, source._known, source._written)
        self._source = source
        self._wanted = asked
        self._found: Ranges | None = None

    @property
    def _ranges(self) -> Ranges:
        if self._found is None:
            self._found = from_positions(self._visible(), self._written)
        return self._found

    def __repr__(self) -> str:
        if self._found is None:
            return f"<some messages of session {self._reader.session}>"
        return super().__repr__()

    def _with_ranges(self, reduce: Callable[[Ranges], Ranges]) -> Messages:
        return _FilteredMessages(self._source._with_ranges(reduce), self._wanted)

    def _pages(self, *, backwards: bool = False) -> Iterator[MessagePage]:
        if self._found is not None:
            yield from super()._pages(backwards=backwards)
            return
        for page in self._source._pages(backwards=backwards):
            rows = zip(page.bodies, *decode_page(page), strict=True)
            kept = [body for body, message, content in rows if self._wanted.takes(page, message, content)]
            if kept:
                yield page._replace(bodies=kept)

    def _visible(self) -> Iterator[MessageOrigin]:
        for page in self._pages():
            for position, *_ in page.bodies:
                yield page.branch, position - page.ahead, page.origin


def branch_messages(reader: MessageReader, showing: Visibility, written: Written) -> Messages:
    """The messages of a showing, the system message first."""
    if showing.system is None:
        return Messages(reader, showing.ranges, written)
    system = Range(SYSTEM, showing.system, showing.system, 1)
    places: Written = ChainMap({SYSTEM: array("q", [showing.system])}, written)  # type: ignore[arg-type]  # only read
    return Messages(reader, (system, *showing.ranges), places)


def messages_of_branches(
    reader: MessageReader, showings: Iterable[Visibility], written: Written, leave_out: Set[Origin]
) -> Messages:
    """The messages of several showings, each once, in the order they were recorded.

    A message is left out if it came to all places where it is shown in one of the ways given.
    """
    systems: set[int] = set()
    pieces: list[Range] = []
    for showing in showings:
        if showing.system is not None and showing.system not in systems:
            systems.add(showing.system)
            pieces.append(Range(SYSTEM, showing.system, showing.system, 1))
        pieces += [piece for piece in showing.ranges if piece.origin not in leave_out]
    places: Written = ChainMap({SYSTEM: array("q", sorted(systems))}, written)  # type: ignore[arg-type]  # only read
    return Messages(reader, merge_in_recorded_order(pieces, places), places)
