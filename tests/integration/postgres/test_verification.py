"""A database that another program has changed: `verify` names the fault."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from turnlog import Session
from turnlog.projections.activity import Activity
from turnlog.projections.transcript import Transcript

INDEXES = (
    "catalogue_pkey",
    "catalogue_session_key",
    "catalogue_key_key",
    "catalogue_by_start",
    "catalogue_by_name",
    "catalogue_by_user",
    "catalogue_by_origin",
    "events_pkey",
    "events_by_position",
    "messages_by_branch",
    "structure_by_position",
    "events_by_command",
)

ANOTHER_SESSION = """
    INSERT INTO turnlog_catalogue (session, key, name, "user", forked_from, status, position, time, digest, messages,
                                   bytes, created, updated, metadata)
    VALUES ('t', 't', 't', 'ada', 's', 'active', 0, 0, '', 0, 0, 5, 0, '{}')
"""
MORE_EVENTS = """
    INSERT INTO turnlog_events (global_position, session, position, time, name, branch, command_id, payload, digest)
    VALUES (98, 1, 98, 5, 'message.appended', 0, 'x', '{}', ''), (99, 1, 99, 5, 'session.renamed', NULL, 'y', '{}', '')
"""


def converse(store: Any, session: str) -> None:
    made = Session("Be terse.", session_id=session, key=session, name=session, user="ada", store=store)
    made.default_branch.add("one", command_id="c")


def change(place: Any, *statements: str) -> None:
    with place.database.connect() as connection:
        for statement in statements:
            connection.execute(statement)


def reasons(store: Any) -> list[str]:
    """What verify reports about the store as a whole; the sessions themselves have no fault."""
    found = store.verify()
    assert found.ok is (found.faults == ())
    assert {fault.session for fault in found.faults} <= {None}
    return [fault.reason for fault in found.faults]


@pytest.fixture
def store(place: Any) -> Any:
    """A store with a session `s`."""
    opened = place.store()
    converse(opened, "s")
    return opened


# --- Indexes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_omits_rows_is_reported(place: Any, store: Any, index: str) -> None:
    """While an index is not ready, rows are inserted without it."""
    ready = f"UPDATE pg_index SET indisready = {{}} WHERE indexrelid = 'turnlog_{index}'::regclass"
    change(place, ready.format("false"), ANOTHER_SESSION, MORE_EVENTS, ready.format("true"))

    faults = store.verify().faults
    assert any(fault.reason.startswith(f"the index turnlog_{index} leads to ") for fault in faults)


def test_a_message_that_an_index_hides_is_reported(place: Any, store: Any) -> None:
    ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = 'turnlog_messages_by_branch'::regclass"
    store.close()
    change(place, ready.format("false"))
    with place.store() as other:
        Session.open("s", store=other).default_branch.add("hidden")
    change(place, ready.format("true"), "SET enable_seqscan = off")

    assert reasons(place.store()) == [
        "the index turnlog_messages_by_branch leads to 1 rows: the table turnlog_events has 2 of them"
    ]


# --- The schema -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "ALTER TABLE turnlog_events DISABLE TRIGGER turnlog_events_are_not_changed",
            "the trigger turnlog_events.turnlog_events_are_not_changed of the schema was changed",
        ),
        (
            "ALTER TABLE turnlog_catalogue DISABLE TRIGGER ALL",
            "the trigger of the constraint turnlog_events_session_fkey of the schema was changed",
        ),
        (
            "DROP TRIGGER turnlog_events_are_not_truncated ON turnlog_events",
            "the trigger turnlog_events.turnlog_events_are_not_truncated is missing from the schema",
        ),
        (
            "CREATE TRIGGER leak BEFORE INSERT ON turnlog_events FOR EACH STATEMENT "
            "EXECUTE FUNCTION turnlog_keep_sessions()",
            "the trigger turnlog_events.leak was added to the schema",
        ),
        (
            "CREATE OR REPLACE FUNCTION turnlog_keep_events() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RETURN new; END'",
            "the function turnlog_keep_events() of the schema was changed",
        ),
        (
            "CREATE RULE forget AS ON INSERT TO turnlog_snapshots DO INSTEAD NOTHING",
            "the rule turnlog_snapshots.forget was added to the schema",
        ),
        (
            "ALTER TABLE turnlog_events ENABLE ROW LEVEL SECURITY",
            "the table turnlog_events of the schema was changed",
        ),
        (
            "CREATE POLICY hide ON turnlog_events USING (position <> 3)",
            "the policy turnlog_events.hide was added to the schema",
        ),
        ("ALTER TABLE turnlog_events SET UNLOGGED", "the table turnlog_events of the schema was changed"),
        ("CREATE TABLE heir () INHERITS (turnlog_events)", "the table turnlog_events of the schema was changed"),
        (
            "ALTER TABLE turnlog_events ADD COLUMN note text",
            "the column turnlog_events.note was added to the schema",
        ),
        (
            "ALTER TABLE turnlog_events ALTER COLUMN digest DROP NOT NULL",
            "the column turnlog_events.digest of the schema was changed",
        ),
        (
            "ALTER TABLE turnlog_events DROP CONSTRAINT turnlog_events_position_check",
            "the constraint turnlog_events.turnlog_events_position_check is missing from the schema",
        ),
        ("DROP INDEX turnlog_catalogue_by_name", "the index turnlog_catalogue_by_name is missing from the schema"),
        ("CREATE INDEX more ON turnlog_events (actor)", "the index more was added to the schema"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'turnlog_events_by_command'::regclass",
            "the index turnlog_events_by_command of the schema was changed",
        ),
        ("DROP TABLE turnlog_checkpoints", "the table turnlog_checkpoints is missing from the schema"),
        (
            "CREATE OR REPLACE VIEW turnlog_messages AS SELECT * FROM turnlog_messages WHERE position <> 3",
            "the view turnlog_messages of the schema was changed",
        ),
        ("DROP VIEW turnlog_branches", "the view turnlog_branches is missing from the schema"),
    ],
)
def test_a_schema_that_was_changed_is_reported(place: Any, store: Any, statement: str, reason: str) -> None:
    if statement.startswith("CREATE OR REPLACE VIEW"):
        (view,) = place.ask("SELECT pg_get_viewdef('turnlog_messages'::regclass)")[0]
        statement = f"CREATE OR REPLACE VIEW turnlog_messages AS {view.strip().rstrip(';')} AND position <> 3"
    elif "UNLOGGED" in statement:
        statement = f"ALTER TABLE turnlog_events DROP CONSTRAINT turnlog_events_session_fkey; {statement}"
    change(place, statement)

    assert reason in reasons(store)


def test_objects_that_turnlog_makes_beside_the_record_are_no_fault(place: Any, store: Any) -> None:
    store.attach(Transcript())
    store.attach(Activity())
    change(place, "CREATE TABLE notes (text text)", "CREATE VIEW counted AS SELECT count(*) FROM turnlog_events")

    assert reasons(store) == []


@pytest.mark.parametrize("where", [{"schema": "e"}, {"schema": "select", "prefix": "_"}, {"prefix": ""}])
def test_the_schema_is_compared_wherever_the_tables_are(place: Any, where: dict[str, str]) -> None:
    with place.store(**where) as other:
        converse(other, "s")
        assert reasons(other) == []
        change(place, f'DROP VIEW "{where.get("schema", "public")}".{where.get("prefix", "turnlog_")}branches')
        assert reasons(other) == [f"the view {where.get('prefix', 'turnlog_')}branches is missing from the schema"]


def test_a_database_that_was_restored_from_a_dump_has_no_fault(place: Any, store: Any, postgres_server: Any) -> None:
    dump = postgres_server.dump(place.database.name)
    name = postgres_server.new_database()
    try:
        postgres_server.restore(name, dump)
        with place.store_at(postgres_server.address(name)) as restored:
            assert restored.verify().faults == ()
            assert restored.verify().sessions == 1
    finally:
        postgres_server.drop_database(name)


def test_a_role_that_cannot_compare_the_schema_says_so(place: Any, store: Any) -> None:
    change(place, f"REVOKE TEMPORARY ON DATABASE {place.database.name} FROM PUBLIC", "CREATE ROLE reader LOGIN")
    try:
        change(
            place,
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
            "GRANT SELECT ON SEQUENCE turnlog_catalogue_number_seq TO reader",
        )
        change(place, "DROP VIEW turnlog_branches")
        with place.store_at(place.address().replace("postgres@", "reader@")) as other:
            assert other.recorder.find_unchecked() == [
                "the schema: comparing it takes a server and a role that can create temporary tables"
            ]
            assert other.recorder.find_flaws() == []
    finally:
        change(place, "DROP OWNED BY reader", "DROP ROLE reader")


# --- Counters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM turnlog_counter", "the counter of global positions has 0 rows: expected 1"),
        ("INSERT INTO turnlog_counter VALUES (0)", "the counter of global positions has 2 rows: expected 1"),
        (
            "SELECT setval('turnlog_catalogue_number_seq', 1)",
            "the counter of sessions is 1: expected 2 or more; it was lowered",
        ),
    ],
)
def test_a_counter_that_was_changed_is_reported(place: Any, store: Any, statement: str, reason: str) -> None:
    converse(store, "t")
    change(place, statement)

    assert reasons(store) == [reason]


# --- What the database refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO turnlog_events TABLE turnlog_events ON CONFLICT (global_position) DO UPDATE SET payload = ''",
        "INSERT INTO turnlog_events SELECT * FROM turnlog_events",
        "TRUNCATE turnlog_events, turnlog_catalogue",
        "MERGE INTO turnlog_events AS e USING turnlog_catalogue AS c ON c.number = e.session WHEN MATCHED THEN DELETE",
    ],
)
def test_replacing_what_is_recorded_is_an_error(place: Any, store: Any, statement: str) -> None:
    with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.UniqueViolation)):
        change(place, statement)

    assert reasons(store) == []


def test_events_that_were_copied_in_are_reported(place: Any, store: Any) -> None:
    columns = "global_position, session, position, time, name, payload, digest"
    with (
        place.database.connect() as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY turnlog_events ({columns}) FROM STDIN") as copy,
    ):
        copy.write_row((9, 1, 9, 5, "session.renamed", '{"name":"never"}', b""))

    assert [fault.position for fault in store.verify().faults] == [5, None]
