"""Copies of a store: into another of any kind, and online to a file."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from turnlog import Session, Store, acting, open_store
from turnlog.errors import InvalidValueError, NotSupportedError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/source.db") as source:
        yield source


def talk(store: Store) -> Session:
    session = Session("Be brief.", name="talk", user="ada", metadata={"topic": "copies"}, store=store)
    main = session.default_branch
    with acting(actor="ada", correlation_id="run 7"):
        main.add_many(["one", "two", {"assistant_response": "three"}])
    main.add("four", command_id="c-4")
    session.fork(main, at=5, name="retry").add("other")
    Session(name="another", store=store).archive()
    return session


def test_a_copy_of_another_kind_and_back_is_the_same_in_all_columns(store: Store, tmp_path: Path) -> None:
    session = talk(store)

    with open_store("memory://") as memory, open_store(f"sqlite:///{tmp_path}/back.db") as back:
        assert store.copy_to(memory) == 12
        assert memory.copy_to(back) == 12

        for copied in (memory, back):
            assert copied.read_all() == store.read_all()
            assert list(copied.sessions()) == list(store.sessions())
            assert copied.verify() == store.verify()
            opened = Session.open(session.id, store=copied)
            assert [message.text for message in opened.branches["retry"].messages] == [
                "Be brief.",
                "one",
                "two",
                "other",
            ]


def test_a_copy_goes_on_where_the_original_was(store: Store, tmp_path: Path) -> None:
    session = talk(store)
    with open_store(f"sqlite:///{tmp_path}/copy.db") as copied:
        store.copy_to(copied)
        added = Session.open(session.id, store=copied).default_branch.add("five")

        assert (added.position, copied.read_all()[-1].global_position) == (10, 13)
        repeated = Session.open(session.id, store=copied).default_branch.add("four", command_id="c-4")
        assert repeated.text == "four"
        assert copied.verify().ok


def test_a_copy_into_a_store_that_has_events_is_refused(store: Store) -> None:
    talk(store)
    with open_store("memory://") as other:
        Session(store=other)
        before = other.read_all()

        with pytest.raises(InvalidValueError, match="copy into an empty store"):
            store.copy_to(other)
        assert other.read_all() == before


def test_a_copy_and_a_backup_made_while_others_write_are_whole(store: Store, tmp_path: Path) -> None:
    main = talk(store).default_branch
    enough = Event()

    def write() -> None:
        while not enough.is_set():
            main.add("more")

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            with open_store("memory://") as copied:
                store.copy_to(copied)
                assert copied.verify().ok
            store.backup(tmp_path / "backup.db")
        finally:
            enough.set()
        writing.result()

    with open_store(f"sqlite:///{tmp_path}/backup.db") as backup:
        assert backup.verify().ok
        assert backup.read_all(limit=10) == store.read_all(limit=10)


def test_a_backup_does_not_overwrite(store: Store, tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_text("precious")

    with pytest.raises(InvalidValueError, match="expected a new file"):
        store.backup(tmp_path / "kept.db")
    assert (tmp_path / "kept.db").read_text() == "precious"


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder", "-wal of another"])
def test_a_backup_is_only_written_to_a_new_file(kind: str, store: Store, tmp_path: Path) -> None:
    path, target = tmp_path / "backup.db", tmp_path / "target.db"
    if kind == "link":
        target.write_text("precious")
    if kind.startswith("link"):
        path.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "backup.db-wal").write_text("precious")
    before = sorted(tmp_path.iterdir())

    with pytest.raises(InvalidValueError, match="expected a new file"):
        store.backup(path)

    assert sorted(tmp_path.iterdir()) == before
    assert not target.exists() or target.read_text() == "precious"


def test_a_backup_to_a_folder_that_is_missing_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="No such file"):
        store.backup(tmp_path / "missing" / "backup.db")


def test_of_two_backups_to_one_place_at_once_one_is_refused(store: Store, tmp_path: Path) -> None:
    part = tmp_path / ".backup.db.part"
    part.write_text("half")
    with part.open() as file:
        flock(file, LOCK_EX)  # as the other process has it
        with pytest.raises(InvalidValueError, match="another process is writing it"):
            store.backup(tmp_path / "backup.db")
    assert part.read_text() == "half"

    store.backup(tmp_path / "backup.db")  # now it is what a killed process left
    assert not part.exists()


def test_files_can_be_read_by_their_owner_only(store: Store, tmp_path: Path) -> None:
    talk(store)
    store.backup(tmp_path / "backup.db")

    names = ["backup.db", "source.db", "source.db-shm", "source.db-wal"]
    assert {each.name: oct(each.stat().st_mode & 0o777) for each in tmp_path.iterdir()} == dict.fromkeys(names, "0o600")


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    path.touch(0o640)
    path.chmod(0o640)
    with open_store(f"sqlite:///{path}") as store:
        talk(store)
        assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o640}


def test_the_digest_of_a_copy_and_a_backup_is_that_of_the_store(store: Store, tmp_path: Path) -> None:
    session = talk(store)
    digest = store.digest()
    store.backup(tmp_path / "backup.db")
    exported = store.record_of()
    with open_store("memory://") as memory, open_store("memory://") as taken, open_store("memory://") as empty:
        store.copy_to(memory)
        taken.import_record(exported)
        assert (len(digest), int(digest, 16) > 0) == (64, True)
        assert (memory.digest(), taken.digest(), asyncio.run(memory.adigest())) == (digest, digest, digest)
        assert empty.digest() == sha256(b"turnlog store 1\n").hexdigest()
        assert empty.digest() != digest
    with open_store(f"sqlite:///{tmp_path}/backup.db") as backup:
        assert backup.digest() == digest

    session.add("one more")
    assert store.digest() != digest


def test_a_store_without_a_file_says_how_else_to_back_it_up(tmp_path: Path) -> None:
    with open_store("memory://") as store, pytest.raises(NotSupportedError, match="copy it into a SQLite store"):
        store.backup(tmp_path / "backup.db")


def test_after_a_vacuum_everything_is_where_it_was(store: Store) -> None:
    talk(store)
    before = store.read_all()

    store.vacuum()

    assert store.read_all() == before
    assert store.verify().ok


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
def test_durability_is_what_was_asked_for(tmp_path: Path, durability: str, synchronous: int) -> None:
    with open_store(f"sqlite:///{tmp_path}/durable.db?durability={durability}") as store:
        writer = store.recorder._connections._writer  # type: ignore[attr-defined]  # nothing else shows it
        assert writer.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    with closing(sqlite3.connect(tmp_path / "durable.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
