"""The projections that come with the package."""

from .activity import Activity
from .branch_tree import BranchTree
from .definition import Projection
from .mailbox_rows import Mailboxes
from .transcript import Transcript
from .usage import TokenUsage

BUILT_IN: tuple[type[Projection], ...] = (Activity, BranchTree, Mailboxes, TokenUsage, Transcript)
