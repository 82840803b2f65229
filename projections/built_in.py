"""The projections that come with the package."""

from .activity import Activity
from .branch_tree import BranchTree
from .mailboxes import Mailboxes
from .projection import Projection
from .transcript import Transcript
from .usage import TokenUsage

BUILT_IN: tuple[type[Projection], ...] = (Activity, BranchTree, Mailboxes, TokenUsage, Transcript)
