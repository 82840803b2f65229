"""The schema of a SQLite file: new, old, newer, and opened by many at once."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from turnlog import Session, open_store
from turnlog.errors import SchemaMismatchError
from turnlog.infrastructure.migrations import Migration, migrations_of
from turnlog.infrastructure.sqlite import schema

PACKAGE = "turnlog.infrastructure.sqlite"
SECOND = Migration(2, "notes", "CREATE TABLE notes (text TEXT) STRICT;\nINSERT INTO notes VALUES ('kept');\n")


def connected(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def test_a_new_database_lists_its_schema_as_migration_1(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/new.db").close()

    with connected(tmp_path / "new.db") as connection:
        assert connection.execute("SELECT number, name FROM migrations").fetchall() == [(1, "schema")]
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_migrations_begin_with_the_schema_and_follow_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a_later_store"
    (folder / "migrations").mkdir(parents=True)
    for name in ("__init__.py", "schema.sql", "migrations/0010_c.sql", "migrations/0002_b_b.sql", "migrations/notes"):
        (folder / name).write_text(f"-- {name}" if name.endswith(".sql") else "")
    monkeypatch.syspath_prepend(tmp_path)

    assert migrations_of("a_later_store") == [
        Migration(1, "schema", "-- schema.sql"),
        Migration(2, "b_b", "-- migrations/0002_b_b.sql"),
        Migration(10, "c", "-- migrations/0010_c.sql"),
    ]


def test_an_old_database_gets_the_steps_it_lacks_once(tmp_path: Path) -> None:
    steps = [*migrations_of(PACKAGE), SECOND._replace(number=len(migrations_of(PACKAGE)) + 1)]
    with open_store(f"sqlite:///{tmp_path}/old.db") as store:
        session = Session("Be brief.", store=store).id

    with connected(tmp_path / "old.db") as connection:
        schema.prepare(connection, "old", steps)
        schema.prepare(connection, "old", steps)

        assert connection.execute("SELECT text FROM notes").fetchall() == [("kept",)]
        assert connection.execute("SELECT name FROM migrations WHERE number > 1").fetchall() == [("notes",)]
    with pytest.raises(SchemaMismatchError, match="schema 2; expected schema 1 or older; a newer Turnlog wrote it"):
        open_store(f"sqlite:///{tmp_path}/old.db")
    with connected(tmp_path / "old.db") as connection:
        assert connection.execute("SELECT session, messages FROM catalogue").fetchall() == [(session, 1)]


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
