"""Reading a branch at one position: the surface that the past and the present share."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from enum import Enum
from typing import Generic, TypeVar

from msgspec.structs import replace

from ._mail.mailbox import Mailbox
from ._session.as_of import AsOf, HistoricState, ReadOnlyView, StateSource, as_of, resolve_position
from ._session.logs_view import SessionLogsView
from ._session.prompts import PromptMethods
from .domain import branch_lookup
from .domain.decisions.mail import CHAT
from .domain.errors import BranchNotFoundError, InvalidValueError, StoreClosedError
from .domain.json_values import Json
from .domain.message import Message, MessageDict
from .domain.state import BranchState, State
from .infrastructure.async_methods import awaited_read
from .infrastructure.session_reader import SessionReader
from .projections.messages import Messages, branch_messages

__all__ = ["BranchView", "Branches"]

A = TypeVar("A")


class Absent(Enum):
    """Stands for a default that was not given, where None is one."""

    ABSENT = "absent"


class BranchView(ReadOnlyView, PromptMethods):
    """A branch as it was at a position: who it is and what it shows."""

    def __init__(self, source: StateSource, number: int) -> None:
        self._source = source
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BranchView) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        try:
            return self._describe()
        except StoreClosedError:
            return f"<{type(self).__name__} {self.id} of a closed store>"

    def _describe(self) -> str:
        with self._source.state() as state:
            branch = state.branches[self.number]
            shown = state.showing(self.number).length
        messages = f"{shown} message{'' if shown == 1 else 's'}"
        gone = "" if branch.removed_at is None else f", removed at position {branch.removed_at}"
        return f"<{type(self).__name__} {branch.name!r} of session {self._source.id}: {messages}{gone}>"

    @property
    def session_id(self) -> str:
        """The id of the session it belongs to."""
        return self._source.id

    @property
    def id(self) -> str:
        """The id of the branch; it never changes."""
        return self._known.id

    @property
    def name(self) -> str:
        """The name, unique within the session, as last read."""
        return self._known.name

    @property
    def user(self) -> str | None:
        """Whose branch it is."""
        return self._known.user

    @property
    def metadata(self) -> dict[str, Json]:
        """A copy of the metadata that it was created with."""
        return self._read(lambda _, branch: deepcopy(branch.metadata))

    @property
    def parent(self) -> str | None:
        """The id of the branch it was forked from."""
        parent = self._known.parent
        return None if parent is None else self._source.known_state().branches[parent].id

    @property
    def forked_at(self) -> int | None:
        """The position of the parent from which it goes on."""
        return self._known.forked_at

    @property
    def capabilities(self) -> frozenset[str] | None:
        """The output types allowed; None is all, an empty set none."""
        return self._read(lambda _, branch: branch.capabilities)

    @property
    def resources(self) -> frozenset[str] | None:
        """The services allowed; None is all, an empty set none."""
        return self._read(lambda _, branch: branch.resources)

    @property
    def tools(self) -> frozenset[str]:
        """The names of the tools it has, those of the whole session included."""
        return self._read(
            lambda state, _: frozenset(
                tool for tool, owners in state.tools.items() if self.number in owners or None in owners
            )
        )

    @property
    def model(self) -> str | None:
        """The name of the model it chats with, which may be that of the whole session."""
        found = self._read(lambda state, _: state.models.get(f"{self.number}/{CHAT}") or state.models.get(CHAT))
        return None if found is None else found.model

    @property
    def mail(self) -> Mailbox:
        """What waits for it in the mail, and what it sent that was not collected yet."""
        return Mailbox(self._source, self.id)

    @property
    def messages(self) -> Messages:
        """What the branch shows, the system message first; read as it is asked for."""
        with self._source.state() as state:
            branch_lookup.get_branch(state, self.number)
            return branch_messages(
                SessionReader(self._source.store.recorder, state), state.showing(self.number), state.written
            )

    def get_messages(self, limit: int | None = None) -> list[MessageDict]:
        """The messages as dicts of one's own with role and content, as `json` can write them; all, or the last."""
        return message_dicts(self.messages, limit)

    @property
    def system(self) -> Message | None:
        """The system message, if there is one."""
        with self._source.state() as state:
            branch_lookup.get_branch(state, self.number)
            alone = replace(state.showing(self.number), ranges=())
            found = branch_messages(SessionReader(self._source.store.recorder, state), alone, state.written)
        return next(iter(found), None)

    @property
    def logs(self) -> SessionLogsView:
        """The account of what was called, denied and logged on this branch."""
        return SessionLogsView(self._source, self.number)

    def lineage(self) -> list[tuple["BranchView", int]]:
        """The branches that this one goes on from up to the root, and the position at which each was forked."""
        with self._source.state() as state:
            forks, branch = [], state.branches[self.number]
            while branch.parent is not None and branch.forked_at is not None:
                forks.append((BranchView(self._source, branch.parent), branch.forked_at))
                branch = state.branches[branch.parent]
        return forks

    def at(self, when: AsOf) -> "BranchView":
        """The branch as it was at a moment."""
        position = resolve_position(self._source, when)
        with self._source.state() as state:
            branch_lookup.branch_at(state, self.number, position)
        return BranchView(as_of(self._source, position), self.number)

    aget_messages = awaited_read(get_messages)
    alineage = awaited_read(lineage)
    aat = awaited_read(at)

    @property
    def _known(self) -> BranchState:
        return self._source.known_state().branches[self.number]

    def _read(self, answer: Callable[[State, BranchState], A]) -> A:
        with self._source.state() as state:
            return answer(state, state.branches[self.number])

    def _identity(self) -> tuple[str, int, int | None]:
        return self._source.id, self.number, self.seen_at

    @property
    def seen_at(self) -> int | None:
        """The position it is seen at, if it is seen as it was; None for the branch itself."""
        return self._source.position if isinstance(self._source, HistoricState) else None


def message_dicts(messages: Messages, limit: int | None) -> list[MessageDict]:
    """The last messages, or all, as dicts."""
    if limit is None:
        return [MessageDict(message) for message in messages]
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidValueError("the limit", f"is {limit!r}: expected a number of messages, 0 or more, or None for all")
    return [MessageDict(message) for message in messages.last(limit)]


B = TypeVar("B", bound=BranchView, covariant=True)
D = TypeVar("D")


class Branches(Generic[B]):
    """The branches of a session by name, id or number; iterating yields the branches themselves."""

    def __init__(self, source: StateSource, in_hand: Callable[[int], B]) -> None:
        self._source = source
        self._in_hand = in_hand

    def __getitem__(self, reference: str | int) -> B:
        with self._source.state() as state:
            return self._in_hand(branch_lookup.get_branch(state, reference).number)

    def __iter__(self) -> Iterator[B]:
        with self._source.state() as state:
            numbers = [branch.number for branch in state.live]
        return map(self._in_hand, numbers)

    def __len__(self) -> int:
        with self._source.state() as state:
            return len(state.names)

    def __contains__(self, reference: object) -> bool:
        with self._source.state() as state:
            if isinstance(reference, BranchView):
                if reference.session_id != state.session:
                    return False
                reference = reference.number
            if not isinstance(reference, str | int):
                return False
            branch = branch_lookup.find_branch(state, reference)
            return branch is not None and branch.removed_at is None

    def __repr__(self) -> str:
        return f"<{len(self)} branches: {', '.join(self.keys()[:10])}>"

    def get(self, reference: str | int, default: D | None = None) -> B | D | None:
        """The branch, or the default if there is none by this name, id or number."""
        try:
            return self[reference]
        except BranchNotFoundError:
            return default

    def keys(self) -> list[str]:
        """The names of the branches, in the order they were created."""
        with self._source.state() as state:
            return [branch.name for branch in state.live]

    def values(self) -> list[B]:
        """The branches, in the order they were created."""
        return list(self)

    def items(self) -> list[tuple[str, B]]:
        """Names and branches, in the order they were created."""
        with self._source.state() as state:
            return [(branch.name, self._in_hand(branch.number)) for branch in state.live]
