"""Models and tools that branches call."""

from ._models.imodel import LanguageModel, iModel
from ._models.mcp import MCPServer
from ._models.recorded import RecordedModel
from ._models.services import Services
from ._models.tools import ActionManager, Tool
from ._session.prompts import count_tokens
from .domain.model_call import ModelRequest, ModelResponse
from .infrastructure.models.rate_limit import Clock, RateLimit
from .infrastructure.retry import RetryPolicy

__all__ = [
    "ActionManager",
    "Clock",
    "LanguageModel",
    "MCPServer",
    "ModelRequest",
    "ModelResponse",
    "RateLimit",
    "RecordedModel",
    "RetryPolicy",
    "Services",
    "Tool",
    "count_tokens",
    "iModel",
]
