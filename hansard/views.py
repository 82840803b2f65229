"""Reading a session at one position: the surface that the past and the present share."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeAlias, TypeVar

from msgspec.structs import replace

from ._moments import Moment, Past, Source, past_of, position_of
from .domain import lookup
from .domain.errors import ForeignBranch, InvalidBranch, InvalidValue, UnknownBranch, ViewIsReadOnly
from .domain.events import STORED_NAMES
from .domain.message import Message
from .domain.plain import Json
from .domain.ranges import Origin
from .domain.record import RecordedEvent, moment
from .domain.state import BranchState, Showing, State
from .infrastructure.reading import SessionReader
from .infrastructure.twins import awaited, in_threads
from .projections.difference import Difference, difference
from .projections.messages import Messages, all_shown, shown_messages
from .replay import Replay

A = TypeVar("A")


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
            alone = replace(state.showing(self.number), ranges=())
            found = shown_messages(SessionReader(self._source.store, state), alone, state.written)
        return next(iter(found), None)

    def lineage(self) -> list[tuple["BranchView", int]]:
        """The branches that this one goes on from up to the root, and the position at which each was forked."""
        with self._source.current() as state:
            forks, branch = [], state.branches[self.number]
            while branch.parent is not None and branch.forked_at is not None:
                forks.append((BranchView(self._source, branch.parent), branch.forked_at))
                branch = state.branches[branch.parent]
        return forks

    def at(self, when: Moment) -> "BranchView":
        """The branch as it was at a moment."""
        position = position_of(self._source, when)
        with self._source.current() as state:
            lookup.branch_at(state, self.number, position)
        return BranchView(past_of(self._source, position), self.number)

    alineage = awaited(lineage)
    aat = awaited(at)

    def _read(self, answer: Callable[[State, BranchState], A]) -> A:
        with self._source.current() as state:
            return answer(state, state.branches[self.number])

    def _identity(self) -> tuple[str, int, int | None]:
        return self._source.id, self.number, self.seen_at

    @property
    def seen_at(self) -> int | None:
        """The position it is seen at, if it is seen as it was; None for the branch itself."""
        return self._source.position if isinstance(self._source, Past) else None


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
        return self._read(lambda state: deepcopy(state.values[key]) if key in state.values else default)

    @property
    def branches(self) -> Branches[BranchView]:
        """The branches, by name, id or number."""
        return Branches(self._source, self._branch)

    def get_branch(self, branch: BranchView | str | int, default: D | None = None) -> BranchView | D:
        """The branch; one that is not there is refused, unless there is a default to answer with."""
        try:
            return self._branch(self._number(branch))
        except InvalidBranch:
            if default is None:
                raise
            return default

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

    def concat_messages(
        self,
        branches: Iterable[BranchView | str | int] | BranchView | str | int | None = None,
        exclude_clone: bool = False,
        exclude_load: bool = False,
    ) -> Messages:
        """The messages of several branches, or of all, each once, in the order they were recorded.

        On request without those that only came there by a fork or a split, and without those that were loaded.
        """
        chosen = [branches] if isinstance(branches, BranchView | str | int) else branches
        numbers = None if chosen is None else [self._number(branch) for branch in chosen]
        leave_out = {Origin.INHERITED, Origin.CLONED} if exclude_clone else set()
        with self._source.current() as state:
            shown = [each.number for each in state.live] if numbers is None else numbers
            showings = [state.showing(lookup.get_branch(state, number).number) for number in shown]
            found = all_shown(SessionReader(self._source.store, state), showings, state.written, leave_out)
        return found.without_loaded() if exclude_load else found

    @property
    def all_messages(self) -> Messages:
        """The messages of all branches, each once, in the order they were recorded."""
        return self.concat_messages()

    def diff(self, left: "Comparable", right: "Comparable") -> Difference:
        """What two lines of messages have in common, and how each goes on.

        A branch stands for what it shows; a session, a view of one or a moment for what its default branch shows.
        """
        return difference(self._line(left), self._line(right))

    def bisect(self, predicate: "Callable[[SessionView], bool]") -> int | None:
        """The first position at which the predicate holds, if it holds from there on; None if it holds nowhere."""
        with self._source.current() as state:
            life = range(state.first, state.position + 1)
        place = bisect_left(life, True, key=lambda position: bool(predicate(self.at(position))))
        return life[place] if place < len(life) else None

    def blame(self, message: Message) -> RecordedEvent:
        """The event that put a message on the record: when, by whom, as part of what, with which command."""
        position = position_of(self._source, message)
        with self._source.current() as state:
            return SessionReader(self._source.store, state).read_event(position)

    def replay(self) -> "Replay[SessionView]":
        """A walk through the session, event by event, forwards and backwards."""
        return Replay(self._source, SessionView)

    def lineage(self) -> list[tuple[str, int]]:
        """The sessions that this one goes on from, and the position of each at which it was forked."""
        with self._source.current() as state:
            before = [0, *(ancestor.ahead for ancestor in state.ancestors)]
            return [(each.session, each.ahead - ahead) for ahead, each in zip(before, state.ancestors, strict=False)]

    def events(
        self,
        *,
        after: int | None = None,
        until: int | None = None,
        backwards: bool = False,
        names: Collection[str] = (),
        branch: BranchView | str | int | None = None,
        actor: str | None = None,
        correlation: str | None = None,
    ) -> Iterator[RecordedEvent]:
        """The record itself: the events after one position and up to another, included.

        Without bounds, those of this session alone; positions before 1 are those of the sessions it goes on from. On
        request only those with one of the stored names, on one branch, by one actor, or of one run.
        """
        unknown = sorted({names} if isinstance(names, str) else set(names) - STORED_NAMES.keys())
        if unknown:
            raise InvalidValue("names", f"are {unknown}: expected a list of stored names")
        wanted = {
            "actor": actor,
            "correlation": correlation,
            "branch": None if branch is None else self._number(branch),
        }
        return (
            event
            for event in self._recorded(after, until, backwards)
            if (not names or event.name in names)
            and all(value is None or getattr(event, field) == value for field, value in wanted.items())
        )

    def _recorded(self, after: int | None, until: int | None, backwards: bool) -> Iterator[RecordedEvent]:
        with self._source.current() as state:
            reader = SessionReader(self._source.store, state)
            last = state.position if until is None else min(until, state.position)
            start = (0 if state.position > 0 else state.first - 1) if after is None else max(after, state.first - 1)
        return reader.read(start, last, backwards=backwards)

    def at(self, when: Moment) -> "SessionView":
        """Everything as it was at a moment."""
        return SessionView(past_of(self._source, when))

    def _branch(self, number: int) -> BranchView:
        return BranchView(self._source, number)

    aget_state = awaited(get_state)
    aget_branch = awaited(get_branch)
    aconcat_messages = awaited(concat_messages)
    adiff = awaited(diff)
    abisect = awaited(bisect)
    ablame = awaited(blame)
    areplay = awaited(replay)
    alineage = awaited(lineage)
    aat = awaited(at)

    def aevents(self, **which: Any) -> AsyncIterator[RecordedEvent]:
        """The record itself, as `events` reads it, for `async for`."""
        return in_threads(self.events(**which))

    def _line(self, what: "Comparable") -> Messages:
        match what:
            case SessionView() | BranchView():
                return what.messages
            case str():
                return self.branches[what].messages
            case _:
                return self.at(what).messages

    def _number(self, branch: "BranchView | str | int") -> int:
        """The number of a branch of this session."""
        if isinstance(branch, BranchView):
            if branch.session_id != self.id or not self._source.store.keeps_the_same_as(branch._source.store):
                raise ForeignBranch(
                    self.id, repr(branch.name), f"{branch.session_id} in {branch._source.store.address}"
                )
            return branch.number
        return self._read(lambda state: lookup.get_branch(state, branch).number)

    def _number_then(self, branch: "BranchView | str | int", point: int | None) -> int:
        """The number of a branch of this session, which may have had its name at a position only."""
        try:
            number = self._number(branch)
            if point is None or self._read(lambda state: state.branches[number].created_at <= point):
                return number
        except UnknownBranch:
            if point is None:
                raise
            return self.at(point)._number(branch)
        found = None if isinstance(branch, BranchView) else self.at(point).branches.get(branch)
        return number if found is None else found.number

    def _read(self, answer: Callable[[State], A]) -> A:
        with self._source.current() as state:
            return answer(state)

    def _identity(self) -> tuple[str, int | None]:
        return self.id, self.position if type(self) is SessionView else None


Comparable: TypeAlias = SessionView | BranchView | str | Moment
"""What can be compared: a session or branch as it is or was, a branch by its name, a session at a moment."""
