"""What a store returns and accepts, and stores by the name of their database."""

from .domain.recorded_event import RecordedEvent
from .infrastructure.named_stores import MemorySessionStore, PostgresSessionStore, RedisSessionStore, SQLiteSessionStore
from .infrastructure.open_store import open_existing
from .infrastructure.record_file.importer import ImportResult
from .infrastructure.settings import Settings
from .infrastructure.subscription import AsyncSubscription, Subscription
from .infrastructure.sweep import SweepResult
from .infrastructure.verification import Verification, VerificationFault

__all__ = [
    "AsyncSubscription",
    "ImportResult",
    "MemorySessionStore",
    "PostgresSessionStore",
    "RecordedEvent",
    "RedisSessionStore",
    "SQLiteSessionStore",
    "Settings",
    "Subscription",
    "SweepResult",
    "Verification",
    "VerificationFault",
    "open_existing",
]
