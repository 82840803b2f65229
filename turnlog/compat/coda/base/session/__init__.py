"""Sessions by name, the manager of sessions, and storage of one's own."""

from .....errors import SessionNotFoundError
from .....errors import TurnlogError as SessionError
from .manager import SessionManager
from .session import Session
from .storage import SessionInfo, SessionStorage

__all__ = [
    "Session",
    "SessionError",
    "SessionInfo",
    "SessionManager",
    "SessionNotFoundError",
    "SessionStorage",
]
