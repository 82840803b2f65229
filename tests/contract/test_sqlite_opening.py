"""Opening a SQLite file that is not what it should be: a named error, and nothing in the file is touched."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from turnlog import Session, open_store
from turnlog.errors import DatabaseError, SchemaMismatchError
from turnlog.infrastructure.command_ids import find_command
from turnlog.infrastructure.sqlite.open_files import descriptors, file_id
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder

NOBODY = 65534


def tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_schema ORDER BY name")]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without the right to write what is not ours, which root has."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def make_writable(folder: Path) -> None:
    """Lets everybody write the files in a folder, as their owner may; in the middle of `unprivileged` too."""
    effective = os.geteuid()
    os.seteuid(os.getuid())
    for path in folder.iterdir():  # the companions are made with the permissions of the file
        path.chmod(0o666)
    os.seteuid(effective)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can enter, unlike those that pytest makes."""
    with TemporaryDirectory() as path:
        folder = Path(path)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_file_that_a_newer_version_wrote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "turnlog.db"
    open_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")

    with pytest.raises(SchemaMismatchError) as mismatch:
        open_store(f"sqlite:///{path}")

    assert mismatch.value.store == f"sqlite:///{path}"
    assert [word for word in ("1000", "expected", "newer") if word not in str(mismatch.value)] == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1000,)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(SchemaMismatchError, match="another program; expected a new file"):
        open_store(f"sqlite:///{path}")

    assert path.read_bytes() == before
    assert tables(path) == ["songs"]


def test_a_database_that_only_has_the_mark_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 77")

    with pytest.raises(SchemaMismatchError, match="another program"):
        open_store(f"sqlite:///{path}")

    assert tables(path) == []


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "turnlog.db"
    path.touch()
    with open_store(f"sqlite:///{path}") as store:
        assert Session(store=store).position == 2


def test_a_path_in_a_folder_that_is_missing_is_refused_until_the_folder_is_there(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "turnlog.db"

    with pytest.raises(DatabaseError, match="unable to open database file") as failed:
        open_store(f"sqlite:///{path}")
    assert str(path) in str(failed.value)
    assert not path.parent.exists()

    path.parent.mkdir()
    with open_store(f"sqlite:///{path}") as store:
        assert Session(store=store).position == 2


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="it is a directory; pass a file in it"):
        open_store(f"sqlite:///{tmp_path}")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, and no database. " * 100)

    with pytest.raises(DatabaseError, match="file is not a database"):
        open_store(f"sqlite:///{path}")

    assert file_id(path) not in descriptors()  # the connection was closed
    assert path.read_text() == "These are notes, and no database. " * 100


@pytest.mark.parametrize("size", [2, 100, 4095, 4096, 8192, 20_000])
def test_half_a_file_is_refused_and_left_as_it_is(size: int, tmp_path: Path) -> None:
    path = tmp_path / "turnlog.db"
    open_store(f"sqlite:///{path}").close()
    whole = path.read_bytes()
    assert len(whole) > size
    path.write_bytes(whole[:size])

    with pytest.raises(DatabaseError):
        open_store(f"sqlite:///{path}")

    assert path.read_bytes() == whole[:size]


def test_a_pipe_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatabaseError):
        open_store(f"sqlite:///{tmp_path}/pipe")


def test_a_file_that_cannot_be_written_can_be_read(folder: Path) -> None:
    path = folder / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        session = Session("Be terse.", store=store)
    path.chmod(0o444)
    folder.chmod(0o777)

    with unprivileged(), open_store(f"sqlite:///{path}") as store:
        seen = Session.open(session.id, store=store)
        with pytest.raises(DatabaseError, match="readonly database"):
            seen.rename("help")
        assert (seen.position, seen.messages[0].text) == (3, "Be terse.")

    path.chmod(0o644)
    with open_store(f"sqlite:///{path}") as store:
        assert Session.open(session.id, store=store).position == 3
        assert store.verify().ok


def test_a_file_that_cannot_be_written_takes_no_append_until_it_can_be_written_again(folder: Path) -> None:
    path = folder / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        session = Session("Be terse.", store=store)
    folder.chmod(0o777)
    path.chmod(0o444)
    before = path.read_bytes()

    with unprivileged(), open_store(f"sqlite:///{path}") as store:
        seen = Session.open(session.id, store=store)
        main = seen.default_branch
        for write in (
            lambda: main.add("one"),
            lambda: main.add_many(["one", "two"]),
            lambda: main.add("once", command_id="c"),
            lambda: Session("Be kind.", store=store),
            store.vacuum,
        ):
            with pytest.raises(DatabaseError, match=f"the store sqlite:///{path} failed: attempt to write a readonly"):
                write()
        assert [message.text for message in main.messages] == ["Be terse."]
        assert (seen.position, find_command(store.recorder, seen.id, "c"), len(list(store.sessions()))) == (3, None, 1)
        assert path.read_bytes() == before

        make_writable(folder)  # while the store stays open
        assert main.add("after", command_id="c").position == 4
        assert [message.text for message in main.messages] == ["Be terse.", "after"]
        store.vacuum()
        assert store.verify().ok


def test_a_folder_that_cannot_be_written_takes_no_new_store(folder: Path) -> None:
    path = folder / "turnlog.db"
    folder.chmod(0o555)

    with unprivileged(), pytest.raises(DatabaseError, match="unable to open database file"):
        open_store(f"sqlite:///{path}")


def test_a_store_that_fails_once_goes_on(tmp_path: Path) -> None:
    """Another program that holds the file longer than the store is patient, and then lets go."""
    path = tmp_path / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        session = Session(store=store)
        recorder = store.recorder
        assert isinstance(recorder, SQLiteRecorder)
        with recorder.connections.alone() as writer:
            writer.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError, match="database is locked"):
                session.rename("help")
            assert (session.position, session.name) == (2, None)
            other.execute("ROLLBACK")
        session.rename("help")

        assert (session.position, session.name) == (3, "help")
        assert store.verify().ok


def test_a_file_is_the_same_one_after_the_working_directory_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with open_store("sqlite:///turnlog.db") as store:
        monkeypatch.chdir(tmp_path / "there")
        session = Session("Be terse.", store=store)

        assert session.messages[0].text == "Be terse."
        assert list((tmp_path / "there").iterdir()) == []
