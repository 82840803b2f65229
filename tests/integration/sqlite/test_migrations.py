"""The schema of a SQLite file: new, old, newer, and opened by many at once."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from turnlog import SchemaMismatch, Session, open_store
from turnlog.infrastructure.migrations import Migration, migrations_of
from turnlog.infrastructure.sqlite import schema

PACKAGE = "turnlog.infrastructure.sqlite"
SECOND = Migration(2, "notes", "CREATE TABLE notes (text TEXT) STRICT;\nINSERT INTO notes VALUES ('kept');\n")


def connected(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def objects(connection: sqlite3.Connection) -> set[str]:
    made = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql)) for (sql,) in made}


def test_the_schema_of_a_new_database_is_the_sum_of_the_migrations(tmp_path: Path) -> None:
    with connected(tmp_path / "new.db") as new, connected(tmp_path / "migrated.db") as migrated:
        schema.prepare(new, "new")
        schema.prepare(migrated, "migrated", migrations_of(PACKAGE))

        assert objects(new) == objects(migrated)
        steps = "SELECT number, name FROM migrations"
        assert new.execute(steps).fetchall() == migrated.execute(steps).fetchall()


def test_an_old_database_gets_the_steps_it_lacks_once(tmp_path: Path) -> None:
    steps = [*migrations_of(PACKAGE), SECOND._replace(number=len(migrations_of(PACKAGE)) + 1)]
    with open_store(f"sqlite:///{tmp_path}/old.db") as store:
        session = Session("Be brief.", store=store).id

    with connected(tmp_path / "old.db") as connection:
        schema.prepare(connection, "old", steps)
        schema.prepare(connection, "old", steps)

        assert connection.execute("SELECT text FROM notes").fetchall() == [("kept",)]
        assert connection.execute("SELECT name FROM migrations WHERE number > 1").fetchall() == [("notes",)]
    with pytest.raises(SchemaMismatch, match="schema 2: expected schema 1 or older; a newer Turnlog wrote it"):
        open_store(f"sqlite:///{tmp_path}/old.db")
    with connected(tmp_path / "old.db") as connection:
        assert connection.execute("SELECT session, messages FROM catalogue").fetchall() == [(session, 0)]


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/old.db").close()
    broken = SECOND._replace(script="CREATE TABLE notes (text TEXT) STRICT;\nINSERT INTO nowhere VALUES (1);\n")

    with connected(tmp_path / "old.db") as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            schema.prepare(connection, "old", [*migrations_of(PACKAGE), broken])
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'").fetchone() == (0,)
    open_store(f"sqlite:///{tmp_path}/old.db").close()


def test_ten_processes_that_open_a_new_file_at_once_all_find_it_ready(tmp_path: Path) -> None:
    program = f"""
import sys
from turnlog import Session, open_store
sys.stdin.readline()
with open_store("sqlite:///{tmp_path}/shared.db") as store:
    Session("Be brief.", store=store)
"""
    command = [sys.executable, "-P", "-c", program]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(10)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 10
    with open_store(f"sqlite:///{tmp_path}/shared.db") as store:
        assert store.verify().sessions == 10
        assert store.verify().ok
    with connected(tmp_path / "shared.db") as connection:
        assert connection.execute("SELECT count(*) FROM migrations").fetchone() == (len(migrations_of(PACKAGE)),)
