"""LionAGI's session system, on ordinary sessions: branches, mail between them, messages, tools and models."""

from .actions import ActionManager, FunctionCalling, Tool
from .errors import ItemNotFoundError
from .mail import Exchange, Mail, MailManager, Package
from .messages import MessageManager, RoledMessage, System
from .models import ChatCompletionEndPoint, RateLimitedProcessor, RequestResponse, TokenCalculator, iModel
from .piles import Pile, Progression
from .protocols import ID, Communicatable, Element, Event, JsonValue, Node, Relational, SenderRecipient
from .session import Branch, Session

__all__ = [
    "ActionManager",
    "Branch",
    "ChatCompletionEndPoint",
    "Communicatable",
    "Element",
    "Event",
    "Exchange",
    "FunctionCalling",
    "ID",
    "ItemNotFoundError",
    "JsonValue",
    "Mail",
    "MailManager",
    "MessageManager",
    "Node",
    "Package",
    "Pile",
    "Progression",
    "RateLimitedProcessor",
    "Relational",
    "RequestResponse",
    "RoledMessage",
    "SenderRecipient",
    "Session",
    "System",
    "TokenCalculator",
    "Tool",
    "iModel",
]
