"""Stores on a server: rows are stamped here, on the head this process knows, and the server accepts them if it is
still the head. The digest is made in one place, and a commit takes one round trip as long as nobody else writes."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from ..domain.errors import (
    InvalidOperationError,
    PositionConflictError,
    ProjectionError,
    SessionNotFoundError,
    SessionTooLargeError,
    StoreError,
)
from ..domain.expected_position import matches
from ..domain.state import Status
from ..projections.catalogue import CatalogueEntry
from .after_fork import register
from .recorder import Recorder
from .stored_event import AppendRequest, AppendResult, Outcome, Row, expectation_text, size_error, stamp

KNOWN_HEADS = 10_000
"""Sessions whose heads are remembered; one that was forgotten costs a round trip more."""

ROUNDS = 100
"""How often an append is stamped anew because other processes were faster."""


class StampedAppend(msgspec.Struct, frozen=True):
    """An append as stamped on a head; the global positions of its rows are the server's to give."""

    append: AppendRequest
    head: CatalogueEntry
    rows: list[Row]
    entry: CatalogueEntry


class HeadMoved(msgspec.Struct, frozen=True):
    """The server's answer to an attempt on a head that is not the head any more."""

    head: CatalogueEntry


Answer: TypeAlias = AppendResult | InvalidOperationError | HeadMoved | ProjectionError
"""What became of an attempt: recorded, refused, to be made anew, or failed for what is kept beside it."""


class ServerRecorder(Recorder):
    """What stores on a server share: the heads they know, and trying again on newer ones."""

    def __init__(self) -> None:
        self._heads: OrderedDict[str, CatalogueEntry] = OrderedDict()
        self.after_fork()
        register(self)

    def after_fork(self) -> None:
        """Takes a lock that no thread of the parent process holds."""
        self._heads_lock = Lock()

    @abstractmethod
    def _commit(self, attempts: Sequence[StampedAppend], *, together: bool) -> Sequence[Answer]:
        """Records, in one transaction, every attempt whose head (position and digest) is the session's; answers each.

        An attempt whose command is on the record answers with what it recorded. Later attempts of one call may stand
        on the entries of earlier ones. If they go together and one is not recorded, none is.
        """

    def append(self, appends: Sequence[AppendRequest]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(appends)
        for _ in range(ROUNDS):
            open_ones = [place for place, outcome in enumerate(outcomes) if outcome is None]
            if not open_ones:
                break
            try:
                answers = self._round([appends[place] for place in open_ones], together=False)
            except StoreError as reason:
                if len(open_ones) == len(appends):
                    raise
                return [reason if outcome is None else outcome for outcome in outcomes]  # the others are recorded
            for place, answer in zip(open_ones, answers, strict=True):
                if not isinstance(answer, HeadMoved):
                    outcomes[place] = answer
        return [
            PositionConflictError(append.session, expectation_text(append.expected), self._head(append).position)
            if outcome is None
            else outcome
            for append, outcome in zip(appends, outcomes, strict=True)
        ]

    def append_together(self, appends: Iterable[AppendRequest]) -> list[AppendResult]:
        appends = list(appends)
        outcomes: dict[int, AppendResult] = {}
        repeats = _repeats(appends)
        for _ in range(ROUNDS):
            open_ones = [place for place in range(len(appends)) if place not in outcomes and place not in repeats]
            answers = self._round([appends[place] for place in open_ones], together=True)
            for answer in answers:
                if isinstance(answer, InvalidOperationError):
                    raise answer
            appended = {
                place: answer
                for place, answer in zip(open_ones, answers, strict=True)
                if isinstance(answer, AppendResult)
            }
            if len(appended) == len(open_ones):
                outcomes |= appended
                outcomes |= {place: replace(outcomes[first], repeated=True) for place, first in repeats.items()}
                return [outcomes[place] for place in range(len(appends))]
            # What a command recorded earlier stays; the others must not stand on what it would record now.
            outcomes |= {place: answer for place, answer in appended.items() if answer.repeated}
        last = appends[-1]
        raise PositionConflictError(last.session, expectation_text(last.expected), self._head(last).position)

    def _round(self, appends: Sequence[AppendRequest], *, together: bool) -> list[Answer]:
        """One try of all appends; what is refused on a head that may be old is asked again on the newest."""
        answers: list[Answer | None] = [None] * len(appends)
        ahead: dict[str, CatalogueEntry] = {}
        attempts: list[tuple[int, StampedAppend]] = []
        for place, append in enumerate(appends):
            head = ahead.get(append.session) or self._head(append)
            if not _meets(append, head):
                answers[place] = HeadMoved(head) if append.session in ahead else self._reject(append)
                continue
            rows, entry = stamp(append, head, 0)
            too_large = size_error(append, head, entry)
            if too_large is not None:
                answers[place] = too_large if append.session in ahead else self._too_large(append, too_large)
                continue
            attempts.append((place, StampedAppend(append, head, rows, entry)))
            ahead[append.session] = entry
        if not together or len(attempts) == len(appends):
            outcomes = self._commit([attempt for _, attempt in attempts], together=together) if attempts else []
            for (place, attempt), outcome in zip(attempts, outcomes, strict=True):
                answers[place] = outcome
                self._learn(attempt, outcome)
        return [
            HeadMoved(self._head(append)) if answer is None else answer
            for append, answer in zip(appends, answers, strict=True)
        ]

    def _reject(self, append: AppendRequest) -> Answer:
        """The answer to an append that the known head contradicts, once it is certain that the head is the newest."""
        if append.command_id is not None:
            earlier = self.find_command(append.session, append.command_id)
            if earlier is not None:
                return earlier
        head = self._newest(append)
        if _meets(append, head):
            return HeadMoved(head)
        if not _is_same_session(append, head):
            return SessionNotFoundError(append.session)
        return PositionConflictError(append.session, expectation_text(append.expected), head.position)

    def _too_large(self, append: AppendRequest, refusal: SessionTooLargeError) -> AppendResult | InvalidOperationError:
        """The answer to an append that would make its session too large; perhaps its command was recorded before."""
        earlier = None if append.command_id is None else self.find_command(append.session, append.command_id)
        return refusal if earlier is None else earlier

    def _learn(self, attempt: StampedAppend, outcome: Answer) -> None:
        if isinstance(outcome, HeadMoved) and outcome.head.status == Status.UNSTARTED:
            self._forget(outcome.head.session)  # where it will start is for whoever starts it to say
        elif isinstance(outcome, HeadMoved):
            self._remember(outcome.head)
        elif isinstance(outcome, AppendResult) and not outcome.repeated:
            self._remember(attempt.entry)

    def _head(self, append: AppendRequest) -> CatalogueEntry:
        with self._heads_lock:
            known = self._heads.get(append.session)
        return known or self._newest(append)

    def _newest(self, append: AppendRequest) -> CatalogueEntry:
        found = self.find_entry(append.session)
        if found is None:
            self._forget(append.session)
            return CatalogueEntry(append.session, append.start - 1)
        self._remember(found)
        return found

    def _remember(self, head: CatalogueEntry) -> None:
        with self._heads_lock:
            self._heads[head.session] = head
            self._heads.move_to_end(head.session)
            while len(self._heads) > KNOWN_HEADS:
                self._heads.popitem(last=False)

    def _forget(self, session: str) -> None:
        with self._heads_lock:
            self._heads.pop(session, None)


def _meets(append: AppendRequest, head: CatalogueEntry) -> bool:
    return matches(append.expected, head.position) and _is_same_session(append, head)


def _is_same_session(append: AppendRequest, head: CatalogueEntry) -> bool:
    """Whether it is the session that is meant, and not one that was started under its id when that one was gone."""
    return append.created is None or append.created == head.created


def _repeats(appends: Sequence[AppendRequest]) -> dict[int, int]:
    """The places of those whose command comes earlier among them, and where that is."""
    firsts: dict[tuple[str, str], int] = {}
    repeats = {}
    for place, append in enumerate(appends):
        if append.command_id is not None:
            first = firsts.setdefault((append.session, append.command_id), place)
            if first != place:
                repeats[place] = first
    return repeats
