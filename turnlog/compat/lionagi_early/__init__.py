"""Sessions of early LionAGI, on ordinary sessions: a system text, branches by name, and messages as DataFrames."""

from ...models import Services
from .branch import Branch
from .session import Session

__all__ = [
    "Branch",
    "Services",
    "Session",
]
