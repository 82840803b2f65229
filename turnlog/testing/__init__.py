"""For whoever writes projections: given these events, then these rows; and proof that all ways of running it agree.

Needs neither pytest nor Hypothesis.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeAlias

from ..domain.codec import stored_name
from ..domain.errors import NotSupportedError
from ..domain.events import Event
from ..domain.recorded_event import NO_PROVENANCE, Provenance, RecordedEvent
from ..infrastructure.open_store import open_store
from ..infrastructure.read_models.lease import RunnerOptions
from ..infrastructure.read_models.runner import Runner
from ..infrastructure.retry import RetryPolicy
from ..infrastructure.store import Store
from ..infrastructure.stored_event import AppendRequest, encode_events
from ..projections.projection import Projection, fold
from ..projections.rows import Rows
from ..projections.table_schema import Row, Table
from .histories import FIRST_MOMENT, SECOND, random_history

__all__ = ["Given", "agree", "given", "history", "random_history"]

Dump: TypeAlias = dict[str, list[Row]]

HISTORIES = 3
"""How many random histories a projection is tried on, if none are given."""


def history(
    *events: Event, session: str = "s", after: Sequence[RecordedEvent] = (), provenance: Provenance = NO_PROVENANCE
) -> list[RecordedEvent]:
    """Events as they would stand on the record, behind others, each a second after the one before."""
    place = len(after)
    position = sum(event.session == session for event in after)
    who = provenance.actor, provenance.correlation_id, provenance.causation
    return [
        *after,
        *(
            RecordedEvent(
                session,
                position + number,
                place + number,
                FIRST_MOMENT + (place + number - 1) * SECOND,
                stored_name(event),
                event,
                *who,
                None,
                b"",
            )
            for number, event in enumerate(events, 1)
        ),
    ]


class Given:
    """A projection and what has happened."""

    def __init__(self, projection: Projection, events: Iterable[RecordedEvent]) -> None:
        self._rows = fold(projection, events)

    def rows(self, table: Table | str) -> list[Row]:
        """The rows of a table, in the order of their keys."""
        return self._rows[table].under()

    def then(self, table: Table | str, *rows: Row) -> "Given":
        """Asserts that exactly these rows are in the table; columns that a row does not name are None."""
        found = self.rows(table)
        columns = list(found[0]) if found else []
        expected = [{**dict.fromkeys(columns), **row} for row in rows]
        if found != expected:
            raise AssertionError(f"the rows are\n{_lines(found)}\nand not\n{_lines(expected)}")
        return self


def given(projection: Projection, *events: Event | RecordedEvent, session: str = "s") -> Given:
    """A projection to which events have happened: those of one session, or recorded ones of several."""
    recorded: list[RecordedEvent] = []
    for event in events:
        if isinstance(event, RecordedEvent):
            recorded.append(event)
        else:
            recorded = history(event, session=session, after=recorded)
    return Given(projection, recorded)


def agree(
    projection: Projection,
    *histories: Sequence[RecordedEvent],
    store: str | None = None,
    target: str | None = None,
    shards: int = 1,
    seed: int = 0,
) -> None:
    """Asserts that a projection makes the same rows live, inline, by a runner and in a rebuild, after every event.

    On histories given, or on random ones. The stores are one in memory and one in a SQLite file, with the rows beside;
    or an empty one at an address, for one history, and a target at another. Events are cut into batches of any size.
    """
    for number, events in enumerate(histories or [random_history(seed + n) for n in range(HISTORIES)]):
        chance = Random(seed + number)
        trial = _Trial(_silent(projection), events, f"history {number}, seed {seed}", chance)
        with TemporaryDirectory() as folder:
            if store is not None:
                trial.run(store, target, shards)
            else:
                trial.run("memory://", "memory://", shards)
                trial.run(f"sqlite:///{Path(folder, 'one.db')}", f"sqlite:///{Path(folder, 'rows.db')}", shards)
                trial.run(f"sqlite:///{Path(folder, 'two.db')}", None, 1)


class _Trial:
    """One projection on one history."""

    def __init__(self, projection: Projection, events: Sequence[RecordedEvent], name: str, chance: Random) -> None:
        self._projection = projection
        self._events = events
        self._name = name
        self._chance = chance

    def run(self, address: str, target: str | None, shards: int) -> None:
        """Records the history event by event, and looks at all rows after each."""
        live = list(self._prefixes())
        with open_store(address) as store, self._runner(store, target, shards) as runner:
            inline = (target is not None or shards == 1) and self._try_attach(store)
            for count, event in enumerate(self._events, 1):
                _record(store, event)
                if inline:
                    self._same(live[count], store.rows(self._projection), "inline", count)
                self._same(live[count], store.project(self._projection), "live from the store", count)
                if self._chance.random() < 0.5 or count == len(self._events):
                    runner.catch_up()
                    self._same(live[count], runner.rows(self._projection), "by a runner", count)
            runner.rebuild(self._projection.name)
            runner.catch_up()
            self._same(live[-1], runner.rows(self._projection), "rebuilt", len(self._events))
            self._check_nothing_is_parked(runner)

    def _try_attach(self, store: Store) -> bool:
        """Attaches the projection, where that can be done."""
        try:
            store.attach(self._projection)
        except NotSupportedError:
            return False
        return True

    def _prefixes(self) -> Iterator[Dump]:
        """What is answered live after every event, however the events before are cut into batches."""
        for count in range(len(self._events) + 1):
            events = self._events[:count]
            whole = self._dump(fold(self._projection, events))
            cut = self._chance.randint(1, max(count, 1))
            self._same(whole, fold(self._projection, events, cut), f"live in batches of {cut}", count)
            yield whole

    @contextmanager
    def _runner(self, store: Store, target: str | None, shards: int) -> Iterator[Runner]:
        options = RunnerOptions(batch=self._chance.randint(1, 7), retry=RetryPolicy(attempts=1, first_pause=0))
        runner = Runner(store, [self._projection], target, shards=shards, options=options)
        try:
            yield runner
        finally:
            runner.close()

    def _check_nothing_is_parked(self, runner: Runner) -> None:
        for status in runner.status(self._projection.name):
            if status.failure or status.parked:
                letters = runner.dead_letters(self._projection.name)
                said = status.failure or "; ".join(letter.error for letter in letters)
                raise AssertionError(f"{self._name}: the runner could not apply an event: {said}")

    def _dump(self, rows: Rows) -> Dump:
        return {table.name: rows[table].under() for table in self._projection.tables}

    def _same(self, live: Dump, rows: Rows, how: str, count: int) -> None:
        found = self._dump(rows)
        for table in live:
            if found[table] != live[table]:
                raise AssertionError(
                    f"{self._name}, after event {count} of {len(self._events)}: the rows of {table!r} are {how}\n"
                    f"{_lines(found[table])}\nand live\n{_lines(live[table])}"
                )


def _record(store: Store, event: RecordedEvent) -> None:
    who = Provenance(event.actor, event.correlation_id, event.causation)
    start = event.position if store.find_session(event.session) is None else 1
    append = AppendRequest(
        event.session, encode_events([event.event]), event.position - 1, who, event.time, start=start
    )
    (outcome,) = store.recorder.append([append])
    if isinstance(outcome, Exception):
        raise outcome


def _silent(projection: Projection) -> Projection:
    """The projection without its effects on the world."""
    silent = copy(projection)
    silent.__class__ = type(type(projection).__name__, (type(projection),), {"react": Projection.react})
    return silent


def _lines(rows: Sequence[Row]) -> str:
    return "\n".join(f"  {row}" for row in rows) or "  none"
