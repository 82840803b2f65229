"""Errors of stores, of stored events and of files of the record."""

from .base import InvalidOperationError, StoreError, error


@error
class RecordFileError(InvalidOperationError, ValueError):
    """A record file was damaged or changed; nothing was imported."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line} is not valid: {self.reason}"


@error
class InvalidEventError(InvalidOperationError, ValueError):
    """An event contradicts the events before it, so it was not recorded."""

    session: str
    position: int
    name: str
    reason: str

    def __str__(self) -> str:
        place = f"at position {self.position} of session {self.session}"
        return f"event {self.name!r} cannot be recorded {place}: {self.reason}"


@error
class UnreadableEventError(StoreError):
    """A stored event has an unknown name, or a payload that does not match it."""

    session: str
    position: int
    name: str
    reason: str

    def __str__(self) -> str:
        return (
            f"event {self.name!r} at position {self.position} of session {self.session} cannot be read: {self.reason}"
        )


@error
class DatabaseError(StoreError):
    """The database failed: it is full, locked, not writable, unreachable or damaged."""

    store: str
    reason: str

    def __str__(self) -> str:
        return f"the store {self.store} failed: {self.reason}"


@error
class OutcomeUnknownError(DatabaseError):
    """The connection was lost during a write, so it is unknown whether the write was done."""


@error
class RedactionPendingError(StoreError):
    """A redaction is recorded, but the removed content may still be in the files of the database."""

    store: str
    reason: str
    session: str | None = None
    position: int | None = None

    def __str__(self) -> str:
        which = "redacted content" if self.session is None else "the redacted content"
        recorded = (
            "" if self.session is None else f"recorded at position {self.position} of session {self.session}, but "
        )
        return (
            f"{recorded}{which} may remain in the files of the store {self.store}: {self.reason}; "
            f"call redact again, or store.vacuum()"
        )


@error
class SchemaMismatchError(StoreError):
    """The database was written by a newer version, or by another program."""

    store: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"the store {self.store} has {self.found}; expected {self.expected}"


@error
class StoreNotFoundError(StoreError, LookupError):
    """There is no store at the address."""

    store: str

    def __str__(self) -> str:
        return f"there is no store at {self.store}"


@error
class NotSupportedError(StoreError):
    """This kind of store has no such feature."""

    store: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"the store {self.store} does not support {self.what}; {self.advice}"


@error
class StoreClosedError(StoreError):
    """The store was closed."""

    store: str

    def __str__(self) -> str:
        return f"the store {self.store} is closed"


@error
class DeliveryError(StoreError):
    """A subscriber did not accept logs; if it is `final`, a retry would not help."""

    subscriber: str
    reason: str
    final: bool = False
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.subscriber} did not accept the logs: {self.reason}"
