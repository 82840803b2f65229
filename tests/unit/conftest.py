"""Given what happened, when something is decided, then these events follow, or it is refused.

Tests cannot import their siblings, so the kit comes as the fixture `given`. Beside what a test says itself, each
`then` checks that the events can be stored, read back and folded, and each `refused` that the sentence says what
was expected.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pytest

from turnlog.domain import codec
from turnlog.domain.errors import InvalidOperationError
from turnlog.domain.events import Event
from turnlog.domain.evolve import fold
from turnlog.domain.ranges import positions
from turnlog.domain.state import State


class Scenario:
    """A session `s` to which some events have happened, at the positions 1, 2, 3 ..."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.events = events
        self.state = fold(((place, place * 10, event) for place, event in enumerate(events, 1)), State("s"))

    def when(self, decide: Callable[..., Sequence[Event]], *args: Any, **kwargs: Any) -> "Outcome":
        """What comes of a decision."""
        return Outcome(self, decide, args, kwargs)

    def shows(self, branch: int, at: int | None = None) -> list[int]:
        """The positions of the messages that a branch shows."""
        return list(positions(self.state.showing(branch, at).ranges, self.state.written))

    def origins(self, branch: int) -> list[str]:
        """How the messages that a branch shows came to it."""
        shown = self.state.showing(branch).ranges
        return [piece.origin.value for piece in shown for _ in range(piece.count)]

    def system(self, branch: int, at: int | None = None) -> int | None:
        """The position of the system message of a branch."""
        return self.state.showing(branch, at).system


class Outcome:
    """The events that were decided, or the refusal."""

    def __init__(
        self, before: Scenario, decide: Callable[..., Sequence[Event]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._before = before
        self._decide, self._args, self._kwargs = decide, args, kwargs
        self._refusal: InvalidOperationError | None = None
        self._events: list[Event] = []
        try:
            self._events = self._on(before.state)
            self._payloads = [codec.encode(event) for event in self._events]
        except InvalidOperationError as refusal:
            self._refusal = refusal

    def _on(self, state: State) -> list[Event]:
        return list(self._decide(state, *self._args, **self._kwargs))

    def then(self, *events: Event) -> Scenario:
        """Exactly these events follow; the answer is the session after them."""
        assert self._refusal is None, self._refusal
        assert self._events == list(events)
        for event, payload in zip(self._events, self._payloads, strict=True):
            assert codec.decode(codec.stored_name(event), payload, "s", 1) == event
        return Scenario((*self._before.events, *events))

    def then_once(self, *events: Event) -> Scenario:
        """Exactly these events follow, and deciding the same again after them yields nothing."""
        after = self.then(*events)
        assert self._on(after.state) == []
        return after

    def nothing(self) -> None:
        """Nothing follows: it is so already."""
        self.then()

    def refused(self, error: type[InvalidOperationError], *words: str) -> None:
        """It is refused by this error, in a sentence that says these words and what was expected."""
        assert self._refusal is not None, f"not refused: {self._events}"
        assert type(self._refusal) is error
        sentence = str(self._refusal)
        assert [word for word in words if word.lower() not in sentence.lower()] == [], sentence
        assert str(pickle.loads(pickle.dumps(self._refusal))) == sentence


class Given(Protocol):
    """Makes a session to which events have happened."""

    def __call__(self, *events: Event) -> Scenario: ...


@pytest.fixture
def given() -> Given:
    """The session `s`, to which the events given have happened."""
    return lambda *events: Scenario(events)
