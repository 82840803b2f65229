"""Group commit, with a commit that the test opens and shuts."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from turnlog.domain.errors import DatabaseError, InvalidOperationError, OutcomeUnknownError, PositionConflictError
from turnlog.infrastructure.group_commit import GroupCommit
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult


class Gate:
    """A commit that waits until it is let through, and notes what it was given."""

    def __init__(self, answer: Callable[[AppendRequest], AppendResult | InvalidOperationError]) -> None:
        self.groups: list[list[str]] = []
        self.entered = Event()
        self.open = Event()
        self._answer = answer

    def commit(self, appends: Sequence[AppendRequest]) -> list[AppendResult | InvalidOperationError]:
        self.groups.append([append.session for append in appends])
        self.entered.set()
        self.open.wait()
        return [self._answer(append) for append in appends]


def recorded(append: AppendRequest) -> AppendResult:
    return AppendResult(append.session, 1, 1, 1, 0)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def queued(
    threads: ThreadPoolExecutor, commits: GroupCommit, gate: Gate, sessions: Sequence[str]
) -> list[Future[AppendResult]]:
    """The first session's append inside the commit, the others waiting behind it in order."""
    futures = [threads.submit(commits.append, AppendRequest(sessions[0], []))]
    gate.entered.wait()
    for waiting, session in enumerate(sessions[1:], 1):
        futures.append(threads.submit(commits.append, AppendRequest(session, [])))
        while len(commits._queue) < waiting:
            pass
    return futures


def test_an_append_that_is_alone_is_committed_alone() -> None:
    gate = Gate(recorded)
    gate.open.set()

    assert GroupCommit("a store", gate.commit).append(AppendRequest("a", [])) == AppendResult("a", 1, 1, 1, 0)
    assert gate.groups == [["a"]]


def test_those_who_come_during_a_commit_share_the_next(threads: ThreadPoolExecutor) -> None:
    gate = Gate(recorded)
    futures = queued(threads, GroupCommit("a store", gate.commit), gate, ["a", "b", "c", "d"])

    gate.open.set()

    assert [future.result().session for future in futures] == ["a", "b", "c", "d"]
    assert gate.groups == [["a"], ["b", "c", "d"]]


def test_a_conflict_is_the_answer_to_its_own_append_only(threads: ThreadPoolExecutor) -> None:
    gate = Gate(lambda append: PositionConflictError("c", 3, 4) if append.session == "c" else recorded(append))
    a, b, c, d = queued(threads, GroupCommit("a store", gate.commit), gate, ["a", "b", "c", "d"])

    gate.open.set()

    assert [future.result().session for future in (a, b, d)] == ["a", "b", "d"]
    with pytest.raises(PositionConflictError, match="expected at position 3 and is at 4"):
        c.result()


def test_when_a_shared_commit_fails_only_the_append_that_is_to_blame_fails(threads: ThreadPoolExecutor) -> None:
    def answer(append: AppendRequest) -> AppendResult:
        if append.session == "c":
            raise DatabaseError("a store", "too large")
        return recorded(append)

    gate = Gate(answer)
    a, b, c, d = queued(threads, GroupCommit("a store", gate.commit), gate, ["a", "b", "c", "d"])

    gate.open.set()

    assert [future.result().session for future in (a, b, d)] == ["a", "b", "d"]
    with pytest.raises(DatabaseError, match="too large"):
        c.result()
    assert gate.groups == [["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]]


def test_after_a_failure_the_place_is_free_again() -> None:
    def answer(append: AppendRequest) -> AppendResult:
        if append.session == "bad":
            raise OverflowError("no number of SQLite")
        return recorded(append)

    gate = Gate(answer)
    gate.open.set()
    commits = GroupCommit("a store", gate.commit)

    with pytest.raises(OverflowError):
        commits.append(AppendRequest("bad", []))
    assert commits.append(AppendRequest("good", [])).session == "good"


def test_when_the_committing_thread_is_interrupted_the_others_are_told_and_the_place_is_passed_on(
    threads: ThreadPoolExecutor,
) -> None:
    def answer(append: AppendRequest) -> AppendResult:
        if append.session == "b":
            raise KeyboardInterrupt
        return recorded(append)

    gate = Gate(answer)
    commits = GroupCommit("a store", gate.commit)
    a, b, c = queued(threads, commits, gate, ["a", "b", "c"])

    gate.open.set()

    assert a.result().session == "a"
    with pytest.raises(KeyboardInterrupt):
        b.result()
    with pytest.raises(DatabaseError, match="whether it was recorded is not known"):
        c.result()
    assert commits.append(AppendRequest("d", [])).session == "d"


class Interrupted(deque[Any]):
    """A queue that is interrupted before so many takings from it."""

    def __init__(self, waiters: Iterable[Any], after: int) -> None:
        super().__init__(waiters)
        self._left = after

    def popleft(self) -> Any:
        self._left -= 1
        if self._left == -1:
            raise KeyboardInterrupt
        return super().popleft()


def test_who_is_interrupted_while_gathering_a_group_leaves_nobody_asleep(threads: ThreadPoolExecutor) -> None:
    gate = Gate(recorded)
    commits = GroupCommit("a store", gate.commit)
    a, b, c, d = queued(threads, commits, gate, ["a", "b", "c", "d"])
    commits._queue = Interrupted(commits._queue, after=1)

    gate.open.set()

    assert a.result().session == "a"
    with pytest.raises(KeyboardInterrupt):
        b.result()
    with pytest.raises(OutcomeUnknownError, match="the commit was interrupted"):
        c.result()
    assert d.result().session == "d"
    assert commits.append(AppendRequest("e", [])).session == "e"
    assert gate.groups == [["a"], ["d"], ["e"]]


def test_who_is_interrupted_while_gathering_its_own_append_does_not_keep_the_place() -> None:
    gate = Gate(recorded)
    gate.open.set()
    commits = GroupCommit("a store", gate.commit)
    commits._queue = Interrupted([], after=0)

    with pytest.raises(KeyboardInterrupt):
        commits.append(AppendRequest("a", []))
    assert commits.append(AppendRequest("b", [])).session == "b"
    assert gate.groups == [["b"]]
