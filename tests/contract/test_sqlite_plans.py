"""How SQLite carries out the statements that are on everybody's way: by index, without scanning or sorting."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from turnlog import Session, open_store
from turnlog.infrastructure.catalogue_query import SQLITE, build_query
from turnlog.infrastructure.payload_compression import decompress_payload
from turnlog.infrastructure.sqlite import queries
from turnlog.projections.selection import Order, Selection

SESSION = "SEARCH c USING COVERING INDEX sqlite_autoindex_catalogue_1 (session=?)"
POSITION = "SEARCH e USING INDEX events_by_position (session=? AND position>? AND position<?)"
BRANCH = "SEARCH e USING INDEX messages_by_branch (session=? AND branch=? AND position>? AND position<?)"


@pytest.fixture(scope="module", params=["as it is made", "analyzed"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A file with some sessions, with and without the statistics that somebody may have made."""
    path: Path = tmp_path_factory.mktemp("plans") / "turnlog.db"
    with open_store(f"sqlite:///{path}?durability=normal") as store:
        for number in range(200):
            session = Session("Be terse.", name=f"name {number}", user=f"user {number}", store=store)
            session.default_branch.add_many(["hello"] * 5, command_id="c")
            session.fork(name="other").add("hello")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("turnlog_plain", 2, decompress_payload)
        if request.param == "analyzed":
            connection.execute("ANALYZE")
        yield connection


def plan(database: sqlite3.Connection, statement: str) -> list[str]:
    values = [1] * statement.count("?")
    return [step for *_, step in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("READ", [SESSION, POSITION]),
        ("READ_BACKWARDS", [SESSION, POSITION]),
        ("READ_MESSAGES", [SESSION, BRANCH]),
        ("READ_MESSAGES_BACKWARDS", [SESSION, BRANCH]),
        ("READ_BODIES", [SESSION, BRANCH]),
        ("READ_BODIES_BACKWARDS", [SESSION, BRANCH]),
        (
            "READ_BODIES_AT",
            [
                SESSION,
                "SEARCH e USING INDEX events_by_position (session=? AND position=?)",
                "LIST SUBQUERY 1",
                "SCAN json_each VIRTUAL TABLE INDEX 1:",
            ],
        ),
        (
            "READ_STRUCTURE",
            [SESSION, "SEARCH e USING INDEX structure_by_position (session=? AND position>? AND position<?)"],
        ),
        ("READ_WRITTEN", [SESSION, "SEARCH e USING INDEX messages_by_branch (session=?)"]),
        (
            "READ_ALL",
            [
                "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
            ],
        ),
        ("FIND_COMMAND", [SESSION, "SEARCH e USING INDEX events_by_command (session=? AND command_id=?)"]),
        ("FIND_ENTRY", ["SEARCH catalogue USING INDEX sqlite_autoindex_catalogue_1 (session=?)"]),
        ("FIND_KEY", ["SEARCH catalogue USING INDEX sqlite_autoindex_catalogue_2 (key=?)"]),
        ("READ_ENTRIES", ["SEARCH catalogue USING INTEGER PRIMARY KEY (rowid>?)"]),
        ("NEWEST_GLOBAL_POSITION", ["SEARCH events"]),
        ("MOVE_ENTRY", ["SEARCH catalogue USING INTEGER PRIMARY KEY (rowid=?)"]),
        ("LABEL_ENTRY", ["SEARCH catalogue USING INTEGER PRIMARY KEY (rowid=?)"]),
    ],
)
def test_a_statement_finds_its_rows_by_index_and_in_order(
    database: sqlite3.Connection, name: str, steps: list[str]
) -> None:
    assert plan(database, queries.SQL[name.lower()]) == steps


def test_every_statement_fits_the_schema(database: sqlite3.Connection) -> None:
    statements = {**queries.SQL, "ADD_EVENTS": queries.ADD_EVENTS}

    assert len(statements) > 15
    for name, statement in statements.items():
        assert plan(database, statement) is not None, name


@pytest.mark.parametrize(
    ("selection", "step"),
    [
        (Selection(), "SCAN catalogue USING INDEX catalogue_by_start"),
        (Selection(descending=True), "SCAN catalogue USING INDEX catalogue_by_start"),
        (Selection(order=Order.UPDATED, descending=True), "SCAN catalogue USING INDEX catalogue_by_use"),
        (Selection(updated_until=5, order=Order.UPDATED), "SEARCH catalogue USING INDEX catalogue_by_use (updated<?)"),
    ],
    ids=str,
)
def test_a_page_of_the_catalogue_is_read_in_order_and_not_sorted(
    database: sqlite3.Connection, selection: Selection, step: str
) -> None:
    assert plan(database, queries.select_entries(build_query(selection, None, 50, SQLITE).text)) == [step]
    behind = build_query(selection, (5, "s"), 50, SQLITE).text
    (found,) = plan(database, queries.select_entries(behind))
    assert found.partition(" (")[0].split()[-1] == step.partition(" (")[0].split()[-1]


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        (Selection(user="user 7"), "catalogue_by_user (user=?)"),
        (Selection(name="x"), "catalogue_by_name (name=?)"),
        (Selection(forked_from="x"), "catalogue_by_origin (forked_from=?)"),
        (Selection(key_prefix="x", order=Order.NAME), "sqlite_autoindex_catalogue_2 (key>? AND key<?)"),
    ],
    ids=str,
)
def test_sessions_of_a_user_a_name_or_an_origin_are_found_by_index(
    database: sqlite3.Connection, selection: Selection, index: str
) -> None:
    steps = plan(database, queries.select_entries(build_query(selection, None, 50, SQLITE).text))
    assert steps[0] == f"SEARCH catalogue USING INDEX {index}"
