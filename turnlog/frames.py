"""Frames, SQL queries and Parquet exports of many sessions."""

from .infrastructure.frames.frame import Frame
from .infrastructure.frames.parquet import ExportResult
from .infrastructure.frames.query import Query
from .infrastructure.frames.query_limits import QueryLimits
from .infrastructure.frames.store_frames import Frames

__all__ = [
    "ExportResult",
    "Frame",
    "Frames",
    "Query",
    "QueryLimits",
]
