"""Filters, orders and pages of the sessions of a store, and search results."""

from ._session.search import SearchHit
from .projections.selection import EVERYTHING, Order, Page, Selection
from .projections.session_info import Listing, SessionInfo

__all__ = [
    "EVERYTHING",
    "Listing",
    "Order",
    "Page",
    "SearchHit",
    "Selection",
    "SessionInfo",
]
