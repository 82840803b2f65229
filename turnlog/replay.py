"""Stepping through a session: one event at a time, forwards and backwards, and a fork from wherever one stands."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ._as_of import AsOf, HistoricState, StateSource, resolve_position
from .domain.errors.base import position_not_found
from .domain.recorded_event import RecordedEvent
from .infrastructure.session_reader import SessionReader

V = TypeVar("V")


class Replay(Generic[V]):
    """A place in the life of a session; it begins in front of the first event."""

    def __init__(self, source: StateSource, view: Callable[[HistoricState], V]) -> None:
        with source.state() as state:
            self._reader = SessionReader(source.store, state)
            self._first, self._last = state.first, state.position
            self._written = dict(state.written)
        self._source = source
        self._view = view
        self.position = self._first - 1

    def __iter__(self) -> Iterator[tuple[RecordedEvent, V]]:
        """Each event from here on, and the session as it was with it."""
        while self.position < self._last:
            yield self.step(), self.view

    def __repr__(self) -> str:
        return f"<Replay of session {self._source.id}, at {self.position} of {self._last}>"

    @property
    def view(self) -> V:
        """The session as it was here."""
        if self.position < self._first:
            raise position_not_found(self._source.id, self.position, self._first, self._last)
        return self._view(HistoricState(self._source.store, self._source.id, self.position, self._written))

    def step(self) -> RecordedEvent:
        """Takes the next event, and answers with it."""
        event = self._reader.read_event(self._within(self.position + 1))
        self.position += 1
        return event

    def back(self) -> RecordedEvent:
        """Goes back before the last event taken, and answers with that."""
        event = self._reader.read_event(self._within(self.position))
        self.position -= 1
        return event

    def goto(self, when: AsOf) -> V:
        """Goes to a moment, and answers with the session as it was then."""
        self.position = resolve_position(self._source, when)
        return self.view

    def _within(self, position: int) -> int:
        if not self._first <= position <= self._last:
            raise position_not_found(self._source.id, position, self._first, self._last)
        return position
