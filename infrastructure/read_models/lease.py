"""The lease of a shard: who may write its rows, and how far they are. Checked inside every transaction that writes."""

from collections.abc import Callable
from enum import Enum

import msgspec
import structlog

from ...domain.errors import CheckpointMismatchError, InvalidValueError, RedactionPendingError
from ...projections.projection import Projection
from ...projections.rows import Rows
from ..recorder import Recorder
from ..retry import RetryPolicy
from .catch_up import finish_redactions
from .ledger import DeadLetter, Ledger, ShardCheckpoint
from .row_store import BoundRows, RowStore, RowTransaction

log = structlog.get_logger("turnlog")

NEVER = float("-inf")
"""When something was done that has not been done yet."""


FAR_AHEAD = 3600.0
"""Seconds. A lease for longer was taken while the clock was wrong; to take it over is safe, for the token decides."""


class RunnerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a runner works: sizes, and times in seconds.

    A batch is one transaction. A lease of another runner is respected for `lease` seconds. An event that cannot be
    applied is tried as `retry` says before it is parked.
    """

    batch: int = 1000
    lease: float = 10.0
    poll: float = 1.0
    retry: RetryPolicy = RetryPolicy(attempts=3, first_pause=0.2, longest_pause=30.0)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InvalidValueError("the options of a runner: batch", f"is {self.batch}: expected 1 or more")
        for name in ("lease", "poll"):
            if getattr(self, name) < 0:
                raise InvalidValueError(
                    f"the options of a runner: {name}", f"is {getattr(self, name)}: expected seconds"
                )


class LeaseLost(Exception):
    """Another runner has the shard; what this one was about to write is not written."""


class ShardCondition(Enum):
    """What a shard is doing, as far as this process knows."""

    STANDBY = "standby"
    """Another runner has the lease, or nobody has asked for it yet."""
    WORKING = "working"
    PAUSED = "paused"
    STOPPED = "stopped"
    """It met an event that it cannot apply while its rows are built, or a store that it does not belong to."""


class Lease:
    """A shard of a projection in one process: nobody else's for as long as the lease lasts, and its token counts."""

    def __init__(
        self,
        recorder: Recorder,
        target: RowStore,
        projection: Projection,
        which: tuple[int, int],
        owner: str,
        options: RunnerOptions,
        clock: Callable[[], float],
    ) -> None:
        self.projection = projection
        self.shard, self.shards = which
        self.condition = ShardCondition.STANDBY
        self.seen = 0
        """The global position up to which this process knows the rows to be."""
        self._which = (projection.name, projection.version, self.shard)
        self._recorder, self._target, self._owner, self._options, self._clock = recorder, target, owner, options, clock
        self._tables = BoundRows()
        self._rows = Rows(target.shapes(projection), self._tables)
        self._token: int | None = None
        self._renewed = self._rested = NEVER
        self._reacted = 0
        self._counts = self._building = False
        self._letters: list[DeadLetter] = []
        self._scrubs = True  # who had the shard before may have ended without
        self._scrubbed = NEVER

    def release(self) -> None:
        """Gives the lease back, so that others need not wait until its time is up."""
        if self._token is not None:
            with self._target.writing() as transaction:
                ledger = Ledger(self._target, transaction)
                checkpoint = ledger.find_checkpoint(*self._which)
                if checkpoint is not None and checkpoint.token == self._token:
                    checkpoint.owner, checkpoint.leased_until = None, 0
                    ledger.note(checkpoint)
                    ledger.save()
        self._let_go(ShardCondition.STANDBY)

    def _take_lease(self) -> bool:
        with self._target.writing() as transaction:
            ledger = Ledger(self._target, transaction)
            checkpoint = self._checkpoint(ledger)
            name = ledger.find_name(self.projection.name)
            if name is None or name.paused or checkpoint.failure is not None:
                self.condition = ShardCondition.PAUSED if checkpoint.failure is None else ShardCondition.STOPPED
                return False
            now = transaction.now()
            ahead = (checkpoint.leased_until - now) / 1_000_000
            if checkpoint.owner not in (None, self._owner) and 0 < ahead <= max(self._options.lease, FAR_AHEAD):
                self.condition = ShardCondition.STANDBY
                return False
            checkpoint.owner, checkpoint.token = self._owner, checkpoint.token + 1
            checkpoint.leased_until = now + round(self._options.lease * 1_000_000)
            ledger.note(checkpoint)
            letters = ledger.letters(*self._which)
            ledger.save()
        self._rows.forget()
        self._token, self._letters, self._renewed = checkpoint.token, letters, self._clock()
        self.seen, self._reacted, self.condition = (
            checkpoint.global_position,
            checkpoint.reacted,
            ShardCondition.WORKING,
        )
        self._learn_standing()
        self._compare(checkpoint)
        return True

    def _learn_standing(self) -> None:
        with self._target.reading() as transaction:
            ledger = Ledger(self._target, transaction)
            name = ledger.find_name(self.projection.name)
            version = ledger.find_version(self.projection.name, self.projection.version)
            self._reacted = self._checkpoint(ledger).reacted
        self._counts = name is not None and name.version == self.projection.version
        self._building = version is not None and version.building

    def _compare(self, checkpoint: ShardCheckpoint) -> None:
        """Makes certain that the store has the event that was read last."""
        if checkpoint.digest is None:
            return
        at = checkpoint.global_position
        digest = self._digest_at(at)
        if digest is None and self._recorder.forgets:
            return
        if digest != checkpoint.digest:
            found = "is no event" if digest is None else "is another event"
            raise CheckpointMismatchError(self._recorder.name, self.projection.name, at, found)

    def _digest_at(self, global_position: int) -> str | None:
        rows = self._recorder.read_all(after=global_position - 1, until=global_position, limit=1)
        return rows[0].digest.hex() if rows else None

    def _let_go(self, condition: ShardCondition) -> None:
        self._token, self.condition = None, condition
        self._rows.forget()

    def _checkpoint(self, ledger: Ledger) -> ShardCheckpoint:
        found = ledger.find_checkpoint(*self._which)
        if found is None:
            raise LeaseLost(f"version {self.projection.version} of {self.projection.name} was dropped")
        return found

    def _lock_checkpoint(self, ledger: Ledger) -> ShardCheckpoint:
        """The checkpoint, locked until the transaction ends, if the lease is still ours."""
        checkpoint = self._checkpoint(ledger)
        if checkpoint.token != self._token:
            raise LeaseLost(f"shard {self.shard} of {self.projection.name} has another owner")
        name = ledger.find_name(self.projection.name)
        self._counts = name is not None and name.version == self.projection.version
        self._reacted = checkpoint.reacted
        return checkpoint

    def _keep(self, ledger: Ledger, transaction: RowTransaction, checkpoint: ShardCheckpoint) -> None:
        """Notes the checkpoint, and the lease for longer."""
        checkpoint.leased_until = transaction.now() + round(self._options.lease * 1_000_000)
        ledger.note(checkpoint)
        ledger.save()
        self._renewed = self._clock()

    def _scrub(self) -> None:
        """Remove what redactions have left in the files of the target; if readers prevent it, later."""
        now = self._clock()
        if not self._scrubs or now - self._scrubbed < self._options.poll:
            return
        self._scrubbed = now
        try:
            if self._target.name != self._recorder.name:
                self._target.scrub()
            elif self._recorder.needs_scrub():
                finish_redactions(self._recorder)  # other rows in the database have to be brought up to date first
            self._scrubs = False
        except RedactionPendingError as reason:
            log.warning("redaction pending", projection=self.projection.name, reason=reason.reason)

    def _rest(self) -> None:
        """Nothing to do: sees from time to time whether to pause, and keeps the lease."""
        now = self._clock()
        renews = now - self._renewed >= self._options.lease / 3
        if not renews and now - self._rested < self._options.poll:
            return
        self._rested = now
        with self._target.reading() as transaction:
            name = Ledger(self._target, transaction).find_name(self.projection.name)
        if name is None or name.paused:
            self.release()
            self.condition = ShardCondition.PAUSED
        elif renews:
            with self._target.writing() as transaction:
                ledger = Ledger(self._target, transaction)
                self._keep(ledger, transaction, self._lock_checkpoint(ledger))
