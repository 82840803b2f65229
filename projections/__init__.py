"""Read models as pure folds over events: messages, transcripts, usage, mailboxes, prompts and frames.

Imports the domain only; libraries for frames are imported in the function that needs them.
"""

from .activity import Activity, activity_timeline
from .branch_tree import BranchTree
from .difference import Difference
from .mailboxes import Mailboxes, pending_mail
from .messages import Messages
from .prices import PRICES, Price
from .projection import Projection
from .prompts.anthropic import AnthropicPrompt
from .rows import Rows
from .table_schema import ColumnType, Table
from .transcript import Transcript
from .usage import TokenUsage, usage_by

__all__ = [
    "Activity",
    "AnthropicPrompt",
    "BranchTree",
    "ColumnType",
    "Difference",
    "Mailboxes",
    "Messages",
    "PRICES",
    "Price",
    "Projection",
    "Rows",
    "Table",
    "TokenUsage",
    "Transcript",
    "activity_timeline",
    "pending_mail",
    "usage_by",
]
