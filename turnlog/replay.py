"""Stepping through a session event by event, and forking it at any step."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ._session.as_of import AsOf, HistoricState, StateSource, resolve_position
from .branch_view import BranchView
from .domain.errors.base import position_not_found
from .domain.recorded_event import RecordedEvent
from .infrastructure.session_reader import SessionReader

__all__ = ["Replay", "SessionReplay"]

V = TypeVar("V")
B = TypeVar("B")


class Replay(Generic[V]):
    """A position in a session that moves event by event; it starts before the first one."""

    def __init__(self, source: StateSource, view: Callable[[HistoricState], V]) -> None:
        with source.state() as state:
            self._reader = SessionReader(source.store.recorder, state)
            self._first, self._last = state.first, state.position
            self._written = dict(state.written)
        self._source = source
        self._view = view
        self.position = self._first - 1

    def __iter__(self) -> Iterator[tuple[RecordedEvent, V]]:
        """Yield each following event, and the session as of that event."""
        while self.position < self._last:
            yield self.step(), self.view

    def __repr__(self) -> str:
        return f"<Replay of session {self._source.id}, at {self.position} of {self._last}>"

    @property
    def view(self) -> V:
        """The session as of this position."""
        if self.position < self._first:
            raise position_not_found(self._source.id, self.position, self._first, self._last)
        return self._view(HistoricState(self._source.store, self._source.id, self.position, self._written))

    def step(self) -> RecordedEvent:
        """Step forward over the next event, and return it."""
        event = self._reader.read_event(self._within(self.position + 1))
        self.position += 1
        return event

    def back(self) -> RecordedEvent:
        """Step back over the last event, and return it."""
        event = self._reader.read_event(self._within(self.position))
        self.position -= 1
        return event

    def goto(self, when: AsOf) -> V:
        """Go to a position, and return the session as of it."""
        self.position = resolve_position(self._source, when)
        return self.view

    def _within(self, position: int) -> int:
        if not self._first <= position <= self._last:
            raise position_not_found(self._source.id, position, self._first, self._last)
        return position


class SessionReplay(Replay[V], Generic[V, B]):
    """A replay of a session that can be changed: it can be forked at any step."""

    def __init__(
        self,
        source: StateSource,
        view: Callable[[HistoricState], V],
        fork: Callable[[V, int, BranchView | str | int | None, str | None], B],
    ) -> None:
        super().__init__(source, view)
        self._fork = fork

    def fork_here(self, branch: BranchView | str | int | None = None, name: str | None = None) -> B:
        """Create a branch with the messages that a branch, or the default one, had at this position."""
        return self._fork(self.view, self.position, branch, name)
