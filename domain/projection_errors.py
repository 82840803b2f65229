"""What can go wrong with projections, their targets and those who wait for them."""

from .errors import ItemNotFoundError, Refused, StoreError, error


@error
class UnknownProjection(ItemNotFoundError):
    """The database keeps no rows of such a projection."""

    target: str
    projection: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(map(repr, self.names)) or "one that a runner has been started with"
        return f"{self.target} keeps no projection {self.projection!r}: expected {known}"


@error
class DefinitionChanged(Refused):
    """A projection has other tables or reads other events than those its rows were built with."""

    target: str
    projection: str
    version: int
    reason: str

    def __str__(self) -> str:
        return (
            f"version {self.version} of the projection {self.projection!r} is in {self.target} already, "
            f"with {self.reason}: expected a higher version for what has changed"
        )


@error
class ProjectionFailed(StoreError):
    """A projection that is kept in the appending transaction could not take an event, so nothing was appended."""

    projection: str
    session: str
    position: int
    reason: str

    def __str__(self) -> str:
        return (
            f"the projection {self.projection!r} failed at position {self.position} of session {self.session}, so "
            f"nothing was written: {self.reason}"
        )


@error
class ProjectionStopped(StoreError):
    """The rows of a projection cannot be built: it met what it cannot apply, or does not belong to the store."""

    projection: str
    reason: str

    def __str__(self) -> str:
        return f"the projection {self.projection!r} stopped: {self.reason}; expected events that it can apply"


@error
class CheckpointMismatch(StoreError):
    """A store and the rows of a projection do not belong together: one of them was restored from a backup."""

    store: str
    projection: str
    global_position: int
    found: str

    def __str__(self) -> str:
        return (
            f"the projection {self.projection!r} has read the store {self.store} up to global position "
            f"{self.global_position}, and there {self.found}: expected the event it has read; rebuild the projection"
        )


@error
class LedgerDamagedError(StoreError):
    """What a database has recorded about its projections was changed by another program, and cannot be used."""

    target: str
    projection: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.target} has damaged entries about the projection {self.projection!r}: {self.reason}; "
            f"rebuild it with `turnlog projections rebuild {self.projection}`"
        )


@error
class PositionNotReached(StoreError, TimeoutError):
    """A projection did not come to a global position in the time given."""

    projection: str
    global_position: int
    reached: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"the projection {self.projection!r} was at global position {self.reached} after {self.seconds:g} seconds: "
            f"expected {self.global_position}; is a runner at work on all its shards?"
        )
