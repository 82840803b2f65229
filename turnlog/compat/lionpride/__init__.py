"""lionpride's session module, on ordinary sessions; more of its names are in `session`, `operations` and `services`."""

from .services import iModel
from .session import Branch, Message, Session

__all__ = [
    "Branch",
    "Message",
    "Session",
    "iModel",
]
