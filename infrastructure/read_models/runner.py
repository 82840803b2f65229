"""The runner: shards of projections, step after step, until it is stopped; what it can be asked, and told."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import getpid
from threading import Event, Thread, current_thread, main_thread
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Self
from uuid import uuid4

import structlog

from ...domain.errors import InvalidValueError, PositionNotReachedError, StoreClosedError, TurnlogError
from ...projections.projection import Projection, validate_projection
from ...projections.rows import Rows
from ..async_methods import awaited, awaited_read
from ..clock import wall_clock
from ..open_store import open_store
from ..recorder import Recorder
from ..store import Store
from ..store_addresses import AddressGiven
from . import versions
from .lease import RunnerOptions, ShardCondition
from .ledger import DeadLetter, Ledger, LetterDecision, prepare
from .open_row_store import open_row_store, row_store_of
from .read_rows import read_rows
from .row_store import RowStore
from .shard import Shard
from .status import ProjectionStatus, dead_letters, get_name, reached_position, reacted_position, statuses

log = structlog.get_logger("turnlog")

LOOK = 0.02
"""Seconds between two looks at a checkpoint that is waited for."""

SLICE = 0.1
"""Seconds of sleep after which a runner sees whether it is to stop."""


class Runner:
    """Keeps the rows of projections up to date, in the store's own database or in another.

    Several may be at work at once, in one process or many: each shard is worked on by one of them, and if that one
    is gone, by another. Use it as a context manager to have it run in a thread; `run` stays until it is stopped.
    """

    def __init__(
        self,
        store: Store | AddressGiven,
        projections: Sequence[Projection],
        target: RowStore | AddressGiven | None = None,
        *,
        shards: int = 1,
        options: RunnerOptions | None = None,
        owner: str | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        options = options or RunnerOptions()
        _check(projections, shards)
        opened = store if isinstance(store, Store) else open_store(store)
        self._own_store = None if isinstance(store, Store) else opened
        self._recorder = opened.recorder
        self._owns_target = not (target is None or isinstance(target, RowStore))
        self._target = _open_target(target, self._recorder)
        self._options, self._clock = options, clock
        self._stopping = Event()
        self._thread: Thread | None = None
        prepare(self._target)
        for projection in projections:
            versions.register(self._target, projection, shards)
        owner = owner or f"{getpid()}-{uuid4().hex[:12]}"
        self._shards = [
            Shard(self._recorder, self._target, projection, (shard, shards), owner, options, clock)
            for projection in projections
            for shard in range(shards)
        ]

    # Running

    def run(self) -> None:
        """Works until it is stopped; in the main thread SIGTERM stops it, after the batch at hand."""
        with _stop_on_sigterm(self):
            try:
                while not self._stopping.is_set():
                    looked = self._last()
                    if not self.step():
                        self._sleep(looked)
            except StoreClosedError:
                pass  # there is nothing left to read
            finally:
                self._release()

    def step(self) -> bool:
        """Does one piece of work for every shard that is due; answers whether there may be more at once."""
        moved = False
        for shard in self._shards:
            if shard.due > self._clock() or self._stopping.is_set():
                continue
            try:
                moved |= shard.step()
            except StoreClosedError:
                raise
            except Exception as reason:  # noqa: BLE001 (the outermost loop: the shard decides, the others go on)
                shard.note_failure(reason)
                moved = True
        return moved

    def catch_up(self) -> None:
        """Works until there is nothing to do at the moment, in this thread."""
        for shard in self._shards:
            shard.wake()
        while self.step():
            pass

    def start(self) -> None:
        """Begins to run in a thread of its own."""
        if self._thread is not None:
            raise InvalidValueError("the runner", "is at work already: expected one that was not started")
        self._stopping.clear()
        self._thread = Thread(target=self.run, name="turnlog-runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Has it finish the batch at hand, give back its leases and end; waits for its thread."""
        self._stopping.set()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stops it, and closes the store and the target if they were given by their addresses."""
        self.stop()
        self._release()
        if self._owns_target:
            self._target.close()
        if self._own_store is not None:
            self._own_store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Asking

    def status(self, projection: str | None = None) -> list[ProjectionStatus]:
        """What the versions of a projection are doing, or all versions of all in this target."""
        return statuses(self._recorder, self._target, wall_clock(), projection)

    def rows(self, projection: Projection) -> Rows:
        """The rows of a projection, as they are now; each question is a query of its own."""
        return read_rows(self._target, projection)

    def await_position(self, projection: str, global_position: int, timeout: float = 10.0) -> None:
        """Waits until the rows that count hold every event up to a global position, those parked excepted."""
        self._await(reached_position, projection, global_position, timeout)

    def await_reactions(self, projection: str, global_position: int, timeout: float = 10.0) -> None:
        """Waits until the effects of every event up to a global position are done, those parked excepted."""
        self._await(reacted_position, projection, global_position, timeout)

    def dead_letters(self, projection: str) -> list[DeadLetter]:
        """The events that were parked, with the error that each met."""
        return dead_letters(self._target, projection)

    @property
    def failures(self) -> int:
        """How many times a step failed in this process."""
        return sum(shard.failures for shard in self._shards)

    @property
    def conditions(self) -> dict[tuple[str, int, int], ShardCondition]:
        """What this process does for each projection, version and shard."""
        return {
            (shard.projection.name, shard.projection.version, shard.shard): shard.condition for shard in self._shards
        }

    # Telling

    def pause(self, projection: str) -> None:
        """Has every runner leave a projection alone until it is resumed; also after they were started anew."""
        self._pause(projection, paused=True)

    def resume(self, projection: str) -> None:
        """Has the runners go on with a projection that was paused, or that stopped."""
        self._pause(projection, paused=False)

    def retry(self, projection: str, session: str | None = None) -> int:
        """Asks whoever works on it to try dead letters again, and what waits behind them; answers how many."""
        return self._wish(projection, session, LetterDecision.RETRY)

    def skip(self, projection: str, session: str | None = None) -> int:
        """Asks whoever works on it to pass over dead letters, and to apply what waits behind them; answers how many."""
        return self._wish(projection, session, LetterDecision.SKIP)

    def rebuild(self, projection: str) -> None:
        """Empties the rows and has them built from the start; a higher version keeps the old ones until it is built."""
        versions.rebuild(self._target, projection)

    def drop(self, projection: str, version: int) -> None:
        """Takes away the rows of a version that does not count any more."""
        versions.drop(self._target, projection, version)

    astop = awaited(stop)
    acatch_up = awaited(catch_up)
    aclose = awaited(close)
    astatus = awaited_read(status)
    aawait_position = awaited_read(await_position)
    aawait_reactions = awaited_read(await_reactions)
    adead_letters = awaited_read(dead_letters)
    apause = awaited(pause)
    aresume = awaited(resume)
    aretry = awaited(retry)
    askip = awaited(skip)
    arebuild = awaited(rebuild)
    adrop = awaited(drop)

    def _pause(self, projection: str, *, paused: bool) -> None:
        with self._target.writing() as transaction:
            transaction.alone()
            ledger = Ledger(self._target, transaction)
            name = get_name(self._target, ledger, projection)
            name.paused = paused
            ledger.note(name)
            if not paused:
                for checkpoint in ledger.checkpoints(projection):
                    if checkpoint.failure is not None:
                        checkpoint.failure = None
                        ledger.note(checkpoint)
            ledger.save()

    def _wish(self, projection: str, session: str | None, wish: LetterDecision) -> int:
        with self._target.writing() as transaction:
            ledger = Ledger(self._target, transaction)
            name = get_name(self._target, ledger, projection)
            found = [
                letter
                for letter in ledger.letters(projection, name.version)
                if session is None or letter.session == session
            ]
            for letter in found:
                letter.wish = wish
                ledger.note(letter)
            ledger.save()
        return len(found)

    def _await(self, reach: Callable[[RowStore, str], int], name: str, global_position: int, timeout: float) -> None:
        deadline = monotonic() + timeout
        while (at := reach(self._target, name)) < global_position:
            if monotonic() >= deadline:
                raise PositionNotReachedError(name, global_position, at, timeout)
            sleep(min(LOOK, max(deadline - monotonic(), 0)))

    def _last(self) -> int:
        try:
            return self._recorder.last_global_position()
        except StoreClosedError:
            raise
        except TurnlogError:
            return 0  # the steps will fail too, and wait

    def _sleep(self, looked: int) -> None:
        """Until there is news, or some shard is due, or it is time to look anyway."""
        soonest = min((shard.due for shard in self._shards if shard.due > self._clock()), default=None)
        until = self._clock() + self._options.poll
        until = until if soonest is None else min(until, soonest)
        while not self._stopping.is_set() and (left := until - self._clock()) > 0:
            try:
                if self._recorder.wait(looked, min(left, SLICE)):
                    return
            except StoreClosedError:
                raise
            except TurnlogError:
                self._stopping.wait(min(left, SLICE))

    def _release(self) -> None:
        for shard in self._shards:
            try:
                shard.release()
            except TurnlogError as reason:  # the lease ends by itself
                log.warning("lease not given back", projection=shard.projection.name, error=type(reason).__name__)


def _check(projections: Sequence[Projection], shards: int) -> None:
    if not 1 <= shards <= 1024:
        raise InvalidValueError("the number of shards", f"is {shards}: expected 1 to 1024")
    seen = set()
    for projection in map(validate_projection, projections):
        which = (projection.name, projection.version)
        if which in seen:
            raise InvalidValueError(
                f"the projection {which[0]!r}", "comes twice: expected each name once, or another version"
            )
        seen.add(which)


def _open_target(target: RowStore | AddressGiven | None, recorder: Recorder) -> RowStore:
    """The database for the rows: the one given, the one at an address, or the store's own."""
    if target is None:
        return row_store_of(recorder)
    return target if isinstance(target, RowStore) else open_row_store(target)


@contextmanager
def _stop_on_sigterm(runner: Runner) -> Iterator[None]:
    if current_thread() is not main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        runner._stopping.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
