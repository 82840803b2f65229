"""What is wrong with a store as a whole: sessions gone before their time, indexes that omit rows, a feed with gaps."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ..stored_event import LAST
from . import scripts
from .codec import Columns, place_at, position_in, readable_columns
from .server import Server

PAGE = 1000

TRIES = 10
"""How often a session is looked at to which others append meanwhile."""


def flaws(server: Server) -> Iterator[str]:
    """What is wrong, a sentence each.

    What was dropped from the feed because its session expired is counted, so gaps are flaws only if they are more than
    that.
    """
    feed = _Feed(server)
    of_feed = list(feed.flaws())
    yield from _sessions(server, feed)
    yield from of_feed
    yield from feed.find_unaccounted()


def _sessions(server: Server, feed: "_Feed") -> Iterator[str]:
    after = b"-inf"
    while after:
        after, *found = server.read(scripts.AUDIT_CATALOGUE, after, PAGE)
        for wrong, session in zip(found[::2], (name.decode() for name in found[1::2]), strict=True):
            what = _WRONG[wrong] if wrong else _index_flaw(server, session, feed)
            if what is not None:
                yield f"session {session!r} {what}"


_WRONG = {
    b"lost": "is gone, and its time had not come: deleted by hand, or evicted",
    b"started": "has another first global position than its entry",
    b"key": "is not found by its key",
    b"lists": "does not stand where it belongs in the lists of sessions",
}


class _SessionIndex(NamedTuple):
    """A session's head, its rows by position (None where they cannot be read), and what leads to them."""

    head: int
    rows: dict[int, Columns | None]
    places: set[bytes]
    commands: dict[str, tuple[int, ...]]
    more_commands: int


def _index_flaw(server: Server, session: str, feed: "_Feed") -> str | None:
    """What is wrong with that by which the rows of a session are found; all of it is looked at."""
    found = _read_indexes(server, session)
    if found is None:
        return None
    expected = {place_at(at, row.name, row.branch) for at, row in found.rows.items() if row and at <= found.head}
    unreadable = {at for at, row in found.rows.items() if row is None}
    places = {place for place in found.places if (at := position_in(place)) <= found.head and at not in unreadable}
    if places != expected:
        return "has events that no branch shows, or shows what is no event"
    rows = [row for row in found.rows.values() if row is not None and row.global_position <= feed.given_out]
    if len(rows) > feed.count(session):
        return f"has {len(rows)} events: {feed.count(session)} of them are in the feed"
    if not unreadable and (found.more_commands or found.commands != _commands_of(found.rows)):
        return "does not have what its commands recorded"
    return None


def _read_indexes(server: Server, session: str) -> _SessionIndex | None:
    """A session with its indexes at one moment; None if it vanishes, or others append to it all the time."""
    for _ in range(TRIES):
        head = server.ask("HGET", server.key("entry", session), "position")
        rows = _rows(server, session, int(head or 0))
        places = _places(server, session)
        known = server.key("commands", session)
        ids = list(_commands_of(rows))
        recorded = server.ask("HMGET", known, *ids) if ids else []
        commands = {
            name: _parse_positions(where) for name, where in zip(ids, recorded, strict=True) if where is not None
        }
        more = server.ask("HLEN", known) - len(commands)
        if rows and server.ask("HGET", server.key("entry", session), "position") == head:
            return _SessionIndex(int(head or LAST), rows, places, commands, more)
    return None


def _rows(server: Server, session: str, head: int) -> dict[int, Columns | None]:
    """The columns of all rows, those behind the head too."""
    events = server.key("events", session)
    first, most, rows = 0, server.ask("HLEN", events) + PAGE, dict[int, Columns | None]()
    while True:
        page = server.ask("HMGET", events, *range(first, first + PAGE))
        rows.update({at: readable_columns(found) for at, found in enumerate(page, first) if found is not None})
        first += PAGE
        if not any(page) and first > min(head, most):
            return rows


def _places(server: Server, session: str) -> set[bytes]:
    """All places of rows."""
    places, after = set[bytes](), b"-"
    while page := server.ask("ZRANGEBYLEX", server.key("places", session), after, "+", "LIMIT", 0, PAGE):
        places.update(page)
        after = b"(" + page[-1]
    return places


def _parse_positions(where: bytes) -> tuple[int, ...]:
    try:
        return msgspec.json.decode(where, type=tuple[int, ...])
    except msgspec.MsgspecError:
        return ()


def _commands_of(rows: dict[int, Columns | None]) -> dict[str, tuple[int, ...]]:
    """What each command recorded: first and last position, first global position, time."""
    found: dict[str, tuple[int, ...]] = {}
    for position in sorted(rows):
        row = rows[position]
        if row is not None and row.command_id is not None:
            first, _, first_global, _ = found.get(row.command_id, (position, position, row.global_position, row.time))
            found[row.command_id] = (first, position, first_global, row.time)
    return found


class _Feed:
    """The feed from end to end, beside the global positions that were given out."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._counts: Counter[str] = Counter()
        self.given_out = 0
        self.gaps: list[tuple[int, int]] = []
        self.forgotten = 0

    def flaws(self) -> Iterator[str]:
        """What the feed points to and is not there."""
        after, seen, lowered = b"0", 0, None
        while after:
            after, forgotten, newest, *members = self._server.read(scripts.AUDIT, after, PAGE)
            self.given_out = self.given_out or int(newest)
            self.forgotten = int(forgotten)
            for at in range(0, len(members), 4):
                session, last, count = members[at].decode(), int(members[at + 1]), int(members[at + 2])
                self._note_gap(seen + 1, last - count)
                yield from _describe(members[at + 3].decode(), last - count + 1)
                if last > int(newest):
                    lowered, self.given_out = int(newest), last
                if last <= self.given_out:  # what is appended meanwhile is not counted
                    self._counts[session] += count
                seen = last
        self._note_gap(seen + 1, self.given_out)
        if lowered is not None:
            yield f"the counter of global positions is {lowered}: expected {seen} or more; it was lowered"

    def count(self, session: str) -> int:
        """How many events of a session the feed points to."""
        return self._counts[session]

    def find_unaccounted(self) -> Iterator[str]:
        """The gaps, if they are more than what expired."""
        missing = sum(last - first + 1 for first, last in self.gaps)
        gaps = [f"{first} to {last}" for first, last in self.gaps]
        if missing > self.forgotten > 0:
            places = ", ".join([*gaps[:10], *(["..."] if len(gaps) > 10 else [])])
            expired = f"{self.forgotten} of them went with sessions that expired"
            yield f"{missing} global positions are missing, and only {expired}: {places}"
        elif missing > self.forgotten:
            yield from (f"global positions {gap} are missing" for gap in gaps)

    def _note_gap(self, first: int, last: int) -> None:
        if first <= last:
            self.gaps.append((first, last))


def _describe(verdict: str, global_position: int) -> Iterator[str]:
    if verdict == "unknown":
        yield f"the catalogue does not know the session of global position {global_position}"
    elif verdict and verdict != "lost":
        yield f"global position {verdict} is missing"
