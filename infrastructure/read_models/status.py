"""What a projection is doing, as its books and its store tell it; the same from every process."""

from collections.abc import Sequence

import msgspec

from ...domain.errors.base import projection_not_found
from ..recorder import Recorder
from .ledger import CurrentVersion, DeadLetter, Ledger, ShardCheckpoint, is_kept
from .row_store import RowStore


class ShardStatus(msgspec.Struct, frozen=True):
    """How far a shard is; `lag` counts the events of the store behind it, whether it reads them or not."""

    shard: int
    global_position: int
    lag: int
    lag_seconds: float
    owner: str | None
    failure: str | None


class ProjectionStatus(msgspec.Struct, frozen=True):
    """What a version of a projection is doing; `counts` says whether its rows are those that are asked."""

    projection: str
    version: int
    counts: bool
    building: bool
    paused: bool
    shards: tuple[ShardStatus, ...]
    parked: int

    @property
    def global_position(self) -> int:
        """Up to where all its rows are complete."""
        return min((shard.global_position for shard in self.shards), default=0)

    @property
    def lag(self) -> int:
        """How many events of the store are behind the slowest shard."""
        return max((shard.lag for shard in self.shards), default=0)

    @property
    def lag_seconds(self) -> float:
        """How long ago the first event was recorded that the slowest shard has not read."""
        return max((shard.lag_seconds for shard in self.shards), default=0.0)

    @property
    def progress(self) -> float:
        """The part of the store that the slowest shard has read, from 0 to 1."""
        last = self.global_position + self.lag
        return self.global_position / last if last else 1.0

    @property
    def failure(self) -> str | None:
        """Why it stopped, if it did."""
        return next((shard.failure for shard in self.shards if shard.failure), None)


def statuses(recorder: Recorder, target: RowStore, now: int, projection: str | None = None) -> list[ProjectionStatus]:
    """What the versions of a projection are doing, or all versions of all."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        names = ledger.names() if projection is None else [get_name(target, ledger, projection)]
        found = []
        for name in names:
            for version in ledger.versions(name.projection):
                key = (name.projection, version.version)
                found.append((name, version, ledger.checkpoints(*key), len(ledger.letters(*key))))
    last = recorder.last_global_position()
    return [
        ProjectionStatus(
            name.projection,
            version.version,
            version.version == name.version,
            version.building,
            name.paused,
            tuple(_shard(recorder, last, now, checkpoint) for checkpoint in checkpoints),
            parked,
        )
        for name, version, checkpoints, parked in found
    ]


def find_statuses(
    recorder: Recorder, target: RowStore, now: int, projection: str | None = None
) -> list[ProjectionStatus]:
    """The same, also where no runner has ever been, which nothing is changed about."""
    with target.reading() as transaction:
        kept = is_kept(target, transaction)
    if kept:
        return statuses(recorder, target, now, projection)
    if projection is not None:
        raise projection_not_found(target.name, projection, ())
    return []


def dead_letters(target: RowStore, projection: str, version: int | None = None) -> list[DeadLetter]:
    """The events that were parked."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        name = get_name(target, ledger, projection)
        return ledger.letters(projection, version or name.version)


def reached_position(target: RowStore, projection: str) -> int:
    """The global position up to which the rows of the version that counts are complete."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        name = get_name(target, ledger, projection)
        checkpoints: Sequence[ShardCheckpoint] = ledger.checkpoints(projection, name.version)
        _check(ledger, name, checkpoints)
    return min(each.global_position for each in checkpoints)


def reacted_position(target: RowStore, projection: str) -> int:
    """The global position up to which the effects of the version that counts are done, those parked excepted."""
    with target.reading() as transaction:
        ledger = Ledger(target, transaction)
        name = get_name(target, ledger, projection)
        checkpoints: Sequence[ShardCheckpoint] = ledger.checkpoints(projection, name.version)
        _check(ledger, name, checkpoints)
    return min(each.reacted for each in checkpoints)


def _check(ledger: Ledger, name: CurrentVersion, checkpoints: Sequence[ShardCheckpoint]) -> None:
    if not checkpoints:
        raise ledger.damage_error(name.projection, f"version {name.version}, which counts, has no checkpoint")


def get_name(target: RowStore, ledger: Ledger, projection: str) -> CurrentVersion:
    """The version of a projection that counts."""
    name = ledger.find_name(projection)
    if name is None:
        raise projection_not_found(target.name, projection, tuple(each.projection for each in ledger.names()))
    return name


def _shard(recorder: Recorder, last: int, now: int, checkpoint: ShardCheckpoint) -> ShardStatus:
    at = checkpoint.global_position
    waiting = recorder.read_all(after=at, until=last, limit=1)
    seconds = max(now - waiting[0].time, 0) / 1_000_000 if waiting else 0.0
    return ShardStatus(checkpoint.shard, at, max(last - at, 0), seconds, checkpoint.owner, checkpoint.failure)
