"""Projections kept in the transaction that appends: their rows are never behind what this store has appended.

How far the rows are is written in the same transaction. So what another process appends without the projection is no
secret: the rows are behind, and the next append by a store that has it takes the missing events first.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from ...domain.errors import DatabaseError, InvalidValueError, ProjectionError
from ...domain.redaction import REDACTIONS
from ...projections.projection import Projection, validate_projection
from ...projections.rows import Rows
from ..recorder import Recorder
from ..stored_event import Row, to_projected_event
from .dead_letters import first_held_positions, redact_letters
from .ledger import Ledger, ShardCheckpoint, prepare, shard_of
from .row_store import BoundRows, RowStore, RowTransaction
from .versions import register, take_over

log = structlog.get_logger("turnlog")

R = TypeVar("R")

FAR = 1000
"""Events that an append takes along for others; if more are missing, they are taken in steps before."""

ROUNDS = 100
"""How often others may get ahead while a projection is attached or caught up."""

Read = Callable[[int, int], Sequence[Row]]
"""The rows behind one global position and up to another, as the transaction sees them."""


class TooFarBehind(Exception):
    """Others have appended so much without the projection that an append should not take it all along."""


class InlineProjections:
    """The projections that one store has attached."""

    def __init__(self, recorder: Recorder, target: RowStore) -> None:
        self._recorder = recorder
        self._target = target
        self._attached: dict[str, _InlineProjection] = {}

    def attach(self, projection: Projection) -> None:
        """Catches up with a projection, and keeps it up to date from here on."""
        validate_projection(projection)
        what = f"the projection {projection.name!r}"
        if projection.reacts:
            raise InvalidValueError(what, "reacts, which cannot be undone if an append fails: expected a runner for it")
        if projection.name in self._attached:
            raise InvalidValueError(what, "is attached already: expected each name once")
        prepare(self._target)
        register(self._target, projection, 1)
        attached = _InlineProjection(projection, self._target)
        self._catch_up(attached)
        self._attached = {**self._attached, projection.name: attached}
        self._catch_up(attached)

    def detach(self, name: str) -> None:
        """Keeps a projection no longer; its rows stay as they are."""
        if name not in self._attached:
            raise InvalidValueError(
                f"the projection {name!r}", f"is not attached: expected one of {list(self._attached)}"
            )
        self._attached = {other: each for other, each in self._attached.items() if other != name}

    @property
    def attached(self) -> list[Projection]:
        """What is kept."""
        return [each.projection for each in self._attached.values()]

    def catch_up(self) -> None:
        """Takes in what others have appended without the projections."""
        for attached in self._attached.values():
            self._catch_up(attached)

    def catch_up_with(self, projection: Projection, shards: int) -> None:
        """Bring rows up to date that others keep, in so many shards; what waits behind dead letters goes on waiting."""
        register(self._target, projection, shards)
        for shard in range(shards):
            self._take_missing(_Shard(projection, self._target, shard, shards))
        take_over(self._target, projection)

    def keep(self, transaction: RowTransaction, read: Read, last: int, appended: int) -> None:
        """Apply the events up to the last global position, so many of which the transaction itself appended."""
        for attached in self._attached.values():
            attached.take(transaction, read, last, appended + FAR)

    def around(self, append: Callable[[], R]) -> R:
        """Appends, after catching up if that is far behind."""
        for _ in range(ROUNDS):
            try:
                return append()
            except TooFarBehind:
                self.catch_up()
        raise DatabaseError(self._recorder.name, "others append faster than the projections of this store catch up")

    def _catch_up(self, attached: "_InlineProjection") -> None:
        """Takes what is missing; and lets a version that is new take over."""
        for _ in range(ROUNDS):
            self._take_missing(attached)
            if take_over(self._target, attached.projection):
                return
        raise DatabaseError(self._recorder.name, "others append faster than a new version is built")

    def _take_missing(self, attached: "_InlineProjection") -> None:
        """Take the events up to the last one at the moment, in steps that are a transaction each."""

        def read(after: int, until: int) -> Sequence[Row]:
            return self._recorder.read_all(after=after, until=until, limit=FAR)

        last = self._recorder.last_global_position()
        at = -1
        while at < last:
            with self._target.writing() as transaction:
                at = attached.take(transaction, read, last, None)


class _InlineProjection:
    """One projection, and the rows of it that are remembered from one append to the next."""

    def __init__(self, projection: Projection, target: RowStore, shard: int = 0) -> None:
        self.projection = projection
        self._target = target
        self._shard = shard
        self._bound = BoundRows()
        self._rows = Rows(target.shapes(projection), self._bound)
        self._known_at: tuple[int, str | None] = (-1, None)
        self._dropped = False

    def take(self, transaction: RowTransaction, read: Read, last: int, far: int | None) -> int:
        """Takes events up to the last, and answers how far it came."""
        try:
            return self._take(transaction, read, last, far)
        except BaseException:
            self._rows.forget()  # what is half done here is undone there
            self._known_at = (-1, None)
            raise

    def _take(self, transaction: RowTransaction, read: Read, last: int, far: int | None) -> int:
        ledger = Ledger(self._target, transaction)
        checkpoint = ledger.find_checkpoint(self.projection.name, self.projection.version, self._shard)
        if checkpoint is None:
            if ledger.find_version(self.projection.name, self.projection.version) is not None:
                raise ledger.damage_error(self.projection.name, f"version {self.projection.version} has no checkpoint")
            return self._let_go(last)
        at = checkpoint.global_position
        if self._known_at != (at, checkpoint.digest):
            self._rows.forget()  # another process has written, or what this one wrote was not committed
        if at >= last:
            if not checkpoint.complete:
                self._move(ledger, checkpoint, at, checkpoint.digest, complete=True)
            return at
        if far is not None and last - at > far:
            raise TooFarBehind
        rows = read(at, last)
        reached = last if not rows or far is not None else rows[-1].global_position
        self._apply(transaction, self._rows_to_apply(ledger, transaction, rows))
        digest = rows[-1].digest.hex() if rows else None
        self._move(ledger, checkpoint, reached, digest, complete=reached == last)
        self._known_at = (reached, digest)
        return reached

    def _rows_to_apply(self, ledger: Ledger, transaction: RowTransaction, rows: Sequence[Row]) -> list[Row]:
        """The events that change the rows."""
        return [row for row in rows if self.projection.reads(row.name)]

    def _move(
        self, ledger: Ledger, checkpoint: ShardCheckpoint, at: int, digest: str | None, *, complete: bool
    ) -> None:
        checkpoint.global_position, checkpoint.digest, checkpoint.complete = at, digest, complete
        ledger.note(checkpoint)
        ledger.save()

    def _let_go(self, last: int) -> int:
        """The version was dropped on request: there is nothing to keep, and no reason to refuse an append."""
        if not self._dropped:
            log.warning("projection dropped", projection=self.projection.name, version=self.projection.version)
        self._dropped = True
        return last

    def _apply(self, transaction: RowTransaction, rows: Sequence[Row]) -> None:
        if not rows:
            return
        self._bound.transaction, self._bound.failed = transaction, False
        if any(row.name in REDACTIONS for row in rows):
            transaction.note_redaction()
        try:
            self._take_in(rows)
        except Exception as reason:
            if self._bound.failed:  # not the projection did, but the database
                raise
            self._rows.forget()
            raise self._error_at(rows, reason) from reason
        transaction.write(self._rows.take_changes())

    def _take_in(self, rows: Sequence[Row]) -> None:
        batch = list(to_projected_event(rows))
        self._rows.know(self.projection.needs(batch))
        self.projection.apply(batch, self._rows)

    def _error_at(self, rows: Sequence[Row], reason: Exception) -> ProjectionError:
        """The error that names the event at which it fails."""
        blamed = rows[-1]
        for row in rows[:-1]:
            try:
                self._take_in([row])
            except Exception as alone:  # noqa: BLE001 (which event it is, is what we find out here)
                blamed, reason = row, alone
                break
        self._rows.forget()
        said = f"{type(reason).__name__}: {reason}"
        return ProjectionError(self.projection.name, said, blamed.session, blamed.position)


class _Shard(_InlineProjection):
    """One of the shards in which runners keep a projection."""

    def __init__(self, projection: Projection, target: RowStore, shard: int, shards: int) -> None:
        super().__init__(projection, target, shard)
        self._shards = shards

    def _rows_to_apply(self, ledger: Ledger, transaction: RowTransaction, rows: Sequence[Row]) -> list[Row]:
        """Those of the shard, without the sessions that wait behind a dead letter."""
        mine = [row for row in rows if shard_of(row.session, self._shards) == self._shard]
        letters = ledger.letters(self.projection.name, self.projection.version, self._shard)
        if redact_letters(ledger, letters, mine):
            transaction.note_redaction()
        held = first_held_positions(letters)
        return [row for row in super()._rows_to_apply(ledger, transaction, mine) if row.session not in held]
