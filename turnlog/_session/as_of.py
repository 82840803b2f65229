"""Moments of a session: the position that is meant by one, and the session as it was then."""

from bisect import bisect_right
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol, TypeAlias

from ..domain import branch_lookup
from ..domain.errors import InvalidValueError, ReadOnlyError
from ..domain.message import Message
from ..domain.ranges import Written
from ..domain.recorded_event import to_microseconds
from ..domain.state import State
from ..infrastructure.session_reader import SessionReader
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store

AsOf: TypeAlias = int | Message | datetime
"""A position, a message for its position, or a time for the last position recorded by then.

A time without a zone is local.
"""


class StateSource(Protocol):
    """Where a view gets its state from: a session at work, or a moment of its past."""

    store: Store
    id: str

    def state(self) -> AbstractContextManager[State]:
        """The state to answer from."""
        ...

    def known_state(self) -> State:
        """The state as last read, for what does not change; nothing is read for it."""
        ...


class HistoricState:
    """A session as it was at a position; folded when somebody first asks."""

    def __init__(self, store: Store, session: str, position: int, written: Written | None) -> None:
        self.store = store
        self.id = session
        self.position = position
        self._written = written
        self._folding = Lock()
        self._state: State | None = None

    def state(self) -> AbstractContextManager[State]:
        with self._folding:
            if self._state is None:
                self._state = load_state(self.store.recorder, self.id, self.position, self._written)
            return nullcontext(self._state)

    def known_state(self) -> State:
        with self.state() as state:
            return state


def as_of(source: StateSource, when: AsOf) -> HistoricState:
    """The session of a source as it was at a moment."""
    position = resolve_position(source, when)
    with source.state() as state:
        written = dict(state.written)  # other threads may add to it
    return HistoricState(source.store, source.id, position, written)


def resolve_position(source: StateSource, when: AsOf) -> int:
    """The position that is meant by itself, by a message that stands there, or by the time it was the last."""
    with source.state() as state:
        if isinstance(when, datetime):
            return _position_at(source.store, state, when)
        if isinstance(when, Message):
            return branch_lookup.position_in(state, SessionReader(source.store.recorder, state).position_of(when.id))
        if not isinstance(when, int) or isinstance(when, bool):
            raise InvalidValueError("a position", f"is {when!r}: expected an int, a Message or a datetime")
        return branch_lookup.position_in(state, when)


def resolve_branch_position(source: StateSource, branch: int, when: AsOf) -> int:
    """The same for one branch: a message that it never showed raises InvalidValueError."""
    position = resolve_position(source, when)
    require_on_branch(source, branch, when, position)
    return position


def require_on_branch(source: StateSource, branch: int, when: AsOf | None, position: int | None) -> None:
    """Raise InvalidValueError if the position is meant by a message that the branch never showed."""
    if isinstance(when, Message) and position is not None:
        with source.state() as state:
            branch_lookup.require_shown(state, branch, position)


def _position_at(store: Store, state: State, when: datetime) -> int:
    """The last position recorded by then."""
    reader = SessionReader(store.recorder, state)
    life = range(state.first, state.position + 1)
    try:
        until = to_microseconds(when)
    except (OverflowError, ValueError):
        reason = f"is {when.isoformat()}: expected one that falls into the years 1 to 9999 in UTC"
        raise InvalidValueError("the time", reason) from None
    place = bisect_right(life, until, key=lambda position: reader.read_event(position).time)
    if place == 0:
        zone = when.tzinfo or when.astimezone().tzinfo
        assumed = "" if when.tzinfo else f" (taken as local time, UTC{when.astimezone().isoformat()[-6:]})"
        started = reader.read_event(state.first).created_at.astimezone(zone)
        raise InvalidValueError(
            "the time",
            f"{when.isoformat()}{assumed} is before session {state.session} began, at {started.isoformat()}",
        )
    return life[place - 1]


class ReadOnlyView:
    """What can be read at a moment; what the class for the present adds to it is writing, and refused by name."""

    _source: StateSource
    _writing: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for view in cls.__bases__:
            if issubclass(view, ReadOnlyView) and ReadOnlyView in view.__bases__:
                parts = [cls, *(base for base in cls.__bases__ if not issubclass(base, ReadOnlyView))]
                mine = [item for part in parts for item in vars(part).items()]
                added = {name for name, what in mine if not isinstance(what, classmethod)}
                view._writing |= {name for name in added - vars(view).keys() if not name.startswith("_")}

    if not TYPE_CHECKING:  # a type checker would take it that every name can be read

        def __getattr__(self, name: str) -> NoReturn:
            if ReadOnlyView in type(self).__bases__ and name in type(self)._writing:
                with self._source.state() as state:
                    raise ReadOnlyError(
                        f"{name} writes, but this is session {state.session} as of position {state.position}; "
                        f"use the session itself, or fork it there"
                    )
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)
