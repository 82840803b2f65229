"""SQLite's locks are lost, or its files are changed, under an open store: an append is on the record, or raises."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turnlog import Session, StoreFailed, open_store

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("TURNLOG_ROUNDS", "2"))

OPEN_AND_CLOSE = """
import sys
from turnlog import open_store
for _ in range(int(sys.argv[2])):
    with open_store(sys.argv[1]) as store:
        list(store.sessions())
"""


def start(address: str) -> str:
    with open_store(address) as store:
        return Session(store=store).id


@contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program that is killed at the end."""
    command = [sys.executable, "-P", str(HERE / program), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], line: str) -> str:
    """What the program says when it has done a line."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def elsewhere(address: str, times: int = 1) -> None:
    """Another process that lists the sessions and closes the store."""
    subprocess.run([sys.executable, "-P", "-c", OPEN_AND_CLOSE, address, str(times)], check=True)


def lost(address: str, session: str, ledger: Path) -> list[str]:
    """The acknowledged appends that are not on the record."""
    with open_store(address) as store:
        assert store.verify().ok
        found = {f"{message.position} {message.text}" for message in Session.open(session, store=store).messages}
    return [line for line in ledger.read_text().splitlines() if line not in found]


def report(what: str, count: int, missing: list[str]) -> None:
    sys.stdout.write(f"{what}: {ROUNDS} rounds, {count} acknowledged, {len(missing)} lost\n")


def test_hashing_the_file_of_an_open_store_loses_nothing(tmp_path: Path) -> None:
    """The bytes are read, another process opens and closes the store, and the first one is killed."""
    count, missing = 0, []
    for number in range(ROUNDS):
        address, ledger = f"sqlite:///{tmp_path}/{number}.db", tmp_path / f"{number}.ledger"
        session = start(address)
        with running("lock_loser.py", address, session, str(ledger)) as process:
            said = [ask(process, line) for line in ("append 1", "hash", "append 5")]
            elsewhere(address)
            said.append(ask(process, "append 25"))
            elsewhere(address)
            said.append(ask(process, "append 20"))
        if sys.platform == "linux":
            assert said == ["1", "0", "5", "25", "20"]
        count += len(ledger.read_text().splitlines())
        missing += lost(address, session, ledger)
    report("hash the file", count, missing)
    assert missing == []


def test_an_append_after_the_locks_were_lost_raises(tmp_path: Path) -> None:
    """Where no lock of an open file description can be had: the other process deletes the WAL."""
    count, missing = 0, []
    for number in range(ROUNDS):
        address, ledger = f"sqlite:///{tmp_path}/{number}.db", tmp_path / f"{number}.ledger"
        session = start(address)
        with running("lock_loser.py", address, session, str(ledger), "unheld") as process:
            said = [ask(process, line) for line in ("append 1", "hash", "append 5")]
            elsewhere(address)
            said += [ask(process, line) for line in ("append 25", "append 20", "read")]
        assert said == ["1", "0", "5", "StoreFailed", "StoreFailed", "StoreFailed"]
        count += len(ledger.read_text().splitlines())
        missing += lost(address, session, ledger)
    report("hash the file, without locks that last", count, missing)
    assert missing == []


def test_reading_the_file_while_appending_loses_nothing(tmp_path: Path) -> None:
    """Locks are lost all the time, while other processes open and close the store."""
    count, missing = 0, []
    for number in range(ROUNDS):
        address, ledger = f"sqlite:///{tmp_path}/{number}.db", tmp_path / f"{number}.ledger"
        session = start(address)
        with running("lock_racer.py", address, session, str(ledger)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            elsewhere(address, times=20)
        count += len(ledger.read_text().splitlines())
        missing += lost(address, session, ledger)
    report("read the file all the time", count, missing)
    assert missing == []
    assert count > 0


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def name_a_session(address: str) -> bool:
    """Starts a session; without its WAL the file cannot be read as long as a process has the rest open."""
    try:
        with open_store(address) as store:
            Session(name="later", store=store)
    except StoreFailed:
        return False
    return True


@pytest.mark.parametrize("part", ["", "-wal", "-shm"], ids=["db", "wal", "shm"])
@pytest.mark.parametrize("change", [move, delete, replace])
@pytest.mark.parametrize("other", [False, True], ids=["alone", "with another process after it"])
def test_a_file_that_is_changed_under_an_open_store_raises(
    change: Callable[[Path], None], part: str, other: bool, tmp_path: Path
) -> None:
    """No append is acknowledged from then on, no read answered, and the close harms no file that is there now."""
    address, ledger = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "ledger"
    session = start(address)
    with running("lock_loser.py", address, session, str(ledger)) as process:
        assert ask(process, "append 3") == "3"
        change(tmp_path / f"turnlog.db{part}")
        later = other and name_a_session(address)

        assert [ask(process, line) for line in ("append 1", "append 29", "read")] == ["StoreFailed"] * 3

        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0
    assert len(ledger.read_text().splitlines()) == 3
    with open_store(address) as store:
        assert ([entry.name for entry in store.sessions()][-1:] == ["later"]) == later


def test_a_store_is_opened_again_after_its_file_was_replaced(tmp_path: Path) -> None:
    """In the same process, with the old store still open."""
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address) as old, open_store(address) as other:
        session = Session(store=old)
        for part in ("turnlog.db-wal", "turnlog.db-shm"):
            (tmp_path / part).unlink()
        with pytest.raises(StoreFailed, match="open the store again"):
            old.last_global_position()
        with pytest.raises(StoreFailed, match="open the store again"):
            other.last_global_position()

        with open_store(address) as again:
            Session(name="later", store=again)
    elsewhere(address)
    with open_store(address) as store:
        assert [entry.name for entry in store.sessions()][-1:] == ["later"]
        assert store.find_session(session.id) is None  # it was in the WAL that was deleted


def test_the_same_file_under_another_name_is_refused(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db"):
        os.link(tmp_path / "turnlog.db", tmp_path / "linked.db")
        with pytest.raises(StoreFailed, match="its WAL would be another one"):
            open_store(f"sqlite:///{tmp_path}/linked.db")
