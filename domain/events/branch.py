"""Events that change which messages a branch shows, and the branch itself."""

from ..content import SystemContent
from ..immutable import NO_KEYS
from ..json_values import Json
from ..ranges import Origin, Ranges
from .base import BranchEvent, Event


class BranchCreated(BranchEvent, frozen=True):
    """A new line of messages; with a parent, it shows what the parent showed at position `at`."""

    id: str
    name: str
    parent: int | None = None
    at: int | None = None
    origin: Origin = Origin.INHERITED
    user: str | None = None
    capabilities: list[str] | None = None
    resources: list[str] | None = None
    metadata: dict[str, Json] = {}


class BranchRenamed(BranchEvent, frozen=True):
    """The branch has another name from here on."""

    name: str


class BranchRemoved(BranchEvent, frozen=True):
    """The branch is gone from here on; what it showed stays readable at earlier positions."""


class DefaultBranchChanged(Event, frozen=True):
    """Another branch, or none, is meant from here on when none is named."""

    branch: int | None


class AccessChanged(BranchEvent, frozen=True):
    """What the branch may use from here on: None is everything, an empty list nothing."""

    capabilities: list[str] | None
    resources: list[str] | None


class SystemSet(BranchEvent, frozen=True):
    """The system message in front of the branch from here on, or None for none."""

    content: SystemContent | None
    sender: str | None = None
    metadata: dict[str, Json] = NO_KEYS
    lineage: tuple[str, ...] = ()


class MessagesShared(BranchEvent, frozen=True):
    """Messages of other branches, shown at the end of this one too."""

    ranges: Ranges


class BranchRewound(BranchEvent, frozen=True):
    """The branch shows again what it showed at position `to`."""

    to: int


class BranchTruncated(BranchEvent, frozen=True):
    """The branch shows only its last messages, and its system message."""

    keep_last: int


class BranchCleared(BranchEvent, frozen=True):
    """The branch shows no messages but its system message."""


class BranchMerged(BranchEvent, frozen=True):
    """What a branch shows after taking over messages of `source`: its `keep_first` first messages, then `ranges`."""

    source: int
    at: int
    strategy: str
    keep_first: int
    ranges: Ranges
    since: int | None = None


class BranchReordered(BranchEvent, frozen=True):
    """The branch shows the messages of `ranges` in this order, each once."""

    ranges: Ranges


class ChangeUndone(BranchEvent, frozen=True):
    """What the branch shows after a rewind, a retraction, a clearing or a truncation at `undone` was taken back."""

    undone: int
    ranges: Ranges
    system: int | None = None
