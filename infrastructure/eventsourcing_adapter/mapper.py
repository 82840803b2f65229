"""Our events as the library's domain events, and back."""

from typing import Self

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    ProgrammingError,
    StoredEvent,
    Transcoder,
)

from ...domain.codec import decode, encode, stored_name
from ...domain.errors import UnreadableEventError
from ...domain.events import Event
from ...domain.recorded_event import RecordedEvent
from ..stored_event import Row, event_of, with_salt
from .stored_events import RowNotification


class DomainEvent(RecordedEvent, frozen=True):
    """An event with its columns, also under the two names that the library knows them by."""

    @property
    def originator_id(self) -> str:
        """The session."""
        return self.session

    @property
    def originator_version(self) -> int:
        """The position."""
        return self.position

    @classmethod
    def of(cls, row: Row) -> Self:
        """The event that a row holds."""
        return cls(*row[:5], event_of(row), *row[6:10], row.digest)

    @classmethod
    def new(cls, session: str, position: int, event: Event) -> Self:
        """An event to be saved at this position; time, digest and global position are the store's to give."""
        return cls(session, position, 0, 0, stored_name(event), event, None, None, None, None, b"")


class EventMapper(Mapper[str]):
    """Stored names and JSON, as they stand on the record; a stored class path is never imported."""

    def __init__(
        self,
        transcoder: Transcoder | None = None,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        if compressor is not None or cipher is not None:
            raise ProgrammingError("the record's payloads are plain JSON: expected neither a compressor nor a cipher")
        super().__init__(transcoder or JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The event as the recorder takes it."""
        if not isinstance(domain_event, RecordedEvent):
            raise ProgrammingError(f"{type(domain_event).__qualname__} is not on the list: expected a DomainEvent")
        event = domain_event.event
        name = stored_name(event)
        return StoredEvent(domain_event.session, domain_event.position, name, with_salt(name, encode(event)))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEvent:
        """The event, with all its columns if it comes from one of our recorders."""
        try:
            if isinstance(stored_event, RowNotification):
                return DomainEvent.of(stored_event.row)
            session, position = str(stored_event.originator_id), stored_event.originator_version
            event = decode(stored_event.topic, stored_event.state, session, position)
        except UnreadableEventError as reason:
            raise MapperDeserialisationError(str(reason)) from reason
        return DomainEvent.new(session, position, event)
