"""Rows of projections that another program has changed: `verify(projections=True)` names projection and key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from typing import Any

import pytest

from turnlog import Session
from turnlog.domain.events import MessageRedacted
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.erasure import erasing
from turnlog.infrastructure.read_models.lease import RunnerOptions
from turnlog.infrastructure.read_models.open_row_store import row_store_of
from turnlog.infrastructure.read_models.runner import Runner
from turnlog.infrastructure.retry import RetryPolicy
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, encode_events, redact_row
from turnlog.projections.built_in import BUILT_IN
from turnlog.projections.projection import Projection
from turnlog.projections.rows import Rows
from turnlog.projections.table_schema import INTEGER, TEXT, Table
from turnlog.projections.transcript import Transcript

WRITTEN = Table("written", {"session": TEXT, "messages": INTEGER}, key=("session",))
TRANSCRIPT = "the projection 'transcript' in version 1"


class Written(Projection):
    """How many messages each session has; it cannot count one."""

    name = "written"
    names: Sequence[str] = ("message.appended",)
    tables = (WRITTEN,)

    def __init__(self, poison: str = "") -> None:
        self._poison = poison

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            if event.event.content.text == self._poison:  # type: ignore[attr-defined]  # it reads messages only
                raise ValueError("cannot count this")
            rows[WRITTEN].add(event.session, messages=1)


def kept_in(*kinds: str) -> pytest.MarkDecorator:
    """The kinds of store that a test is about."""
    return pytest.mark.parametrize("stores", kinds, indirect=True)


def converse(store: Store) -> Session:
    session = Session("Be terse.", session_id="s", user="ada", store=store)
    session.default_branch.add_many(["one", "two", "three"])
    session.default_branch.fork(name="other").add("four")
    return session


def change(store: Store, table: str, statement: str) -> None:
    """What another program does to a table of the projection `transcript`, called {}."""
    (shape,) = row_store_of(store.recorder).shapes(Transcript())
    place = shape.place + table
    if store.address.startswith("sqlite"):
        with closing(sqlite3.connect(store.address.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement.format(f'"{place}"'))
            connection.commit()
        return
    connections = store.recorder.connections  # type: ignore[attr-defined]  # here it is PostgreSQL's recorder
    with connections.connect() as connection:
        connection.execute(statement.format(f'"{connections.tables.schema}"."{place}"'))


def reasons(store: Store, projections: bool | Sequence[Projection] = True) -> list[str]:
    found = store.verify(projections=projections)
    assert {(fault.session, fault.position) for fault in found.faults} <= {(None, None)}
    return [fault.reason for fault in found.faults]


@kept_in("memory", "postgres", "sqlite")
@pytest.mark.parametrize("inline", [True, False])
def test_rows_that_were_not_touched_have_no_fault(store: Store, inline: bool) -> None:
    if inline:
        for each in BUILT_IN:
            store.attach(each())
    session = converse(store)
    if not inline:
        Runner(store, [each() for each in BUILT_IN], shards=3).catch_up()
    session.default_branch.add("not read by the runner")

    found = store.verify(projections=True)
    assert (found.ok, found.faults, found.unchecked) == (True, (), ())


@kept_in("postgres", "sqlite")
@pytest.mark.parametrize(
    ("statement", "key", "how"),
    [
        ("UPDATE {} SET text = 'forged' WHERE position = 4", ("s", 4), "was changed"),
        ("UPDATE {} SET sender = 'bob' WHERE position = 4", ("s", 4), "was changed"),
        ("DELETE FROM {} WHERE position = 5", ("s", 5), "is missing"),
        ("INSERT INTO {} (session, position) VALUES ('s', 99)", ("s", 99), "was added"),
        ("UPDATE {} SET metadata = 'no JSON' WHERE position = 4", ("s", 4), "was changed"),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_a_row_that_differs_is_reported(
    store: Store, statement: str, key: tuple[str, int], how: str, inline: bool
) -> None:
    if inline:
        store.attach(Transcript())
    converse(store)
    if not inline:
        Runner(store, [Transcript()]).catch_up()
    change(store, "", statement)

    assert store.verify().ok
    differs = f"{TRANSCRIPT} differs from the events: the row {key} of the table 'transcript' {how}"
    assert reasons(store) == [differs]


@kept_in("memory")
def test_rows_in_memory_that_differ_are_reported(store: Store) -> None:
    store.attach(Transcript())
    converse(store)
    (shape,) = row_store_of(store.recorder).shapes(Transcript())
    with row_store_of(store.recorder).writing() as transaction:
        rows = Rows([shape], transaction)
        rows["transcript"].delete("s", 4)
        transaction.write(rows.take_changes())

    differs = f"{TRANSCRIPT} differs from the events: the row ('s', 4) of the table 'transcript' is missing"
    assert reasons(store) == [differs]


@kept_in("postgres", "sqlite")
def test_many_rows_that_differ_are_counted(store: Store) -> None:
    store.attach(Transcript())
    converse(store).default_branch.add_many([str(number) for number in range(30)])
    change(store, "", "DELETE FROM {} WHERE position > 7")

    found = reasons(store)
    assert len(found) == 11
    assert found[10] == f"{TRANSCRIPT} differs from the events in 21 more rows of the table 'transcript'"


@kept_in("postgres", "sqlite")
def test_a_table_that_is_missing_is_reported(store: Store, stores: Any) -> None:
    store.attach(Transcript())
    change(store, "", "DROP TABLE {} CASCADE" if stores.kind == "postgres" else "DROP TABLE {}")

    assert reasons(store) == [f"{TRANSCRIPT} does not have its table 'transcript'"]


@kept_in("sqlite")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {0} ({0}, rowid, words) VALUES ('delete', 2, 'one')",
        "INSERT INTO {0} (rowid, words) VALUES (2, 'forged')",
        "INSERT INTO {0} ({0}) VALUES ('delete-all')",
    ],
)
def test_a_full_text_index_that_was_changed_is_reported(store: Store, statement: str) -> None:
    store.attach(Transcript())
    converse(store)
    change(store, "__words", statement)

    assert reasons(store) == [f"{TRANSCRIPT} has a full-text index that does not fit its table 'transcript'"]


@kept_in("postgres")
def test_a_full_text_index_that_omits_rows_is_reported(store: Store) -> None:
    store.attach(Transcript())
    ready = "UPDATE pg_index SET indisready = {0} WHERE indexrelid = '{1}'::regclass"
    session = converse(store)
    change(store, "__words", ready.format("false", "{0}"))
    session.default_branch.add("it's a \\ hidden message")
    change(store, "__words", ready.format("true", "{0}"))

    assert reasons(store) == [f"{TRANSCRIPT} has a full-text index that does not fit its table 'transcript'"]


@kept_in("memory", "postgres", "sqlite")
def test_rows_without_their_code_are_reported_as_not_checked(store: Store) -> None:
    converse(store)
    Runner(store, [Written()]).catch_up()

    found = store.verify(projections=True)
    assert found.ok
    assert found.unchecked == ("the projection 'written' in version 1: pass it to have its rows checked",)
    found = store.verify(projections=[Written()])
    assert (found.ok, found.unchecked) == (True, ())


@kept_in("memory", "postgres", "sqlite")
def test_events_that_wait_behind_a_dead_letter_are_not_expected(store: Store) -> None:
    session = converse(store)
    runner = Runner(
        store, [Written("poison")], options=RunnerOptions(retry=RetryPolicy.NEVER), clock=count(0.0, 60.0).__next__
    )
    runner.catch_up()
    session.default_branch.add_many(["poison", "behind it"])
    for _ in range(3):
        runner.catch_up()

    assert [letter.position for letter in runner.dead_letters("written")] == [9]
    assert store.verify(projections=[Written()]).faults == ()


@kept_in("memory", "postgres", "sqlite")
def test_rows_whose_code_raises_are_reported_as_not_checked(store: Store) -> None:
    converse(store)
    Runner(store, [Written()]).catch_up()

    found = store.verify(projections=[Written("two")])
    assert found.unchecked == ("the projection 'written' in version 1: its rows could not be built anew: ValueError",)


@kept_in("memory", "postgres", "sqlite")
def test_rows_that_have_not_read_a_redaction_are_not_checked(store: Store) -> None:
    session = converse(store)
    runner = Runner(store, [Transcript()])
    runner.catch_up()
    row = store.recorder.find_row(session.id, session.default_branch.messages[1].position or 0)
    assert row is not None
    redaction = MessageRedacted(row.position, (redact_row(row).payload or b"").decode())
    append = AppendRequest(session.id, encode_events([redaction]), time=row.time)
    store.recorder.append(erasing(store.recorder, [append]))  # a store would bring the rows up to date, too

    behind = "events were redacted that it has not read yet: let it catch up first"
    found = store.verify(projections=True)
    assert (found.faults, found.unchecked) == ((), (f"{TRANSCRIPT}: {behind}",))
    runner.catch_up()
    found = store.verify(projections=True)
    assert (found.faults, found.unchecked) == ((), ())


@kept_in("memory", "postgres", "sqlite")
def test_rows_are_compared_for_a_whole_store_only(store: Store) -> None:
    converse(store)

    with pytest.raises(InvalidValueError, match="expected no session beside them"):
        store.verify("s", projections=True)
