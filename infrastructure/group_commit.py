"""Group commit: whoever comes first commits for all who wait, then hands the place to the first who came meanwhile.

Every waiter sleeps on a lock of its own: one that all contend for would wake them all for every commit.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeAlias

from ..domain.errors import OutcomeUnknownError
from .after_fork import register
from .stored_event import AppendRequest, AppendResult

Outcomes: TypeAlias = AppendResult | Exception
Commit: TypeAlias = Callable[[Sequence[AppendRequest]], Sequence[Outcomes]]

LARGEST_GROUP = 256
"""Appends in one commit."""


class GroupCommit:
    """Turns concurrent appends into shared commits; each gets its own outcome."""

    def __init__(self, store: str, commit: Commit) -> None:
        self._store = store
        self._commit = commit
        register(self)
        self.after_fork()

    def after_fork(self) -> None:
        """Begins with an empty queue: in a new process nobody waits."""
        self._lock = Lock()
        self._queue: deque[_Waiter] = deque()
        self._taken = False

    def append(self, append: AppendRequest) -> AppendResult:
        """Records an append, perhaps together with others; raises what it is refused with."""
        mine = _Waiter(append)
        try:
            self._wait_for_turn(mine)
            if mine.outcome is None:
                self._commit_queue()
        finally:
            self._step_out(mine)
        if isinstance(mine.outcome, AppendResult):
            return mine.outcome
        raise mine.outcome or self._interrupted_error()

    def _wait_for_turn(self, mine: "_Waiter") -> None:
        """Returns when the append has its outcome, or its thread the place to commit."""
        with self._lock:
            self._queue.append(mine)
            if not self._taken:
                mine.has_place = self._taken = True
                return
        mine.asleep.acquire()

    def _step_out(self, mine: "_Waiter") -> None:
        """Leaves the queue if it was interrupted there, and passes on the place if it has it."""
        if mine.outcome is None:
            with self._lock:
                if mine in self._queue:
                    self._queue.remove(mine)
        if mine.has_place:
            self._hand_over()

    def _commit_queue(self) -> None:
        group: list[_Waiter] = []
        outcomes: Sequence[Outcomes] = ()
        try:
            with self._lock:
                while self._queue and len(group) < LARGEST_GROUP:
                    # First into the group, then off the queue: an interrupt in between leaves the waiter in both, and
                    # it gets an outcome below. The other way round it would be in neither, and sleep for ever.
                    group.append(self._queue[0])
                    self._queue.popleft()
            outcomes = self._outcomes([waiter.append for waiter in group])
        finally:
            outcomes = outcomes or [self._interrupted_error() for _ in group]
            for waiter, outcome in zip(group, outcomes, strict=True):
                waiter.outcome = outcome
                if not waiter.has_place:
                    waiter.asleep.release()

    def _outcomes(self, appends: Sequence[AppendRequest]) -> Sequence[Outcomes]:
        """What became of each; when the shared commit fails, each is tried alone and fails for its own reason."""
        try:
            return self._commit(appends)
        except OutcomeUnknownError as reason:  # perhaps all are recorded, and to try again would record them twice
            return [reason for _ in appends]
        except Exception as reason:  # noqa: BLE001 (whose append it was is what we find out here)
            return [reason] if len(appends) == 1 else [self._alone(append) for append in appends]

    def _alone(self, append: AppendRequest) -> Outcomes:
        try:
            return self._commit([append])[0]
        except Exception as reason:  # noqa: BLE001 (raised in the thread whose append it is)
            return reason

    def _hand_over(self) -> None:
        with self._lock:
            while self._queue and self._queue[0].outcome is not None:  # an interrupt left it here; it sleeps no more
                self._queue.popleft()
            if self._queue:
                self._queue[0].has_place = True
                self._queue[0].asleep.release()
            else:
                self._taken = False

    def _interrupted_error(self) -> OutcomeUnknownError:
        return OutcomeUnknownError(self._store, "the commit was interrupted, and whether it was recorded is not known")


class _Waiter:
    """An append in the queue: its thread is asleep until it has an outcome, or the place to commit."""

    def __init__(self, append: AppendRequest) -> None:
        self.append = append
        self.outcome: Outcomes | None = None
        self.has_place = False
        self.asleep = Lock()
        self.asleep.acquire()
