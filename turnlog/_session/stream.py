"""A session at work: its state kept up to date, and the loop that decides, appends and decides again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import uniform
from threading import RLock
from time import sleep
from typing import NamedTuple, TypeAlias

from ..domain.errors import (
    InvalidOperationError,
    InvalidValueError,
    PositionConflictError,
    RedactionPendingError,
    SessionNotFoundError,
)
from ..domain.events import Event, EventRedacted
from ..domain.evolve import Placed, evolve
from ..domain.expected_position import ANY, Expected, check_expected, matches
from ..domain.images import ImagePolicy
from ..domain.recorded_event import RecordedEvent
from ..domain.state import State
from ..infrastructure.after_fork import register
from ..infrastructure.command_ids import check_repeat, find_command
from ..infrastructure.retry import CONFLICT_ATTEMPTS
from ..infrastructure.session_reader import SessionReader
from ..infrastructure.state_loader import catch_up_state, load_state
from ..infrastructure.store import Store
from ..infrastructure.stored_event import AppendResult, EncodedEvent, encode_events, expectation_text
from ..provenance import provenance

Decision: TypeAlias = Callable[[State], Sequence[Event]]


class Origin(NamedTuple):
    """The cause and the actor of one event, where they are not those of the caller."""

    cause: int | None = None
    actor: str | None = None


Origins: TypeAlias = Callable[[int], Sequence[Origin]]
"""From the position of the first event that is recorded, the origin of each of them."""


class SessionStream:
    """One session of one store, as opened once: the session and the branches got from it share this."""

    def __init__(self, store: Store, state: State, images: ImagePolicy | None = None) -> None:
        self.store = store
        self.id = state.session
        self.images = image_policy(images)
        self._state = state
        self._torn = False
        self._redacted = False
        """Whether the state still has content that was redacted."""
        self._lock = RLock()
        register(self)

    def after_fork(self) -> None:
        """Takes a lock of its own: in a new process nobody gives back what was held."""
        self._lock = RLock()

    @contextmanager
    def state(self) -> Iterator[State]:
        """The state as the store has it now; yours to read until the block ends."""
        with self._lock:
            self._catch_up()
            yield self._state

    def events(self, after: int = 0) -> list[RecordedEvent]:
        """Return the recorded events after a position."""
        with self.state() as state:
            return list(SessionReader(self.store.recorder, state).read(after, state.position))

    def known_state(self) -> State:
        """Return the state as last read, without waiting for an append.

        Nothing is read, except after a redaction: then the state still has what was redacted.
        """
        if self._redacted:
            with self.state() as state:
                return state
        return self._state

    def transact(
        self,
        decision: Decision,
        *,
        expected: Expected = ANY,
        command_id: str | None = None,
        origins: Origins | None = None,
    ) -> list[Placed]:
        """Records what is decided and answers with it; with nothing, if there was nothing to record.

        A refusal, or nothing to do, counts only on the newest state. With a strict expectation the first conflict is
        the answer; without one the decision is made anew on the state that won. A `command_id` that was used before
        returns what it recorded first; CommandIdReusedError is raised if the decision had other content.
        """
        with self._lock:
            first = self._first_result(command_id)
            if first is not None:
                return self._replay_command(decision, first, command_id)
            try:
                if check_expected(expected) is not ANY:
                    return self._once(decision, expected, command_id, origins)
                return self._until_recorded(decision, command_id, origins)
            except InvalidOperationError:  # perhaps because the same command was recorded meanwhile by somebody else
                first = self._first_result(command_id)
                if first is None:
                    raise
                return self._replay_command(decision, first, command_id)

    def _once(
        self, decision: Decision, expected: Expected, command_id: str | None, origins: Origins | None
    ) -> list[Placed]:
        self._catch_up()
        if not matches(expected, self._state.position):
            raise PositionConflictError(self.id, expectation_text(expected), self._state.position)
        events = decision(self._state)
        return self._append(events, self._encode(events), command_id, origins)

    def _until_recorded(self, decision: Decision, command_id: str | None, origins: Origins | None) -> list[Placed]:
        drafts: Sequence[EncodedEvent] = ()
        for attempt in range(CONFLICT_ATTEMPTS):
            events = self._decide(decision)
            if [each.event for each in drafts] != list(events):
                drafts = self._encode(events)  # else those of the last try: encoded anew, large ones lose every race
            try:
                return self._append(events, drafts, command_id, origins)
            except PositionConflictError as conflict:
                lost = conflict
            _back_off(attempt)
            self._catch_up()
        raise lost

    def _decide(self, decision: Decision) -> Sequence[Event]:
        if self._torn or self.store.recorder.forgets:
            self._catch_up()
        try:
            events = decision(self._state)
        except InvalidOperationError:
            events = ()
        if events:
            return events
        self._catch_up()
        return decision(self._state)

    def _encode(self, events: Sequence[Event]) -> list[EncodedEvent]:
        """The events ready for storage; the one place that everything passes which a session records."""
        return encode_events(events, images=self.images)

    def _append(
        self, events: Sequence[Event], drafts: Sequence[EncodedEvent], command_id: str | None, origins: Origins | None
    ) -> list[Placed]:
        if not events:
            return []
        if origins is not None:
            own = zip(drafts, origins(self._state.position + 1), strict=True)
            drafts = [draft._replace(cause=origin.cause, actor=origin.actor) for draft, origin in own]
        try:
            appended = self.store.append(
                self.id,
                events,
                expected=self._state.position,
                command_id=command_id,
                provenance=provenance(),
                drafts=drafts,
                created=_creation_times(self.store, self._state),
                state=self._state,
            )
        except RedactionPendingError:  # the events are recorded
            self._torn = self._redacted = True
            raise
        if appended.repeated:
            return self._read_back(appended)
        placed = [(position, appended.time, event) for position, event in enumerate(events, appended.first)]
        self._torn = True
        for position, time, event in placed:
            evolve(self._state, position, time, event)
        self._torn = self._redacted = EventRedacted in map(type, events)
        return placed

    def rebind(self, store: Store) -> None:
        """Goes on in another store that has the session too."""
        with self._lock:
            self._state, self.store = load_state(store.recorder, self.id), store

    def _catch_up(self) -> None:
        """Takes in what is new; a state that an interrupt or an error left half way is folded anew."""
        if self._torn:
            self._state, self._redacted = self._fold_again(), False
        self._torn = True
        catch_up_state(self.store.recorder, self._state)
        self._torn = False

    def _fold_again(self) -> State:
        state = load_state(self.store.recorder, self.id)
        if _creation_times(self.store, self._state) not in (None, state.created):  # another session has the id by now
            raise SessionNotFoundError(self.id)
        return state

    def _first_result(self, command_id: str | None) -> AppendResult | None:
        return None if command_id is None else find_command(self.store.recorder, self.id, command_id)

    def _replay_command(self, decision: Decision, first: AppendResult, command_id: str | None) -> list[Placed]:
        """What a command recorded first, if the decision, made on the state before that, has the same content."""
        placed = self._read_back(first)
        try:
            events = decision(self._before(first))
        except InvalidOperationError:
            events = ()
        check_repeat(self.store.recorder, first, encode_events(events), command_id)
        return placed

    def _before(self, first: AppendResult) -> State:
        if first.first == 1 and not self._state.ancestors:
            return State(self.id)
        return load_state(self.store.recorder, self.id, first.first - 1)

    def _read_back(self, appended: AppendResult) -> list[Placed]:
        self._catch_up()
        found = self.store.read(self.id, after=appended.first - 1, until=appended.last)
        return [(recorded.position, recorded.time, recorded.event) for recorded in found]


def image_policy(given: ImagePolicy | None) -> ImagePolicy:
    """The policy that a caller gave, or the strict one."""
    if given is not None and not isinstance(given, ImagePolicy):
        raise InvalidValueError("images", f"cannot be a {type(given).__name__}: expected an ImagePolicy")
    return given or _STRICT


_STRICT = ImagePolicy()


def transact_together(streams: Sequence[SessionStream], decision: Callable[..., Sequence[Sequence[Event]]]) -> None:
    """Records what is decided on several sessions of a store, given the newest state of each: all of it, or nothing.

    They are held in the order of their ids, so that two who change the same ones never wait for each other.
    """
    store = streams[0].store
    with ExitStack() as held:
        found = {
            stream.id: held.enter_context(stream.state()) for stream in sorted(streams, key=lambda stream: stream.id)
        }
        states = [found[stream.id] for stream in streams]
        for attempt in range(CONFLICT_ATTEMPTS):
            decided = [(state, events) for state, events in zip(states, decision(*states), strict=True) if events]
            changes = [
                (state.session, events, state.position, _creation_times(store, state)) for state, events in decided
            ]
            latest, bases = max(state.time for state in states), [state for state, _ in decided]
            try:
                store.append_together(changes, provenance(), not_before=latest, states=bases)
                return
            except PositionConflictError as conflict:
                lost = conflict
            _back_off(attempt)
            for stream in streams:
                catch_up_state(store.recorder, found[stream.id])
        raise lost


def _creation_times(store: Store, state: State) -> int | None:
    """When a session was started, if the store may forget it and its id may begin anew."""
    return state.created if store.recorder.forgets and state.position > 0 else None


def _back_off(attempt: int) -> None:
    """Lets others go first, the longer the more often they were faster."""
    sleep(uniform(0, 0.001 * 2 ** min(attempt, 6)))
