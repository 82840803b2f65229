"""The record in Redis, or a server that speaks its protocol: appends by a Lua script each, reads in short pages.

What it does not promise. Whether a commit survives a crash is decided by the server's settings (`appendonly`,
`appendfsync`), and a replica that takes over may lack the last commits; the answer to an append only says that the
server has it in memory. With a time to live, sessions vanish as a whole once nobody has appended to them for so long.
Nothing stops whoever may send commands to the server from changing rows; `verify` finds it. All keys of a store lie in
one slot, so one store is as big as one node. The keys are described in `__init__.py`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, islice, repeat
from random import uniform
from secrets import token_urlsafe
from time import monotonic, sleep
from typing import cast

from msgspec.structs import replace

from ...domain.errors import (
    DatabaseError,
    InvalidOperationError,
    NotSupportedError,
    OutcomeUnknownError,
    SchemaMismatchError,
    StoreError,
    StoreNotFoundError,
)
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ...projections.message_pages import Body
from ...projections.selection import Order, Place, Selection
from ..payload_compression import payload_encoding
from ..recorder import OpenMode, message_body
from ..server_recorder import HeadMoved, ServerRecorder, StampedAppend
from ..stored_event import LAST, AppendResult, Row
from . import scripts
from .address import RedisAddress
from .append_call import LARGEST_TOGETHER, MOST_EVENTS, AppendCall, AppendReply, first_call, fits_in_a_call
from .codec import (
    ALL_MESSAGES,
    Argument,
    entry_of,
    message_place,
    parse_result,
    parse_written,
    row_of,
    rows_of,
    structure_place,
)
from .consistency_check import flaws
from .restore import Restore
from .scrubbing import scrub
from .server import ConnectionLost, Reply, Server

FORMAT = 1
"""The layout of the keys that this version writes."""

PAGE = 1000
"""Rows per read: nobody else is served while a script runs."""

PLACES = 20_000
"""Places of messages per read."""

LARGEST_PAGE = 8 << 20
"""Bytes per read, about; a row that is larger comes alone."""

POLL = 0.25
"""Seconds until a reader that waits looks whether its store was closed."""

LISTED: Mapping[Order, Callable[[Selection], tuple[int | None, int | None]]] = {
    Order.CREATED: lambda selection: (selection.created_since, selection.created_until),
    Order.UPDATED: lambda selection: (selection.updated_since, selection.updated_until),
}
"""The orders that there are lists in, with the bounds that a selection sets there; for others all is looked at."""

TURNS = (0.0005, 0.004)
"""Seconds, at least and at most, to stand back when it is another's turn to append."""

SETTLING = (0.0, 0.1, 0.3, 0.6, 1.0, 2.0)
"""Seconds to wait before each question after what became of a lost call; a server may be about to start again."""


class RedisRecorder(ServerRecorder):
    """Rows on a server that many processes on many machines may share."""

    def __init__(self, address: RedisAddress, *, compress: bool = False, opening: OpenMode = OpenMode.MAKING) -> None:
        super().__init__()
        self._encoding = payload_encoding(compress)
        self.name = address.name
        self._server = Server(address)
        self._ttl = (address.ttl or 0) * 1000
        self.forgets = True  # also without a ttl: other writers may give the sessions one
        try:
            self._check_eviction()
            self._check_format(opening)
        except BaseException:
            self._server.close()
            raise

    def after_fork(self) -> None:
        super().after_fork()
        self._caller = token_urlsafe(9)

    @property
    def server(self) -> Server:
        """The way to the server, for what stands beside the record."""
        return self._server

    @property
    def ttl(self) -> int:
        """Milliseconds that a session lives after the last append; 0: for good."""
        return self._ttl

    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        Restore(self._server, self._ttl, self._encoding).run(entries, rows)

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        first, last = max(after + 1, 0), LAST if until is None else until
        while True:
            page = self._server.read(scripts.READ, session, first, last, PAGE, LARGEST_PAGE, int(backwards))
            yield from rows_of(session, page[1:])
            if not page[0]:
                return
            if backwards:
                last = int(page[0])
            else:
                first = int(page[0])

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        if first <= last:
            bounds = b"[" + message_place(branch, first), b"[" + message_place(branch, last)
            yield from self._at_places(session, bounds, backwards)

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        found: list[Body] = []
        looked = 0
        while looked < len(positions):
            ahead = positions[looked : looked + PAGE]
            count, *parts = self._server.read(scripts.READ_POSITIONS, session, LARGEST_PAGE, *ahead)
            found += map(message_body, rows_of(session, parts))
            looked += int(count)
        return found

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        if after < until:
            bounds = b"[" + structure_place(after + 1), b"[" + structure_place(until)
            yield from self._at_places(session, bounds, backwards=False)

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        found: dict[int, Positions] = {}
        (first, last), place = ALL_MESSAGES, b"more"
        while place:
            place, *parts = self._server.read(scripts.READ_WRITTEN, session, first, last, PLACES)
            first = b"(" + place
            for branch, positions in parse_written(parts):
                found.setdefault(branch, array("q")).extend(positions)
        within = {
            branch: positions[bisect_right(positions, after) : bisect_right(positions, until)]
            for branch, positions in found.items()
        }
        return {branch: positions for branch, positions in within.items() if positions}

    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        found: list[Row] = []
        last = LAST if until is None else until
        place = b"%d" % after
        while place and len(found) < limit:
            left = limit - len(found)
            looks = PAGE if names else min(max(left, 100), PAGE)
            place, *parts = self._server.read(scripts.READ_ALL, place, last, left, LARGEST_PAGE, looks, *names)
            found.extend(row_of(parts[at].decode(), *parts[at + 1 : at + 4]) for at in range(0, len(parts), 4))
        return found

    def last_global_position(self) -> int:
        return self._newest_global_positions()[0]

    def wait(self, after: int, timeout: float) -> bool:
        deadline = monotonic() + timeout
        while True:
            newest, given_out = self._newest_global_positions()
            if newest > after:
                return True
            left = deadline - monotonic()
            if left <= 0:
                return False
            self._sleep_behind(given_out, min(left, POLL))

    def find_entry(self, session: str) -> CatalogueEntry | None:
        fields = self._server.ask("HGETALL", self._server.key("entry", session))
        return entry_of(session, fields) if fields else None

    def read_entries(self) -> Iterator[CatalogueEntry]:
        after = b"-inf"
        while after:
            after, *found = self._server.read(scripts.READ_ENTRIES, "catalogue", after, PAGE, LARGEST_PAGE)
            for session, *fields in found:
                yield entry_of(session.decode(), fields)

    def find_key(self, key: str) -> CatalogueEntry | None:
        session = self._server.ask("GET", self._server.key("key", key))
        entry = None if session is None else self.find_entry(session.decode())
        return entry if entry is not None and entry.key == key else None

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]:
        statuses = dict.fromkeys(selection.statuses)
        if selection.order not in LISTED:
            first = replace(selection, order=Order.CREATED)
            return selection.page(
                chain.from_iterable(self._list_entries(first, each, None) for each in statuses), after, limit
            )
        lists = [self._list_entries(selection, status, after, limit) for status in statuses]
        ordered = merge(*lists, key=selection.place, reverse=selection.descending)
        return list(islice(filter(selection.takes, ordered), limit))

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        recorded = self._server.ask("HGET", self._server.key("commands", session), command_id)
        return None if recorded is None else parse_result(session, recorded)

    def needs_scrub(self) -> bool:
        return bool(self._server.ask("EXISTS", self._server.key("pending_scrubs")))

    def vacuum(self) -> None:
        """After a redaction, has the server write its files anew."""
        scrub(self._server)

    def find_flaws(self) -> list[str]:
        return list(flaws(self._server))

    def close(self) -> None:
        self._server.close()

    # Appending

    def _commit(
        self, attempts: Sequence[StampedAppend], *, together: bool
    ) -> Sequence[AppendResult | InvalidOperationError | HeadMoved]:
        if together and not fits_in_a_call(attempts):
            advice = f"record {MOST_EVENTS} events or {LARGEST_TOGETHER >> 20} MB at most, such as fewer sessions"
            raise NotSupportedError(self.name, "so much in one step", advice)
        now = attempts if together else first_call(attempts)
        answers = self._patiently(AppendCall(now, self._encoding, together=together))
        later = [HeadMoved(attempt.head) for attempt in attempts[len(now) :]]
        return [
            *cast("list[AppendResult | InvalidOperationError | HeadMoved]", answers),
            *later,
        ]  # none waits any more, and some may have failed

    def _patiently(self, call: AppendCall) -> list[AppendReply]:
        """What became of the attempts of a call, once it is nobody else's turn."""
        answers = self._call(call)
        while waiting := call.waiting(answers):
            sleep(uniform(*TURNS))
            later = self._call_waiting(call.of(waiting))
            for place, answer in zip(waiting, later, strict=False):
                answers[place] = answer
        return answers

    def _call_waiting(self, call: AppendCall) -> Iterable[AppendReply]:
        """What became of attempts that waited; a failure is theirs, and not of those that did not wait."""
        try:
            return self._call(call)
        except StoreError as failure:
            if call.together:
                raise
            return repeat(failure)

    def _call(self, call: AppendCall) -> list[AppendReply]:
        """What became of the attempts of a call, also if the connection was lost with the answer on its way.

        Then the server is asked whether rows with the token of the call are there. If not, the same step makes sure
        that the call does nothing should it still arrive, so to try again, or to say that nothing was recorded, is
        safe. Only if the server cannot be asked either does nobody know.
        """
        for _ in range(2):
            try:
                return call.answers(self._server.run(scripts.APPEND, *call.arguments(self._ttl, self._caller)))
            except ConnectionLost as lost:
                reason = str(lost)
            recorded = self._settle(call, reason)
            if recorded:
                return call.answers(recorded)
            call = call.again()
        raise DatabaseError(self.name, f"the connection was lost, and nothing was recorded: {reason}")

    def _settle(self, call: AppendCall, reason: str) -> Reply:
        deadline = monotonic() + sum(SETTLING)
        for pause in SETTLING:
            sleep(pause)
            try:
                return self._server.read(scripts.SETTLE, *call.questions())
            except StoreError:
                if monotonic() > deadline:  # it does not refuse, it hangs
                    break
        raise OutcomeUnknownError(
            self.name, f"the connection was lost, and whether it was recorded is not known: {reason}"
        )

    # Reading

    def _at_places(self, session: str, bounds: tuple[bytes, bytes], backwards: bool) -> Iterator[Row]:
        first, last = bounds
        while True:
            page = self._server.read(scripts.READ_PLACES, session, first, last, PAGE, LARGEST_PAGE, int(backwards))
            yield from rows_of(session, page[1:])
            if not page[0]:
                return
            if backwards:
                last = b"(" + page[0]
            else:
                first = b"(" + page[0]

    def _list_entries(
        self, selection: Selection, status: str, after: Place | None, size: int = PAGE
    ) -> Iterator[CatalogueEntry]:
        """The sessions of a status, and of a user if one is asked for, behind a place; the first page has this size.

        Between two pages somebody may use a session, which then stands elsewhere.
        """
        order, user = selection.order.value, selection.user
        name = f"{order}:{status}" if user is None else f"{order}:{status}:{user}"
        since, until = LISTED[selection.order](selection)
        bounds = "-inf" if since is None else since, "+inf" if until is None else until
        place: tuple[Argument, Argument] = ("", "") if after is None else after
        while True:
            page = self._server.read(
                scripts.READ_LIST, name, *bounds, *place, size, LARGEST_PAGE, int(selection.descending)
            )
            yield from (entry_of(session.decode(), fields) for session, *fields in page[2:])
            place, size = (page[0], page[1]), PAGE
            if not page[0]:
                return

    def _newest_global_positions(self) -> tuple[int, int]:
        """The newest of a row that is there, and the newest that was given out."""
        newest, left_out = b"", b"0"
        while not newest:
            newest, given_out, left_out = self._server.read(scripts.NEWEST, PAGE, left_out)
        return int(newest), int(given_out)

    def _sleep_behind(self, given_out: int, seconds: float) -> None:
        """Returns when a global position is given out; the server knows which one came last, so none slips through."""
        wait = max(int(seconds * 1000), 1)
        self._server.ask("XREAD", "BLOCK", wait, "STREAMS", self._server.key("positions"), f"{given_out}-0")

    # Opening

    def _check_eviction(self) -> None:
        """Refuses a server that would drop what we keep when its memory is full.

        The record would lose single rows without a trace of when, and readers of the feed the place they are at. What
        has no time to live is safe from the policies that are called volatile-*.
        """
        memory = self._server.ask("INFO", "memory")
        found = dict(line.split(":", 1) for line in memory.decode().splitlines() if ":" in line)
        policy = found.get("maxmemory_policy", "noeviction")
        evicts = policy.startswith("allkeys") or (policy.startswith("volatile") and self._ttl)
        if evicts and found.get("maxmemory", "0") != "0":
            raise DatabaseError(self.name, f"the server evicts ({policy}): expected the maxmemory-policy noeviction")

    def durability(self) -> str:
        told = self._server.ask("INFO", "persistence").decode()
        return f"appendonly {'yes' if 'aof_enabled:1' in told else 'no'}"

    def schema(self) -> int:
        return FORMAT

    def _check_format(self, opening: OpenMode) -> None:
        name = self._server.key("format")
        if opening is OpenMode.MAKING:
            self._server.ask("SET", name, FORMAT, "NX")
        found = self._server.ask("GET", name)
        if found is None:
            raise StoreNotFoundError(self.name)
        if found != b"%d" % FORMAT:
            expected = f"format {FORMAT}; use a newer version of Turnlog, or another prefix"
            raise SchemaMismatchError(self.name, f"format {found.decode(errors='replace')}", expected)
