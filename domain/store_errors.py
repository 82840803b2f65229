"""How a store fails, and what it holds that cannot be read or taken in."""

from .errors import Refused, SessionError, StoreError, error


@error
class DamagedRecord(Refused, ValueError):
    """A file of the record is not as it was written; nothing of it was taken over."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line} does not fit: {self.reason}; expected the file as it was written"


@error
class OutputExistsError(Refused):
    """A file is there already, and was not to be overwritten."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} exists: expected a new file, or overwrite=True"


@error
class RecordDiffers(SessionError):
    """The store has another session under the same id than what it was to take over."""

    session: str
    position: int

    def __str__(self) -> str:
        return (
            f"session {self.session} is in the store, and is another one from position {self.position} on: "
            f"expected one that goes on from it, or a store without it; nothing is overwritten"
        )


@error
class UnreadableEvent(StoreError):
    """A stored event has an unknown name, or a payload that does not fit it."""

    session: str
    position: int
    name: str
    reason: str

    def __str__(self) -> str:
        return (
            f"event {self.name!r} at position {self.position} of session {self.session} cannot be read: {self.reason}"
        )


@error
class InvalidEventError(Refused, ValueError):
    """An event does not follow from those before it, so that its session could not be read any more."""

    session: str
    position: int
    name: str
    reason: str

    def __str__(self) -> str:
        place = f"at position {self.position} of session {self.session}"
        return f"event {self.name!r} cannot be recorded {place}: {self.reason}; expected what follows from the others"


@error
class StoreFailed(StoreError):
    """The database said no: it is full, locked, not writable, not there, or broken."""

    store: str
    reason: str

    def __str__(self) -> str:
        return f"the store {self.store} failed: {self.reason}"


@error
class OutcomeUnknown(StoreFailed):
    """The connection was lost while the server was at work, and nobody can say whether it was done."""


@error
class RedactionPendingError(StoreError):
    """A redaction is recorded, and the content that it removed may still be in the files of the database."""

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
class SchemaMismatch(StoreError):
    """The database was written by a newer version, or by another program."""

    store: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"the store {self.store} holds {self.found}: expected {self.expected}"


@error
class StoreNotFound(StoreError, LookupError):
    """There is no store at the address, and none was to be made."""

    store: str

    def __str__(self) -> str:
        return f"there is no store at {self.store}: expected one that has been made"


@error
class StoreNotEmpty(Refused):
    """A store that was to take over another has events of its own."""

    store: str

    def __str__(self) -> str:
        return f"the store {self.store} has events already: expected an empty one"


@error
class NotSupported(StoreError):
    """This kind of store cannot do it."""

    store: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"the store {self.store} cannot do {self.what}: {self.advice}"


@error
class StoreClosed(StoreError):
    """The store was closed."""

    store: str

    def __str__(self) -> str:
        return f"the store {self.store} is closed: expected an open one"


@error
class LogStoreFull(StoreError):
    """A store of logs may not hold more, and what it holds could not be saved."""

    capacity: int
    reason: str

    def __str__(self) -> str:
        return f"the store of logs holds {self.capacity}, which is all it may, and cannot be saved: {self.reason}"


@error
class DeliveryFailed(StoreError):
    """A subscriber did not take logs; if that is `final`, it would not take them another time."""

    subscriber: str
    reason: str
    final: bool = False
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.subscriber} did not take the logs: {self.reason}"
