"""Reading a session at one position: the surface that the past and the present share."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Protocol, TypeAlias, TypeVar

from .domain import lookup
from .domain.errors import ForeignBranch, InvalidValue, UnknownBranch, UnknownMessage, ViewIsReadOnly
from .domain.inheritance import local_position
from .domain.message import Message
from .domain.plain import Json
from .domain.record import RecordedEvent, microseconds, moment
from .domain.state import BranchState, Showing, State
from .infrastructure.reading import SessionReader
from .infrastructure.store import Store
from .projections.messages import Messages, recorded_message, shown_messages

A = TypeVar("A")

Moment: TypeAlias = int | Message | datetime
"""A position, a message for its position, or a time for the last position recorded by then."""


class Source(Protocol):
    """Where a view gets its state from: a session at work, or a moment of its past."""

    store: Store
    id: str

    def current(self) -> AbstractContextManager[State]:
        """The state to answer from."""
        ...


class Past:
    """A session as it was at a position."""

    def __init__(self, store: Store, state: State) -> None:
        self.store = store
        self.id = state.session
        self._state = state

    def current(self) -> AbstractContextManager[State]:
        return nullcontext(self._state)


class View:
    """What can be read at a moment; what the class for the present adds to it is writing, and refused by name."""

    _source: Source
    _writing: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for view in cls.__bases__:
            if issubclass(view, View) and View in view.__bases__:
                added = {name for name, what in vars(cls).items() if not isinstance(what, classmethod)}
                view._writing |= {name for name in added - vars(view).keys() if not name.startswith("_")}

    if not TYPE_CHECKING:  # a type checker would take it that every name can be read

        def __getattr__(self, name: str) -> NoReturn:
            if View in type(self).__bases__ and name in type(self)._writing:
                with self._source.current() as state:
                    raise ViewIsReadOnly(state.session, state.position, name)
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)


class BranchView(View):
    """A branch as it was at a position: who it is and what it shows."""

    def __init__(self, source: Source, number: int) -> None:
        self._source = source
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BranchView) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        with self._source.current() as state:
            branch = state.branches[self.number]
            shown = state.showing(self.number).length
        gone = "" if branch.removed_at is None else f", removed at position {branch.removed_at}"
        return f"<{type(self).__name__} {branch.name!r} of session {self._source.id}: {shown} messages{gone}>"

    @property
    def session_id(self) -> str:
        """The id of the session it belongs to."""
        return self._source.id

    @property
    def id(self) -> str:
        """The id of the branch, for good."""
        return self._read(lambda _, branch: branch.id)

    @property
    def name(self) -> str:
        """The name, unique within the session."""
        return self._read(lambda _, branch: branch.name)

    @property
    def user(self) -> str | None:
        """Whose branch it is."""
        return self._read(lambda _, branch: branch.user)

    @property
    def parent(self) -> str | None:
        """The id of the branch it was forked from."""
        return self._read(lambda state, branch: None if branch.parent is None else state.branches[branch.parent].id)

    @property
    def forked_at(self) -> int | None:
        """The position of the parent from which it goes on."""
        return self._read(lambda _, branch: branch.forked_at)

    @property
    def capabilities(self) -> frozenset[str] | None:
        """The output types allowed; None is all, an empty set none."""
        return self._read(lambda _, branch: branch.capabilities)

    @property
    def resources(self) -> frozenset[str] | None:
        """The services allowed; None is all, an empty set none."""
        return self._read(lambda _, branch: branch.resources)

    @property
    def messages(self) -> Messages:
        """What the branch shows, the system message first; read as it is asked for."""
        with self._source.current() as state:
            lookup.get_branch(state, self.number)
            return shown_messages(SessionReader(self._source.store, state), state.showing(self.number), state.written)

    @property
    def system(self) -> Message | None:
        """The system message, if there is one."""
        with self._source.current() as state:
            lookup.get_branch(state, self.number)
            position = state.showing(self.number).system
            reader = SessionReader(self._source.store, state)
        return None if position is None else recorded_message(reader.read_event(position))

    def at(self, when: Moment) -> "BranchView":
        """The branch as it was at a moment."""
        position = position_of(self._source, when)
        with self._source.current() as state:
            lookup.branch_at(state, self.number, position)
        return BranchView(past_of(self._source, position), self.number)

    def _read(self, answer: Callable[[State, BranchState], A]) -> A:
        with self._source.current() as state:
            return answer(state, state.branches[self.number])

    def _identity(self) -> tuple[str, int]:
        return self._source.id, self.number


B = TypeVar("B", bound=BranchView, covariant=True)
D = TypeVar("D")


class Branches(Generic[B]):
    """The branches of a session by name, id or number; iterating yields the branches themselves."""

    def __init__(self, source: Source, in_hand: Callable[[int], B]) -> None:
        self._source = source
        self._in_hand = in_hand

    def __getitem__(self, reference: str | int) -> B:
        with self._source.current() as state:
            return self._in_hand(lookup.get_branch(state, reference).number)

    def __iter__(self) -> Iterator[B]:
        with self._source.current() as state:
            numbers = [branch.number for branch in state.live]
        return map(self._in_hand, numbers)

    def __len__(self) -> int:
        with self._source.current() as state:
            return len(state.names)

    def __contains__(self, reference: object) -> bool:
        with self._source.current() as state:
            if isinstance(reference, BranchView):
                if reference.session_id != state.session:
                    return False
                reference = reference.number
            if not isinstance(reference, str | int):
                return False
            branch = lookup.find_branch(state, reference)
            return branch is not None and branch.removed_at is None

    def __repr__(self) -> str:
        return f"<{len(self)} branches: {', '.join(self.keys()[:10])}>"

    def get(self, reference: str | int, default: D | None = None) -> B | D | None:
        """The branch, or the default if there is none by this name, id or number."""
        try:
            return self[reference]
        except UnknownBranch:
            return default

    def keys(self) -> list[str]:
        """The names of the branches, in the order they were created."""
        with self._source.current() as state:
            return [branch.name for branch in state.live]

    def values(self) -> list[B]:
        """The branches, in the order they were created."""
        return list(self)

    def items(self) -> list[tuple[str, B]]:
        """Names and branches, in the order they were created."""
        with self._source.current() as state:
            return [(branch.name, self._in_hand(branch.number)) for branch in state.live]


class SessionView(View):
    """A session as it was at a position: everything can be read, nothing written."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        with self._source.current() as state:
            name = "" if state.name is None else f" {state.name!r}"
            names = [branch.name for branch in state.live]
            more = "" if len(names) <= 5 else f" and {len(names) - 5} more"
            return (
                f"<{type(self).__name__}{name} {state.session} at position {state.position}, {state.status.value}; "
                f"branches: {', '.join(names[:5]) or 'none'}{more}>"
            )

    @property
    def id(self) -> str:
        """The id of the session, for good."""
        return self._source.id

    @property
    def position(self) -> int:
        """The position of the last event taken into account."""
        return self._read(lambda state: state.position)

    @property
    def status(self) -> str:
        """Whether it is active, archived or deleted."""
        return self._read(lambda state: state.status.value)

    @property
    def name(self) -> str | None:
        """The label it goes by."""
        return self._read(lambda state: state.name)

    @property
    def user(self) -> str | None:
        """Whose session it is."""
        return self._read(lambda state: state.user)

    @property
    def metadata(self) -> dict[str, Json]:
        """A copy of the metadata."""
        return self._read(lambda state: deepcopy(state.metadata))

    @property
    def created_at(self) -> datetime:
        """When the session was started."""
        return self._read(lambda state: moment(state.created))

    @property
    def updated_at(self) -> datetime:
        """When the last event was recorded."""
        return self._read(lambda state: moment(state.time))

    @property
    def message_count(self) -> int:
        """How many messages were written, on whatever branch."""
        return self._read(lambda state: state.written_until(state.position))

    @property
    def state(self) -> dict[str, Json]:
        """A copy of all that is kept under keys."""
        return self._read(lambda state: deepcopy(state.values))

    def get_state(self, key: str, default: Json = None) -> Json:
        """What is kept under a key."""
        return self._read(lambda state: deepcopy(state.values.get(key, default)))

    @property
    def branches(self) -> Branches[BranchView]:
        """The branches, by name, id or number."""
        return Branches(self._source, self._branch)

    @property
    def default_branch(self) -> BranchView:
        """The branch that is meant when none is named."""
        with self._source.current() as state:
            if state.default is None:
                raise UnknownBranch(state.session, "that is the default", tuple(state.names))
            return self._branch(state.default)

    @property
    def messages(self) -> Messages:
        """What the default branch shows; nothing if there is none."""
        with self._source.current() as state:
            showing = Showing(0) if state.default is None else state.showing(state.default)
            return shown_messages(SessionReader(self._source.store, state), showing, state.written)

    def events(self, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[RecordedEvent]:
        """The record itself: the events after one position and up to another, included."""
        last = self.position if until is None else min(until, self.position)
        return self._source.store.read(self.id, after=after, until=last, backwards=backwards)

    def at(self, when: Moment) -> "SessionView":
        """Everything as it was at a moment."""
        return SessionView(past_of(self._source, when))

    def _branch(self, number: int) -> BranchView:
        return BranchView(self._source, number)

    def _number(self, branch: "BranchView | str | int") -> int:
        """The number of a branch of this session."""
        if isinstance(branch, BranchView):
            if branch.session_id != self.id:
                raise ForeignBranch(self.id, repr(branch.name), branch.session_id)
            return branch.number
        return self._read(lambda state: lookup.get_branch(state, branch).number)

    def _number_then(self, branch: "BranchView | str | int", point: int | None) -> int:
        """The number of a branch of this session, which may have had its name at a position only."""
        try:
            return self._number(branch)
        except UnknownBranch:
            if point is None:
                raise
            return self.at(point)._number(branch)

    def _read(self, answer: Callable[[State], A]) -> A:
        with self._source.current() as state:
            return answer(state)

    def _identity(self) -> tuple[str, int | None]:
        return self.id, self.position if type(self) is SessionView else None


def past_of(source: Source, when: Moment) -> Past:
    """The session of a source as it was at a moment."""
    position = position_of(source, when)
    with source.current() as state:
        written = state.written
    return Past(source.store, source.store.load(source.id, position, written))


def position_of(source: Source, when: Moment) -> int:
    """The position that is meant by itself, by a message that stands there, or by the time it was the last."""
    with source.current() as state:
        if isinstance(when, datetime):
            return _position_at(source.store, state, when)
        if isinstance(when, Message):
            return _position_of_message(state, when)
        if not isinstance(when, int) or isinstance(when, bool):
            raise InvalidValue("a position", f"is {when!r}: expected an int, a Message or a datetime")
        return lookup.position_in(state, when)


def _position_of_message(state: State, message: Message) -> int:
    if message.session is None or message.position is None:
        raise UnknownMessage(state.session, "the record", "that has not been added")
    position = local_position(state, message.session, message.position)
    if position is None:
        raise UnknownMessage(state.session, "the record", str(message.id))
    return lookup.position_in(state, position)


def _position_at(store: Store, state: State, when: datetime) -> int:
    """The last position recorded by then."""
    reader = SessionReader(store, state)
    life = range(state.first, state.position + 1)
    try:
        until = microseconds(when)
    except (OverflowError, ValueError):
        reason = f"is {when.isoformat()}: expected one that falls into the years 1 to 9999 in UTC"
        raise InvalidValue("the time", reason) from None
    place = bisect_right(life, until, key=lambda position: reader.read_event(position).time)
    if place == 0:
        started = reader.read_event(state.first).recorded_at.isoformat()
        raise InvalidValue("the time", f"{when.isoformat()} is before session {state.session} began, at {started}")
    return life[place - 1]
