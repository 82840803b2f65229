"""Tables of projections, and entries about them, that another program has changed: `verify` names them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest

from turnlog import Session, open_store
from turnlog.domain.errors import LedgerDamagedError, RedactionPendingError, TurnlogError
from turnlog.infrastructure.read_models.catch_up import finish_redactions
from turnlog.infrastructure.read_models.open_row_store import row_store_of
from turnlog.infrastructure.read_models.runner import Runner
from turnlog.infrastructure.read_models.status import find_statuses
from turnlog.infrastructure.read_models.versions import begin_anew, check_kept
from turnlog.infrastructure.store import Store
from turnlog.projections.built_in import BUILT_IN
from turnlog.projections.transcript import Transcript
from turnlog.projections.usage import TokenUsage

TABLE = "projection_transcript__transcript__v1"
VIEW = "projection_transcript"
IN_VERSION_1 = "the projection 'transcript' in version 1"


def kept_in(*kinds: str) -> pytest.MarkDecorator:
    """The kinds of store that a test is about."""
    return pytest.mark.parametrize("stores", kinds, indirect=True)


@pytest.fixture
def session(store: Store) -> Session:
    """A session whose messages are in the rows of `transcript`."""
    store.attach(Transcript())
    session = Session("Be terse.", session_id="s", store=store)
    session.default_branch.add_many(["one", "two", "three"])
    return session


def change(store: Store, *statements: str) -> None:
    """What another program does to the database; `{table}` and so on are the names of what it changes."""
    if store.address.startswith("sqlite"):
        names = {"table": TABLE, "view": VIEW, "ledger": "projection_"}
        with closing(sqlite3.connect(store.address.removeprefix("sqlite:///"))) as connection:
            for statement in statements:
                connection.execute(statement.format(**names))
            connection.commit()
        return
    connections = store.recorder.connections  # type: ignore[attr-defined]  # here it is PostgreSQL's recorder
    schema = connections.tables.schema
    names = {"table": f"{schema}.{TABLE}", "view": f"{schema}.{VIEW}", "ledger": f"{schema}.projection_"}
    with connections.connect() as connection:
        for statement in statements:
            connection.execute(statement.format(**names, schema=schema))


def reasons(store: Store) -> list[str]:
    """What verify reports, which reads no rows of projections."""
    found = store.verify()
    assert {(fault.session, fault.position) for fault in found.faults} <= {(None, None)}
    return [fault.reason for fault in found.faults]


# --- Tables, indexes, triggers, views ---------------------------------------------------------------------


@kept_in("postgres", "sqlite")
def test_tables_of_projections_that_were_not_touched_are_no_fault(store: Store, session: Session) -> None:
    Runner(store, [kind() for kind in BUILT_IN if kind is not Transcript], shards=2).catch_up()

    assert reasons(store) == []


@kept_in("sqlite")
@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DROP TRIGGER {table}__words_u"], f"the trigger {TABLE}__words_u is missing from the schema"),
        (["DROP TRIGGER {table}__words_d"], f"the trigger {TABLE}__words_d is missing from the schema"),
        (
            [
                "DROP TRIGGER {table}__words_u",
                "CREATE TRIGGER {table}__words_u AFTER UPDATE ON {table} BEGIN SELECT 1; END",
            ],
            f"the trigger {TABLE}__words_u of the schema was changed",
        ),
        (
            ["CREATE TRIGGER leak AFTER UPDATE ON {table} BEGIN INSERT INTO notes VALUES (old.text); END"],
            "the trigger leak was added to the schema",
        ),
        (["CREATE INDEX more ON {table} (text)"], "the index more was added to the schema"),
        (["ALTER TABLE {table} ADD COLUMN note TEXT"], f"the table {TABLE} of the schema was changed"),
        (
            ["DROP VIEW {view}", "CREATE VIEW {view} AS SELECT * FROM {table} WHERE position <> 5"],
            f"the view {VIEW} of the schema was changed",
        ),
        (["DROP VIEW {view}"], f"the view {VIEW} is missing from the schema"),
        (["DROP TABLE {table}"], f"{IN_VERSION_1} does not have its table 'transcript'"),
        (["DROP TABLE {ledger}_names"], "the table projection__names of the projections is missing"),
        (
            ["CREATE TABLE projection_transcript__transcript__v2 (text TEXT)"],
            "the table projection_transcript__transcript__v2 belongs to no version of a projection",
        ),
    ],
)
def test_a_changed_table_of_a_projection_in_sqlite_is_reported(
    store: Store, session: Session, statements: list[str], reason: str
) -> None:
    change(store, *statements)

    assert reasons(store) == [reason]


@kept_in("sqlite")
def test_a_full_text_index_that_is_missing_is_reported(store: Store, session: Session) -> None:
    change(store, "DROP TABLE {table}__words")

    assert f"the table {TABLE}__words is missing from the schema" in reasons(store)
    assert f"the table {TABLE}__words is missing from the schema" in {
        fault.reason for fault in store.verify(projections=True).faults
    }


@kept_in("postgres")
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP INDEX {table}__words", f"the index {TABLE}__words is missing from the schema"),
        ("CREATE INDEX more ON {table} (text)", "the index more was added to the schema"),
        (
            "CREATE TRIGGER leak AFTER UPDATE ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"the trigger {TABLE}.leak was added to the schema",
        ),
        ("ALTER TABLE {table} ADD COLUMN note text", f"the column {TABLE}.note was added to the schema"),
        ("DROP VIEW {view}", f"the view {VIEW} is missing from the schema"),
        (
            "CREATE OR REPLACE VIEW {view} AS SELECT session, position, global_position, branch, role, text, words, "
            "sender, recipient, origin, model, created, metadata FROM {table} WHERE position <> 5",
            f"the view {VIEW} of the schema was changed",
        ),
        ("DROP TABLE {table} CASCADE", f"{IN_VERSION_1} does not have its table 'transcript'"),
        ("DROP TABLE {ledger}_names", "the table projection__names of the projections is missing"),
        (
            "CREATE TABLE {schema}.projection_transcript__transcript__v2 (text text)",
            "the table projection_transcript__transcript__v2 belongs to no version of a projection",
        ),
    ],
)
def test_a_changed_table_of_a_projection_in_postgresql_is_reported(
    store: Store, session: Session, statement: str, reason: str
) -> None:
    change(store, statement)

    assert reasons(store) == [reason]


@kept_in("sqlite")
def test_a_redaction_leaves_no_text_in_an_index_without_triggers(
    store: Store, session: Session, marked: Any, tmp_path: Any
) -> None:
    said = session.default_branch.add(marked.marker(1))
    change(store, "DROP TRIGGER {table}__words_u", "DROP TRIGGER {table}__words_d")
    session.redact(said)

    assert marked.found([marked.marker(1)], tmp_path) == {}
    assert reasons(store) == [f"the trigger {TABLE}__words_{which} is missing from the schema" for which in ("d", "u")]


@kept_in("sqlite")
def test_a_redaction_is_pending_while_an_index_cannot_be_reached(
    store: Store, session: Session, marked: Any, tmp_path: Any
) -> None:
    said = session.default_branch.add(marked.marker(1))
    triggers = [f"DROP TRIGGER {{table}}__words_{which}" for which in "adu"]
    take_out = "DELETE FROM sqlite_schema WHERE name = '{table}__words'"
    change(store, *triggers, "PRAGMA writable_schema = ON", take_out, "PRAGMA user_version = 1")

    with pytest.raises(RedactionPendingError, match=f"{TABLE}__words_data belongs to a full-text index that is miss"):
        session.redact(said)
    assert store.verify().unscrubbed


# --- Entries about projections ----------------------------------------------------------------------------


@kept_in("postgres", "sqlite")
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE {ledger}_checkpoints SET global_position = 99",
            f"{IN_VERSION_1}, shard 0, has its checkpoint at global position 99, and the last event is at 6",
        ),
        (
            "UPDATE {ledger}_checkpoints SET global_position = 5",
            f"{IN_VERSION_1}, shard 0, has the digest of another event than that at global position 5",
        ),
        (
            "UPDATE {ledger}_checkpoints SET global_position = NULL",
            "the projection 'transcript': the row ('transcript', 1, 0) of the table 'checkpoints' holds no entry: "
            "Expected `int`, got `null` - at `$.global_position`",
        ),
        (
            "UPDATE {ledger}_checkpoints SET version = 7",
            "the projection 'transcript' has a checkpoint of version 7, which is not among its versions",
        ),
        (
            "DELETE FROM {ledger}_checkpoints",
            f"{IN_VERSION_1} has checkpoints of the shards []: expected one for each of 1",
        ),
        (
            "UPDATE {ledger}_names SET version = 7",
            "the projection 'transcript' counts version 7, which is not among its versions",
        ),
        (
            "UPDATE {ledger}_names SET version = NULL",
            "the projection 'transcript': the row ('transcript',) of the table 'names' holds no entry: "
            "Expected `int`, got `null` - at `$.version`",
        ),
        ("DELETE FROM {ledger}_names", "the projection 'transcript' has versions, and none of them counts"),
        (
            "UPDATE {ledger}_versions SET definition = 'no JSON'",
            "the projection 'transcript': the definition of version 1 cannot be read: "
            "JSON is malformed: invalid character (byte 4)",
        ),
        (
            "DELETE FROM {ledger}_versions",
            "the projection 'transcript' counts version 1, which is not among its versions",
        ),
        (
            "UPDATE {ledger}_versions SET shards = 0",
            "the projection 'transcript': the row ('transcript', 1) of the table 'versions' holds no entry: "
            "Expected `int` >= 1 - at `$.shards`",
        ),
        (
            "INSERT INTO {ledger}_names (projection, version, paused) VALUES ('other', 1, {false})",
            "the projection 'other' counts version 1, which is not among its versions",
        ),
        (
            "UPDATE {ledger}_ledger SET format = 0",
            "the table 'ledger' of the projections holds [(1, 0)]: expected [(1, 1)]",
        ),
    ],
)
def test_an_entry_about_a_projection_that_was_changed_is_reported(
    store: Store, session: Session, statement: str, reason: str
) -> None:
    no = "false" if store.address.startswith("postgres") else "0"
    change(store, statement.replace("{false}", no))

    assert reason in reasons(store)
    found = [fault.reason for fault in store.verify(projections=True).faults]
    assert reason in found


READS: list[Callable[[Store], object]] = [
    lambda store: find_statuses(store.recorder, row_store_of(store.recorder), store.now()),
    lambda store: list(store.rows(Transcript())["transcript"]),
    lambda store: Runner(store, [Transcript()]).catch_up(),
    lambda store: Runner(store, [TokenUsage()]).rebuild("transcript"),
    lambda store: Runner(store, [TokenUsage()]).dead_letters("transcript"),
    lambda store: Runner(store, [TokenUsage()]).await_position("transcript", 1, timeout=0),
    lambda store: Runner(store, [TokenUsage()]).drop("transcript", 1),
    lambda store: Session.open("s", store=store).redact(5),
    lambda store: store.attach(Transcript()),
    lambda store: Session.open("s", store=store).default_branch.add("more"),
    lambda store: store.verify(projections=True),
]


@kept_in("postgres", "sqlite")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {ledger}_versions SET definition = 'no JSON'",
        'UPDATE {ledger}_versions SET definition = \'{{"names": [], "tables": [{{"name": "X"}}]}}\'',
        "UPDATE {ledger}_versions SET definition = NULL",
        "UPDATE {ledger}_versions SET shards = 3",
        "UPDATE {ledger}_names SET version = NULL",
        "UPDATE {ledger}_names SET version = 7",
        "UPDATE {ledger}_checkpoints SET digest = 'no digest'",
        "DELETE FROM {ledger}_checkpoints",
        "DELETE FROM {ledger}_names",
        "DELETE FROM {ledger}_versions",
    ],
)
def test_a_damaged_entry_raises_named_errors_until_it_is_rebuilt(
    stores: Any, store: Store, session: Session, statement: str
) -> None:
    change(store, statement)
    other = stores.beside(store)
    for read in READS:
        with suppress(TurnlogError):
            read(other)
    with pytest.raises(LedgerDamagedError, match="rebuild it with `turnlog projections rebuild transcript`"):
        check_kept(row_store_of(other.recorder), Transcript())
    with pytest.raises(RedactionPendingError, match="the rows of the projection 'transcript' cannot be brought up"):
        finish_redactions(other.recorder)

    begin_anew(row_store_of(other.recorder), Transcript())
    again = stores.beside(store)
    again.attach(Transcript())
    finish_redactions(again.recorder)
    found = again.verify(projections=True)
    assert (found.faults, found.unchecked) == ((), ())


@kept_in("postgres", "sqlite")
def test_a_checkpoint_that_vanishes_while_it_is_kept_fails_the_append(store: Store, session: Session) -> None:
    change(store, "DELETE FROM {ledger}_checkpoints")

    with pytest.raises(LedgerDamagedError, match="version 1 has no checkpoint"):
        session.default_branch.add("more")
    assert store.get_session("s").position == 6


@kept_in("sqlite")
def test_a_full_text_index_in_an_unknown_format_is_a_fault(store: Store, session: Session) -> None:
    change(store, "UPDATE {table}__words_config SET v = 99 WHERE k = 'version'")
    with open_store(store.address) as again:
        found = again.verify(projections=True)

    assert [fault.reason for fault in found.faults] == [
        f"{IN_VERSION_1} has a full-text index that does not fit its table 'transcript'"
    ]
