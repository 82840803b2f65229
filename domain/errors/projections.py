"""Errors of projections, their runners and their rows."""

from .base import InvalidOperationError, StoreError, error


@error
class ProjectionChangedError(InvalidOperationError):
    """The code of a projection has other tables or events than its rows were built with."""

    database: str
    projection: str
    version: int
    reason: str

    def __str__(self) -> str:
        return (
            f"version {self.version} of the projection {self.projection!r} exists in {self.database} "
            f"with {self.reason}; give the changed projection a higher version"
        )


@error
class ProjectionError(StoreError):
    """A projection could not apply an event; an inline projection makes the append fail as well."""

    projection: str
    reason: str
    session: str | None = None
    position: int | None = None

    def __str__(self) -> str:
        if self.session is None:
            return f"the projection {self.projection!r} stopped: {self.reason}"
        return (
            f"the projection {self.projection!r} failed at position {self.position} of session {self.session}, so "
            f"nothing was written: {self.reason}"
        )


@error
class CheckpointMismatchError(StoreError):
    """The store and the rows of a projection do not match: one of them was restored from a backup."""

    store: str
    projection: str
    global_position: int
    found: str

    def __str__(self) -> str:
        return (
            f"the projection {self.projection!r} has read the store {self.store} up to global position "
            f"{self.global_position}, but there {self.found}; rebuild the projection"
        )


@error
class LedgerDamagedError(StoreError):
    """The entries of a database about its projections were changed by another program."""

    database: str
    projection: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.database} has damaged entries about the projection {self.projection!r}: {self.reason}; "
            f"rebuild it with `turnlog projections rebuild {self.projection}`"
        )


@error
class PositionNotReachedError(StoreError, TimeoutError):
    """A projection did not reach a global position in time."""

    projection: str
    global_position: int
    reached: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"the projection {self.projection!r} was at global position {self.reached} after {self.seconds:g} seconds, "
            f"not at {self.global_position}; is a runner active on all its shards?"
        )
