"""One shard of one projection at work: a lease, then batch after batch, each with its rows and its checkpoint at once.

A shard reads the feed of all sessions and takes the events of its own. Whatever goes wrong is raised; `failed` then
decides what the next step does.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from ...domain.errors import CheckpointMismatchError, DeliveryError, StoreError, UnreadableEventError
from ...domain.recorded_event import RecordedEvent
from ...domain.redaction import REDACTIONS
from ...projections.projection import Projection
from ..recorder import Recorder
from ..stored_event import Row, to_projected_event
from .dead_letters import first_held_positions, redact_letters
from .lease import NEVER, Lease, LeaseLost, RunnerOptions, ShardCondition
from .ledger import DeadLetter, Ledger, LetterDecision, ProjectionMethod, ShardCheckpoint, shard_of
from .row_store import RowStore, RowTransaction
from .versions import take_over

log = structlog.get_logger("turnlog")

REACTIONS_AT_A_TIME = 100

FIRST_BATCH = 100
"""Events in the first batch; the next ones are larger, as long as they are not heavy."""

HEAVY = 32_000_000
"""Bytes of payloads in one batch from which on the next is smaller."""

LONGEST_ASKED = 900.0
"""Seconds that a receiver may ask for before the next try."""


class Suspect(NamedTuple):
    """What was tried last, in case it fails: the first of so many events, and the dead letter they wait behind."""

    hook: ProjectionMethod
    row: Row
    events: int = 1
    letter: DeadLetter | None = None


class Shard(Lease):
    """A shard of a projection, as one runner works on it."""

    def __init__(
        self,
        recorder: Recorder,
        target: RowStore,
        projection: Projection,
        which: tuple[int, int],
        owner: str,
        options: RunnerOptions,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(recorder, target, projection, which, owner, options, clock)
        self.due = 0.0
        """When, by the clock of this process, there is something to do again after a failure."""
        self.failures = 0
        self._limit = min(options.batch, FIRST_BATCH)
        self._looked = NEVER
        self._suspect: Suspect | None = None
        self._tried: tuple[Suspect | None, int] = (None, 0)
        self._verdict: tuple[Suspect, Exception] | None = None
        self._at_once = self._singly = 0
        """The global position up to which effects come one by one, since those of several events were refused."""

    @property
    def held(self) -> dict[str, int]:
        """The sessions whose events wait behind one that was parked, and its position."""
        return first_held_positions(self._letters)

    def step(self) -> bool:
        """Does one piece of work; answers whether there may be more to do at once."""
        try:
            return self._step()
        except BaseException:
            self._rows.forget()  # what is half done here is undone there
            raise

    def _step(self) -> bool:
        self._suspect, self._tables.failed = None, False
        if self._token is None and not self._take_lease():
            self.due = self._clock() + self._options.poll
            return False
        if self._verdict is not None:
            return self._judge(*self._verdict)
        moved = self._answer_letters() or self._react() or self._advance()
        self._tried = (None, 0)
        if not moved and self._token is not None:
            self._scrub()
            self._rest()
        return moved

    def note_failure(self, reason: Exception) -> None:
        """Takes note of what a step raised, and decides what comes next."""
        if isinstance(reason, LeaseLost):
            self._let_go(ShardCondition.STANDBY)
            return
        self.failures += 1
        suspect, (before, tries) = None if self._tables.failed else self._suspect, self._tried
        tries = tries + 1 if (suspect and suspect.row) == (before and before.row) else 1
        self._tried = (suspect, tries)
        self.due = self._clock() + max(self._options.retry.pause(tries), _requested_pause(reason))
        log.warning(
            "projection failed",
            projection=self.projection.name,
            version=self.projection.version,
            shard=self.shard,
            error=type(reason).__name__,
            session=suspect.row.session if suspect else None,
            position=suspect.row.position if suspect else None,
            tries=tries,
        )
        if isinstance(reason, CheckpointMismatchError):
            self._verdict = (Suspect(ProjectionMethod.APPLY, _NOWHERE), reason)
        elif suspect is None or _passes(reason):
            return  # the store, the target or the way there failed: the same again later
        elif suspect.events > 1 and suspect.hook is ProjectionMethod.REACT:
            self._singly = self._at_once
            self._tried, self.due = (None, 0), 0.0
        elif suspect.events > 1:
            self._limit = max(1, suspect.events // 2)
            self._tried, self.due = (None, 0), 0.0
        elif tries >= self._options.retry.attempts or suspect.letter is not None:
            self._verdict = (suspect, reason)

    def wake(self) -> None:
        """Has the next steps look at everything that they look at from time to time only."""
        self._looked = self._rested = self._renewed = self._scrubbed = NEVER
        if self._tried[1] == 0:
            self.due = 0.0

    # Reading on

    def _advance(self) -> bool:
        until = self._recorder.last_global_position()
        if until < self.seen and not self._recorder.forgets:
            raise CheckpointMismatchError(self._recorder.name, self.projection.name, self.seen, "is no event")
        names = (*self.projection.names, *REDACTIONS) if self.projection.names else ()
        rows = self._recorder.read_all(after=self.seen, until=until, names=names, limit=self._limit)
        whole = len(rows) < self._limit
        reached = max(until, self.seen) if whole else rows[-1].global_position
        if reached == self.seen and not (self._building and whole):
            return False
        held, weight = self.held, sum(len(row.payload or b"") for row in rows)
        redactions = [row for row in rows if row.name in REDACTIONS and self._is_mine(row)]
        mine = [row for row in rows if self._is_applied(row) and row.session not in held]
        digest = rows[-1].digest.hex() if rows and rows[-1].global_position == reached else self._digest_at(reached)
        suspect = Suspect(ProjectionMethod.APPLY, mine[0], len(mine)) if mine else None
        batch = self._decode(mine, suspect)
        with self._target.writing() as transaction:
            ledger = Ledger(self._target, transaction)
            checkpoint = self._lock_checkpoint(ledger)
            if checkpoint.global_position != self.seen:
                self._went_elsewhere(checkpoint)
                return True
            name = ledger.find_name(self.projection.name)
            if name is None or name.paused:
                self._rested = NEVER
                return False
            if batch:
                self._apply(transaction, batch, suspect)
            if redact_letters(ledger, self._letters, redactions):
                transaction.note_redaction()
                self._scrubs = True
            moved = reached > self.seen
            if moved or checkpoint.complete != whole:
                checkpoint.global_position, checkpoint.digest, checkpoint.complete = reached, digest, whole
                self._keep(ledger, transaction, checkpoint)
        self.seen = reached
        self._limit = min(self._limit * 2, self._options.batch) if weight < HEAVY else max(len(rows) // 2, 1)
        if whole and self._building and take_over(self._target, self.projection):
            self._learn_standing()
        return moved

    def _is_applied(self, row: Row) -> bool:
        return self.projection.reads(row.name) and self._is_mine(row)

    def _is_mine(self, row: Row) -> bool:
        return self.shards == 1 or shard_of(row.session, self.shards) == self.shard

    def _decode(self, rows: Sequence[Row], suspect: Suspect | None) -> list[RecordedEvent]:
        self._suspect = suspect
        batch = list(to_projected_event(rows))
        self._suspect = None
        return batch

    def _apply(self, transaction: RowTransaction, batch: Sequence[RecordedEvent], suspect: Suspect | None) -> None:
        """Changes the rows, as part of the transaction; the events are to blame for what happens meanwhile."""
        self._tables.transaction = transaction
        self._suspect, self._tables.failed = suspect, False
        self._rows.know(self.projection.needs(batch))
        self.projection.apply(batch, self._rows)
        changes = self._rows.take_changes()
        self._suspect = None
        transaction.write(changes)
        if any(event.name in REDACTIONS for event in batch):
            transaction.note_redaction()
            self._scrubs = True

    def _went_elsewhere(self, checkpoint: ShardCheckpoint) -> None:
        """Goes on from where the rows are: the database was restored, or the projection is kept inline too."""
        self._rows.forget()
        self.seen, self._reacted = checkpoint.global_position, checkpoint.reacted

    def _react_to(self, rows: Sequence[Row]) -> None:
        events = list(to_projected_event(rows))
        if events:
            self.projection.react_to(events)

    # What cannot be applied

    def _judge(self, suspect: Suspect, reason: Exception) -> bool:
        """Parks an event in continuous life, so that the rest goes on; stops at it while rows are built."""
        said = f"{type(reason).__name__}: {reason}"
        with self._target.writing() as transaction:
            ledger = Ledger(self._target, transaction)
            checkpoint = self._lock_checkpoint(ledger)
            stops = suspect.row is _NOWHERE or (self._building and suspect.hook is ProjectionMethod.APPLY)
            if stops:
                where = f"at position {suspect.row.position} of session {suspect.row.session}: "
                checkpoint.failure = said if suspect.row is _NOWHERE else where + said
                checkpoint.owner, checkpoint.leased_until = None, 0
                ledger.note(checkpoint)
                ledger.save()
            elif suspect.letter is None and checkpoint.global_position != self.seen:
                self._went_elsewhere(checkpoint)  # with the event perhaps, if another process could apply it
                letters = self._letters
            else:
                letters = self._park(ledger, transaction, checkpoint, suspect, said)
        self._verdict, self._tried, self.due = None, (None, 0), 0.0
        if stops:
            log.error(
                "projection stopped", projection=self.projection.name, shard=self.shard, reason=type(reason).__name__
            )
            self._let_go(ShardCondition.STOPPED)
            return False
        self._letters = letters
        return True

    def _park(
        self, ledger: Ledger, transaction: RowTransaction, checkpoint: ShardCheckpoint, suspect: Suspect, said: str
    ) -> list[DeadLetter]:
        row, old = suspect.row, suspect.letter
        tries = self._tried[1]
        if old is not None:
            if suspect.hook is ProjectionMethod.APPLY:
                self._replay(ledger, transaction, checkpoint, old, before=row.position)
            ledger.strike(old)
            tries += old.tries
        ledger.note(self._letter(row, suspect.hook, said, tries, transaction.now()))
        if old is None and suspect.hook is ProjectionMethod.REACT:
            checkpoint.reacted = self._reacted = row.global_position
        self._keep(ledger, transaction, checkpoint)
        return ledger.letters(*self._which)

    def _answer_letters(self) -> bool:
        """Does what somebody asked to be done with a dead letter."""
        if not self._letters or self._clock() - self._looked < self._options.poll:
            return False
        self._looked = self._clock()
        with self._target.reading() as transaction:
            self._letters = Ledger(self._target, transaction).letters(*self._which)
        for letter in self._letters:
            if letter.wish is not None:
                self._answer(letter)
                self._looked = NEVER
                return True
        return False

    def _answer(self, letter: DeadLetter) -> None:
        if letter.hook == ProjectionMethod.REACT and letter.wish == LetterDecision.RETRY:
            (row,) = self._recorder.read(letter.session, after=letter.position - 1, until=letter.position)
            self._suspect = Suspect(ProjectionMethod.REACT, row, letter=letter)
            self._react_to([row])
            self._suspect = None
        with self._target.writing() as transaction:
            ledger = Ledger(self._target, transaction)
            checkpoint = self._lock_checkpoint(ledger)
            if letter.hook == ProjectionMethod.APPLY:
                self._replay(ledger, transaction, checkpoint, letter)
            ledger.strike(letter)
            self._keep(ledger, transaction, checkpoint)
            letters = ledger.letters(*self._which)
        self._letters = letters

    def _replay(
        self,
        ledger: Ledger,
        transaction: RowTransaction,
        checkpoint: ShardCheckpoint,
        letter: DeadLetter,
        before: int | None = None,
    ) -> None:
        """Applies what a session held back, one event after the other; its reactions follow as letters of their own."""
        if checkpoint.global_position != self.seen:
            self._went_elsewhere(checkpoint)
        after = letter.position - (letter.wish == LetterDecision.RETRY)
        for row in self._recorder.read(letter.session, after=after, until=None if before is None else before - 1):
            if row.global_position > self.seen:
                break
            if self.projection.reads(row.name):
                suspect = Suspect(ProjectionMethod.APPLY, row, letter=letter)
                self._apply(transaction, self._decode([row], suspect), suspect)
                if self.projection.reacts and row.global_position <= self._reacted:
                    waiting = self._letter(row, ProjectionMethod.REACT, "not done yet", 0, transaction.now())
                    ledger.note(replace(waiting, wish=LetterDecision.RETRY))

    def _letter(self, row: Row, hook: ProjectionMethod, error: str, tries: int, parked: int) -> DeadLetter:
        return DeadLetter(
            *self._which,
            session=row.session,
            position=row.position,
            hook=hook,
            global_position=row.global_position,
            event=row.name,
            error=error,
            tries=tries,
            parked=parked,
        )

    # Reactions

    def _react(self) -> bool:
        """Reacts to events whose rows are written; never before, and only for the version that counts."""
        if not (self.projection.reacts and self._counts and self._reacted < self.seen):
            return False
        if self.projection.reaction_size > 1:
            return self._react_together()
        after, names = self._reacted, self.projection.names
        rows = self._recorder.read_all(after=after, until=self.seen, names=names, limit=REACTIONS_AT_A_TIME)
        held, done = self.held, after
        try:
            for row in rows:
                if self._is_mine(row) and row.position < held.get(row.session, row.position + 1):
                    self._suspect = Suspect(ProjectionMethod.REACT, row)
                    self._react_to([row])
                    self._suspect = None
                done = row.global_position
            done = self.seen if len(rows) < REACTIONS_AT_A_TIME else done
        finally:
            self._note_reacted(done)
        return True

    def _react_together(self) -> bool:
        """Reacts to several events at once. Nothing is read on before, so after a crash they are the same again."""
        singly = self._reacted < self._singly
        limit = 1 if singly else self.projection.reaction_size
        names = self.projection.names
        rows = self._recorder.read_all(after=self._reacted, until=self.seen, names=names, limit=limit)
        done = rows[-1].global_position if len(rows) == limit else self.seen
        held = self.held
        mine = [row for row in rows if self._is_mine(row) and row.position < held.get(row.session, row.position + 1)]
        if mine:
            self._suspect, self._at_once = Suspect(ProjectionMethod.REACT, mine[0], len(mine)), done
            self._react_to(mine)
            self._suspect = None
        self._note_reacted(done)
        return True

    def _note_reacted(self, done: int) -> None:
        if done > self._reacted:
            with self._target.writing() as transaction:
                ledger = Ledger(self._target, transaction)
                checkpoint = self._lock_checkpoint(ledger)
                checkpoint.reacted = done
                self._keep(ledger, transaction, checkpoint)
            self._reacted = done


def _passes(reason: Exception) -> bool:
    """Whether the same may succeed later: the store, the target or the way to a receiver failed, not an event."""
    final = isinstance(reason, UnreadableEventError) or (isinstance(reason, DeliveryError) and reason.final)
    return isinstance(reason, StoreError) and not final


def _requested_pause(reason: Exception) -> float:
    """Seconds that a receiver asks for, within reason."""
    asked = reason.retry_after if isinstance(reason, DeliveryError) else None
    return 0.0 if asked is None else min(max(asked, 0.0), LONGEST_ASKED)


_NOWHERE = Row("", 0, 0, 0, "", None, None, None, None, None, None, None, b"")
"""Where a shard stops if no single event is to blame."""
