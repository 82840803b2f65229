"""Sessions in memory."""

from ....stores import MemorySessionStore as OrdinaryStore
from .records import RecordStore

__all__ = ["MemorySessionStore"]


class MemorySessionStore(RecordStore):
    """Sessions in memory, gone with the process."""

    def __init__(self) -> None:
        super().__init__(OrdinaryStore())
