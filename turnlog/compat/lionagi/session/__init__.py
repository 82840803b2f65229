"""Sessions and branches."""

from .branch import Branch
from .session import Session

__all__ = ["Branch", "Session"]
