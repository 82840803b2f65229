"""SQLite's locks are lost, or its files are changed, under an open store: an append is on the record, or raises."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turnlog import Session, open_store
from turnlog.errors import DatabaseError

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


def lost(address: str, ledger: Path) -> list[str]:
    """The acknowledged appends that are not on the record."""
    with open_store(address) as store:
        assert store.verify().ok
        (entry,) = store.sessions()
        messages = Session.open(entry.session, store=store).messages
        found = {f"{message.position} {message.text}" for message in messages}
    return [line for line in ledger.read_text().splitlines() if line not in found]


@pytest.mark.parametrize("how", ["hash", "race", "unheld"])
def test_no_acknowledged_append_is_lost_with_the_locks(how: str, tmp_path: Path) -> None:
    """The bytes are read, another process opens and closes the store, and the first one is killed."""
    command = [sys.executable, "-P", str(HERE / "rounds.py"), str(HERE / "lost_locks.py"), str(tmp_path), str(ROUNDS)]
    done = subprocess.run([*command, how], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.stdout == ""

    count, missing = 0, []
    for number in range(ROUNDS):
        ledger = tmp_path / f"{number}.ledger"
        appended = len(ledger.read_text().splitlines())
        if how == "unheld":
            assert appended == 6  # those after the locks were lost raised
        elif how == "hash" and sys.platform == "linux":
            assert appended == 56
        count += appended
        missing += lost(f"sqlite:///{tmp_path}/{number}.db", ledger)
    sys.stdout.write(f"lost_locks.py {how}: {ROUNDS} rounds, {count} acknowledged, {len(missing)} lost\n")
    assert missing == []


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
    except DatabaseError:
        return False
    return True


@pytest.mark.parametrize("part", ["", "-wal", "-shm"], ids=["db", "wal", "shm"])
@pytest.mark.parametrize(("change", "other"), [(move, True), (delete, True), (replace, True), (delete, False)])
def test_a_file_that_is_changed_under_an_open_store_raises(
    change: Callable[[Path], None], part: str, other: bool, tmp_path: Path
) -> None:
    """No append is acknowledged from then on, no read answered, and the close harms no file that is there now."""
    address, ledger = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "ledger"
    session = start(address)
    with running("file_loser.py", address, session, str(ledger)) as process:
        assert ask(process, "append 3") == "3"
        change(tmp_path / f"turnlog.db{part}")
        later = other and name_a_session(address)

        assert [ask(process, line) for line in ("append 1", "append 29", "read")] == ["DatabaseError"] * 3

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
        with pytest.raises(DatabaseError, match="open the store again"):
            old.last_global_position()
        with pytest.raises(DatabaseError, match="open the store again"):
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
        with pytest.raises(DatabaseError, match="its WAL would be another one"):
            open_store(f"sqlite:///{tmp_path}/linked.db")


def test_a_link_that_leads_elsewhere_ends_only_the_store_opened_by_it(tmp_path: Path) -> None:
    """Whichever of the two paths was opened first."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v2").mkdir()
    direct, linked = f"sqlite:///{tmp_path}/v1/s.db", f"sqlite:///{tmp_path}/current/s.db"
    for first, second in [(direct, linked), (linked, direct)]:
        (tmp_path / "current").symlink_to("v1")
        with open_store(first) as one, open_store(second) as two:
            stores = {one.address: one, two.address: two}
            session = Session(store=stores[direct])
            through = Session.open(session.id, store=stores[linked]).default_branch
            through.add("before")
            (tmp_path / "current").unlink()
            (tmp_path / "current").symlink_to("v2")

            for _ in range(2):
                with pytest.raises(DatabaseError, match="open the store again"):
                    through.add("lost")
            session.default_branch.add("after")
            with open_store(linked) as elsewhere:
                assert list(elsewhere.sessions()) == []
        with open_store(direct) as store:
            assert [message.text for message in Session.open(session.id, store=store).messages] == ["before", "after"]
        (tmp_path / "current").unlink()
        (tmp_path / "v2" / "s.db").unlink()
