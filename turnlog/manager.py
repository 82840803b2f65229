"""Sessions by name for applications with many users."""

from ._manager.manager import SessionManager
from ._manager.middleware import SessionMiddleware, code_detection, timestamps, token_estimates
from ._manager.repository import SaveResult
from ._manager.storage import AsyncSessionStorage, SessionStorage
from ._manager.templates import TEMPLATES, Template, read_templates

__all__ = [
    "AsyncSessionStorage",
    "SaveResult",
    "SessionManager",
    "SessionMiddleware",
    "SessionStorage",
    "TEMPLATES",
    "Template",
    "code_detection",
    "read_templates",
    "timestamps",
    "token_estimates",
]
