"""The names that are imported from `turnlog` itself."""

from ._manager.manager import SessionManager
from ._models.imodel import iModel
from ._models.tools import Tool
from ._session.search import search
from .branch import Branch
from .branch_view import BranchView
from .domain.decisions.branch import UNCHANGED
from .domain.errors import PositionConflictError, SessionNotFoundError, TurnlogError
from .domain.expected_position import ANY, NO_STREAM
from .domain.message import Message
from .infrastructure.open_store import open_store
from .infrastructure.read_models.runner import Runner
from .infrastructure.store import Store
from .projections.projection import Projection
from .provenance import acting
from .session import Session
from .session_view import SessionView

__all__ = [
    "ANY",
    "Branch",
    "BranchView",
    "Message",
    "NO_STREAM",
    "PositionConflictError",
    "Projection",
    "Runner",
    "Session",
    "SessionManager",
    "SessionNotFoundError",
    "SessionView",
    "Store",
    "Tool",
    "TurnlogError",
    "UNCHANGED",
    "acting",
    "iModel",
    "open_store",
    "search",
]
