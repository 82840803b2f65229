"""The state that decisions rest on: positions and ranges, names and sets; never the words of a message."""

from array import array
from base64 import b64decode
from bisect import bisect_right
from enum import StrEnum

import msgspec

from .json_values import Json
from .mail_state import MailState
from .ranges import Origin, Positions, Ranges, Written, between, index_of, is_written, join, length, remove, with_origin


class Status(StrEnum):
    """Where a session is in its life."""

    UNSTARTED = "unstarted"
    ACTIVE = "active"
    ARCHIVED = "archived"
    DELETED = "deleted"


class Visibility(msgspec.Struct, frozen=True):
    """What a branch shows from a position on: its system message, then these ranges, then what is written on it."""

    since: int
    ranges: Ranges = ()
    system: int | None = None

    @property
    def length(self) -> int:
        """How many messages are shown, the system message included."""
        return length(self.ranges) + (self.system is not None)


class BranchState(msgspec.Struct):
    """A branch: who it is, what it may use, every showing it has had, and which changes can be undone."""

    number: int
    id: str
    name: str
    created_at: int
    showings: list[Visibility]
    parent: int | None = None
    forked_at: int | None = None
    removed_at: int | None = None
    user: str | None = None
    capabilities: frozenset[str] | None = None
    resources: frozenset[str] | None = None
    metadata: dict[str, Json] = {}
    undoable: list[int] = []
    retracted: list[tuple[int, int]] = []  # the position of each retraction and of its message: a showing for each
    # would hold all ranges anew

    def showing(self, at: int, written: Written) -> Visibility:
        """What the branch shows at a position, as ranges with nothing left open."""
        place = bisect_right(self.showings, at, key=_since) - 1
        if place < 0:
            raise ValueError(f"branch {self.number} did not exist at position {at}")
        base = self.showings[place]
        shown = join(base.ranges, between(written, self.number, base.since, at), written)
        gone = self._retracted_between(base.since, at)
        return Visibility(at, remove(shown, gone, written) if gone else shown, base.system)

    @property
    def retracted_since(self) -> int:
        """How many messages were retracted since the last showing that was kept."""
        return len(self.retracted) - bisect_right(self.retracted, self.showings[-1].since, key=_retraction)

    def _retracted_between(self, after: int, until: int) -> list[int]:
        start = bisect_right(self.retracted, after, key=_retraction)
        stop = bisect_right(self.retracted, until, key=_retraction)
        return [message for _, message in self.retracted[start:stop]]


class ModelState(msgspec.Struct, frozen=True):
    """The model in use for a purpose."""

    model: str
    provider: str | None
    settings: dict[str, Json]


class OperationState(msgspec.Struct, frozen=True):
    """An operation that has not ended: where it began, and how often it was resumed."""

    name: str
    branch: int | None
    started_at: int
    attempt: int = 0


class Ancestor(msgspec.Struct, frozen=True):
    """A session that this one goes on from, directly or not, and how far its positions are ahead of this one's."""

    session: str
    ahead: int


class State(msgspec.Struct):
    """Everything about a session that a decision can depend on, at one position."""

    session: str
    position: int = 0
    time: int = 0
    status: Status = Status.UNSTARTED
    name: str | None = None
    user: str | None = None
    key: str | None = None
    ancestors: list[Ancestor] = []
    forks: set[str] = set()
    created: int = 0
    metadata: dict[str, Json] = {}
    values: dict[str, Json] = {}
    branches: list[BranchState] = []
    names: dict[str, int] = {}
    ids: dict[str, int] = {}
    default: int | None = None
    written: dict[int, Positions] = {}
    redacted: set[int] = set()
    participants: dict[str, int] = {}  # those who are no branch, and the position at which they were registered
    post: MailState = msgspec.field(default_factory=MailState)
    tools: dict[str, list[int | None]] = {}
    models: dict[str, ModelState] = {}  # by purpose; one that is for a branch only, by number/purpose
    operations: dict[str, OperationState] = {}

    @property
    def first(self) -> int:
        """The earliest position: 1, or that of the first event of the session at the root of all it goes on from."""
        return 1 - self.ancestors[-1].ahead if self.ancestors else 1

    @property
    def live(self) -> list[BranchState]:
        """The branches that have not been removed, in the order they were created."""
        return [branch for branch in self.branches if branch.removed_at is None]

    @property
    def owners(self) -> list[str]:
        """Everybody who has a mailbox: the branches by their ids, and who was registered by name."""
        return [*(branch.id for branch in self.live), *self.participants]

    def showing(self, branch: int, at: int | None = None) -> Visibility:
        """What a branch shows at a position, or now; before it was created, what it inherited was shown as then."""
        number, point = self.visible_source(branch, self.position if at is None else at)
        shown = self.branches[number].showing(point, self.written)
        if number == branch:
            return shown
        return Visibility(point, with_origin(shown.ranges, Origin.INHERITED), shown.system)

    def visible_source(self, branch: int, at: int) -> tuple[int, int]:
        """The branch that showed what another one inherited, and the position at which it did."""
        there = self.branches[branch]
        while there.parent is not None and there.forked_at is not None and at < there.created_at:
            at, there = min(at, there.forked_at), self.branches[there.parent]
        return there.number, at

    def has_shown(self, branch: int, message: int) -> bool:
        """Whether a branch shows a message, or showed it at an earlier position."""
        there = self.branches[branch]
        while not self._is_in(there, message):
            if there.parent is None or there.forked_at is None or message > there.forked_at:
                return False
            there = self.branches[there.parent]
        return True

    def owner(self, message: int) -> int | None:
        """The branch on which the message at this position was written."""
        for branch, positions in self.written.items():
            place = bisect_right(positions, message)
            if place and positions[place - 1] == message:
                return branch
        return None

    def _is_in(self, branch: BranchState, message: int) -> bool:
        return is_written(self.written, branch.number, message) or any(
            showing.system == message or index_of(showing.ranges, message, self.written) is not None
            for showing in branch.showings
        )

    def is_system_message(self, position: int) -> bool:
        """Whether the event at this position set a system message in front of a branch."""
        return any(showing.system == position for branch in self.branches for showing in branch.showings)

    def messages_until(self, position: int) -> int:
        """How many messages were recorded in the session up to a position, those set in front of a branch included."""
        appended = sum(bisect_right(positions, position) for positions in self.written.values())
        showings = (showing for branch in self.branches for showing in branch.showings)
        return appended + sum(showing.system == showing.since <= position for showing in showings)


def inherited_visibility(parent: Visibility, at: int, origin: Origin) -> Visibility:
    """What a fork shows to begin with."""
    return Visibility(at, with_origin(parent.ranges, origin), parent.system)


def pack(state: State) -> bytes:
    """The state as bytes, for a snapshot that can be thrown away at any time."""
    return _packer.encode(state)


def unpack(snapshot: bytes) -> State:
    """The state that was packed."""
    return _unpacker.decode(snapshot)


def _retraction(retracted: tuple[int, int]) -> int:
    return retracted[0]


def _since(showing: Visibility) -> int:
    return showing.since


def _to_bytes(value: object) -> bytes:
    if isinstance(value, array):
        return value.tobytes()
    raise NotImplementedError(type(value))


def _from_base64(kind: type, value: str) -> object:
    return array("q", b64decode(value))


# JSON, which has room for every value that the record has; MessagePack ends at whole numbers of 64 bits.
_packer = msgspec.json.Encoder(enc_hook=_to_bytes)
_unpacker = msgspec.json.Decoder(State, dec_hook=_from_base64)
