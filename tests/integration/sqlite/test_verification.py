"""A SQLite file that another program has changed: `verify` names the fault."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copy

import pytest

from turnlog import Session, open_store
from turnlog.infrastructure.sqlite.log_table import SQLiteWALLogAdapter
from turnlog.infrastructure.sqlite.views import name_sessions
from turnlog.projections.activity import Activity
from turnlog.projections.transcript import Transcript


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a session `s` of six events, and a session `t`."""
    path = tmp_path_factory.mktemp("written") / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        Session("Be terse.", session_id="s", key="desk", store=store).default_branch.add_many(["one", "two", "three"])
        Session(session_id="t", store=store)
    return path


@pytest.fixture
def path(written: Path, tmp_path: Path) -> Path:
    """A copy of that file."""
    return Path(copy(written, tmp_path / "turnlog.db"))


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another program, which commits."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def change(path: Path, *statements: str) -> None:
    with changing(path) as connection:
        for statement in statements:
            connection.execute(statement)


def reasons(path: Path) -> list[str]:
    """What verify reports about the store as a whole; the sessions themselves have no fault."""
    with open_store(f"sqlite:///{path}") as store:
        found = store.verify()
    assert found.ok is (found.faults == ())
    assert {fault.session for fault in found.faults} <= {None}
    return [fault.reason for fault in found.faults]


def texts(path: Path) -> Sequence[str]:
    with open_store(f"sqlite:///{path}") as store:
        return [message.text for message in Session.open("s", store=store).messages]


# --- Indexes ----------------------------------------------------------------------------------------------


def test_an_index_that_omits_a_row_is_reported(path: Path) -> None:
    """The index is built with a narrower condition, and its definition is put back."""
    with changing(path) as connection:
        (definition,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'messages_by_branch'").fetchone()
        connection.execute("DROP INDEX messages_by_branch")
        connection.execute(f"{definition} AND position <> 5")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'messages_by_branch'", (definition,))

    assert texts(path) == ["Be terse.", "one", "three"]
    assert any("missing from index messages_by_branch" in reason for reason in reasons(path))


def test_an_index_with_a_narrower_condition_is_reported(path: Path) -> None:
    with changing(path) as connection:
        (definition,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'messages_by_branch'").fetchone()
        connection.execute("DROP INDEX messages_by_branch")
        connection.execute(f"{definition} AND position <> 5")

    assert reasons(path) == ["the index messages_by_branch of the schema was changed"]


def test_indexes_whose_pages_were_swapped_are_reported(path: Path) -> None:
    swap = """
        UPDATE sqlite_schema SET rootpage = (
            SELECT sum(rootpage) FROM sqlite_schema WHERE name IN ('messages_by_branch', 'structure_by_position')
        ) - rootpage WHERE name IN ('messages_by_branch', 'structure_by_position')
    """
    change(path, "PRAGMA writable_schema = ON", swap)

    assert any("index messages_by_branch" in reason for reason in reasons(path))


# --- The schema -------------------------------------------------------------------------------------------

LEAK = "BEGIN INSERT INTO elsewhere SELECT new.payload; END"


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DROP TRIGGER events_are_not_changed"], "the trigger events_are_not_changed is missing from the schema"),
        (["DROP TRIGGER events_are_not_replaced"], "the trigger events_are_not_replaced is missing from the schema"),
        (
            [
                "DROP TRIGGER events_are_not_deleted",
                "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events WHEN old.name = '--' "
                "BEGIN SELECT RAISE(ABORT, 'events are not deleted'); END",
            ],
            "the trigger events_are_not_deleted of the schema was changed",
        ),
        (
            [f"CREATE TRIGGER leak AFTER INSERT ON EVENTS {LEAK}"],
            "the trigger leak was added to the schema",
        ),
        (
            ["CREATE TRIGGER hide INSTEAD OF INSERT ON messages BEGIN SELECT 1; END"],
            "the trigger hide was added to the schema",
        ),
        (["CREATE INDEX more ON events (actor)"], "the index more was added to the schema"),
        (["DROP INDEX catalogue_by_name"], "the index catalogue_by_name is missing from the schema"),
        (["ALTER TABLE catalogue ADD COLUMN note TEXT"], "the table catalogue of the schema was changed"),
        (["DROP TABLE snapshots"], "the table snapshots is missing from the schema"),
        (["DROP VIEW messages"], "the view messages is missing from the schema"),
        (
            ["DROP VIEW sessions", "CREATE VIEW sessions AS SELECT * FROM catalogue WHERE session <> 's'"],
            "the view sessions of the schema was changed",
        ),
        (
            ["UPDATE migrations SET name = 'other'"],
            "the table migrations does not list the steps that made this schema",
        ),
    ],
)
def test_a_schema_that_was_changed_is_reported(path: Path, statements: list[str], reason: str) -> None:
    change(path, *statements)

    assert reasons(path) == [reason]


def test_objects_that_turnlog_makes_beside_the_record_are_no_fault(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.attach(Transcript())
        store.attach(Activity())
        name_sessions(store.recorder, "talks")
        store.vacuum()
    with SQLiteWALLogAdapter(path) as adapter:
        adapter.read()
    change(path, "CREATE TABLE notes (text TEXT)", "CREATE VIEW counted AS SELECT count(*) FROM events")

    assert reasons(path) == []


def test_comments_and_spaces_of_the_schema_are_no_difference(path: Path) -> None:
    change(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'BEGIN', '-- BEGIN\n /* x */ BEGIN') WHERE type = 'trigger'",
    )

    assert reasons(path) == []


# --- The counter ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'events'",
            "the counter of global positions is 3: expected 8 or more; it was lowered",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 'x' WHERE name = 'events'",
            "the counter of global positions is 'x': expected 8 or more; it was lowered",
        ),
        (
            "DELETE FROM sqlite_sequence",
            "the counter of global positions is in sqlite_sequence 0 times: expected once",
        ),
        (
            "INSERT INTO sqlite_sequence SELECT * FROM sqlite_sequence",
            "the counter of global positions is in sqlite_sequence 2 times: expected once",
        ),
    ],
)
def test_a_counter_of_positions_that_was_changed_is_reported(path: Path, statement: str, reason: str) -> None:
    change(path, statement)

    assert reasons(path) == [reason]


# --- What the database refuses ----------------------------------------------------------------------------

EVENT = "(session, position, global_position, time, name, payload, digest)"


@pytest.mark.parametrize(
    "statement",
    [
        f"REPLACE INTO events {EVENT} SELECT session, position, 99, 5, 'x', '{{}}', x'' FROM events WHERE position = 4",
        f"REPLACE INTO events {EVENT} VALUES (1, 9, 4, 5, 'x', '{{}}', x'')",
        f"INSERT OR REPLACE INTO events {EVENT} VALUES (1, 3, 99, 5, 'x', '{{}}', x'')",
        f"INSERT INTO events {EVENT} VALUES (1, 9, 99, 5, 'x', '{{}}', x'')",
        f"INSERT INTO events {EVENT} VALUES (1, 7, NULL, 5, 'x', '{{}}', x'')",
        "UPDATE OR REPLACE events SET position = 4 WHERE position = 5",
        "REPLACE INTO catalogue SELECT * FROM catalogue WHERE session = 's'",
        "UPDATE OR REPLACE catalogue SET session = 's' WHERE session = 't'",
        "UPDATE OR REPLACE catalogue SET number = 1 WHERE session = 't'",
        "UPDATE OR REPLACE catalogue SET key = 'desk' WHERE session = 't'",
    ],
)
def test_replacing_what_is_recorded_is_an_error(path: Path, statement: str) -> None:
    with changing(path) as connection:
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.IntegrityError, match=r"events are not|sessions|a key is not taken"):
            connection.execute(statement)
        assert list(connection.iterdump()) == before
    assert reasons(path) == []
