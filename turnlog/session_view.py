"""Reading a session at one position: the surface that the past and the present share."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from ._mail.session_mail_view import SessionMailView
from ._session.as_of import AsOf, ReadOnlyView, StateSource, as_of, resolve_position
from ._session.logs_view import SessionLogsView
from ._session.prompts import PromptMethods
from ._session.search import SearchHit, search_in
from .branch_view import Absent, Branches, BranchView, message_dicts
from .domain import branch_lookup
from .domain.errors import BranchNotFoundError, InvalidBranchError, InvalidValueError, StoreClosedError
from .domain.errors.base import suggestion
from .domain.events import STORED_NAMES
from .domain.instant import Instant
from .domain.json_values import Json
from .domain.message import Message, MessageDict
from .domain.ranges import Origin
from .domain.recorded_event import RecordedEvent
from .domain.state import State, Visibility
from .infrastructure.async_methods import awaited, awaited_read, in_threads
from .infrastructure.session_reader import SessionReader
from .infrastructure.store import is_same_record
from .projections.difference import Difference, difference
from .projections.messages import Messages, branch_messages, messages_of_branches
from .replay import Replay

__all__ = ["SessionView"]

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

A = TypeVar("A")
D = TypeVar("D")

MESSAGE = "message.appended"
NOT_LOADED = frozenset(Origin) - {Origin.LOADED}


class SessionView(ReadOnlyView, PromptMethods):
    """A session as it was at a position: everything can be read, nothing written."""

    def __init__(self, source: StateSource) -> None:
        self._source = source

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        try:
            return self._describe()
        except StoreClosedError:
            return f"<{type(self).__name__} {self.id} of a closed store>"

    def _describe(self) -> str:
        with self._source.state() as state:
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
    def first_position(self) -> int:
        """The earliest position: 1, or that of the first event of the session at the root of all it goes on from."""
        return self._source.known_state().first

    @property
    def status(self) -> str:
        """Whether it is active, archived or deleted."""
        return self._read(lambda state: state.status.value)

    @property
    def name(self) -> str | None:
        """The name of the session, as last read; several sessions may have the same."""
        return self._source.known_state().name

    @property
    def key(self) -> str | None:
        """The name that no other session has, if it has one: that by which a `SessionManager` finds it."""
        return self._read(lambda state: state.key)

    @property
    def user(self) -> str | None:
        """Whose session it is."""
        return self._source.known_state().user

    @property
    def metadata(self) -> dict[str, Json]:
        """A copy of the metadata."""
        return self._read(lambda state: deepcopy(state.metadata))

    @property
    def created_at(self) -> Instant:
        """When the session was started."""
        return Instant.at(self._source.known_state().created)

    @property
    def updated_at(self) -> Instant:
        """When the last event was recorded."""
        return self._read(lambda state: Instant.at(state.time))

    @property
    def message_count(self) -> int:
        """How many messages were recorded on all branches, system messages and messages no longer shown included."""
        return self._read(lambda state: state.messages_until(state.position))

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

    @overload
    def get_branch(self, branch: BranchView | str | int) -> BranchView: ...
    @overload
    def get_branch(self, branch: BranchView | str | int, default: D) -> BranchView | D: ...
    def get_branch(self, branch: BranchView | str | int, default: D | Absent = Absent.ABSENT) -> BranchView | D:
        """Return a branch by name, id or number; without a default, one that does not exist is an error."""
        try:
            return self._branch(self._number(branch))
        except (BranchNotFoundError, InvalidBranchError):
            if default is Absent.ABSENT:
                raise
            return default

    @property
    def default_branch(self) -> BranchView:
        """The default branch; a session without one raises BranchNotFoundError."""
        return self._branch(self._read(lambda state: branch_lookup.get_default_branch(state).number))

    def find_default_branch(self) -> BranchView | None:
        """The default branch; None if the session has none."""
        number = self._read(lambda state: state.default)
        return None if number is None else self._branch(number)

    @property
    def mail(self) -> SessionMailView:
        """The mail of the session: participants, mailboxes and channels."""
        return SessionMailView(self._source)

    @property
    def messages(self) -> Messages:
        """What the default branch shows; nothing if there is none."""
        with self._source.state() as state:
            showing = Visibility(0) if state.default is None else state.showing(state.default)
            return branch_messages(SessionReader(self._source.store.recorder, state), showing, state.written)

    def get_messages(self, limit: int | None = None) -> list[MessageDict]:
        """The messages of the default branch, or the last ones, as dicts with role and content.

        They are one's own to change and to write with `json`, and have the attributes of the messages, too.
        """
        return message_dicts(self.messages, limit)

    @property
    def logs(self) -> SessionLogsView:
        """The account of what was called, denied and logged."""
        return SessionLogsView(self._source, None)

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
        with self._source.state() as state:
            shown = [each.number for each in state.live] if numbers is None else numbers
            showings = [state.showing(branch_lookup.get_branch(state, number).number) for number in shown]
            found = messages_of_branches(
                SessionReader(self._source.store.recorder, state), showings, state.written, leave_out
            )
        return found.filter(origin=NOT_LOADED) if exclude_load else found

    def to_arrow(
        self,
        branches: Iterable[BranchView | str | int] | BranchView | str | int | None = None,
        exclude_clone: bool = False,
        exclude_load: bool = False,
    ) -> "pyarrow.Table":
        """The messages that `concat_messages` answers with, as an Arrow table."""
        return self.concat_messages(branches, exclude_clone, exclude_load).to_arrow()

    def to_df(
        self,
        branches: Iterable[BranchView | str | int] | BranchView | str | int | None = None,
        exclude_clone: bool = False,
        exclude_load: bool = False,
    ) -> "pandas.DataFrame":
        """The messages that `concat_messages` answers with, as a pandas DataFrame."""
        return self.concat_messages(branches, exclude_clone, exclude_load).to_df()

    def to_polars(
        self,
        branches: Iterable[BranchView | str | int] | BranchView | str | int | None = None,
        exclude_clone: bool = False,
        exclude_load: bool = False,
    ) -> "polars.DataFrame":
        """The messages that `concat_messages` answers with, as a Polars DataFrame."""
        return self.concat_messages(branches, exclude_clone, exclude_load).to_polars()

    def search(
        self, query: str, *, branch: BranchView | str | int | None = None, role: str | None = None, limit: int = 20
    ) -> list[SearchHit]:
        """The newest messages that say all of the words, "phrases" and beginnings*, on a branch or on any.

        Found is what the branches show at this moment, inherited messages included.
        """
        number = None if branch is None else self._number(branch)
        with self._source.state() as state:
            chosen = state.live if number is None else [branch_lookup.get_branch(state, number)]
            numbers = [each.number for each in chosen]
            return search_in(self._source.store, state, numbers, query, role=role, limit=limit)

    def diff(self, left: "Comparable", right: "Comparable") -> Difference:
        """What two lines of messages have in common, and how each goes on.

        A branch stands for what it shows; a session, a view of one or a moment for what its default branch shows.
        """
        return difference(self._line(left), self._line(right))

    def bisect(self, predicate: "Callable[[SessionView], bool]") -> int | None:
        """The first position at which the predicate holds, if it holds from there on; None if it holds nowhere."""
        with self._source.state() as state:
            life = range(state.first, state.position + 1)
        place = bisect_left(life, True, key=lambda position: bool(predicate(self.at(position))))
        return life[place] if place < len(life) else None

    def blame(self, message: Message) -> RecordedEvent:
        """The event that put a message on the record: when, by whom, as part of what, with which command."""
        position = resolve_position(self._source, message)
        with self._source.state() as state:
            return SessionReader(self._source.store.recorder, state).read_event(position)

    def replay(self) -> "Replay[SessionView]":
        """A walk through the session, event by event, forwards and backwards."""
        return Replay(self._source, SessionView)

    def lineage(self) -> list[tuple[str, int]]:
        """The sessions that this one goes on from, and the position of each at which it was forked."""
        with self._source.state() as state:
            before = [0, *(ancestor.ahead for ancestor in state.ancestors)]
            return [(each.session, each.ahead - ahead) for ahead, each in zip(before, state.ancestors, strict=False)]

    def events(
        self,
        *,
        after: AsOf | None = None,
        until: AsOf | None = None,
        backwards: bool = False,
        names: str | Collection[str] = (),
        branch: BranchView | str | int | None = None,
        actor: str | None = None,
        correlation_id: str | None = None,
    ) -> Iterator[RecordedEvent]:
        """The record itself: the events after one moment and up to another, included.

        Without bounds, those of this session alone; positions before 1 are those of the sessions it goes on from. On
        request only those with a stored name, or one of several, on one branch, by one actor, or of one run.
        """
        chosen = {names} if isinstance(names, str) else set(names)
        if unknown := sorted(chosen - STORED_NAMES.keys()):
            raise InvalidValueError(
                "names", f"have no event called {unknown[0]!r}; {suggestion(unknown[0], STORED_NAMES)}"
            )
        wanted = {
            "actor": actor,
            "correlation_id": correlation_id,
            "branch": None if branch is None else self._number(branch),
        }
        return (
            event
            for event in self._read_events(self._position_bound(after), self._position_bound(until), backwards, chosen)
            if (not chosen or event.name in chosen)
            and all(value is None or getattr(event, field) == value for field, value in wanted.items())
        )

    def _position_bound(self, when: AsOf | None) -> int | None:
        """A position as it is, also one behind the last; any other moment as the position it is."""
        return when if when is None or isinstance(when, int) else resolve_position(self._source, when)

    def _read_events(
        self, after: int | None, until: int | None, backwards: bool, names: Collection[str]
    ) -> Iterator[RecordedEvent]:
        with self._source.state() as state:
            reader = SessionReader(self._source.store.recorder, state)
            last = state.position if until is None else min(until, state.position)
            start = (0 if state.position > 0 else state.first - 1) if after is None else max(after, state.first - 1)
        if names and MESSAGE not in names and not backwards:  # among many messages the rest is found by an index
            return reader.read_structure(start, last, names)
        return reader.read(start, last, backwards=backwards)

    def at(self, when: AsOf) -> "SessionView":
        """Everything as it was at a moment."""
        return SessionView(as_of(self._source, when))

    def _branch(self, number: int) -> BranchView:
        return BranchView(self._source, number)

    aget_state = awaited_read(get_state)
    aget_branch = awaited(get_branch)
    afind_default_branch = awaited_read(find_default_branch)
    aget_messages = awaited_read(get_messages)
    aconcat_messages = awaited_read(concat_messages)
    ato_arrow = awaited_read(to_arrow)
    ato_df = awaited_read(to_df)
    ato_polars = awaited_read(to_polars)
    asearch = awaited_read(search)
    adiff = awaited_read(diff)
    abisect = awaited_read(bisect)
    ablame = awaited_read(blame)
    areplay = awaited(replay)
    alineage = awaited_read(lineage)
    aat = awaited_read(at)

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
            if branch.session_id != self.id or not is_same_record(self._source.store, branch._source.store):
                raise InvalidBranchError(
                    self.id,
                    repr(branch.name),
                    f"it belongs to session {branch.session_id} in {branch._source.store.address}",
                )
            return branch.number
        return self._read(lambda state: branch_lookup.get_branch(state, branch).number)

    def _number_then(self, branch: "BranchView | str | int", point: int | None) -> int:
        """The number of a branch of this session, which may have had its name at a position only."""
        try:
            number = self._number(branch)
            if point is None or self._read(lambda state: state.branches[number].created_at <= point):
                return number
        except BranchNotFoundError:
            if point is None:
                raise
            return self.at(point)._number(branch)
        found = None if isinstance(branch, BranchView) else self.at(point).branches.get(branch)
        return number if found is None else found.number

    def _read(self, answer: Callable[[State], A]) -> A:
        with self._source.state() as state:
            return answer(state)

    def _identity(self) -> tuple[str, int | None]:
        return self.id, self.position if type(self) is SessionView else None


Comparable: TypeAlias = SessionView | BranchView | str | AsOf
"""What can be compared: a session or branch as it is or was, a branch by its name, a session at a moment."""
