"""The record in PostgreSQL: a server-side function records a group in one round trip, reads come in short pages."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace
from psycopg import Connection, Rollback

from ...domain.errors import DatabaseError, InvalidValueError, OutcomeUnknownError, ProjectionError
from ...domain.ranges import Positions
from ...projections.catalogue import CatalogueEntry
from ...projections.message_pages import Body
from ...projections.selection import Place, Selection
from ..catalogue_query import POSTGRES, build_query, select_in_memory
from ..paging import Page, in_pages, whole_pages
from ..recorder import AppendHook, OpenMode
from ..server_recorder import Answer, ServerRecorder, StampedAppend
from ..stored_event import LAST, AppendRequest, AppendResult, Outcome, Row
from . import append_protocol, scrubbing
from .address import parse_address
from .connections import TRIES, ConnectionFailed, ConnectionLost, PostgresConnections
from .notifications import Listener
from .queries import SQL, select_entries
from .row_store import PostgresRowTransaction
from .schema import COUNT_STEPS, check, prepare
from .verification import find_unchecked, flaws

PAGE = 1000
"""Rows per read: a page is read in one statement, so that no reader keeps the server from tidying up for long."""

MOST_BYTES = 100_000_000
"""Of payloads in one call, if there are several; PostgreSQL takes a gigabyte, and so do few others on the way."""


Erasures: TypeAlias = Sequence[Sequence[Row]]
"""For each append of a call, the rows that it erases, as they are afterwards."""


class PostgresRecorder(ServerRecorder):
    """Rows in tables that many machines share."""

    def __init__(self, address: str, connections: int | None = None, opening: OpenMode = OpenMode.MAKING) -> None:
        super().__init__()
        place = parse_address(address)
        self.name = place.name
        self._connections = PostgresConnections(
            place, prepare if opening is OpenMode.MAKING else check, most=connections
        )
        self._listener = Listener(self._connections.connect, place.tables.channel)

    @property
    def connections(self) -> PostgresConnections:
        """The way to the database, for what stands beside the record."""
        return self._connections

    def append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        try:
            return super().append(appends)
        except ConnectionFailed as reason:
            return [reason for _ in appends]  # raised, it would make each of a group wait for the server anew

    def _commit(self, attempts: Sequence[StampedAppend], *, together: bool) -> Sequence[Answer]:
        refusals = [append_protocol.rejection(attempt) for attempt in attempts]
        refused = next(filter(None, refusals), None)
        if together and refused is not None:
            return [refused] * len(attempts)
        able = [attempt for attempt, refusal in zip(attempts, refusals, strict=True) if refusal is None]
        sent = able if together else append_protocol.first_of(able, MOST_BYTES)
        outcomes = self._outcomes(sent, together=together) if sent else []
        outcomes += append_protocol.postpone(able[len(sent) :], sent, outcomes)
        self._listener.announce()
        remaining = iter(outcomes)
        return [next(remaining) if refusal is None else refusal for refusal in refusals]

    def _outcomes(self, sent: Sequence[StampedAppend], *, together: bool) -> list[Answer]:
        try:
            answers = self._send(sent, SQL["append_together"] if together else SQL["append"])
        except ProjectionError as reason:
            if together:
                raise
            # Each alone, so that none fails for another's event. One that stood on it will find that the head moved.
            return [reason] if len(sent) == 1 else [self._outcomes([one], together=False)[0] for one in sent]
        outcomes = list(map(append_protocol.outcome, sent, answers))
        return outcomes if len(answers) == len(sent) else append_protocol.roll_back_all(sent, outcomes)

    def _ask(self, statement: str, calls: Sequence[tuple[object, ...]], erase: Erasures) -> list[tuple[Any, ...]]:
        """The server's answers to calls; one transaction also erases, and has the rows of inline projections.

        If one of several calls cannot be recorded, nothing is, and its answers are the last.
        """
        inline = self.inline
        if inline is None and len(calls) == 1 and not any(erase):
            return self._connections.ask_once(statement, calls[0])
        if inline is None:
            return self._ask_in_transaction(None, statement, calls, erase)
        return inline.around(lambda: self._ask_in_transaction(inline, statement, calls, erase))

    def _ask_in_transaction(
        self, inline: AppendHook | None, statement: str, calls: Sequence[tuple[object, ...]], erase: Erasures
    ) -> list[tuple[Any, ...]]:
        tables = self._connections.tables
        answers: list[tuple[Any, ...]] = []
        with self._connections.using() as connection, connection.transaction() as transaction:

            def read(after: int, until: int) -> list[Row]:
                which = {"after": after, "until": until, "limit": LAST}
                found = connection.execute(tables.with_names(SQL["read_all"]), which, binary=True)
                return list(map(Row._make, found))

            for parameters in calls:
                found = connection.execute(tables.with_names(statement), parameters, binary=True).fetchall()
                answers += found
                if len(calls) > 1 and any(answer[0] not in ("recorded", "repeated") for answer in found):
                    raise Rollback(transaction)
            for answer, rows in zip(answers, erase, strict=True):
                if answer[0] == "recorded":
                    self._erase(connection, rows)
            recorded = sum(answer[2] - answer[1] + 1 for answer in answers if answer[0] == "recorded")
            if inline is not None and recorded:
                newest = connection.execute(tables.with_names(SQL["newest_global_position"])).fetchone()
                last = int(newest[0]) if newest else 0
                inline.keep(PostgresRowTransaction(connection, tables), read, last, recorded)
        return answers

    def _erase(self, connection: Connection[Any], rows: Sequence[Row]) -> None:
        """Replace payloads by what redactions leave of them."""
        for row in rows:
            payload, _ = append_protocol.payload_columns(row.payload)
            which = (payload, row.payload_hash, _id(row.session), row.position)
            connection.execute(self._connections.tables.with_names(SQL["erase"]), which)
        if rows:
            connection.execute(self._connections.tables.with_names(SQL["drop_snapshots"]))
            connection.execute(self._connections.tables.with_names(scrubbing.ADD_PENDING))

    def _send(self, attempts: Sequence[StampedAppend], statement: str) -> list[tuple[Any, ...]]:
        """The server's answers to attempts, each of which is recorded at most once, whatever happens on the way.

        A connection may break after the commit and before the answer. Then the same call is made on another one, and
        says that it is made again. That is safe, with or without a command id:

        - If the first call was committed, its rows are on the record. They are known by position and digest, for the
          digest covers content, time and who did it, and through the chain all that came before. (It would be another's
          if he, too, had appended just this to just this head in the same microsecond.) So the answer is `recorded`.
        - If it was rolled back, nothing has happened, and the second call is like the first.
        - If it is still at work, because the server has not noticed that nobody listens, then one of the two calls gets
          the session first. The other one finds that its head is not the head any more, and records nothing.

        If nobody can be asked, or not in so many tries, the error says that it is not known.
        """
        parts = append_protocol.in_calls(attempts, MOST_BYTES) if statement is SQL["append_together"] else [attempts]
        calls = list(map(append_protocol.parameters, parts))
        erase = [attempt.append.erase for attempt in attempts]
        lost: ConnectionLost | None = None
        for _ in range(TRIES):
            try:
                return self._ask(statement, [(*call, lost is not None) for call in calls], erase)
            except ConnectionLost as reason:
                lost = reason
            except DatabaseError as reason:
                if lost is None:
                    raise
                raise self._unknown(reason) from reason
        assert lost is not None
        raise self._unknown(lost) from lost

    def _unknown(self, reason: DatabaseError) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            self.name, f"the connection broke, and whether the append was recorded is not known: {reason.reason}"
        )

    def restore(self, entries: Iterable[CatalogueEntry], rows: Iterable[Row]) -> None:
        named = self._connections.tables.with_names
        with self._connections.using() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(named(SQL["lock_counter"]))
            if cursor.execute(named(SQL["find_anything"])).fetchone() != (False,):
                raise InvalidValueError(f"the store {self.name}", "is not empty; copy into an empty store")
            with cursor.copy(named(SQL["restore_entries"])) as copy:
                for entry in entries:
                    copy.write_row(append_protocol.entry_columns(entry))
            numbers = dict(cursor.execute(named(SQL["find_numbers"])).fetchall())
            with cursor.copy(named(SQL["restore_events"])) as copy:
                for row in rows:
                    copy.write_row(append_protocol.row_columns(numbers[row.session], row))
            cursor.execute(named(SQL["move_counter"]))
            cursor.execute(named(SQL["announce"]))
        self._listener.announce()

    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        bounds = after + 1, LAST if until is None else until
        yield from self._pages(
            SQL["read_backwards"] if backwards else SQL["read"], bounds, backwards, session=_id(session)
        )

    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        statement = SQL["read_messages_backwards"] if backwards else SQL["read_messages"]
        yield from self._pages(statement, (first, last), backwards, session=_id(session), branch=branch)

    def read_bodies(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[list[Body]]:
        statement = SQL["read_bodies_backwards"] if backwards else SQL["read_bodies"]
        page = self._page(statement, session=_id(session), branch=branch)
        return whole_pages(page, PAGE, first, last, backwards=backwards)

    def read_bodies_at(self, session: str, positions: Sequence[int]) -> list[Body]:
        which = {"session": _id(session), "positions": list(positions)}
        return self._connections.ask(SQL["read_bodies_at"], which)

    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        yield from self._pages(SQL["read_structure"], (after + 1, until), backwards=False, session=_id(session))

    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        rows = self._connections.ask(SQL["read_written"], {"session": _id(session), "after": after, "until": until})
        return {branch: array("q", msgspec.json.decode(f"[{places[1:-1]}]")) for branch, places in rows}

    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        which = {"after": after, "until": LAST if until is None else until, "names": list(names), "limit": limit}
        return list(map(Row._make, self._connections.ask(SQL["read_named"] if names else SQL["read_all"], which)))

    def last_global_position(self) -> int:
        ((last,),) = self._connections.ask(SQL["newest_global_position"])
        return int(last)

    def wait(self, after: int, timeout: float) -> bool:
        self._listener.start()
        deadline = monotonic() + timeout
        announced = True
        while True:
            count = self._listener.count
            if self.last_global_position() > after:
                if not announced:
                    self._listener.note_missed()
                return True
            left = deadline - monotonic()
            if left <= 0:
                return False
            announced = self._listener.pause(count, left)

    def find_entry(self, session: str) -> CatalogueEntry | None:
        found = self._connections.ask(SQL["find_entry"], (_id(session),))
        return append_protocol.entry(found[0]) if found else None

    def read_entries(self) -> Iterator[CatalogueEntry]:
        number = 0
        while page := self._connections.ask(SQL["read_entries"], {"number": number, "limit": PAGE}):
            yield from map(append_protocol.entry, page)
            number = page[-1][0]

    def find_key(self, key: str) -> CatalogueEntry | None:
        found = self._connections.ask(SQL["find_entry_by_key"], (_id(key),))
        return append_protocol.entry(found[0]) if found else None

    def select_entries(self, selection: Selection, after: Place | None, limit: int) -> list[CatalogueEntry]:
        def read(after: Place | None, limit: int) -> list[CatalogueEntry]:
            text, parameters = build_query(selection, after, limit, POSTGRES)
            if not all(append_protocol.is_text(value) for value in parameters if isinstance(value, str)):
                return []
            return list(map(append_protocol.entry, self._connections.ask(select_entries(text), parameters)))

        return select_in_memory(selection, after, limit, read)

    def find_command(self, session: str, command_id: str) -> AppendResult | None:
        which = {"session": _id(session), "command_id": _id(command_id)}
        (found,) = self._connections.ask(SQL["find_command"], which)
        return None if found[0] is None else replace(AppendResult(session, *found), repeated=True)

    def find_flaws(self) -> list[str]:
        with self._connections.using() as connection:
            return list(flaws(connection, self._connections.tables))

    def find_unchecked(self) -> list[str]:
        with self._connections.using() as connection:
            return find_unchecked(connection)

    def durability(self) -> str:
        settings = ("synchronous_commit", "fsync")
        return ", ".join(f"{name} {self._connections.ask(f'SHOW {name}')[0][0]}" for name in settings)

    def schema(self) -> int:
        return int(self._connections.ask(COUNT_STEPS)[0][0])

    def needs_scrub(self) -> bool:
        return bool(self._connections.ask(scrubbing.FIND_PENDING))

    def vacuum(self) -> None:
        """Gives back space; after a redaction, rewrites all there is, for which others have to wait."""
        tables = self._connections.tables
        with self._connections.alone() as connection:
            if scrubbing.find_pending(connection, tables):
                scrubbing.scrub(connection, tables, self.name)
            else:
                scrubbing.tidy(connection, tables)

    def close(self) -> None:
        self._connections.close()
        self._listener.close()

    def _pages(self, statement: str, bounds: tuple[int, int], backwards: bool, **which: object) -> Iterator[Row]:
        return in_pages(self._page(statement, **which), PAGE, *bounds, backwards=backwards)

    def _page(self, statement: str, **which: object) -> Page:
        def page(first: int, last: int) -> list[Any]:
            return self._connections.ask(statement, {**which, "first": first, "last": last, "limit": PAGE})

        return page


def _id(text: str) -> str | None:
    """What to look for; what PostgreSQL could not have kept is NULL, which nothing equals."""
    return text if append_protocol.is_text(text) else None
