"""Sessions of users, and the stores that they are in."""

from .base import Message, Session, SessionStore
from .manager import SessionManager
from .memory import MemorySessionStore
from .redis import RedisSessionStore
from .sqlite import SQLiteSessionStore

__all__ = [
    "MemorySessionStore",
    "Message",
    "RedisSessionStore",
    "SQLiteSessionStore",
    "Session",
    "SessionManager",
    "SessionStore",
]
