"""Projections kept in the transaction that appends: together or not at all, and never silently behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import (
    DatabaseError,
    InvalidValueError,
    ItemNotFoundError,
    PositionConflictError,
    ProjectionError,
)
from turnlog.domain.events import MessageAppended
from turnlog.domain.expected_position import NO_STREAM
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.memory.row_store import MemoryRowTransaction
from turnlog.infrastructure.postgres.row_store import PostgresRowTransaction
from turnlog.infrastructure.read_models import inline
from turnlog.infrastructure.read_models.runner import Runner
from turnlog.infrastructure.sqlite.row_store import SQLiteRowTransaction
from turnlog.infrastructure.store import Store
from turnlog.projections.projection import Projection
from turnlog.projections.rows import Rows
from turnlog.projections.table_schema import INTEGER, TEXT, Table

if TYPE_CHECKING:
    from tests.contract.conftest import Stores

pytestmark = pytest.mark.parametrize("stores", ["memory", "postgres", "sqlite"], indirect=True)

TRANSACTIONS = {"memory": MemoryRowTransaction, "postgres": PostgresRowTransaction, "sqlite": SQLiteRowTransaction}

COUNTS = Table("counts", {"session": TEXT, "messages": INTEGER, "last": INTEGER}, key=("session",))


class Counts(Projection):
    """Counts messages of sessions, and cannot take the word "bad"."""

    name = "counts"
    names = ("message.appended",)
    tables = (COUNTS,)

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows[COUNTS].find(event.session) or {"session": event.session, "messages": 0}
            rows[COUNTS].put({**row, "messages": row["messages"] + self.version, "last": event.position})
            if event.event.content.text == "bad":  # type: ignore[attr-defined]  # it reads appended messages only
                raise ValueError("cannot take this")


@pytest.fixture
def able(stores: Stores) -> Store:
    """An empty store of every kind that can keep rows beside its events."""
    return stores.new()


def say(store: Store, session: str, *texts: str) -> None:
    store.append(session, [MessageAppended(1, InstructionContent(text)) for text in texts])


def counts(store: Store, version: int = 1) -> dict[str, int]:
    return {row["session"]: row["messages"] for row in store.rows(Counts(version))[COUNTS].under()}


def test_rows_are_there_when_the_append_returns(able: Store) -> None:
    say(able, "a", "one")
    able.attach(Counts())
    assert counts(able) == {"a": 1}

    say(able, "a", "two", "three")
    say(able, "b", "one")

    assert counts(able) == {"a": 3, "b": 1}


def test_a_projection_that_fails_fails_the_append_and_nothing_is_written(able: Store) -> None:
    able.attach(Counts())
    say(able, "a", "one")

    with pytest.raises(ProjectionError, match="failed at position 3 of session a, so nothing was written") as error:
        say(able, "a", "two", "bad", "three")
    assert isinstance(error.value.__cause__, ValueError)
    with pytest.raises(ProjectionError):
        say(able, "new", "bad")
    with pytest.raises(ProjectionError):
        able.append_together([("a", [message("ok")], 1, None), ("b", [message("bad")], NO_STREAM, None)])

    assert (able.last_global_position(), counts(able)) == (1, {"a": 1})
    assert able.find_session("new") is None
    say(able, "a", "two")
    say(able, "new", "one")
    assert [event.position for event in able.read("a")] == [1, 2]
    assert counts(able) == {"a": 2, "new": 1}
    assert {fault.reason for fault in able.verify().faults} == {"the session has not been started"}


def message(text: str) -> MessageAppended:
    return MessageAppended(1, InstructionContent(text))


def test_a_command_that_failed_can_be_given_again(able: Store) -> None:
    able.attach(Counts())
    say(able, "a", "one")
    with pytest.raises(ProjectionError):
        able.append("a", [message("bad")], command_id="c")

    assert find_command(able.recorder, "a", "c") is None
    appended = able.append("a", [message("good")], command_id="c")
    assert (appended.first, appended.repeated) == (2, False)
    assert able.append("a", [message("good")], command_id="c").repeated
    assert counts(able) == {"a": 2}


def test_an_append_that_fails_in_a_group_does_not_fail_its_neighbours(able: Store) -> None:
    able.attach(Counts())
    errors: list[str] = []

    def work(number: int) -> None:
        for text in ["one", "bad", "two"]:
            try:
                say(able, f"s{number}", text)
            except ProjectionError as reason:
                errors.append(f"{reason.session} {reason.position}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(errors) == [f"s{number} 2" for number in range(8)]
    assert counts(able) == {f"s{number}": 2 for number in range(8)}
    assert able.last_global_position() == 16


def test_a_conflict_changes_no_row(able: Store) -> None:
    able.attach(Counts())
    say(able, "a", "one")

    with pytest.raises(PositionConflictError):
        able.append("a", [message("two")], expected=7)

    assert counts(able) == {"a": 1}


def test_what_others_append_without_it_the_rows_get_with_the_next_append(able: Store, stores: Stores) -> None:
    able.attach(Counts())
    say(able, "a", "one")
    other = stores.beside(able)
    if other is able:
        other.detach("counts")
    say(other, "a", "two")
    say(other, "b", "one")
    assert counts(able) == {"a": 1}, "behind, as the checkpoint says"
    (status,) = Runner(able, [Counts()]).status("counts")
    assert (status.global_position, status.lag) == (1, 2)

    if other is able:
        other.attach(Counts())
    else:
        say(able, "c", "one")

    assert counts(able) == {"a": 2, "b": 1, **({} if other is able else {"c": 1})}


def test_two_processes_that_both_have_it_keep_one_set_of_rows(able: Store, stores: Stores) -> None:
    other = stores.beside(able)
    able.attach(Counts())
    if other is not able:
        other.attach(Counts())
    for text in ["one", "two", "three"]:
        say(able, "a", text)
        say(other, "a", text)
        with pytest.raises(ProjectionError):
            say(other, "a", "bad")

    assert counts(able) == {"a": 6}


def test_what_is_far_behind_is_caught_up_in_steps(able: Store, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "FAR", 3)
    able.attach(Counts())
    other = stores.beside(able)
    if other is able:
        able.detach("counts")
    for number in range(10):
        say(other, "a", f"text {number}")
    if other is able:
        able.attach(Counts())

    say(able, "a", "last")

    assert counts(able) == {"a": 11}


def test_a_new_version_counts_once_it_is_attached(able: Store) -> None:
    able.attach(Counts(1))
    say(able, "a", "one")
    able.detach("counts")
    say(able, "a", "two")

    able.attach(Counts(2))
    say(able, "a", "three")

    assert counts(able, 2) == {"a": 6}


def test_a_copy_into_a_store_with_projections_makes_their_rows(able: Store, stores: Stores) -> None:
    say(able, "a", "one", "two")
    target = stores.new()
    target.attach(Counts())

    able.copy_to(target)

    assert counts(target) == {"a": 2}


def test_what_cannot_be_attached_is_refused(able: Store) -> None:
    class Reacting(Counts):
        def react(self, event: RecordedEvent) -> None:
            raise NotImplementedError

    able.attach(Counts())

    with pytest.raises(InvalidValueError, match="attached already"):
        able.attach(Counts(2))
    with pytest.raises(InvalidValueError, match="expected a runner"):
        able.attach(Reacting())
    with pytest.raises(InvalidValueError, match="is not attached"):
        able.detach("other")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_database_that_fails_anywhere_leaves_rows_that_fit_the_record(
    able: Store, stores: Stores, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    class Adding(Counts):
        def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
            for event in batch:
                rows[COUNTS].add(event.session, messages=1)
                rows[COUNTS].find(f"{event.session}{event.position % 3}")
                rows[COUNTS].add("all", messages=1)

    kind = TRANSACTIONS[stores.kind]
    chance, failing = Random(seed), False

    def flaky(name: str) -> Callable[..., Any]:
        done = getattr(kind, name)

        def asked(self: Any, *given: Any) -> Any:
            if failing and chance.random() < 0.15:
                if name == "write":
                    done(self, *given)
                raise DatabaseError(able.address, "no space")
            return done(self, *given)

        return asked

    for name in ("fetch", "write"):
        monkeypatch.setattr(kind, name, flaky(name))
    able.attach(Adding())
    failing, failures = True, 0
    for number in range(60):
        while True:
            try:
                say(able, f"s{number % 4}", *["text"] * (number % 3 + 1))
                break
            except DatabaseError:
                failures += 1
    failing = False

    assert failures > 10
    assert able.rows(Adding())[COUNTS].under() == able.project(Adding())[COUNTS].under()
    assert able.last_global_position() == 120


def test_one_that_cannot_take_what_is_there_is_not_attached(able: Store) -> None:
    say(able, "a", "bad")

    with pytest.raises(ProjectionError, match="position 1 of session a"):
        able.attach(Counts())

    say(able, "a", "bad")
    assert able.last_global_position() == 2


def test_rows_that_nobody_keeps_cannot_be_read(able: Store) -> None:
    with pytest.raises(ItemNotFoundError, match="'counts'"):
        counts(able)


def test_a_database_that_fails_is_no_fault_of_the_projection(able: Store) -> None:
    able.attach(Counts())
    say(able, "a", "one")
    able.close()

    with pytest.raises(Exception, match="is closed") as error:
        say(able, "a", "two")
    assert not isinstance(error.value, ProjectionError)
    assert not isinstance(error.value, DatabaseError)


def test_a_version_that_was_dropped_is_kept_no_longer_and_refuses_no_append(able: Store, stores: Stores) -> None:
    able.attach(Counts(1))
    other = stores.beside(able)
    if other is able:
        other.detach("counts")
    say(able, "a", "one")
    other.attach(Counts(2))
    Runner(other, [Counts(2)]).drop("counts", 1)

    say(able, "a", "two")
    say(other, "a", "three")

    assert counts(other, 2) == {"a": 6}
