"""What is known of a session without a message of it being read."""

from dataclasses import dataclass, field
from datetime import datetime

from ..domain.instant import Instant
from ..domain.json_values import Json
from .catalogue import CatalogueEntry


@dataclass(frozen=True)
class SessionInfo:
    """A session in a list: its name, how much there is of it, and when.

    `message_count` and `size_bytes` count all that was ever written, system messages and what is out of sight since
    included; `updated_at` is when it was last used, which putting it away is not. The times can be compared with naive
    ones.
    """

    name: str | None
    message_count: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Json] = field(default_factory=dict)
    size_bytes: int = 0
    session_id: str | None = None
    user: str | None = None
    status: str = "active"

    def __post_init__(self) -> None:
        object.__setattr__(self, "created_at", Instant.of(self.created_at))
        object.__setattr__(self, "updated_at", Instant.of(self.updated_at))


def session_info(entry: CatalogueEntry) -> SessionInfo:
    """What the catalogue knows of a session."""
    return SessionInfo(
        name=entry.key or entry.name,
        message_count=entry.messages,
        created_at=Instant.at(entry.created),
        updated_at=Instant.at(entry.updated),
        metadata=entry.metadata,
        size_bytes=entry.bytes,
        session_id=entry.session,
        user=entry.user,
        status=entry.status,
    )


class Listing(list[SessionInfo]):
    """Some sessions, and the mark behind which the next ones begin; no mark if these are the last."""

    def __init__(self, infos: list[SessionInfo], mark: str | None = None) -> None:
        super().__init__(infos)
        self.mark = mark
